"""From a file's bytes or an array to what a network reads, by the same decoder and resizing as in training."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumo.data.decode import MAX_PIXELS, ResizeRule, decode, resize_to_square
from pneumo.data.readers.dicom import DICOM_SUFFIXES, decode_dicom, is_dicom
from pneumo.errors import DataError

COLOUR_CHECK_SIZE = 64
"""Side in pixels at which a colour file is looked at again to see how coloured it is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Radiograph:
    """One image, ready for a network.

    pixels: (size, size) uint8, 0 black. aspect: width / height of the original.
    colour: mean distance of a pixel's strongest from its weakest primary colour, in [0, 1]; 0 for grey.
    """

    pixels: np.ndarray
    aspect: float
    colour: float


def from_bytes(data: bytes, name: str, *, size: int, resize: ResizeRule) -> Radiograph:
    """The radiograph in a JPEG, PNG or DICOM file. name: what errors call it.

    Raises DataError as `pneumo.data.decode.decode` and `pneumo.data.readers.dicom.decode_dicom` do.

    >>> buffer = io.BytesIO()
    >>> Image.fromarray(np.zeros((100, 80), np.uint8)).save(buffer, "PNG")
    >>> from_bytes(buffer.getvalue(), "a.png", size=64, resize="stretch").aspect
    0.8
    """
    if is_dicom(data) or (data and name.lower().endswith(DICOM_SUFFIXES)):
        grey, colour = decode_dicom(data, name), 0.0
    else:
        grey, colour = decode(data, name, size), _colour(data)
    return _radiograph(grey, colour, size, resize)


def from_array(array: np.ndarray, name: str, *, size: int, resize: ResizeRule) -> Radiograph:
    """The radiograph in an array: (H, W) or (H, W, 3), uint8 or uint16, 0 black. name: what errors call it.

    uint16 is divided by 256 and colour becomes its luma, as in a PNG file. Raises DataError for any other array.

    >>> from_array(np.zeros((100, 80), np.uint8), "a", size=64, resize="stretch").pixels.shape
    (64, 64)
    """
    array = np.asarray(array)
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{name} is {array.dtype}; give uint8 (0 to 255) or uint16 (0 to 65535)")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)) or 0 in array.shape:
        raise DataError(f"{name} has shape {array.shape}; give (H, W) or (H, W, 3)")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise DataError(f"{name} has shape {array.shape}, more than {MAX_PIXELS:,} pixels; scale it down")
    levels = (array // 256).astype(np.uint8) if array.dtype == np.uint16 else array
    if levels.ndim == 2:
        return _radiograph(levels, 0.0, size, resize)
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(levels)).convert("L"))
    return _radiograph(grey, _spread(levels), size, resize)


def _radiograph(grey: np.ndarray, colour: float, size: int, resize: ResizeRule) -> Radiograph:
    return Radiograph(pixels=resize_to_square(grey, size, resize), aspect=grey.shape[1] / grey.shape[0], colour=colour)


def _colour(data: bytes) -> float:
    """How coloured a file is that `decode` has read without complaint."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        if image.mode in ("1", "L", "LA") or image.mode.startswith("I"):
            return 0.0
        image.draft("RGB", (COLOUR_CHECK_SIZE, COLOUR_CHECK_SIZE))
        picture = image.convert("RGBA").convert("RGB")  # a palette's transparency has no direct way to colour
    return _spread(np.asarray(picture.resize((COLOUR_CHECK_SIZE, COLOUR_CHECK_SIZE), Image.Resampling.BILINEAR)))


def _spread(colours: np.ndarray) -> float:
    """colours: (H, W, 3) uint8."""
    return float((colours.max(axis=2) - colours.min(axis=2)).mean() / 255)
