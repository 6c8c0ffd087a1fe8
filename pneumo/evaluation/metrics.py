"""Discrimination: how well scores separate positive from negative images.

Every metric also takes `weights`, how often each image counts, of shape (..., N), and then returns one value for each
leading index: all draws of a bootstrap are evaluated at once, by the same code as a single value.
A metric that divides by a count is NaN where that count is 0: the ppv where no image is predicted positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pneumo.evaluation.checks import check_fraction, check_probabilities, check_scores, check_weights, ratio


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Area under the ROC curve: how often a positive image scores above a negative one, ties counting half.

    scores: (N,), any finite numbers; only their order matters. Raises ValueError if only one class is present.

    >>> float(auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    labels, scores = check_scores(labels, scores)
    _, positive, negative = by_score(labels, scores, check_weights(weights, len(labels)))
    above = np.cumsum(positive, axis=-1) - positive / 2
    return ratio((negative * above).sum(axis=-1), positive.sum(axis=-1) * negative.sum(axis=-1))


def auc_within_groups(
    labels: ArrayLike, scores: ArrayLike, image_groups: ArrayLike, weights: ArrayLike | None = None
) -> np.ndarray:
    """How often a positive image scores above a negative one of its own group, ties counting half.

    scores: (N,), any finite numbers; only their order within a group matters. image_groups: (N,), such as the
    acquisition stratum of each image. Groups of one class have no pairs and do not count.
    Raises ValueError if only one class is present; NaN where no group has both.

    >>> labels, groups = [0, 1, 0, 1], ["a", "a", "b", "b"]
    >>> float(auc(labels, [0.6, 0.9, 0.1, 0.2])), float(auc_within_groups(labels, [0.6, 0.9, 0.1, 0.2], groups))
    (0.75, 1.0)
    """
    labels, scores = check_scores(labels, scores)
    groups, counts = np.asarray(image_groups), check_weights(weights, len(labels))
    right = pairs = np.zeros(counts.shape[:-1])
    for group in np.unique(groups):
        chosen = groups == group
        positive, drawn = labels[chosen] == 1, counts[..., chosen]
        number = drawn[..., positive].sum(axis=-1) * drawn[..., ~positive].sum(axis=-1)
        if positive.any() and not positive.all():
            right = right + np.nan_to_num(auc(labels[chosen], scores[chosen], drawn)) * number
            pairs = pairs + number
    return ratio(right, pairs)


def average_precision(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Area under the precision-recall curve as a sum of steps, sum of (R_k - R_(k-1)) P_k, without interpolation.

    scores: (N,), any finite numbers; only their order matters. Raises ValueError if only one class is present.

    >>> float(average_precision([0, 1, 1], [0.1, 0.8, 0.9]))
    1.0
    """
    labels, scores = check_scores(labels, scores)
    _, positive, negative = by_score(labels, scores, check_weights(weights, len(labels)))
    true_positives = np.cumsum(positive, axis=-1)
    called = true_positives + np.cumsum(negative, axis=-1)
    # Nothing is called before the first drawn image, and that step is 0 high anyway.
    steps = positive * true_positives / np.maximum(called, np.finfo(float).tiny)
    return ratio(steps.sum(axis=-1), positive.sum(axis=-1))


def log_loss(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Mean cross-entropy, -log of the probability that was given to the true class.

    probabilities: (N,) in [0, 1]; as in scikit-learn, those nearer to 0 or 1 than 2.2e-16 count as that far away.

    >>> round(float(log_loss([0, 1], [0.5, 0.8])), 4)
    0.4581
    """
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    of_truth = np.where(labels == 1, probabilities, 1 - probabilities)
    losses = -np.log(np.clip(of_truth, np.finfo(float).eps, 1))
    return ratio(weights @ losses, weights.sum(axis=-1))


def by_score(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The K distinct scores, highest first, and the weight of positive and of negative images at each, (..., K)."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    weights = weights[..., order]
    positive = np.add.reduceat(weights * labels[order], starts, axis=-1)
    return ordered[starts], positive, np.add.reduceat(weights, starts, axis=-1) - positive


def confusion(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Images by true class (row) and predicted class (column): [[TN, FP], [FN, TP]], shape (..., 2, 2).

    Predicted positive is probability >= threshold.

    >>> confusion([0, 0, 1, 1], [0.1, 0.6, 0.35, 0.8], threshold=0.5).tolist()
    [[1, 1], [1, 1]]
    """
    check_fraction(threshold, "threshold")
    labels, probabilities = check_probabilities(labels, probabilities)
    weights = check_weights(weights, len(labels))
    cell = 2 * labels + (probabilities >= threshold)
    cells = weights @ (cell[:, None] == np.arange(4)).astype(weights.dtype)  # (..., 4)
    return cells.reshape(*cells.shape[:-1], 2, 2)


def sensitivity(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Share of the positive images that are predicted positive: TP / (TP + FN). Also called recall.

    >>> float(sensitivity([0, 0, 1, 1], [0.1, 0.6, 0.35, 0.8], threshold=0.5))
    0.5
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(cells[..., 1, 1], cells[..., 1, :].sum(axis=-1))


def specificity(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Share of the negative images that are predicted negative: TN / (TN + FP).

    >>> float(specificity([0, 0, 1, 1], [0.2, 0.8, 0.6, 0.9], 0.5))
    0.5
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(cells[..., 0, 0], cells[..., 0, :].sum(axis=-1))


def accuracy(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Share of all images that are predicted correctly: (TP + TN) / N.

    >>> float(accuracy([0, 0, 1, 1], [0.2, 0.8, 0.6, 0.9], 0.5))
    0.75
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(cells[..., 0, 0] + cells[..., 1, 1], cells.sum(axis=(-2, -1)))


def balanced_accuracy(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None
) -> np.ndarray:
    """Mean of sensitivity and specificity: the accuracy if both classes were equally common.

    >>> float(balanced_accuracy([0, 0, 1, 1], [0.2, 0.8, 0.6, 0.9], 0.5))
    0.75
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(np.diagonal(cells, axis1=-2, axis2=-1), cells.sum(axis=-1)).mean(axis=-1)


def ppv(labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> np.ndarray:
    """Positive predictive value, TP / (TP + FP), at the prevalence of these images. Also called precision.

    For another prevalence see `ppv_at_prevalence`.

    >>> float(ppv([0, 0, 1, 1], [0.2, 0.8, 0.6, 0.9], 0.5)) < 1
    True
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(cells[..., 1, 1], cells[..., :, 1].sum(axis=-1))


def npv(labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> np.ndarray:
    """Negative predictive value, TN / (TN + FN), at the prevalence of these images.

    >>> float(npv([0, 0, 1, 1], [0.2, 0.4, 0.1, 0.9], 0.5)) < 1
    True
    """
    cells = confusion(labels, probabilities, threshold, weights)
    return ratio(cells[..., 0, 0], cells[..., :, 0].sum(axis=-1))


def f1(labels: ArrayLike, probabilities: ArrayLike, threshold: float, weights: ArrayLike | None = None) -> np.ndarray:
    """Harmonic mean of sensitivity and ppv: 2 TP / (2 TP + FP + FN).

    >>> float(f1([0, 0, 1, 1], [0.2, 0.8, 0.6, 0.9], 0.5))
    0.8
    """
    cells = confusion(labels, probabilities, threshold, weights)
    true_positives = 2 * cells[..., 1, 1]
    return ratio(true_positives, true_positives + cells[..., 0, 1] + cells[..., 1, 0])
