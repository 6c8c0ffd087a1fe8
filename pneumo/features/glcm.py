"""Grey-level co-occurrence (Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from skimage import feature

from pneumo.features.batches import by_batches
from pneumo.features.columns import cross_product, with_names
from pneumo.features.configuration import GLCMConfig

if TYPE_CHECKING:
    import pandas as pd

PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation", "entropy")
"""As scikit-image names them. ASM is the angular second moment; "energy" is its root and left out."""


def glcm_features(images: np.ndarray, config: GLCMConfig | None = None) -> np.ndarray:
    """Properties of the joint distribution of the grey levels of two pixels at a distance.

    images: (N, H, W) uint8; their grey levels are first reduced to `config.levels`.
    Returns (N, D) float32; `glcm_columns` says what each column is. Contrast is in squared levels, dissimilarity in
    levels, homogeneity and ASM in (0, 1], correlation in [-1, 1] (1 for an even image), entropy in nats.
    Raises ValueError for images without any pair of pixels at the largest distance.

    >>> len(glcm_features(np.zeros((3, 64, 64), np.uint8)))
    3
    """
    config = config or GLCMConfig()
    if max(config.distances) >= min(images.shape[1:]):
        raise ValueError(f"images of shape {images.shape[1:]} have no pixels {max(config.distances)} apart; use less")
    return by_batches(partial(_properties, config=config), images)


def glcm_columns(config: GLCMConfig, size: int) -> pd.DataFrame:
    """The columns of `glcm_features`, the same for every size.

    Returns D rows: distance (pixels), angle (degrees), property, name.

    >>> len(glcm_columns(GLCMConfig(), 64)) == glcm_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    axes = {"distance": config.distances, "angle": config.angles, "property": PROPERTIES}
    return with_names(cross_product(axes), "glcm {property}, distance {distance}, {angle}°")


def _properties(images: np.ndarray, config: GLCMConfig) -> np.ndarray:
    """(n, H, W) uint8 to (n, distances, angles, properties) float64."""
    angles = np.radians(config.angles)
    properties = []
    for image in images // (256 // config.levels):
        matrices = feature.graycomatrix(
            image, config.distances, angles, levels=config.levels, symmetric=True, normed=True
        )
        properties.append([feature.graycoprops(matrices, name) for name in PROPERTIES])
    return np.moveaxis(np.array(properties), 1, -1)
