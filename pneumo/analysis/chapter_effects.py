"""The main comparison of each chapter on one scale: differences of the AUC on validation patients."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from pneumo import experiments
from pneumo.analysis.comparisons import difference
from pneumo.analysis.summaries import records_by_model
from pneumo.experiments import records

END_POINTS = {"validation": "validation AUC", "stressed": "perturbed AUC"}
"""Columns of `chapter_effects`, and the end points of `comparisons.difference` that they hold."""


class Comparison(NamedTuple):
    """A variant and what it is compared with, both of one group of experiments."""

    words: str
    group: str
    variant: str
    against: str


COMPARISONS = {
    "CNN architecture": (
        Comparison("two blocks instead of four", "network-parts", "depth-2", "baseline"),
        Comparison("twice the channels", "network-parts", "width-32", "baseline"),
        Comparison("no batch normalisation", "network-parts", "no-batch-norm", "baseline"),
        Comparison("256 images a batch instead of 32", "batch-size", "256", "032"),
        Comparison("224 pixels instead of 64", "image-size", "224", "064"),
    ),
    "Spatial transformer": (
        Comparison("affine, original images", "spatial-transformer", "clean-affine", "clean-cnn"),
        Comparison("affine, displaced images", "spatial-transformer", "displaced-affine", "displaced-cnn"),
    ),
    "Optimisers and schedules": (
        Comparison("SGD instead of AdamW", "optimizers", "sgd", "adamw"),
        Comparison("cosine instead of a constant rate", "schedules", "cosine", "constant"),
    ),
    "Regularisation": (
        Comparison("dropout, all images", "regularisation", "full-dropout", "full-none"),
        Comparison("dropout, a tenth of the images", "regularisation", "tenth-dropout", "tenth-none"),
    ),
    "Data augmentation": (
        Comparison("mild, all images", "augmentation", "full-mild", "full-none"),
        Comparison("mild, a tenth of the images", "augmentation", "tenth-mild", "tenth-none"),
    ),
    "Transfer learning": (
        Comparison("full fine-tuning instead of random weights", "transfer-learning", "all", "scratch"),
        Comparison("head alone instead of full fine-tuning", "transfer-learning", "head", "all"),
    ),
    "EfficientNet": (
        Comparison("2.25 times the channels", "scaling", "width", "base"),
        Comparison("compound rule", "scaling", "compound", "base"),
    ),
    "Model selection": (Comparison("robust augmentation instead of mild", "recipe-steps", "robust", "mild"),),
}
"""The comparisons of each chapter, chosen by its question and not by its result."""


def chapter_effects(*, seed: int = 0) -> pd.DataFrame:
    """AUC of a variant minus that of what it is compared with, for the main comparisons of each chapter.

    Each AUC is the mean of the seeds; cells are `Interval`s (95 %) over patients and seeds. seed: of the draws.
    Returns one row a comparison, columns chapter, comparison, validation, stressed (perturbed validation images).
    Raises MissingRecord for an experiment without a record.
    """
    named = {
        group: records_by_model(map(records.get, experiments.find_experiments(group)))
        for group in dict.fromkeys(each.group for several in COMPARISONS.values() for each in several)
    }
    rows = []
    for chapter, several in COMPARISONS.items():
        for each in several:
            pair = named[each.group][each.variant], named[each.group][each.against]
            cells = {part: difference(*pair, end_point, seed=seed).interval for part, end_point in END_POINTS.items()}
            rows.append({"chapter": chapter, "comparison": each.words, **cells})
    return pd.DataFrame(rows)
