"""From the bytes of a radiograph of any format to grey levels: DICOM by one decoder, all others by the other."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from pneumo.data.decode import PILLOW_FORMATS, ResizeRule, decode, decode_to_square, resize_to_square
from pneumo.data.readers import dicom
from pneumo.data.readers.formats import DICOM_SUFFIXES, HEAD_BYTES, has_suffix, identify
from pneumo.errors import DataError


def is_dicom_file(data: bytes, name: str) -> bool:
    """Whether the DICOM decoder is for a file: by its content, or by its name where the content tells nothing."""
    head = data[:HEAD_BYTES]
    return dicom.is_dicom(head) or (bool(data) and has_suffix(name, DICOM_SUFFIXES) and not _is_other_image(head))


def _is_other_image(head: bytes) -> bool:
    return identify(head, "").role == "radiograph"


def decode_image(data: bytes, name: str, size: int | None = None) -> np.ndarray:
    """Grey levels of a file, (H, W) uint8, 0 black. size: see `pneumo.data.decode.decode`.

    Raises DataError as `pneumo.data.decode.decode` and `pneumo.data.readers.dicom.decode_dicom` do, and for a format
    that is not read, with its name.
    """
    if is_dicom_file(data, name):
        return as_grey(dicom.decode_dicom(data, name))
    _check_format(data, name)
    return decode(data, name, size)


def decode_image_to_square(
    data: bytes, name: str, size: int, rule: ResizeRule, aspect: float | None = None
) -> np.ndarray:
    """`decode_image`, then `pneumo.data.decode.resize_to_square`: (size, size) uint8."""
    if is_dicom_file(data, name):
        return resize_to_square(as_grey(dicom.decode_dicom(data, name)), size, rule, aspect)
    _check_format(data, name)
    return decode_to_square(data, name, size, rule, aspect)


def _check_format(data: bytes, name: str) -> None:
    found = identify(data[:HEAD_BYTES], "")
    if found.role == "archive":
        raise DataError(f"{name} is a zip archive; name it by itself, not as an image")
    if found.role == "unsupported":
        raise DataError(f"{name} is {found.name}, which is not read; {found.remedy}")


def as_grey(levels: np.ndarray) -> np.ndarray:
    """(H, W) uint8 as it is, and (H, W, 3) uint8 as its luma (ITU-R BT.601)."""
    return levels if levels.ndim == 2 else np.asarray(Image.fromarray(np.ascontiguousarray(levels)).convert("L"))


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height in pixels, as stored, of a file that has been decoded without complaint."""
    if is_dicom_file(data, name):
        return dicom.image_size(data)
    with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
        return image.size
