"""The power spectrum over spatial frequency, without position and direction.

An image that was scanned, enlarged or compressed in another way is sharper, softer or noisier, and has another
spectrum. So has a lung whose vessels an opacity hides, but its place and shape are not in these features.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from pneumo.features.batches import by_batches
from pneumo.features.columns import with_names
from pneumo.features.configuration import NYQUIST_FREQUENCY, SpectrumConfig

if TYPE_CHECKING:
    import pandas as pd

ROUNDING_POWER = 1 / 12
"""Power that rounding to whole grey levels adds to an image, in squared grey levels: the least in every ring."""


def spectrum_features(images: np.ndarray, config: SpectrumConfig | None = None) -> np.ndarray:
    """The logarithm of the power spectrum, averaged over rings of equal spatial frequency.

    The mean is removed first. A Hann window fades each image out towards its border, since the Fourier transform takes
    opposite sides for neighbours.

    images: (N, H, W) uint8.
    Returns (N, rings) float32, the common logarithm of a power in squared grey levels: noise without correlation from
    pixel to pixel, of standard deviation s, gives log10(s ** 2) in every ring. `spectrum_columns` says which ring.
    Raises ValueError for images so small that a ring could hold no frequency.

    >>> len(spectrum_features(np.zeros((3, 64, 64), np.uint8)))
    3
    """
    config = config or SpectrumConfig()
    shape = images.shape[1:]
    most = int(
        round((NYQUIST_FREQUENCY - config.lowest) * min(shape), 9)
    )  # then each holds a whole number of waves a side
    if config.rings > most:
        raise ValueError(f"rings={config.rings} are too many for images of shape {shape}; use at most {most}")
    return by_batches(partial(_logarithms, config=config), images)


def spectrum_columns(config: SpectrumConfig, size: int) -> pd.DataFrame:
    """The columns of `spectrum_features`, the same for every size.

    Returns a row for each ring: frequency (the middle of the ring, in cycles a pixel), name.

    >>> len(spectrum_columns(SpectrumConfig(), 64)) == spectrum_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    import pandas as pd

    width = (NYQUIST_FREQUENCY - config.lowest) / config.rings
    middles = config.lowest + width * (np.arange(config.rings) + 0.5)
    return with_names(pd.DataFrame({"frequency": middles}), "spectrum at {frequency:.4f} cycles a pixel")


def _logarithms(images: np.ndarray, config: SpectrumConfig) -> np.ndarray:
    """(n, H, W) uint8 to (n, rings) float64."""
    window, ring = _window(images.shape[1:]), _rings(images.shape[1:], config)
    means = (images * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2((images - means) * window)) ** 2 / (window**2).sum()  # (n, H, W)
    inside = ring >= 0
    counts = np.bincount(ring[inside], minlength=config.rings)
    sums = [np.bincount(ring[inside], weights=one[inside], minlength=config.rings) for one in power]
    return np.log10(np.stack(sums) / counts + ROUNDING_POWER)


@cache
def _window(shape: tuple[int, int]) -> np.ndarray:
    """The product of a Hann window along each side, (H, W)."""
    rows, columns = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(side) + 0.5) / side) for side in shape)
    return rows[:, None] * columns


@cache
def _rings(shape: tuple[int, int], config: SpectrumConfig) -> np.ndarray:
    """The ring of each frequency of `fft2`, from 0 up; -1 for frequencies outside all rings. (H, W) integers."""
    rows, columns = (np.fft.fftfreq(side) for side in shape)
    frequency = np.hypot(rows[:, None], columns)  # cycles a pixel, up to 0.71 in the corners
    place = (frequency - config.lowest) / (NYQUIST_FREQUENCY - config.lowest) * config.rings
    ring = np.ceil(place.round(9)).astype(np.intp) - 1  # a ring's upper edge is its own
    return np.where(ring < config.rings, np.maximum(ring, -1), -1)
