"""Whether an image is like those that a network learnt from: a few plain measures, and their range in training images.

A network answers for a photograph of a cat as readily as for a chest. These measures do not recognise a chest; they
notice what is plainly something else, or plainly taken or saved another way. An image without a warning may still be
unlike what was learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pneumo.data.decode import resize_to_square
from pneumo.inference.radiograph import Radiograph

THUMBNAIL = 16
"""Side in pixels at which images are measured: what shows at that is how a film was taken, and not who is ill."""

OUTSIDE = 0.001
"""Share of the training images that may lie beyond each end of a measure's range."""

COLOURED = 0.05
"""Above this, an image is in colour. By definition: a radiograph has none, but compression leaves a trace."""

WORDS = {
    "colour": ("", "in colour"),
    "aspect": ("unusually narrow", "unusually wide"),
    "brightness": ("unusually dark", "unusually bright"),
    "contrast": ("little contrast", "unusually much contrast"),
    "symmetry": ("left and right differ unusually", ""),
    "chest": ("unlike a frontal chest radiograph", ""),
}
"""What is said of an image below and above the range of each measure; "" where that end has no limit."""


@dataclass(frozen=True, kw_only=True)
class Familiarity:
    """The training images in brief.

    ranges: (lowest, highest) of each measure, see `measure`.
    mean: (16, 16) grey levels of the mean training image, whole numbers.
    """

    mean: tuple[tuple[int, ...], ...]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)

    def warning(self, radiograph: Radiograph) -> str:
        """What is unfamiliar about an image, in a few words; "" where nothing is."""
        thumbnail = resize_to_square(radiograph.pixels, THUMBNAIL, "stretch")[None]
        values = measure(thumbnail, np.array(self.mean)) | {
            "aspect": np.array([radiograph.aspect]),
            "colour": np.array([radiograph.colour]),
        }
        found = []
        for name, (low, high) in self.ranges.items():
            value = float(values[name][0])
            below, above = WORDS[name]
            found.append(below if value < low else above if value > high else "")
        return "; ".join(words for words in found if words)


def learn(images: Sequence[np.ndarray], aspects: np.ndarray | None = None) -> Familiarity:
    """The familiarity of training images.

    images: (N, size, size) uint8, or N of them, as a network reads them. aspects: (N,) width / height of the originals,
        or None where they are not known: then any shape is familiar.
    """
    thumbnails = np.stack([resize_to_square(image, THUMBNAIL, "stretch") for image in images])
    mean = np.round(thumbnails.mean(axis=0)).astype(int)
    values = measure(thumbnails, mean) | ({} if aspects is None else {"aspect": np.asarray(aspects, float)})
    ranges = {"colour": (0.0, COLOURED)}
    for name, value in values.items():
        low, high = np.quantile(value, (OUTSIDE, 1 - OUTSIDE))
        ranges[name] = (round(float(low), 4), round(float(high), 4))
    return Familiarity(mean=tuple(map(tuple, mean.tolist())), ranges=ranges)


def measure(thumbnails: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
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
