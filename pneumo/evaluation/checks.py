"""What every metric asks of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def check_scores(labels: ArrayLike, scores: ArrayLike, name: str = "scores") -> tuple[np.ndarray, np.ndarray]:
    """Labels as (N,) int64 of 0 and 1 with both present, scores as (N,) float64, all finite.

    Raises ValueError that names the value.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=float)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(f"labels {labels.shape} and {name} {scores.shape} must be of one length, one for each image")
    if not len(labels):
        raise ValueError("there are no images; a metric needs at least one of each class")
    _check_classes(labels)
    missing = int((~np.isfinite(scores)).sum())
    if missing:
        raise ValueError(f"{missing} of {len(scores)} {name} are NaN or infinite; leave those images out")
    return labels.astype(np.int64), scores


def check_probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """`check_scores`, and every score in [0, 1]."""
    labels, probabilities = check_scores(labels, probabilities, "probabilities")
    outside = (probabilities < 0) | (probabilities > 1)
    if outside.any():
        raise ValueError(
            f"{outside.sum()} of {len(outside)} probabilities are outside [0, 1], "
            f"the first is {probabilities[outside][0]:g}; pass a logit through the sigmoid first"
        )
    return labels, probabilities


def check_weights(weights: ArrayLike | None, images: int) -> np.ndarray:
    """How often each image counts, (..., N); once each if None. Leading axes, such as draws, are kept in the result."""
    if weights is None:
        return np.ones(images, dtype=np.int64)
    weights = np.asarray(weights)
    weights = weights.astype(np.result_type(weights, np.int64), copy=False)  # small integers would overflow in a sum
    if weights.shape[-1:] != (images,):
        raise ValueError(f"weights {weights.shape} must end in one weight for each of the {images} images")
    return weights


def check_fraction(value: float, name: str) -> None:
    """Raises ValueError for a value that is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value} must be in [0, 1]")


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> np.ndarray:
    """numerator / denominator, NaN where the denominator is 0: a share of no images is not a number."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    undefined = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator != 0)[()]


def _check_classes(labels: np.ndarray) -> None:
    values = np.unique(labels)
    others = [value for value in values.tolist() if value not in (0, 1)]
    if others:
        raise ValueError(f"labels hold {others[0]!r}; a label is 0 (negative) or 1 (positive)")
    if len(values) == 1:
        raise ValueError(f"all {len(labels)} labels are {values[0]}; a metric needs images of both classes")
