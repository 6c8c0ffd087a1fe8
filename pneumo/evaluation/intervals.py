"""Confidence intervals over patients, by the bootstrap.

Images of one patient resemble each other, so patients are drawn and not images: a draw takes as many patients as there
are, with replacement, and all the images of each. Patients with and without a positive image are drawn apart, because
the shares of the classes were set by whoever assembled the images and are not a finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from pneumo.evaluation import calibration, metrics, thresholds
from pneumo.evaluation.checks import check_scores

BOOTSTRAP_DRAWS = 2000
"""Resamples of the patients, by default."""

BLOCK_WEIGHTS = 1 << 18
"""Number of weights that are evaluated at once: 2 MB in float64, which stays in a processor's cache."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the bounds of its 95 % interval, NaN where it could not be computed.

    >>> Interval(0.953, 0.938, 0.967).low
    0.938
    >>> print(Interval(0.953, 0.938, 0.967), Interval(6.341, math.nan, math.nan))
    0.953 (0.938 to 0.967) 6.341
    """

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return f"{self.estimate:.3f}"
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})"


class Statistic(Protocol):
    """A metric of this package, its threshold or target fixed: `auc`, or `partial(sensitivity, threshold=0.5)`."""

    def __call__(self, labels: np.ndarray, probabilities: np.ndarray, /, *, weights: np.ndarray | None) -> np.ndarray:
        """labels, probabilities: (N,). weights: (draws, N), how often each image counts. Returns (draws,)."""
        ...


def bootstrap(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None,
    statistic: Statistic,
    *,
    draws: int = BOOTSTRAP_DRAWS,
    rng: np.random.Generator,
) -> Interval:
    """A statistic with the 2.5 and 97.5 % percentiles of its values over draws of patients.

    probabilities: (N,), or (seeds, N): the statistic is then averaged over the seeds, in every draw alike.
    groups: (N,) patient of each image, or None where every image is a patient of its own.
    The bounds are NaN if the statistic is undefined in any draw, such as the ppv where nobody is predicted positive.

    >>> from pneumo.evaluation import auc
    >>> labels, probabilities = [0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]
    >>> print(bootstrap(labels, probabilities, list("abcdef"), auc, draws=100, rng=np.random.default_rng(0)))
    1.000 (1.000 to 1.000)
    """
    counts = resample(labels, groups, draws=draws, rng=rng)
    models = [(statistic, row) for row in np.atleast_2d(probabilities)]
    return _percentiles(*_evaluate(labels, models, counts))


def paired_bootstrap(
    labels: ArrayLike,
    pair: tuple[ArrayLike, ArrayLike],
    groups: ArrayLike | None,
    statistic: Statistic,
    *,
    draws: int = BOOTSTRAP_DRAWS,
    rng: np.random.Generator,
) -> Interval:
    """The difference a - b of a statistic between two models, on the same draws of patients; otherwise as `bootstrap`.

    pair: the probabilities (a, b). To compare calls made at two different thresholds, pass calls of 0 and 1 and a
    statistic at threshold 0.5.

    >>> labels, a = np.arange(40) % 2, np.arange(40) / 40
    >>> paired_bootstrap(labels, (a, a), None, pneumo.evaluation.auc, rng=np.random.default_rng(0)).estimate
    0.0
    """
    counts = resample(labels, groups, draws=draws, rng=rng)
    (a, draws_a), (b, draws_b) = (
        _evaluate(labels, [(statistic, row) for row in np.atleast_2d(probabilities)], counts) for probabilities in pair
    )
    return _percentiles(a - b, draws_a - draws_b)


def summary(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None,
    threshold: float | Sequence[float],
    *,
    names: Iterable[str] | None = None,
    draws: int = BOOTSTRAP_DRAWS,
    rng: np.random.Generator,
) -> dict[str, Interval]:
    """Every usual metric by name, or those of `names`, all on the same draws of patients; see `bootstrap`.

    probabilities: (N,) with one threshold, or (seeds, N) with one for each seed.

    >>> labels, probabilities = np.arange(40) % 2, np.linspace(0, 1, 40)
    >>> intervals = summary(labels, probabilities, None, 0.5, names=("auc",), rng=np.random.default_rng(0))
    >>> list(intervals)
    ['auc']
    """
    rows, cuts = np.atleast_2d(probabilities), np.atleast_1d(threshold)
    if len(rows) != len(cuts):
        raise ValueError(f"{len(cuts)} thresholds for {len(rows)} rows of probabilities; give one for each")
    counts = resample(labels, groups, draws=draws, rng=rng)
    by_seed = [(usual_statistics(float(value)), row) for value, row in zip(cuts, rows, strict=True)]
    return {
        name: _percentiles(*_evaluate(labels, [(statistics[name], row) for statistics, row in by_seed], counts))
        for name in (by_seed[0][0] if names is None else names)
    }


def usual_statistics(threshold: float) -> Mapping[str, Statistic]:
    """The metrics that a report of a diagnostic model is expected to give."""
    called = (
        metrics.sensitivity,
        metrics.specificity,
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.ppv,
        metrics.npv,
        metrics.f1,
    )
    scored = (
        calibration.brier,
        calibration.expected_calibration_error,
        calibration.calibration_slope,
        calibration.calibration_intercept,
    )
    return {
        "auc": metrics.auc,
        "average_precision": metrics.average_precision,
        "specificity_at_95_sensitivity": partial(thresholds.specificity_at_sensitivity, target=0.95),
        **{metric.__name__: partial(metric, threshold=threshold) for metric in called},
        **{metric.__name__: metric for metric in scored},
    }


def resample(
    labels: ArrayLike, groups: ArrayLike | None, *, draws: int = BOOTSTRAP_DRAWS, rng: np.random.Generator
) -> np.ndarray:
    """How often each image counts in each draw of patients, (draws, N) uint16.

    Patients with and without a positive image are drawn apart, each as many as there are.
    """
    labels = np.asarray(labels)
    patient = _patient_numbers(groups, len(labels))
    ill = np.bincount(patient, weights=labels) > 0
    counts = np.empty((draws, len(ill)), dtype=np.uint16)
    for stratum in (np.flatnonzero(ill), np.flatnonzero(~ill)):
        if stratum.size:
            counts[:, stratum] = rng.multinomial(stratum.size, np.full(stratum.size, 1 / stratum.size), size=draws)
    return counts[:, patient]


def _patient_numbers(groups: ArrayLike | None, images: int) -> np.ndarray:
    if groups is None:
        return np.arange(images)
    groups = np.asarray(groups)
    if groups.shape != (images,):
        raise ValueError(f"groups {groups.shape} must name the patient of each of the {images} images")
    unnamed = int((groups == "").sum())
    if unnamed:
        raise ValueError(f"{unnamed} of {images} images have no patient; pass groups=None to draw images one by one")
    return np.unique(groups, return_inverse=True)[1]


def _evaluate(
    labels: ArrayLike, models: Iterable[tuple[Statistic, np.ndarray]], counts: np.ndarray
) -> tuple[float, np.ndarray]:
    """A statistic of the images as they are and of every draw, (draws,), both averaged over the models."""
    rows = max(1, BLOCK_WEIGHTS // counts.shape[1])
    estimates, drawn = [], []
    for statistic, probabilities in models:
        y, p = check_scores(labels, probabilities, "probabilities")
        estimates.append(statistic(y, p, weights=None))
        blocks = (counts[start : start + rows].astype(float) for start in range(0, len(counts), rows))
        drawn.append(np.concatenate([statistic(y, p, weights=block) for block in blocks]))
    return float(np.mean(estimates)), np.mean(drawn, axis=0)


def _percentiles(estimate: float, drawn: np.ndarray) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(estimate, float(low), float(high))
