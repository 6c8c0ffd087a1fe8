"""Deletion and insertion curves: does a map name the pixels that a network's logit hangs on?

Pixels are taken from an image in the order of its map, or put into a blurred one (Petsiuk, Das and Saenko 2018,
arXiv:1806.07421). The logit of a map that names the right pixels falls early on deletion, and rises early on insertion.
Only against other orders does a curve say anything: a random one, and the middle of the image first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

DELETION_STEPS = 20
"""Steps of a curve; each takes or puts a twentieth of the pixels."""

BLUR_SHARE = 0.1
"""Standard deviation of the blurred image that pixels are put into, as a share of the side: no rib is left in it."""

Curve = Literal["deletion", "insertion"]


def curves(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    maps: np.ndarray,
    kind: Curve,
    *,
    steps: int = DELETION_STEPS,
) -> np.ndarray:
    """The probability of the positive class of each image, step by step.

    predict: (N, H, W) uint8 -> (N,) probabilities. images: (N, H, W) uint8. maps: (N, H, W), from the least to the most
    important. kind: with "deletion" the most important pixels are replaced first, by those of the blurred image; with
    "insertion" they are the first to stand in it. Ties are taken in reading order.
    Returns (N, steps + 1), from nothing replaced or inserted to everything.
    Raises ValueError for an unknown kind, no steps, and maps of another shape.

        curves(model.predict, images, grad_cam(network, images), "deletion").mean(axis=0)
    """
    if kind not in ("deletion", "insertion"):
        raise ValueError(f'kind={kind!r} is unknown; use "deletion" or "insertion"')
    if steps < 1:
        raise ValueError(f"steps={steps} makes no curve; use at least 1")
    if maps.shape != images.shape:
        raise ValueError(f"maps {maps.shape} must have the shape of the images, {images.shape}")
    blurred = np.stack([gaussian_filter(image, BLUR_SHARE * image.shape[0], mode="nearest") for image in images])
    first, last = (images, blurred) if kind == "deletion" else (blurred, images)
    ranks = pixel_ranks(maps)
    taken = np.rint(np.linspace(0, ranks[0].size, steps + 1))
    return np.stack([predict(np.where(ranks < count, last, first)) for count in taken], axis=1)


def pixel_ranks(maps: np.ndarray) -> np.ndarray:
    """The place of each pixel in the order of its map, 0 for the most important; (N, H, W) int64."""
    flat = maps.reshape(len(maps), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(maps.shape)


def area_under_curves(probabilities: np.ndarray) -> np.ndarray:
    """The mean height of each curve, (N,) in [0, 1], by the trapezoidal rule. probabilities: (N, steps + 1).

    >>> area_under_curves(np.array([[1.0, 0.5, 0.0]])).tolist()
    [0.5]
    """
    return (probabilities[:, 1:] + probabilities[:, :-1]).mean(axis=1) / 2
