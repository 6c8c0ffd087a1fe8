"""Choosing by stratum, and how stable a choice is: would other validation patients have chosen otherwise?

Nothing here reads a test score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import log_expit

from pneumo import evaluation
from pneumo.analysis.strata import strata_of
from pneumo.analysis.summaries import aligned_frames
from pneumo.data.strata import merged_strata
from pneumo.evaluation import Interval
from pneumo.evaluation.intervals import resample

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

RULES = ("mean", "balanced", "worst stratum")
"""Selection losses: the mean over images; the mean over strata, in each of which both classes count alike; the largest
of the strata's."""

SMALLEST_CELL = 5
"""Validation images of a class that a stratum needs; strata with fewer are merged with the next."""

STABILITY_DRAWS = 500
"""Resamples of the validation patients."""


class WorkingPoint(NamedTuple):
    """A threshold on the probability, and the sensitivity and specificity of the worst stratum at it."""

    threshold: float
    sensitivity: float
    specificity: float


def selection_losses(
    candidates: Mapping[str, Record], header: Record, *, parts: Sequence[str] = ("validation", "stressed")
) -> pd.DataFrame:
    """The loss of each candidate on validation images under each of RULES, in nats; lowest worst stratum first.

    candidates: records by name. header: see `strata.strata_of`. parts: of the validation images, plain and perturbed;
    their losses are averaged. Columns model and RULES.
    """
    cells = _cells(list(candidates.values()), header, parts)
    weights = np.ones((1, cells.losses.shape[1]))
    table = {rule: _rule_losses(cells, weights, rule)[:, 0] for rule in RULES}
    return pd.DataFrame({"model": list(candidates), **table}).sort_values("worst stratum", ignore_index=True)


def choose(candidates: Mapping[str, Record], header: Record, *, rule: str = "worst stratum") -> str:
    """The name of the candidate with the lowest loss under a rule of RULES, on plain and perturbed validation images.

    Raises ValueError for an unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r} is unknown; choose from {', '.join(RULES)}")
    frame = selection_losses(candidates, header)
    return str(frame.loc[frame[rule].idxmin(), "model"])


def choice_stability(
    candidates: Mapping[str, Record], header: Record, *, draws: int = STABILITY_DRAWS, seed: int = 0
) -> pd.DataFrame:
    """How often each candidate would be chosen on resampled validation patients, under each of RULES.

    Patients are drawn with replacement, with all their images, those with and without pneumonia apart. Returns one row
    a candidate, the columns model and RULES: shares of the draws in [0, 1], each column with a sum of 1. seed: of the
    draws.
    """
    records = list(candidates.values())
    cells = _cells(records, header, ("validation", "stressed"))
    counts = _draws(records[0], draws, seed)
    table = {}
    for rule in RULES:
        chosen = _rule_losses(cells, counts, rule).argmin(axis=0)
        table[rule] = np.bincount(chosen, minlength=len(records)) / draws
    return pd.DataFrame({"model": list(candidates), **table})


def stratum_threshold(
    record: Record, header: Record, *, sensitivity: float = 0.97, parts: Sequence[str] = ("validation", "stressed")
) -> WorkingPoint:
    """The highest threshold at which every stratum of the validation images reaches a sensitivity.

    Returns it with the lowest sensitivity and the lowest specificity of a stratum at it, on the same images: what it
    promises, not what it keeps elsewhere.
    """
    strata, labels = _merged(record, header)
    probabilities = np.concatenate([record.frame(part)["probability"] for part in parts])
    labels, strata = np.tile(labels, len(parts)), np.tile(strata, len(parts))
    threshold = min(
        evaluation.threshold_at_sensitivity(labels[strata == s], probabilities[strata == s], sensitivity)
        for s in np.unique(strata)
    )
    positive = probabilities >= threshold
    rates = [
        (positive[(strata == s) & (labels == 1)].mean(), 1 - positive[(strata == s) & (labels == 0)].mean())
        for s in np.unique(strata)
    ]
    return WorkingPoint(float(threshold), float(min(rate for rate, _ in rates)), float(min(rate for _, rate in rates)))


def threshold_stability(record: Record, *, draws: int = STABILITY_DRAWS, seed: int = 0) -> Interval:
    """The threshold of Youden's index on perturbed validation images, with its 95 % interval over resampled patients.

    The estimate is that of the images themselves. seed: of the draws.
    """
    part = "stressed" if "stressed" in record.scores else "validation"
    frame = record.frame(part)
    labels, probabilities = frame["label"].to_numpy(), frame["probability"].to_numpy()
    thresholds = [
        evaluation.youden_threshold(np.repeat(labels, row), np.repeat(probabilities, row))
        for row in _draws(record, draws, seed)
    ]
    low, high = np.quantile(thresholds, (0.025, 0.975))
    return Interval(float(evaluation.youden_threshold(labels, probabilities)), float(low), float(high))


def merged_validation_strata(record: Record, header: Record) -> np.ndarray:
    """The stratum of each validation image of a record, from 0 for the lowest files; small ones are merged with the
    next, see SMALLEST_CELL. Raises ValueError where the record predicts other images than the header record."""
    return _merged(record, header)[0]


class _Cells(NamedTuple):
    """losses: (models, N), each image's, averaged over the parts. groups: (N,), 2 * stratum + class."""

    losses: np.ndarray
    groups: np.ndarray


def _cells(records: Sequence[Record], header: Record, parts: Sequence[str]) -> _Cells:
    losses = np.mean([[_losses(frame) for frame in aligned_frames(records, part)] for part in parts], axis=0)
    strata, labels = _merged(records[0], header)
    return _Cells(losses, 2 * strata + labels)


def _losses(frame: pd.DataFrame) -> np.ndarray:
    """Cross-entropy of each image in nats, (N,)."""
    return -log_expit(np.where(frame["label"] == 1, frame["score"], -frame["score"]))


def _merged(record: Record, header: Record) -> tuple[np.ndarray, np.ndarray]:
    """The stratum of each validation image, small ones merged with the next, (N,) int; and the labels, (N,) int."""
    frame = record.frame("validation")
    if not frame["image"].equals(header.frame("validation")["image"]):
        raise ValueError(f"{record.experiment.name} predicts other images than {header.experiment.name}")
    labels, codes = frame["label"].to_numpy(int), strata_of(header, "validation").codes.astype(int)
    return merged_strata(codes, labels, SMALLEST_CELL)[codes], labels


def _rule_losses(cells: _Cells, weights: np.ndarray, rule: str) -> np.ndarray:
    """The loss of each model in each draw, (models, draws). weights: (draws, N), how often each image counts.

    A cell of which a draw has no image does not count in it.
    """
    if rule == "mean":
        return (cells.losses @ weights.T) / weights.sum(axis=1)
    strata = np.unique(cells.groups // 2)
    by_stratum = np.stack([_stratum_losses(cells, weights, stratum) for stratum in strata])  # (strata, models, draws)
    return np.nanmax(by_stratum, axis=0) if rule == "worst stratum" else np.nanmean(by_stratum, axis=0)


def _stratum_losses(cells: _Cells, weights: np.ndarray, stratum: int) -> np.ndarray:
    """The mean of its classes' mean losses, (models, draws); NaN where a draw has no image of the stratum."""
    total, classes = np.zeros((len(cells.losses), len(weights))), np.zeros(len(weights))
    for group in (2 * stratum, 2 * stratum + 1):
        chosen = cells.groups == group
        images = weights[:, chosen].sum(axis=1)
        total += (cells.losses[:, chosen] @ weights[:, chosen].T) / np.maximum(images, 1)
        classes += images > 0
    return np.where(classes > 0, total / np.maximum(classes, 1), np.nan)


def _draws(record: Record, draws: int, seed: int) -> np.ndarray:
    frame = record.frame("validation")
    rng = np.random.default_rng(seed)
    return resample(frame["label"], record.patients("validation"), draws=draws, rng=rng).astype(np.int64)
