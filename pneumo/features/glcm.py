"""Grey-level co-occurrence (Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314).

The numbers are those of `skimage.feature.graycoprops` of a symmetric `graycomatrix`. There, each property passes over
floating-point matrices several times; here, the matrices are whole counts, all linear properties are one product, and
the logarithm of a count is looked up.
"""

from __future__ import annotations

from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy

from pneumo.features.batches import by_batches
from pneumo.features.columns import crossed, named
from pneumo.features.configuration import GLCMConfig

if TYPE_CHECKING:
    import pandas as pd

PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation", "entropy")
"""As scikit-image names them. ASM is the angular second moment; "energy" would be its root and tell nothing new."""


def glcm_features(images: np.ndarray, config: GLCMConfig | None = None) -> np.ndarray:
    """How alike pixels at a distance are: properties of the joint distribution of their grey levels.

    images: (N, H, W) uint8; 256 // levels grey levels are taken together first.
    Returns (N, D) float32; `glcm_columns` says what each column is. Contrast is in squared levels, dissimilarity in
    levels, homogeneity and ASM in (0, 1], correlation in [-1, 1] (1 for an even image), entropy in nats.
    Raises ValueError for images without any pair of pixels at the largest distance.
    """
    config = config or GLCMConfig()
    if max(config.distances) >= min(images.shape[1:]):
        raise ValueError(f"images of shape {images.shape[1:]} have no pixels {max(config.distances)} apart; use less")
    return by_batches(partial(_properties, config=config), images)


def glcm_columns(config: GLCMConfig, size: int) -> pd.DataFrame:
    """What `glcm_features` measures on images of size x size pixels (the size does not matter).

    Returns D rows: distance (pixels), angle (degrees), property, name.
    """
    axes = {"distance": config.distances, "angle": config.angles, "property": PROPERTIES}
    return named(crossed(axes), "glcm {property}, distance {distance}, {angle}°")


def _properties(images: np.ndarray, config: GLCMConfig) -> np.ndarray:
    """(n, H, W) uint8 to (n, distances * angles, properties) float64."""
    levels = images.astype(np.intp) // (256 // config.levels)
    pairs = (_pairs(levels, distance, angle) for distance, angle in product(config.distances, config.angles))
    return np.stack([_of_counts(_counts(*pair, config.levels)) for pair in pairs], axis=1)


def _pairs(levels: np.ndarray, distance: int, angle: int) -> tuple[np.ndarray, np.ndarray]:
    """All pixels that have a partner, and the partners. (n, H, W) to two arrays (n, h, w)."""
    down = round(distance * np.sin(np.radians(angle)))
    right = round(distance * np.cos(np.radians(angle)))
    height, width = levels.shape[1:]
    first = levels[:, : height - down, max(-right, 0) : width - max(right, 0)]
    second = levels[:, down:, max(right, 0) : width - max(-right, 0)]
    return first, second


def _counts(first: np.ndarray, second: np.ndarray, levels: int) -> np.ndarray:
    """How often level i is beside level j, whichever comes first. (n, h, w) twice to (n, levels, levels) integers."""
    image = np.arange(len(first))[:, None, None]
    codes = (image * levels + first) * levels + second
    counts = np.bincount(codes.ravel(), minlength=len(first) * levels**2).reshape(-1, levels, levels)
    return counts + counts.transpose(0, 2, 1)


def _of_counts(counts: np.ndarray) -> np.ndarray:
    """The properties of symmetric co-occurrence counts. (n, levels, levels) integers to (n, properties) float64."""
    flat = counts.reshape(len(counts), -1)  # (n, levels²)
    total = int(flat[0].sum())  # the same for every image
    linear = flat.astype(float) @ _weights(counts.shape[1])  # (n, 5)
    contrast, dissimilarity, homogeneity, mean, square = linear.T / total
    variance = square - mean**2
    covariance = square - contrast / 2 - mean**2  # (i - j)² = i² + j² - 2ij
    even = linear[:, 4] * total == linear[:, 3] ** 2  # whole numbers, so this is exact
    correlation = np.divide(covariance, variance, out=np.ones_like(mean), where=~even)
    second_moment = np.einsum("nk,nk->n", flat, flat) / total**2
    entropy = np.log(total) - _count_log_counts(total)[flat].sum(axis=1) / total
    return np.stack([contrast, dissimilarity, homogeneity, second_moment, correlation, entropy], axis=1)


@cache
def _weights(levels: int) -> np.ndarray:
    """What a pair (i, j) adds to the linear properties and to the first two moments of i. (levels², 5)."""
    first, second = np.mgrid[0.0:levels, 0.0:levels]
    difference = first - second
    weights = (difference**2, abs(difference), 1 / (1 + difference**2), first, first**2)
    return np.stack(weights, axis=-1).reshape(levels**2, -1)


@cache
def _count_log_counts(largest: int) -> np.ndarray:
    """n log n for n from 0 to `largest`."""
    counts = np.arange(largest + 1)
    return xlogy(counts, counts)
