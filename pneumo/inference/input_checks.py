"""Input checks: whether simple statistics of an image lie in their range over the training images.

A network gives a probability for any image, a chest or not. These statistics do not recognise a chest; they detect what
is clearly something else, or acquired or saved in another way. An image without a warning may still be out of
distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pneumo.data.decode import resize_to_square
from pneumo.inference.radiograph import Radiograph

THUMBNAIL_SIZE = 16
"""Side in pixels of the thumbnails whose statistics are computed: they show the acquisition and no opacities."""

TAIL_FRACTION = 0.001
"""Share of the training images beyond each end of a statistic's range."""

MAX_COLOUR_SPREAD = 0.05
"""Mean spread between colour channels, in [0, 1], above which an image counts as coloured."""

RANGE_WARNINGS = {
    "colour": ("", "in colour"),
    "aspect": ("unusually narrow", "unusually wide"),
    "brightness": ("unusually dark", "unusually bright"),
    "contrast": ("little contrast", "unusually much contrast"),
    "symmetry": ("left and right differ unusually", ""),
    "chest": ("unlike a frontal chest radiograph", ""),
}
"""Warnings below and above the range of each statistic; "" where that end has no limit."""


@dataclass(frozen=True, kw_only=True)
class InputStatistics:
    """Statistics of the training images.

    ranges: (lowest, highest) of each statistic, see `image_statistics`.
    mean: (16, 16) grey levels of the mean training image, whole numbers.
    """

    mean: tuple[tuple[int, ...], ...]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def warning(self, radiograph: Radiograph) -> str:
        """Which statistics of an image are out of range, in a few words; "" where none is."""
        thumbnail = resize_to_square(radiograph.pixels, THUMBNAIL_SIZE, "stretch")[None]
        values = image_statistics(thumbnail, np.array(self.mean)) | {
            "aspect": np.array([radiograph.aspect]),
            "colour": np.array([radiograph.colour]),
        }
        found = []
        for name, (low, high) in self.ranges.items():
            value = float(values[name][0])
            below, above = RANGE_WARNINGS[name]
            found.append(below if value < low else above if value > high else "")
        return "; ".join(words for words in found if words)


def fit_input_statistics(
    images: Sequence[np.ndarray] | np.ndarray, aspects: np.ndarray | None = None
) -> InputStatistics:
    """Input statistics of the training images.

    images: (N, size, size) uint8, or N of them, as a network reads them. aspects: (N,) width / height of the originals,
        or None where they are not known: then any shape is familiar.

    >>> images = pneumo.data.pixels(pneumo.data.load("phantom"), size=32, progress=False).array
    >>> sorted(fit_input_statistics(images).ranges)[:2]
    ['brightness', 'chest']
    """
    thumbnails = np.stack([resize_to_square(image, THUMBNAIL_SIZE, "stretch") for image in images])
    mean = np.round(thumbnails.mean(axis=0)).astype(int)
    values = image_statistics(thumbnails, mean) | ({} if aspects is None else {"aspect": np.asarray(aspects, float)})
    ranges = {"colour": (0.0, MAX_COLOUR_SPREAD)}
    for name, value in values.items():
        low, high = np.quantile(value, (TAIL_FRACTION, 1 - TAIL_FRACTION))
        ranges[name] = (round(float(low), 4), round(float(high), 4))
    return InputStatistics(mean=tuple(map(tuple, mean.tolist())), ranges=ranges)


def image_statistics(thumbnails: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Measures of small grey images, each (N,).

    thumbnails: (N, S, S) uint8. mean: (S, S), the mean training image.
    brightness, contrast: mean and standard deviation of the grey levels, in [0, 1]. symmetry: correlation with the
    mirror image. chest: correlation with the mean training image. A correlation with an even grey is 0.
    """
    flat = thumbnails.reshape(len(thumbnails), -1) / 255
    mirrored = thumbnails[:, :, ::-1].reshape(len(thumbnails), -1) / 255
    return {
        "brightness": flat.mean(axis=1),
        "contrast": flat.std(axis=1),
        "symmetry": _correlation(flat, mirrored),
        "chest": _correlation(flat, np.broadcast_to(mean.reshape(1, -1), flat.shape)),
    }


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's, row by row."""
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    size = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), size, out=np.zeros(len(one)), where=size > 1e-12)
