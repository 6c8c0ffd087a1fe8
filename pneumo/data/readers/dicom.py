"""From the bytes of a DICOM file to grey levels, as a viewer shows them.

Needs pydicom: `pip install "pneumo[dicom]"`.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

import numpy as np

from pneumo.data.decode import MAX_PIXELS
from pneumo.errors import DataError

if TYPE_CHECKING:
    from pydicom import Dataset

DICOM_SUFFIXES = (".dcm", ".dicom")

MAX_INFLATED_BYTES = 4 * MAX_PIXELS
"""Size of the largest deflated file once inflated, which pydicom does as a whole: the largest image of 32 bits."""


def is_dicom(data: bytes) -> bool:
    """Whether these are the bytes of a DICOM file: "DICM" after a preamble of 128 bytes."""
    return data[128:132] == b"DICM"


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a DICOM file that has been decoded without complaint."""
    import pydicom

    file = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return int(file.Columns), int(file.Rows)


def decode_dicom(data: bytes, name: str) -> np.ndarray:
    """Decode a DICOM file with one grey image.

    data: the file's bytes. name: what errors call it. Returns (H, W) uint8, 0 black.

    In this order: the modality's rescale slope and intercept (or its table); the first of the file's views (VOI table
    or window), or where it names none, the range of the values that occur; MONOCHROME1 inverted, so that bone is white.
    Raises DataError where pydicom is not installed, for a damaged file, for one whose header and pixels contradict each
    other, for one without pixels, with several frames or in colour, for over MAX_PIXELS or MAX_INFLATED_BYTES, and for
    a compression that no installed package reads.
    """
    try:
        import pydicom
    except ImportError as error:
        raise DataError(f'{name} is a DICOM file, and pydicom is not installed; pip install "pneumo[dicom]"') from error
    try:
        _check_inflated_size(data, name)
        file = pydicom.dcmread(io.BytesIO(data))
        _check(file, name)
        with np.errstate(over="ignore", invalid="ignore"):
            levels = _view(file, _values(file))
        if not np.isfinite(levels).all():
            raise ValueError("its scale or its window is no number")
        if file.PhotometricInterpretation == "MONOCHROME1":
            levels = 1 - levels
        return np.round(255 * levels).astype(np.uint8)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a damaged file trips pydicom's parsers in any way
        reason = " ".join(str(error).split())  # pydicom lists its decoders on lines of their own
        raise DataError(f"{name} cannot be decoded ({reason}); export or copy it again, or remove it") from error


def _check_inflated_size(data: bytes, name: str) -> None:
    """Raises DataError for a deflated file of a few bytes that would fill the memory."""
    from pydicom.filereader import read_dataset, read_preamble
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    file = io.BytesIO(data)
    read_preamble(file, force=False)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacking.decompress(file.read(), MAX_INFLATED_BYTES)
    if unpacking.unconsumed_tail:
        raise DataError(
            f"{name} unpacks to more than the {MAX_INFLATED_BYTES:,} bytes that are read; export it uncompressed"
        )


def _check(file: Dataset, name: str) -> None:
    """Raises DataError for what is no single grey image that can be decoded here."""
    if "PixelData" not in file:
        raise DataError(f"{name} has no pixels; name the file of the image itself")
    frames = int(file.get("NumberOfFrames", None) or 1)
    if frames != 1:
        raise DataError(f"{name} has {frames} frames; a radiograph has one: export the frame that is meant")
    if file.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise DataError(f"{name} is {file.PhotometricInterpretation}, no grey image; export it as MONOCHROME2")
    if file.get("SamplesPerPixel", 1) != 1:
        raise DataError(
            f"{name} has {file.SamplesPerPixel} values a pixel, no grey image; export it as MONOCHROME2 with one"
        )
    if file.Rows * file.Columns > MAX_PIXELS:
        raise DataError(
            f"{name} claims {file.Columns} x {file.Rows} pixels, more than the {MAX_PIXELS:,} that are decoded; "
            "scale it down or remove it"
        )
    _check_compression(file, name)


def _check_compression(file: Dataset, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = file.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax.is_deflated:
        if file["PixelData"].is_undefined_length:
            raise DataError(f"{name} says that it is not compressed, and its pixels are; export it again")
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise DataError(
            f'{name} is compressed as {syntax.name}, which no installed package reads; pip install "pneumo[dicom]", '
            "or export it uncompressed"
        )


def _values(file: Dataset) -> np.ndarray:
    """What the modality measured, (H, W) float64."""
    from pydicom.pixels.processing import apply_modality_lut

    stored = file.pixel_array
    if stored.shape != (file.Rows, file.Columns):
        raise ValueError(f"its header says {file.Rows} x {file.Columns} pixels, and it holds {stored.shape}")
    return apply_modality_lut(stored, file).astype(float)


def _view(file: Dataset, values: np.ndarray) -> np.ndarray:
    """Values as the file's first view shows them, (H, W) in [0, 1]. Raises ValueError for an impossible window."""
    from pydicom.dataset import Dataset
    from pydicom.pixels.processing import apply_voi, apply_windowing

    if file.get("VOILUTSequence"):
        bits = int(file.VOILUTSequence[0].LUTDescriptor[2])
        return np.clip(apply_voi(np.round(values).astype(int), file) / (2**bits - 1), 0, 1)
    if "WindowCenter" not in file or "WindowWidth" not in file:
        low, high = values.min(), values.max()
        return (values - low) / max(high - low, 1e-12)
    if not np.isfinite(np.asarray(file.WindowWidth, dtype=float)).all():
        raise ValueError(f"a window cannot be {file.WindowWidth} wide")  # pydicom shows all in one grey
    # pydicom scales a window to the range of the file's stored values. One bit, unsigned, is the range from 0 to 1.
    window = Dataset()
    window.WindowCenter, window.WindowWidth = file.WindowCenter, file.WindowWidth
    window.VOILUTFunction = file.get("VOILUTFunction", None) or "LINEAR"
    window.PhotometricInterpretation, window.BitsStored, window.PixelRepresentation = "MONOCHROME2", 1, 0
    return apply_windowing(values, window)
