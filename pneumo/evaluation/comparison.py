"""Tests between two models that looked at the same images.

Both tests take images as independent. Where patients have several images, `paired_bootstrap` is the one to trust.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm, rankdata

from pneumo.evaluation.checks import check_scores
from pneumo.evaluation.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class DeLong:
    """Two AUCs on the same images, and the difference a - b with its 95 % interval and two-sided p-value."""

    auc_a: float
    auc_b: float
    difference: Interval
    p_value: float


def delong(labels: ArrayLike, a: ArrayLike, b: ArrayLike) -> DeLong:
    """Test of equal AUCs (DeLong et al. 1988) by the mid-ranks of Sun & Xu 2014 (doi 10.1109/LSP.2014.2337313).

    a, b: (N,) scores of two models. Raises ValueError where a class has one image, and where the AUCs differ but
    show no variance: no test exists then.

    >>> test = delong([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.8, 0.9], [0.2, 0.3, 0.6, 0.7, 0.8])
    >>> 0 <= test.p_value <= 1
    True
    """
    (labels, a), (_, b) = check_scores(labels, a, "scores a"), check_scores(labels, b, "scores b")
    rarer = min(int(labels.sum()), int((1 - labels).sum()))
    if rarer < 2:
        raise ValueError("one class has a single image, which shows no variance; the test needs two of each class")
    positives, negatives = zip(*(_placements(labels, scores) for scores in (a, b)), strict=True)
    auc_a, auc_b = (float(np.mean(placement)) for placement in positives)
    variance = sum(np.var(place[0] - place[1], ddof=1) / len(place[0]) for place in (positives, negatives))
    difference, error = auc_a - auc_b, float(np.sqrt(variance))
    if error == 0 and difference != 0:
        raise ValueError(f"the AUCs {auc_a:g} and {auc_b:g} have no variance on these images; use more images")
    p_value = 1.0 if error == 0 else float(2 * norm.sf(abs(difference) / error))
    margin = float(norm.ppf(0.975)) * error
    return DeLong(
        auc_a=auc_a,
        auc_b=auc_b,
        difference=Interval(difference, difference - margin, difference + margin),
        p_value=p_value,
    )


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Images that one model alone called right, and the two-sided p-value of these counts under equal chances."""

    only_a: int
    only_b: int
    p_value: float


def mcnemar_exact(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """Exact McNemar test: of the images on which two models disagree, is one right more often than a coin?

    correct_a, correct_b: (N,) bool, whether each image was called right. Raises ValueError for unequal lengths.

    >>> mcnemar_exact([True, True, False, False], [True, False, True, False]).p_value
    1.0
    """
    correct_a, correct_b = np.asarray(correct_a), np.asarray(correct_b)
    if correct_a.ndim != 1 or correct_a.shape != correct_b.shape:
        raise ValueError(f"correct_a {correct_a.shape} and correct_b {correct_b.shape} must be of one length")
    if correct_a.dtype != bool or correct_b.dtype != bool:
        raise ValueError(f"correct_a is {correct_a.dtype}, correct_b {correct_b.dtype}; both must be bool")
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    disagreements = only_a + only_b
    p_value = float(binomtest(only_a, disagreements).pvalue) if disagreements else 1.0
    return McNemar(only_a=only_a, only_b=only_b, p_value=p_value)


def _placements(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive, the share of negatives below it; for each negative, the share of positives above it.

    Ties count half. These are the structural components V10 and V01, whose means are the AUC.
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    ranks = rankdata(scores)
    below = (ranks[labels == 1] - rankdata(positive)) / len(negative)
    above = 1 - (ranks[labels == 0] - rankdata(negative)) / len(positive)
    return below, above
