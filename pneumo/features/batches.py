"""Images in small batches, whose arrays fit the processor's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_PIXELS = 4 * 128 * 128
"""Size of a batch."""


def by_batches(measure: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """Compute the features of images, a few at a time.

    measure: (n, H, W) uint8 to (n, ...) numbers, each image by itself. images: (N, H, W) uint8, N at least 1.
    Returns (N, D) float32, one row an image.
    Raises ValueError for another dtype or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
        raise ValueError(f"images are {images.dtype} of shape {images.shape}; give uint8 of shape (N, H, W), N > 0")
    count = max(1, BATCH_PIXELS // images[0].size)
    parts = [measure(images[start : start + count]) for start in range(0, len(images), count)]
    return np.concatenate([part.reshape(len(part), -1).astype(np.float32) for part in parts])
