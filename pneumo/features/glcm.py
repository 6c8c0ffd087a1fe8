"""Grey-level co-occurrence (Haralick et al. 1973, doi:10.1109/TSMC.1973.4309314)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from skimage import feature

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
    """(n, H, W) uint8 to (n, distances, angles, properties) float64."""
    angles = np.radians(config.angles)
    properties = []
    for image in images // (256 // config.levels):
        matrices = feature.graycomatrix(
            image, config.distances, angles, levels=config.levels, symmetric=True, normed=True
        )
        properties.append([feature.graycoprops(matrices, name) for name in PROPERTIES])
    return np.moveaxis(np.array(properties), 1, -1)
