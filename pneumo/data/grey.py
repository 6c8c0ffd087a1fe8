"""Standardised grey levels: what is left of the tone curve with which an image was taken and saved."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

GreyRule = Literal["as-is", "equalised", "percentiles"]
"""How `standardise` treats grey levels."""

PERCENTILES = (1.0, 99.0)
"""Of an image's pixels, the grey levels that become black and white under "percentiles"."""


def standardise(images: np.ndarray, rule: GreyRule) -> np.ndarray:
    """Standardise the grey levels of each image by itself.

    images: (N, H, W) uint8. rule: "as-is" leaves them; "equalised" makes the histogram uniform, so that only the order
    of the grey levels is left (each becomes the share of pixels that are darker or, counting half, equal);
    "percentiles" maps PERCENTILES to black and white linearly. Returns (N, H, W) uint8; an image of one grey level
    becomes mid-grey under "equalised" and stays as it is under "percentiles".
    Raises ValueError for another rule, dtype or shape.

        >>> standardise(np.array([[[10, 20], [30, 40]]], np.uint8), "equalised").tolist()
        [[[32, 96], [159, 223]]]
    """
    check_grey(rule)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images are {images.dtype} of shape {images.shape}; give (N, H, W) uint8")
    if rule == "as-is":
        return images
    table = _equalising_table if rule == "equalised" else _percentile_table
    return np.stack([table(image)[image] for image in images]) if len(images) else images.copy()


def check_grey(rule: GreyRule) -> None:
    """Raises ValueError unless `standardise` knows this rule."""
    if rule not in get_args(GreyRule):
        raise ValueError(f'grey="{rule}" is unknown; use one of {", ".join(get_args(GreyRule))}')


def _equalising_table(image: np.ndarray) -> np.ndarray:
    """The new grey level of each of the 256, (256,) uint8."""
    counts = np.bincount(image.ravel(), minlength=256)
    darker = np.cumsum(counts) - counts
    return np.rint(255 * (darker + counts / 2) / image.size).astype(np.uint8)


def _percentile_table(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, PERCENTILES)
    levels = np.arange(256)
    if high <= low:
        return levels.astype(np.uint8)
    return np.rint(255 * np.clip((levels - low) / (high - low), 0, 1)).astype(np.uint8)
