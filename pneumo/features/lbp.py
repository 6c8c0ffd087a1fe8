"""Local binary patterns (Ojala et al. 2002, doi:10.1109/TPAMI.2002.1017623), counted in a grid of cells.

The patterns are those of `skimage.feature.local_binary_pattern` with method="uniform". There, each pixel interpolates
its neighbours anew; here, one interpolation along the rows serves a whole batch and every neighbour in a column.
"""

from __future__ import annotations

import math
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from pneumo.features.batches import by_batches
from pneumo.features.columns import crossed, named
from pneumo.features.configuration import LBPConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd


def lbp_features(images: np.ndarray, config: LBPConfig | None = None) -> np.ndarray:
    """How often each fine texture occurs in each part of the image, whatever the exposure.

    A pixel's pattern is the number of its neighbours at least as bright as itself, if the bright ones lie side by side
    (a spot, an end, an edge, a corner, ...), and otherwise one last pattern for all that is irregular. What lies
    outside the image is black.

    images: (N, H, W) uint8.
    Returns (N, D) float32, shares of the pixels of a cell in [0, 1]; `lbp_columns` says what each column is.
    Raises ValueError for images with fewer pixels on a side than the grid has cells.
    """
    config = config or LBPConfig()
    if min(images.shape[1:]) < config.grid:
        raise ValueError(f"grid={config.grid} is finer than images of shape {images.shape[1:]}; use fewer cells")
    return by_batches(partial(_histograms, config=config), images)


def lbp_columns(config: LBPConfig, size: int) -> pd.DataFrame:
    """What `lbp_features` measures on images of size x size pixels (the size does not matter).

    Returns D rows: radius; row, column (of the cell); pattern (bright neighbours, points + 1 for irregular); name.
    """
    axes = {
        "radius": config.radii,
        "row": range(config.grid),
        "column": range(config.grid),
        "pattern": range(config.points + 2),
    }
    return named(crossed(axes), "lbp cell {row},{column}, radius {radius}, pattern {pattern}")


def _histograms(images: np.ndarray, config: LBPConfig) -> np.ndarray:
    """(n, H, W) uint8 to (n, radii, grid * grid, points + 2) float64."""
    rows, columns = (np.arange(side) * config.grid // side for side in images.shape[1:])
    cell_of_pixel = rows[:, None] * config.grid + columns  # (H, W)
    cells, patterns = config.grid**2, config.points + 2
    first = (np.arange(len(images))[:, None, None] * cells + cell_of_pixel) * patterns
    shape = (len(images), cells, patterns)
    counts = [
        np.bincount((first + _patterns(images, config.points, radius)).ravel(), minlength=math.prod(shape))
        for radius in config.radii
    ]
    counts = np.stack([count.reshape(shape) for count in counts], axis=1)
    return counts / counts.sum(axis=-1, keepdims=True)


def _patterns(images: np.ndarray, points: int, radius: int) -> np.ndarray:
    """The pattern of each pixel, 0 to points + 1. (n, H, W) uint8 to the same shape, integers."""
    # Like is compared with like: of two types, the images would be converted anew for each neighbour.
    centres = {np.dtype(kind): images.astype(kind, copy=False) for kind in (np.uint8, np.float64)}
    codes = np.zeros(images.shape, dtype=np.uint8 if points <= 8 else np.uint16)
    for point, neighbour in enumerate(_neighbours(images, points, radius)):
        bright = neighbour >= centres[neighbour.dtype]
        codes |= bright.astype(codes.dtype) << point
    return _pattern_of_code(points)[codes]


def _neighbours(images: np.ndarray, points: int, radius: int) -> Iterator[np.ndarray]:
    """Yield each pixel's neighbour at each point of the circle: (n, H, W) float64, or uint8 where a pixel lies there.

    Whether the neighbour on an even surface comes out a rounding error darker is part of the pattern, so every
    operation is that of scikit-image, in its order.
    """
    angles = 2 * np.pi * np.arange(points) / points
    down, right = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
    margin = radius + 1
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    between_columns = {shift: _shifted(padded, shift, margin, axis=2) for shift in set(right)}
    for row_shift, column_shift in zip(down, right, strict=True):
        yield _shifted(between_columns[column_shift], row_shift, margin, axis=1)


def _shifted(padded: np.ndarray, shift: float, margin: int, axis: int) -> np.ndarray:
    """The values `shift` pixels further along an axis, interpolated; without the margin on that axis."""
    length = padded.shape[axis] - 2 * margin
    start = margin + math.floor(shift)
    before, after = (np.moveaxis(padded, axis, -1)[..., s : s + length] for s in (start, start + 1))
    positions = np.arange(length) + shift
    fraction = positions - np.floor(positions)  # not all equal in their last digit
    if not fraction.any():
        return np.moveaxis(before, -1, axis)
    return np.moveaxis((1 - fraction) * before + fraction * after, -1, axis)


@cache
def _pattern_of_code(points: int) -> np.ndarray:
    """The pattern for each way in which the neighbours can be bright (bit 1) or dark (bit 0), (2 ** points,)."""
    bits = np.arange(2**points)[:, None] >> np.arange(points) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), points + 1)
