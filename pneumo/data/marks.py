"""Burnt-in marks: side letters, dates and exposure values that were written into the image beside the chest.

A heuristic to slice results by, not a reader of text: it looks for a bright shape of the size of a letter on a darker
ground, near the left or right edge. Where a mark touches bright anatomy, or is as grey as its ground, it is missed.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import measure

EDGE = 0.3
"""Share of the width, from the left and right edge, where marks are looked for."""

CONTRAST = 70
"""Grey levels, of 255, by which a mark is brighter than what surrounds it."""

HEIGHTS = (0.03, 0.14)
"""Height of a mark as a share of the image's."""

PROPORTIONS = (0.4, 1.3)
"""Width of a mark as a share of its height."""

FILLED = (0.25, 0.85)
"""Share of its box that a mark covers: more than a line does, less than a disc or an electrode."""

OPENING = 0.056
"""Side of the square in which a mark's strokes do not fit, as a share of the image's side: nine of 160 pixels."""


def has_mark(image: np.ndarray) -> bool:
    """Whether a radiograph seems to have a burnt-in mark near its left or right edge.

    image: (H, W) uint8, 0 black. Returns False for images of fewer than 64 pixels a side, in which letters are no
    longer shapes. Raises ValueError for another dtype or shape.

    >>> image = np.zeros((160, 160), np.uint8)
    >>> image[20:30, 10:13], image[20:23, 10:16], image[25:27, 10:16], image[20:27, 14:16] = 255, 255, 255, 255  # P
    >>> has_mark(image), has_mark(np.zeros((160, 160), np.uint8))
    (True, False)
    """
    if image.dtype != np.uint8 or image.ndim != 2:
        raise ValueError(f"image is {image.dtype} of shape {image.shape}; give (H, W) uint8")
    height, width = image.shape
    if min(height, width) < 64:
        return False
    grey = image.astype(np.int16)
    side = max(3, round(OPENING * min(height, width)))
    bright = grey - ndimage.grey_opening(grey, size=(side, side)) > CONTRAST
    shapes = np.asarray(measure.label(bright, connectivity=2))
    boxes = enumerate(ndimage.find_objects(shapes), start=1)
    return any(_is_mark(grey, shapes[box] == number, box) for number, box in boxes if box is not None)


def _is_mark(grey: np.ndarray, shape: np.ndarray, box: tuple[slice, slice]) -> bool:
    height, width = grey.shape
    tall, wide = shape.shape
    centre = (box[1].start + box[1].stop) / 2 / width
    if not (
        HEIGHTS[0] * height <= tall <= HEIGHTS[1] * height
        and PROPORTIONS[0] * tall <= wide + 1
        and wide <= PROPORTIONS[1] * tall
        and min(centre, 1 - centre) <= EDGE
        and FILLED[0] <= shape.mean() <= FILLED[1]
    ):
        return False
    top, bottom = max(0, box[0].start - 2), min(height, box[0].stop + 2)
    left, right = max(0, box[1].start - 2), min(width, box[1].stop + 2)
    around = np.concatenate(
        [grey[top, left:right], grey[bottom - 1, left:right], grey[top:bottom, left], grey[top:bottom, right - 1]]
    )
    # All of the mark is brighter than most of its ground, which the edge of a bone is not.
    return bool(np.percentile(around, 75) <= grey[box][shape].min() - 20)
