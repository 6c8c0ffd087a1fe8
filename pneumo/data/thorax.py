"""Where the lungs lie in a frontal chest radiograph, so that every image can be cut to the same anatomical field.

A matched filter: a coarse template of a thorax (two dark lungs beside a bright mediastinum, between bright side walls
and above a bright abdomen) is laid over the image at several sizes, and the place with the highest normalised
cross-correlation is taken. Nothing is learnt from images or labels; the sizes and the prior are written here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

SEARCH_HEIGHT = 48
"""Height in pixels at which a thorax is searched for."""

LUNG_WIDTHS = (0.60, 0.68, 0.76, 0.85, 0.95, 1.06, 1.18, 1.32)
"""Widths of both lungs together that are tried, as shares of the image's height."""

LUNG_PROPORTIONS = (0.78, 0.90)
"""Heights of the lungs that are tried, as shares of their width."""

TEMPLATE_MARGIN = 0.22
"""What the template shows around the lungs on each side, as a share of their width or height."""

EXPECTED_WIDTH, WIDTH_SPREAD = 0.9, 0.3
"""Width of the lungs as a share of the image's height, and the spread of its logarithm: the prior of the search."""

CENTRE_SPREAD = 0.12
"""Spread of the lungs' centre about the image's, as a share of the image's width or height."""

CENTRE_PENALTY, WIDTH_PENALTY = 0.06, 0.08
"""What a deviation of one spread takes from the correlation, twice: of the centre and of the width."""

OVERHANG = 0.06
"""How far the lungs may reach beyond the image's edge, as a share of its height."""

SIDE_EXCESS, BASE_EXCESS = 0.065, 0.16
"""How far lungs reach beyond what the template fits, as shares of its width on each side, and of its height below: the
costophrenic angles lie below the domes. Measured on 60 phantoms, whose lungs are known."""

FIELD_WIDTH, FIELD_HEIGHT = 1.15, 1.0
"""The field that is cut out, as shares of the lungs' width."""

ASPECT_RANGE = (0.4, 4.0)
"""Aspect ratios outside which nothing is searched for."""


class Box(NamedTuple):
    """A part of an image, as shares of its width and height, from (0, 0) at the top left to (1, 1)."""

    left: float
    top: float
    right: float
    bottom: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def thorax_field(image: np.ndarray, aspect: float | None = None) -> Box:
    """The part of an image to cut out: the lungs with a margin, inside the image.

    image: (H, W) uint8. aspect: width / height of the original, where the image was stretched; by default its own.
    The field is FIELD_WIDTH lung widths wide and FIELD_HEIGHT high; where the image ends before, it is moved inwards,
    and then cut. Returns the whole image where no lungs are found (`find_lungs`).
    """
    shape = image.shape[1] / image.shape[0] if aspect is None else aspect
    lungs = find_lungs(image, shape)
    if lungs == WHOLE:
        return WHOLE
    width = lungs.right - lungs.left
    left, right = _inside((lungs.left + lungs.right) / 2, FIELD_WIDTH * width)
    top, bottom = _inside((lungs.top + lungs.bottom) / 2, FIELD_HEIGHT * width * shape)
    return Box(left, top, right, bottom)


def _inside(centre: float, length: float) -> tuple[float, float]:
    """Beginning and end of a part of [0, 1] of this length, as near to the centre as it goes."""
    length = min(length, 1.0)
    start = min(max(centre - length / 2, 0.0), 1.0 - length)
    return start, start + length


def find_lungs(image: np.ndarray, aspect: float | None = None) -> Box:
    """The box around both lungs.

    image, aspect: as in `thorax_field`. The box may reach beyond the image a little. Returns the whole image where the
    aspect ratio is outside ASPECT_RANGE, and for an image of a single grey level.
    """
    shape = image.shape[1] / image.shape[0] if aspect is None else aspect
    if not ASPECT_RANGE[0] <= shape <= ASPECT_RANGE[1] or np.ptp(image) == 0:
        return WHOLE
    height, width = SEARCH_HEIGHT, round(SEARCH_HEIGHT * shape)
    small = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    padding = height // 3
    padded = np.pad(_ranks(small), padding, mode="edge")
    # Few sizes, so that few transforms of the templates are kept.
    size = (_length(padded.shape[0] + 2 * height), _length(padded.shape[1] + 2 * height))
    values, squares = np.fft.rfft2(padded, size), np.fft.rfft2(padded**2, size)
    best, box = -np.inf, WHOLE
    for template in _templates(size):
        correlation = _correlation(values, squares, template, size)
        down = np.arange(size[0]) - template.height + 1 + template.height / 2 - padding  # centre, in pixels
        along = np.arange(size[1]) - template.width + 1 + template.width / 2 - padding
        half_height, half_width = template.lung_height * height / 2, template.lung_width * height / 2
        correlation -= _penalty(down / height)[:, None] + _penalty(along / width)
        correlation -= WIDTH_PENALTY / 2 * (np.log(template.lung_width / EXPECTED_WIDTH) / WIDTH_SPREAD) ** 2
        correlation[~_fits(down, half_height, height)] = -np.inf
        correlation[:, ~_fits(along, half_width, width)] = -np.inf
        place = int(correlation.argmax())
        if correlation.flat[place] > best:
            best = correlation.flat[place]
            y, x = down[place // size[1]], along[place % size[1]]
            box = Box(
                float((x - half_width) / width) - SIDE_EXCESS * template.lung_width / shape,
                float((y - half_height) / height),
                float((x + half_width) / width) + SIDE_EXCESS * template.lung_width / shape,
                float((y + half_height) / height) + BASE_EXCESS * template.lung_height,
            )
    return box


def _length(wanted: int) -> int:
    return 32 * -(-wanted // 32)


def _ranks(image: np.ndarray) -> np.ndarray:
    """Share of the pixels that are darker or, counting half, equal, (H, W) float64: no tone curve is left."""
    counts = np.bincount(image.ravel(), minlength=256)
    return ((np.cumsum(counts) - counts / 2) / image.size)[image]


def _penalty(centre: np.ndarray) -> np.ndarray:
    return CENTRE_PENALTY / 2 * ((centre - 0.5) / CENTRE_SPREAD) ** 2


def _fits(centre: np.ndarray, half: float, length: int) -> np.ndarray:
    overhang = OVERHANG * SEARCH_HEIGHT
    return (centre - half >= -overhang) & (centre + half <= length + overhang)


class _Template(NamedTuple):
    """lung_width, lung_height: as shares of the image's height. height, width: of the template in pixels.
    pattern, mask: transforms of the weighted template and of its weights, which sum to `weight`."""

    lung_width: float
    lung_height: float
    height: int
    width: int
    pattern: np.ndarray
    mask: np.ndarray
    weight: float


def _correlation(values: np.ndarray, squares: np.ndarray, template: _Template, size: tuple[int, int]) -> np.ndarray:
    """Weighted normalised cross-correlation of a template with an image at every place, in [-1, 1]."""
    product = np.fft.irfft2(values * template.pattern, size)
    mean = np.fft.irfft2(values * template.mask, size) / template.weight
    square = np.fft.irfft2(squares * template.mask, size) / template.weight
    deviation = np.sqrt(np.maximum(square - mean**2, 1e-4))
    return product / (deviation * np.sqrt(template.weight))


@lru_cache(maxsize=16)
def _templates(size: tuple[int, int]) -> list[_Template]:
    templates = []
    for lung_width in LUNG_WIDTHS:
        for lung_height in (proportion * lung_width for proportion in LUNG_PROPORTIONS):
            pattern, weights = _pattern(lung_height * SEARCH_HEIGHT, lung_width * SEARCH_HEIGHT)
            templates.append(
                _Template(
                    lung_width=lung_width,
                    lung_height=lung_height,
                    height=pattern.shape[0],
                    width=pattern.shape[1],
                    # Turned by half a turn: a product of transforms is a convolution.
                    pattern=np.fft.rfft2((pattern * weights)[::-1, ::-1], size),
                    mask=np.fft.rfft2(weights[::-1, ::-1], size),
                    weight=float(weights.sum()),
                )
            )
    return templates


def _pattern(lung_height: float, lung_width: float) -> tuple[np.ndarray, np.ndarray]:
    """The template for lungs of this size in pixels: values with a weighted mean of 0 and norm of 1, and weights."""
    height, width = (round(length * (1 + 2 * TEMPLATE_MARGIN)) for length in (lung_height, lung_width))
    # Places in the box around the lungs: v from 0 at the apex to 1 at the base, u across, s from the middle.
    v = ((np.arange(height) + 0.5) / height * (1 + 2 * TEMPLATE_MARGIN) - TEMPLATE_MARGIN)[:, None]
    u = (np.arange(width) + 0.5) / width * (1 + 2 * TEMPLATE_MARGIN) - TEMPLATE_MARGIN
    s = np.abs(u - 0.5)
    inside = (v > 0) & (v < 1) & (s < 0.5)
    lung = ((s - 0.30 - 0.10 * (v - 0.5)) / 0.17) ** 2 + ((v - 0.5) / 0.5) ** 2 <= 1
    mediastinum = inside & (s < 0.2) & ~lung
    wall = (s > 0.5) & (s < 0.62) & (v > 0.15) & (v < 1)
    abdomen = (v > 1) & (v < 1.2) & (s < 0.45)
    corner = inside & ~lung & ~mediastinum
    values, weights = np.zeros((height, width)), np.zeros((height, width))
    for part, value, weight in (
        (lung, -1.0, 1.0),
        (mediastinum, 1.0, 1.0),
        (wall, 0.5, 1.0),
        (abdomen, 1.0, 0.7),
        (corner, 0.5, 0.7),
    ):
        values[part], weights[part] = value, weight
    values -= (values * weights).sum() / weights.sum()
    return values / np.sqrt((weights * values**2).sum()), weights
