"""From a file's bytes or an array to what a network reads, by the same decoder and resizing as in training."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from pneumo.data.decode import MAX_PIXELS, PILLOW_FORMATS, ResizeRule, resize_to_square
from pneumo.data.readers.dicom import decode_dicom
from pneumo.data.readers.image import as_grey, decode_image, is_dicom_file
from pneumo.errors import DataError

COLOUR_CHECK_SIZE = 64
"""Side in pixels at which a colour file is looked at again to see how coloured it is."""


CHANNELS = (1, 2, 3, 4)
"""Sizes of a last axis that holds the channels of one image: grey or colour, without or with transparency."""


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
    """The radiograph in the bytes of an image file or a DICOM file. name: what errors call it.

    Raises DataError as `pneumo.data.readers.image.decode_image` does.

    >>> buffer = io.BytesIO()
    >>> Image.fromarray(np.zeros((100, 80), np.uint8)).save(buffer, "PNG")
    >>> from_bytes(buffer.getvalue(), "a.png", size=64, resize="stretch").aspect
    0.8
    """
    if is_dicom_file(data, name):
        return _from_levels(decode_dicom(data, name), size, resize)
    grey = decode_image(data, name, size)
    return _radiograph(grey, _colour(data), size, resize)


def from_array(array: object, name: str, *, size: int, resize: ResizeRule) -> Radiograph:
    """The radiograph in an array or a tensor, 0 black. name: what errors call it.

    array: (H, W), (H, W, 1), grey with transparency (H, W, 2), colour (H, W, 3) or with transparency (H, W, 4), or with
        the channels first, which a tensor may have: (1, H, W). uint8, uint16 (divided by 256, as in a PNG file) or
        floats in [0, 1].
    Colour becomes its luma, transparency black. Raises DataError for any other array, with what to give.

    >>> from_array(np.zeros((100, 80), np.uint8), "a", size=64, resize="stretch").pixels.shape
    (64, 64)
    """
    levels = _levels(as_array(array, name), name)
    if levels.ndim == 3 and levels.shape[2] not in CHANNELS and levels.shape[0] == 1:
        levels = levels[0]
    if levels.ndim not in (2, 3) or levels.shape[2:] not in ((), *((count,) for count in CHANNELS)) or not levels.size:
        raise DataError(f"{name} has shape {levels.shape}; give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if levels.shape[0] * levels.shape[1] > MAX_PIXELS:
        raise DataError(f"{name} has shape {levels.shape}, more than {MAX_PIXELS:,} pixels; scale it down")
    if levels.ndim == 3 and levels.shape[2] in (2, 4):
        levels = _over_black(levels)
    return _from_levels(levels[..., 0] if levels.shape[2:] == (1,) else levels, size, resize)


def from_picture(picture: Image.Image, name: str, *, size: int, resize: ResizeRule) -> Radiograph:
    """The radiograph in a Pillow image of any mode, as if it were read from a file. name: what errors call it.

    Raises DataError for one that cannot be read.
    """
    file = io.BytesIO()
    try:
        picture.save(file, "TIFF" if picture.mode in ("F", "I", "CMYK", "YCbCr", "LAB", "HSV") else "PNG")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f'{name} is a picture that cannot be read ({error}); give picture.convert("L")') from error
    return from_bytes(file.getvalue(), name, size=size, resize=resize)


def as_array(array: object, name: str) -> np.ndarray:
    """An array, or a tensor of any device. Raises DataError for anything else. name: what errors call it."""
    try:
        if isinstance(array, torch.Tensor):
            tensor = array.detach().cpu()
            return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
        return np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{name} is a {type(array).__name__} and no image ({error}); give a path or an array"
        ) from error


def _levels(array: np.ndarray, name: str) -> np.ndarray:
    """Grey levels as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return (array // 256).astype(np.uint8)
    if array.dtype.kind != "f":
        raise DataError(f"{name} is {array.dtype}; give uint8 (0 to 255), uint16 (0 to 65535) or floats in [0, 1]")
    if array.size and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise DataError(
            f"{name} has floats from {array.min():g} to {array.max():g}; give them in [0, 1], or uint8 (0 to 255)"
        )
    return np.round(array.astype(np.float64) * 255).astype(np.uint8)


def _over_black(levels: np.ndarray) -> np.ndarray:
    """Without transparency. levels: (H, W, 2) or (H, W, 4) uint8."""
    opacity = levels[..., -1:].astype(np.uint16)
    flat = ((levels[..., :-1] * opacity + 127) // 255).astype(np.uint8)
    return flat[..., 0] if flat.shape[2] == 1 else flat


def _from_levels(levels: np.ndarray, size: int, resize: ResizeRule) -> Radiograph:
    """levels: (H, W) or (H, W, 3) uint8."""
    return _radiograph(as_grey(levels), 0.0 if levels.ndim == 2 else _spread(levels), size, resize)


def _radiograph(grey: np.ndarray, colour: float, size: int, resize: ResizeRule) -> Radiograph:
    return Radiograph(pixels=resize_to_square(grey, size, resize), aspect=grey.shape[1] / grey.shape[0], colour=colour)


def _colour(data: bytes) -> float:
    """How coloured a file is that `decode` has read without complaint."""
    with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
        if image.mode in ("1", "L", "LA") or image.mode.startswith("I"):
            return 0.0
        image.draft("RGB", (COLOUR_CHECK_SIZE, COLOUR_CHECK_SIZE))
        picture = image.convert("RGBA").convert("RGB")  # a palette's transparency has no direct way to colour
    return _spread(np.asarray(picture.resize((COLOUR_CHECK_SIZE, COLOUR_CHECK_SIZE), Image.Resampling.BILINEAR)))


def _spread(colours: np.ndarray) -> float:
    """colours: (H, W, 3) uint8."""
    return float((colours.max(axis=2) - colours.min(axis=2)).mean() / 255)
