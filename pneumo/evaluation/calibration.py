"""Calibration: whether of the images given 0.8, eight in ten are positive.

The slope and the intercept follow Van Calster et al. 2016 (doi 10.1016/j.jclinepi.2015.12.005), the calibration error
and the temperature Guo et al. 2017 (arXiv 1706.04599).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from scipy.stats import binomtest

from pneumo.evaluation.checks import check_probabilities, check_weights, ratio

PROBABILITY_MARGIN = 1e-7
"""Probabilities are clipped this far from 0 and 1 before their logit is taken, where float32 ends as well."""


def brier(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Mean squared distance from probability to label (Brier 1950); 0 is perfect, 0.25 a constant probability of 0.5.

    weights: (..., N), see `pneumo.evaluation.metrics`.

    >>> float(brier([0, 1], [0.5, 0.5]))
    0.25
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    return ratio(weights @ (probabilities - labels) ** 2, weights.sum(axis=-1))


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 15, weights: ArrayLike | None = None
) -> np.ndarray:
    """Mean distance between probability and observed share over equally wide bins, weighted by their images.

    weights: (..., N), see `pneumo.evaluation.metrics`. Noise adds to it: with few images in a bin even a perfectly
    calibrated model is above 0, and the draws of a bootstrap lie higher still.

    >>> float(expected_calibration_error([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0]))
    0.0
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    member = _bin(probabilities, bins)[:, None] == np.arange(bins)  # (N, bins)
    excess = weights @ (member * (labels - probabilities)[:, None])  # (..., bins)
    return ratio(np.abs(excess).sum(axis=-1), weights.sum(axis=-1))


def calibration_slope(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Slope of the logistic regression of the label on the logit of the probability.

    1 is right, below 1 the probabilities are too extreme, above 1 too timid. NaN where a cut separates the classes, or
    nearly does, since then no slope is steep enough. weights: (..., N), see `pneumo.evaluation.metrics`.

    >>> float(calibration_slope([0, 1, 0, 1, 1, 1, 0, 0], [0.2, 0.8, 0.3, 0.4, 0.9, 0.6, 0.6, 0.1])) > 0
    True
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    logits = _logit(probabilities)
    columns = np.stack([np.ones(len(labels)), logits])
    defined = ~_separated(labels, logits, weights)
    slope = np.full(weights.shape[:-1], np.nan)
    slope[defined] = _logistic_regression(labels, columns, np.zeros(len(labels)), weights[defined])[..., 1]
    return slope[()]


def calibration_intercept(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Calibration in the large: what to add to every logit so that as many positives are expected as there are.

    0 is right; above 0 the probabilities are too low on the whole, below 0 too high. The slope is held at 1.
    weights: (..., N), see `pneumo.evaluation.metrics`; NaN where one class has no weight.

    >>> round(float(calibration_intercept([0, 0, 1, 1] * 50, [0.3, 0.3, 0.7, 0.7] * 50)), 3)
    0.0
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    columns = np.ones((1, len(labels)))
    positives = weights @ labels
    defined = (positives > 0) & (positives < weights.sum(axis=-1))
    intercept = np.full(weights.shape[:-1], np.nan)
    intercept[defined] = _logistic_regression(labels, columns, _logit(probabilities), weights[defined])[..., 0]
    return intercept[()]


@dataclass(frozen=True, kw_only=True, eq=False)
class ReliabilityCurve:
    """Observed share over mean probability for each bin that holds images, each (B,).

    low, high: Wilson's 95 % interval of the observed share, which takes images as independent.
    """

    mean_probability: np.ndarray
    observed_share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    images: np.ndarray


def reliability_curve(labels: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> ReliabilityCurve:
    """Group images into equally wide bins of probability and count the positives in each.

    >>> reliability_curve([0, 1] * 20, [0.2, 0.8] * 20, bins=2).observed_share
    array([0., 1.])
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    index = _bin(probabilities, bins)
    images = np.bincount(index, minlength=bins)
    filled = images > 0
    images, positives = images[filled], np.bincount(index, labels, minlength=bins)[filled].astype(int)
    intervals = [
        binomtest(k, n).proportion_ci(method="wilson") for k, n in zip(positives.tolist(), images.tolist(), strict=True)
    ]
    return ReliabilityCurve(
        mean_probability=np.bincount(index, probabilities, minlength=bins)[filled] / images,
        observed_share=positives / images,
        low=np.array([interval.low for interval in intervals]),
        high=np.array([interval.high for interval in intervals]),
        images=images,
    )


def temperature(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """The T > 0 that minimises the cross-entropy of `recalibrate(probabilities, T)`; above 1 they are too extreme.

    Fit it on validation patients. Raises ValueError where no finite positive T is best: every image on the right side
    of one half, or logits that point the wrong way.

    >>> temperature([0, 1, 1] * 10, [0.1, 0.9, 0.4] * 10) > 0
    True
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    logits = _logit(probabilities)
    towards = np.where(labels == 1, logits, -logits)
    if (towards >= 0).all():
        raise ValueError("every image is on the right side of 0.5, so the best temperature is 0; use more images")
    if towards.sum() <= 0:  # the slope of the likelihood at an infinite temperature
        raise ValueError("the probabilities point the wrong way, so no temperature above 0 is best; check the labels")
    offset, weights = np.zeros(len(labels)), check_weights(None, len(labels))
    return 1 / float(_logistic_regression(labels, logits[None], offset, weights)[0])


def recalibrate(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """Divide every logit by the temperature: the order of the images stays, their confidence changes.

    >>> recalibrate([0.5, 0.9], temperature=1.0)
    array([0.5, 0.9])
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    return expit(_logit(np.asarray(probabilities, dtype=float)) / temperature)


def _bin(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """Which of the bins (0, 1/bins], (1/bins, 2/bins], ... holds a probability, (N,) from 0; the first also holds 0."""
    if bins < 1:
        raise ValueError(f"bins={bins} must be at least 1")
    return np.digitize(probabilities, np.linspace(0, 1, bins + 1)[1:-1], right=True)


def _logit(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    return np.log(clipped) - np.log1p(-clipped)


def _separated(labels: np.ndarray, logits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whether one cut, ties at it allowed, parts positives from negatives, (...,). Images of weight 0 do not count."""
    positive, negative = (weights > 0) & (labels == 1), (weights > 0) & (labels == 0)
    low = [np.where(present, logits, np.inf).min(axis=-1) for present in (positive, negative)]
    high = [np.where(present, logits, -np.inf).max(axis=-1) for present in (positive, negative)]
    return (low[0] >= high[1]) | (low[1] >= high[0])


def _logistic_regression(
    labels: np.ndarray, columns: np.ndarray, offset: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Coefficients of a logistic regression for each leading index of the weights, by Newton's method.

    labels: (N,). columns: (K, N). offset: (N,), added with coefficient 1. weights: (..., N). Returns (..., K).
    NaN where the maximum is not found in 100 steps: it lies too far off where the classes are nearly separated.
    """
    k, n = columns.shape
    products = (columns[:, None] * columns[None, :]).reshape(k * k, n).T
    coefficients = np.zeros((*weights.shape[:-1], k))
    for _ in range(100):
        fitted = expit(coefficients @ columns + offset)  # (..., N)
        gradient = (weights * (labels - fitted)) @ columns.T  # (..., K)
        curvature = ((weights * fitted * (1 - fitted)) @ products).reshape(*gradient.shape, k)  # (..., K, K)
        # Where every fitted value has reached 0 or 1 there is no curvature left; the small ridge keeps it solvable.
        step = np.linalg.solve(curvature + 1e-12 * np.eye(k), gradient[..., None])[..., 0]
        # A full Newton step from far away can overshoot; the likelihood is concave, so a short one still climbs.
        coefficients += np.clip(step, -1, 1)
        if np.abs(step).max(initial=0) < 1e-8:
            break
    coefficients[np.abs(step).max(axis=-1) >= 1e-8] = np.nan
    return coefficients
