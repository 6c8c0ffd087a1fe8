"""Local binary patterns (Ojala et al. 2002, doi:10.1109/TPAMI.2002.1017623), counted in a grid of cells."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from skimage import feature

from pneumo.features.batches import by_batches
from pneumo.features.columns import cross_product, with_names
from pneumo.features.configuration import LBPConfig

if TYPE_CHECKING:
    import pandas as pd


def lbp_features(images: np.ndarray, config: LBPConfig | None = None) -> np.ndarray:
    """Histograms of uniform local binary patterns in a grid of cells; they do not depend on the exposure.

    A pixel's pattern is the number of its neighbours at least as bright as itself, if those lie side by side on the
    circle (a spot, an edge, a corner, ...), and otherwise one last pattern for all others. Pixels outside the image
    count as black.

    images: (N, H, W) uint8.
    Returns (N, D) float32, shares of the pixels of a cell in [0, 1]; `lbp_columns` says what each column is.
    Raises ValueError for images with fewer pixels on a side than the grid has cells.

    >>> len(lbp_features(np.zeros((3, 64, 64), np.uint8)))
    3
    """
    config = config or LBPConfig()
    if min(images.shape[1:]) < config.grid:
        raise ValueError(f"grid={config.grid} is finer than images of shape {images.shape[1:]}; use fewer cells")
    return by_batches(partial(_histograms, config=config), images)


def lbp_columns(config: LBPConfig, size: int) -> pd.DataFrame:
    """The columns of `lbp_features`, the same for every size.

    Returns D rows: radius; row, column (of the cell); pattern (bright neighbours, points + 1 for irregular); name.

    >>> len(lbp_columns(LBPConfig(), 64)) == lbp_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    axes = {
        "radius": config.radii,
        "row": range(config.grid),
        "column": range(config.grid),
        "pattern": range(config.points + 2),
    }
    return with_names(cross_product(axes), "lbp cell {row},{column}, radius {radius}, pattern {pattern}")


def _histograms(images: np.ndarray, config: LBPConfig) -> np.ndarray:
    """(n, H, W) uint8 to (n, radii, grid * grid, points + 2) float64."""
    rows, columns = (np.arange(side) * config.grid // side for side in images.shape[1:])
    cell_of_pixel = rows[:, None] * config.grid + columns  # (H, W)
    shape = (config.grid**2, config.points + 2)
    counts = np.empty((len(images), len(config.radii), *shape))
    for index, image in enumerate(images):
        for place, radius in enumerate(config.radii):
            pattern = feature.local_binary_pattern(image, config.points, radius, method="uniform").astype(np.intp)
            codes = cell_of_pixel * shape[1] + pattern
            counts[index, place] = np.bincount(codes.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    return counts / counts.sum(axis=-1, keepdims=True)
