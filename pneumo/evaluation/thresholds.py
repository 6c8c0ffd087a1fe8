"""Decision thresholds on the probability, and their net benefit.

A threshold that is chosen on one set of patients and reported on the same set flatters the model: choose on
validation, report on test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pneumo.evaluation.checks import check_fraction, check_probabilities, check_weights, ratio
from pneumo.evaluation.metrics import by_score


def youden_threshold(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity - 1 (Youden 1950); of several, the most sensitive.

    It lies midway between two neighbouring probabilities, so that rounding a probability does not change its side.

    >>> round(youden_threshold([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9]), 3)
    0.45
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    values, positive, negative = by_score(labels, probabilities, check_weights(None, len(labels)))
    # Cross-multiplied counts are exact, so that thresholds of equal merit compare equal.
    youden = np.cumsum(positive) * negative.sum() - np.cumsum(negative) * positive.sum()
    return _below(values, len(values) - 1 - int(np.argmax(youden[::-1])))


def threshold_at_sensitivity(labels: ArrayLike, probabilities: ArrayLike, target: float) -> float:
    """The highest threshold whose sensitivity is at least `target`, midway to the next lower probability.

    >>> round(threshold_at_sensitivity([0, 0, 1, 1], [0.1, 0.3, 0.6, 0.9], target=0.5), 3)
    0.75
    """
    check_fraction(target, "target")
    labels, probabilities = check_probabilities(labels, probabilities)
    values, positive, _ = by_score(labels, probabilities, check_weights(None, len(labels)))
    return _below(values, int(np.argmax(_reached(positive, target))))


def specificity_at_sensitivity(
    labels: ArrayLike, probabilities: ArrayLike, target: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Specificity at the highest threshold whose sensitivity is at least `target`, read off the same images' ROC curve.

    weights: (..., N), see `pneumo.evaluation.metrics`; each draw of a bootstrap then finds its own threshold.

    >>> float(specificity_at_sensitivity([0, 0, 1, 1], [0.2, 0.7, 0.6, 0.9], 1.0))
    0.5
    """
    check_fraction(target, "target")
    labels, probabilities = check_probabilities(labels, probabilities)
    _, positive, negative = by_score(labels, probabilities, check_weights(weights, len(labels)))
    first = np.argmax(_reached(positive, target), axis=-1)[..., None]
    false_positives = np.take_along_axis(np.cumsum(negative, axis=-1), first, axis=-1)[..., 0]
    return 1 - ratio(false_positives, negative.sum(axis=-1))


def ppv_at_prevalence(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike) -> np.ndarray:
    """The positive predictive value that a model would have where `prevalence` of the patients are ill (Bayes' rule).

    All in [0, 1], broadcast against each other. NaN where nobody would be called positive.

    >>> float(ppv_at_prevalence(0.9, 0.9, 0.5))
    0.9
    """
    sensitivity, specificity, prevalence = map(np.asarray, (sensitivity, specificity, prevalence))
    true_positives = sensitivity * prevalence
    return ratio(true_positives, true_positives + (1 - specificity) * (1 - prevalence))


@dataclass(frozen=True, kw_only=True, eq=False)
class DecisionCurve:
    """Net benefit over the threshold, each (T,); to treat nobody has net benefit 0.

    A net benefit of 0.1 is worth as much as 10 patients treated rightly, and none wrongly, of every 100 seen.
    """

    thresholds: np.ndarray
    model: np.ndarray
    treat_all: np.ndarray


def net_benefit(
    labels: ArrayLike, probabilities: ArrayLike, thresholds: ArrayLike, prevalence: float | None = None
) -> DecisionCurve:
    """Decision curve of Vickers & Elkin 2006: TP/n - FP/n · t/(1-t), whoever reaches t being treated.

    thresholds: (T,), in [0, 1). At threshold t, one missed patient weighs as much as (1-t)/t treated needlessly.
    prevalence: of the patients the curve is to speak of; None takes these images' own.

    >>> net_benefit([0, 1], [0.1, 0.9], [0.5]).model
    array([0.5])
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    thresholds = np.asarray(thresholds, dtype=float)
    outside = thresholds[~((thresholds >= 0) & (thresholds < 1))]
    if outside.size:
        raise ValueError(f"threshold {outside[0]} must be in [0, 1): at 1 a needless treatment weighs infinitely much")
    share = float(labels.mean()) if prevalence is None else prevalence
    check_fraction(share, "prevalence")
    called = probabilities >= thresholds[:, None]  # (T, N)
    harm = thresholds / (1 - thresholds)
    return DecisionCurve(
        thresholds=thresholds,
        model=share * called[:, labels == 1].mean(axis=1) - (1 - share) * called[:, labels == 0].mean(axis=1) * harm,
        treat_all=share - (1 - share) * harm,
    )


def _reached(positive: np.ndarray, target: float) -> np.ndarray:
    """Where the images called so far hold the target share of the positives, (..., K); true at the last at least."""
    reached = np.cumsum(positive, axis=-1)
    # 0.56 of 25 positives is 14, though 0.56 * 25 is a little more in binary.
    return reached >= (target - 1e-12) * reached[..., -1:]


def _below(values: np.ndarray, index: int) -> float:
    """Midway from values[index] to the next lower of the descending values, or to 0 from the lowest."""
    lower = values[index + 1] if index + 1 < len(values) else 0.0
    return float((values[index] + lower) / 2)
