"""Images that lack a part: what a network needs to see.

Masks are (H, W), one for all images, or (N, H, W), one for each; True inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PATCHES_PER_SIDE = 4
"""Patches along a side into which `shuffle_patches` cuts an image: 16, each smaller than a lung."""

BORDER_WIDTH = 0.1
"""Width of the frame that `borders_only` leaves, as a share of the side."""

LUNG_ELLIPSES = ((0.285, 0.50, 0.125, 0.33, 14.0), (0.715, 0.50, 0.115, 0.34, -17.0))
"""The two lungs of `lung_field`: centre x, centre y, half axis across, half axis down, as shares of width and height;
and a turn clockwise in degrees."""


def lung_field(height: int, width: int | None = None) -> np.ndarray:
    """Where the lungs of a child are as a rule in a frontal radiograph, (height, width) bool: two ellipses.

    No segmentation: the same template for every image, placed on the mean of the study's training images, stretched to
    a square. It covers the heart's left edge and misses the corners of a deep breath. A share inside it is a figure to
    compare networks by, not an area of lung.

    >>> mask = lung_field(64)
    >>> mask.shape, mask.dtype
    ((64, 64), dtype('bool'))
    """
    width = height if width is None else width
    y = (np.arange(height)[:, None] + 0.5) / height
    x = (np.arange(width)[None, :] + 0.5) / width
    right, left = (_ellipse(x, y, *lung) for lung in LUNG_ELLIPSES)
    return right | left


def _ellipse(
    x: np.ndarray, y: np.ndarray, centre_x: float, centre_y: float, across: float, down: float, turn: float
) -> np.ndarray:
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    u, v = (x - centre_x) * cos + (y - centre_y) * sin, (y - centre_y) * cos - (x - centre_x) * sin
    return (u / across) ** 2 + (v / down) ** 2 <= 1


def occlude_lungs(images: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """(N, H, W) uint8, with the mask's inside (by default `lung_field`) at the mean grey of each image's outside.

    Not black: air is black, and a black lung would look like a clear one. What is left is everything but the lungs.

    >>> occlude_lungs(np.zeros((2, 64, 64), np.uint8)).shape
    (2, 64, 64)
    """
    mask = lung_field(*images.shape[1:]) if mask is None else mask
    outside = ~np.broadcast_to(mask, images.shape)
    grey = images.sum(axis=(1, 2), where=outside, dtype=float) / np.maximum(outside.sum(axis=(1, 2)), 1)
    return np.where(outside, images, np.round(grey).astype(np.uint8)[:, None, None])


def borders_only(images: np.ndarray, width: float = BORDER_WIDTH) -> np.ndarray:
    """(N, H, W) uint8, black but for a frame: markers, arms, collimation, and no lung.

    width: of the frame as a share of the side, in (0, 0.5).

    >>> borders_only(np.full((1, 20, 20), 200, np.uint8))[0, 0, 0]
    np.uint8(200)
    """
    if not 0 < width < 0.5:
        raise ValueError(f"width={width} leaves no frame, or the whole image; use a share above 0 and below 0.5")
    height, side = images.shape[1:]
    top, left = max(1, round(width * height)), max(1, round(width * side))
    framed = images.copy()
    framed[:, top:-top, left:-left] = 0
    return framed


def shuffle_patches(images: np.ndarray, random: np.random.Generator, patches: int = PATCHES_PER_SIDE) -> np.ndarray:
    """(N, H, W) uint8, cut into patches x patches and put together in another order for each image.

    What is left is texture and grey levels; where anything was is gone. A side that `patches` does not divide loses the
    pixels beyond the last whole patch on the right and below: they stay as they are.
    Raises ValueError where a patch would be smaller than a pixel.

    >>> shuffle_patches(np.zeros((2, 16, 16), np.uint8), np.random.default_rng(0)).shape
    (2, 16, 16)
    """
    height, width = images.shape[1] // patches, images.shape[2] // patches
    if not (height and width):
        raise ValueError(f"patches={patches} is more than an image of {images.shape[1:]} has pixels along a side")
    inner = images[:, : height * patches, : width * patches]
    cut = inner.reshape(len(images), patches, height, patches, width).swapaxes(2, 3)
    cut = cut.reshape(len(images), patches**2, height, width)  # (N, patches², h, w)
    order = random.permuted(np.tile(np.arange(patches**2), (len(images), 1)), axis=1)
    mixed = cut[np.arange(len(images))[:, None], order]
    shuffled = images.copy()
    shuffled[:, : height * patches, : width * patches] = (
        mixed.reshape(len(images), patches, patches, height, width).swapaxes(2, 3).reshape(inner.shape)
    )
    return shuffled


OCCLUSIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "without-lungs": occlude_lungs,
    "border": borders_only,
    "shuffled": lambda images: shuffle_patches(images, np.random.default_rng(0)),
}
"""By the names that `ReevaluationConfig.look` has for them; (N, H, W) uint8 in and out, the same each time."""
