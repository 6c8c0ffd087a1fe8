"""Maps that know nothing of the network or of the image: what saliency maps are compared with."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import zoom

RANDOM_PLACES = 5
"""Places along a side of a random map: as coarse as Grad-CAM of EfficientNet on an image of 160 pixels."""


def centre_prior(shape: tuple[int, int, int], deviation: float = 0.15) -> np.ndarray:
    """Saliency maps that mark the centre of every image alike, a baseline for maps of a network.

    shape: (N, H, W). deviation: standard deviation of the Gaussian, as a share of the side. Returns `shape` in [0, 1].

    >>> centre_prior((1, 9, 9))[0].argmax()  # the middle of 81 pixels
    np.int64(40)
    """
    y, x = (np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / deviation) ** 2) for side in shape[1:])
    gaussian = y[:, None] * x
    return np.broadcast_to(gaussian / gaussian.max(), shape)


def random_maps(shape: tuple[int, int, int], random: np.random.Generator, places: int = RANDOM_PLACES) -> np.ndarray:
    """Saliency maps of chance, as smooth as Grad-CAM: uniform numbers on a coarse grid, interpolated linearly.

    shape: (N, H, W). places: along a side of the grid. Returns `shape` in [0, 1], another map for each image.
    Raises ValueError where the grid is finer than the image.

    >>> random_maps((2, 16, 16), np.random.default_rng(0)).shape
    (2, 16, 16)
    """
    if not 1 <= places <= min(shape[1:]):
        raise ValueError(f"places={places} makes no grid over images of {shape[1:]}; use from 1 to {min(shape[1:])}")
    grids = random.random((shape[0], places, places))
    factors = (1, shape[1] / places, shape[2] / places)
    return np.asarray(zoom(grids, factors, order=1, mode="nearest", grid_mode=True))
