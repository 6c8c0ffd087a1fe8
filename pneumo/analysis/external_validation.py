"""How a frozen model does on a user's own images: an `Evaluation` in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation as statistics
from pneumo.analysis.strata import rates_by_stratum
from pneumo.analysis.summaries import MIN_CLASS_IMAGES, few_images, summary, without_bounds
from pneumo.data.strata import stratify
from pneumo.experiments import records

if TYPE_CHECKING:
    from pneumo.experiments.records import Record
    from pneumo.inference.evaluate import Evaluation

RATES = ("sensitivity", "specificity", "accuracy", "ppv", "npv")
"""What is said of a threshold; keys of `evaluation.summary`."""

CLASSES = ("negative", "positive")
"""What a user's own label 0 and 1 are called."""


def thresholds(evaluation: Evaluation, *, seed: int = 0) -> pd.DataFrame:
    """Two rows: the model's frozen threshold, and the one that these very images would choose (Youden's index).

    The second flatters the model, since it is chosen and judged on the same images: it says how much of an error is the
    threshold's. Columns threshold from, threshold, and RATES with 95 % intervals over patients (over images, where
    patients are unknown; without, where there are few, see `metrics`). seed: of the draws.
    """
    record = evaluation.record()
    frame = record.frame("test")
    refitted = float(statistics.youden_threshold(frame["label"], frame["probability"]))
    rows = []
    for name, value in {"the model": record.threshold, "these images": refitted}.items():
        intervals = statistics.summary(
            frame["label"],
            frame["probability"],
            record.patients("test"),
            value,
            names=RATES,
            rng=np.random.default_rng(seed),
        )
        rows.append({"threshold from": name, "threshold": value, **_as_sure_as_they_are(evaluation, intervals)})
    return pd.DataFrame(rows)


def by_stratum(evaluation: Evaluation, *, seed: int = 0) -> pd.DataFrame:
    """One row an acquisition stratum by the height of the files; see `analysis.strata.rates_by_stratum`.

    The AUC of a stratum has no interval where there are fewer than MIN_CLASS_IMAGES of a class.
    """
    record, labelled = evaluation.record(), evaluation.labelled
    strata = stratify(labelled["height"])
    frame = record.frame("test")
    rates = rates_by_stratum(frame, strata, record.threshold, classes=CLASSES, grouped=record.has_patients, seed=seed)
    areas = [
        area if area is None or min(counts) >= MIN_CLASS_IMAGES else without_bounds({"AUC": area})["AUC"]
        for area, *counts in rates[["AUC", *CLASSES]].itertuples(index=False)
    ]
    return rates.assign(AUC=pd.Series(areas, dtype=object)).rename(columns={"stratum": "height"})


def failures(evaluation: Evaluation) -> pd.DataFrame:
    """Where the model fails on these images; see `evaluation.failures_by_slice`. Slices are strata of the height and of
    the aspect ratio, folders, runs of file numbers, and images with and without a burnt-in mark."""
    record, labelled = evaluation.record(), evaluation.labelled
    names = labelled["image"].tolist()
    folders = [str(PurePosixPath(name).parent) for name in names]
    slices = {
        "height": np.asarray(stratify(labelled["height"]), object),
        "aspect ratio": np.asarray(stratify(labelled["width"] / labelled["height"], "aspect"), object),
        "folder": [None if folder == "." else folder for folder in folders],
        "files": statistics.file_number_runs(names),
        "burnt-in mark": np.where(labelled["mark"], "seen", "not seen"),
    }
    predicted = (labelled["probability"] >= record.threshold).to_numpy()
    return statistics.failures_by_slice(labelled["label"].to_numpy(int), predicted, slices, classes=CLASSES)


def score_drift(evaluation: Evaluation, reference: Record | None) -> pd.DataFrame:
    """How the predictions for these images compare with those for the model's own validation images.

    reference: the record of the model, see `find_record`; None leaves its row out. Needs no labels, and says nothing of
    right and wrong: where both rows are alike, errors may still differ.
    Columns images (which), number, predicted positive (share), quartiles of the probability, and unlike the training
    images (share with a warning; None for the reference, whose images are not looked at again).
    """
    own = evaluation.predictions
    unlike = float(np.mean(own["warning"].to_numpy(str) != "")) if len(own) else None
    rows = [_distribution("these", own["probability"].to_numpy(float), evaluation.model.threshold, unlike)]
    if reference is not None:
        probabilities = reference.predictions["validation"]
        rows.append(_distribution("the model's validation images", probabilities, reference.threshold, None))
    return pd.DataFrame(rows)


def find_record(evaluation: Evaluation) -> Record | None:
    """The stored record of the model that was evaluated, or None where it is not at hand."""
    path = next((each for each in records.paths() if each.stem.endswith(evaluation.model.record)), None)
    return None if path is None else records.load(path)


def metrics(evaluation: Evaluation, *, seed: int = 0) -> dict[str, statistics.Interval]:
    """Every usual metric at the model's threshold with its 95 % interval; see `evaluation.summary`.

    The bounds are NaN where there are fewer than MIN_CLASS_IMAGES images of a class.
    """
    return _as_sure_as_they_are(evaluation, summary([evaluation.record()], "test", seed=seed))


def notices(evaluation: Evaluation, metrics: Mapping[str, statistics.Interval]) -> list[str]:
    """What whoever reads these metrics has to know: that the images are few, or the classes probably the wrong way
    round."""
    said = [few_images(evaluation.labelled["label"], "labelled")]
    if metrics["auc"].high < 0.5:
        said.append(
            f"the AUC is {metrics['auc'].estimate:.3f}, below 0.5 in its whole interval: the classes are probably the "
            "wrong way round; check which of them is label 1, and name it with --positive (positive= in Python)"
        )
    return [each for each in said if each]


def _as_sure_as_they_are(
    evaluation: Evaluation, intervals: Mapping[str, statistics.Interval]
) -> dict[str, statistics.Interval]:
    return without_bounds(intervals) if few_images(evaluation.labelled["label"]) else dict(intervals)


def _distribution(name: str, probabilities: np.ndarray, threshold: float, unlike: float | None) -> dict[str, object]:
    low, middle, high = (float(value) for value in np.quantile(probabilities, (0.25, 0.5, 0.75)))
    return {
        "images": name,
        "number": len(probabilities),
        "predicted positive": float((probabilities >= threshold).mean()),
        "lower quartile": low,
        "median": middle,
        "upper quartile": high,
        "unlike the training images": unlike,
    }
