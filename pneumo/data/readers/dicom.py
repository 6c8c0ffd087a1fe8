"""From the bytes of a DICOM file to grey levels, as a viewer shows them.

Needs pydicom: `pip install "pneumo[dicom]"`.

pydicom parses and decompresses. What follows, from stored values to grey levels, is written here after PS3.3 of the
standard: pydicom leaves out where the bits of a value lie (HighBit), padding and the polarity of the presentation, and
a table of eight bits goes wrong in it beyond the value 255 (version 3.0).
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pneumo.data.decode import MAX_PIXELS
from pneumo.data.readers.formats import HEAD_BYTES, identify, is_dicom
from pneumo.errors import DataError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

MAX_INFLATED_BYTES = 4 * MAX_PIXELS
"""Size of the largest deflated file once inflated, which pydicom does as a whole: the largest image of 32 bits."""

HEADER_BYTES = 65_536
"""Number of bytes at the beginning of a file in which its PatientID is looked for first."""

PATIENT_ID = 0x00100020

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a DICOM file that has been decoded without complaint."""
    file = _parse(data, pixels=False)
    return int(file.Columns), int(file.Rows)


def patient_id(read: Callable[[int], bytes]) -> bytes:
    """PatientID of a DICOM file, as it is stored but for blanks around it; b"" where there is none.

    read: gives so many bytes from the beginning of the file, all where that is -1; the file is read as a whole only
        where HEADER_BYTES do not reach PatientID. Without pydicom, and of a damaged file, there is none either.
    """
    try:
        found = _patient_id(read(HEADER_BYTES))
        return (_patient_id(read(-1)) if found is None else found) or b""
    except Exception:  # a damaged file trips pydicom's parsers in any way; decoding it says what is wrong with it
        return b""


def _patient_id(data: bytes) -> bytes | None:
    """As `patient_id`, of the beginning of a file; None where it ends too early to tell."""
    from pydicom.filereader import read_partial
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta, body = _file_meta(data)
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, MAX_INFLATED_BYTES)
    else:
        start = _with_preamble(data) if syntax else body
    passed = False

    def is_behind(tag: int, *_: object) -> bool:
        nonlocal passed
        passed = tag > PATIENT_ID
        return passed

    file = read_partial(io.BytesIO(start), stop_when=is_behind, force=True, specific_tags=[PATIENT_ID])
    if PATIENT_ID in file:
        value = file.get_item(PATIENT_ID).value or b""
        return (value if isinstance(value, bytes) else str(value).encode()).strip(b" \0")
    return b"" if passed else None


def decode_dicom(data: bytes, name: str) -> np.ndarray:
    """Decode a DICOM file with one image.

    data: the file's bytes. name: what errors call it. Returns (H, W) uint8, 0 black, or (H, W, 3) for one in colour.

    In this order (PS3.3 C.7.6.3.1, C.11.1 and C.11.2): the value of a pixel is BitsStored bits below HighBit, signed or
    not, so that overlays in other bits do not count; the modality's table, or its rescale slope and intercept; the
    first of the file's views that can be applied (VOI tables, then windows), or where it has none, the range of the
    values that occur, padding left out; inverted where PresentationLUTShape says INVERSE or, without one, for
    MONOCHROME1, so that bone is white. Padding is black. An attribute that is there and empty counts as absent.
    Overlays are not drawn.

    Raises DataError where pydicom is not installed, for a damaged file, for one whose header and pixels contradict each
    other, for one without pixels or with several frames, for over MAX_PIXELS or MAX_INFLATED_BYTES, and for a
    compression that no installed package reads. Warns where a view or a scale cannot be applied and is passed over.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise DataError(f'{name} is a DICOM file, and pydicom is not installed; pip install "pneumo[dicom]"') from error
    try:
        _check_inflated_size(data, name)
        file = _parse(data)
        _check(file, data, name)
        return _colours(file) if _photometric(file) not in GREY else _grey_levels(file, name)
    except (DataError, MemoryError, Warning):
        raise
    except Exception as error:  # a damaged file trips pydicom's parsers in any way
        reason = " ".join(str(error).split())  # pydicom lists its decoders on lines of their own
        raise DataError(f"{name} cannot be decoded ({reason}); export or copy it again, or remove it") from error


def _grey_levels(file: Dataset, name: str) -> np.ndarray:
    """(H, W) uint8."""
    stored, padding = _stored_values(file)
    with np.errstate(over="ignore", invalid="ignore"):
        values = _modality_values(file, stored, name)
        levels = _view(file, values, padding, name)
    if not np.isfinite(levels).all():
        raise ValueError("its scale or its window is no number")
    if _is_inverse(file):
        levels = 1 - levels
    levels[padding] = 0
    return np.round(255 * levels).astype(np.uint8)


def _is_inverse(file: Dataset) -> bool:
    """Whether the highest value is black. Where the two contradict each other, the presentation counts (PS3.3 C.11.6),
    as in dcmtk."""
    shape = _text(file, "PresentationLUTShape")
    return shape == "INVERSE" if shape in ("IDENTITY", "INVERSE") else _photometric(file) == "MONOCHROME1"


# Parsing -------------------------------------------------------------------------------------------------------------


def _parse(data: bytes, *, pixels: bool = True) -> Dataset:
    """The file's attributes; a transfer syntax that it does not name is told from its bytes."""
    import pydicom

    meta, body = _file_meta(data)
    whole = _with_preamble(data) if meta.get("TransferSyntaxUID") else body
    file = pydicom.dcmread(io.BytesIO(whole), force=True, stop_before_pixels=not pixels)
    if not file.file_meta.get("TransferSyntaxUID"):
        file.file_meta.TransferSyntaxUID = _guess_transfer_syntax(file)
    return file


def _file_meta(data: bytes) -> tuple[Dataset, bytes]:
    """The attributes of group 2, which say how the others are written, and the bytes of the others."""
    from pydicom.filereader import read_dataset, read_preamble

    file = io.BytesIO(_with_preamble(data))
    read_preamble(file, force=True)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag.group != 2)
    return meta, file.read()


def _with_preamble(data: bytes) -> bytes:
    return bytes(128) + data if data[:4] == b"DICM" else data


def _guess_transfer_syntax(file: Dataset) -> UID:
    from pydicom import uid

    if "PixelData" in file and file["PixelData"].is_undefined_length:
        return _guess_compression(file.PixelData)
    implicit, little = file.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _guess_compression(encapsulated: bytes) -> UID:
    """By the first bytes of the frame: those of JPEG 2000, of the kinds of JPEG by their frame's marker, else RLE."""
    from pydicom import uid

    frame = _first_frame(encapsulated)
    if _jpeg_2000_codestream(frame):
        return uid.JPEG2000
    marker, _ = _jpeg_frame_header(frame)
    kinds = {0xC1: uid.JPEGExtended12Bit, 0xC3: uid.JPEGLosslessSV1, 0xF7: uid.JPEGLSLossless}
    return uid.RLELossless if not marker else kinds.get(marker, uid.JPEGBaseline8Bit)


def _first_frame(encapsulated: bytes) -> bytes:
    from pydicom.encaps import generate_frames

    return next(generate_frames(encapsulated, number_of_frames=1))


class _CodedSize(NamedTuple):
    """What a compressed image says of itself. bits: of a value."""

    rows: int
    columns: int
    samples: int
    bits: int


def _jpeg_2000_codestream(frame: bytes) -> bytes:
    """From its first marker on, without a box around it; b"" where there is none."""
    if frame[4:8] == b"jP  ":
        return frame[max(frame.find(b"\xff\x4f\xff\x51"), 0) :]
    return frame if frame[:4] == b"\xff\x4f\xff\x51" else b""


def _jpeg_frame_header(frame: bytes) -> tuple[int, bytes]:
    """The second byte of the marker before a JPEG's or a JPEG-LS' frame header, and what follows; 0 where none is."""
    place = 2 if frame[:2] == b"\xff\xd8" else len(frame)
    while place + 4 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return marker, frame[place + 4 :]
        place += 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return 0, b""


def _coded_size(frame: bytes) -> _CodedSize | None:
    """The size in a compressed frame (ITU-T T.81 B.2.2, T.87 C.2.2 and T.800 A.5.1); None where it has none."""
    codestream = _jpeg_2000_codestream(frame)
    if len(codestream) >= 43:
        right, bottom, left, top = struct.unpack_from(">4I", codestream, 8)
        samples = struct.unpack_from(">H", codestream, 40)[0]
        return _CodedSize(bottom - top, right - left, samples, (codestream[42] & 0x7F) + 1)
    _, header = _jpeg_frame_header(frame)
    if len(header) < 6:
        return None
    bits, rows, columns, samples = struct.unpack_from(">BHHB", header)
    return _CodedSize(rows, columns, samples, bits)


def _check_coded_size(file: Dataset) -> None:
    """Raises ValueError for a compressed image of another size than its file says: a decoder may end the process."""
    from pydicom.uid import RLELossless

    syntax = file.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax.is_deflated or syntax == RLELossless:
        return
    coded = _coded_size(_first_frame(file.PixelData))
    if coded is None:
        raise ValueError("its pixels are no image compressed as it says")
    samples = int(file.get("SamplesPerPixel", None) or 1)
    if coded[:3] != (file.Rows, file.Columns, samples) or not 1 <= coded.bits <= file.BitsAllocated:
        raise ValueError(
            f"its header says {file.Rows} x {file.Columns} pixels of {samples} x {file.BitsAllocated} bits, and its "
            f"compressed image {coded.rows} x {coded.columns} of {coded.samples} x {coded.bits}"
        )


def _check_inflated_size(data: bytes, name: str) -> None:
    """Raises DataError for a deflated file of a few bytes that would fill the memory."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta, body = _file_meta(data)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacking.decompress(body, MAX_INFLATED_BYTES)
    if unpacking.unconsumed_tail:
        raise DataError(
            f"{name} unpacks to more than the {MAX_INFLATED_BYTES:,} bytes that are read; export it uncompressed"
        )


def _check(file: Dataset, data: bytes, name: str) -> None:
    """Raises DataError for what is no single image that can be decoded here."""
    kind = identify(data[:HEAD_BYTES], name)
    if kind.role == "other":
        raise DataError(f"{name} is no image but a {kind.name}; name the file of the image itself")
    if "PixelData" not in file:
        if not is_dicom(data[:HEAD_BYTES]):
            raise ValueError("it is no DICOM file")
        raise DataError(f"{name} has no pixels; name the file of the image itself")
    frames = int(file.get("NumberOfFrames", None) or 1)
    if frames != 1:
        raise DataError(f"{name} has {frames} frames; a radiograph has one: export the frame that is meant")
    if file.Rows * file.Columns > MAX_PIXELS:
        raise DataError(
            f"{name} claims {file.Columns} x {file.Rows} pixels, more than the {MAX_PIXELS:,} that are decoded; "
            "scale it down or remove it"
        )
    samples = 3 if _photometric(file) in COLOUR else 1
    if _photometric(file) not in (*GREY, *COLOUR, PALETTE) or int(file.get("SamplesPerPixel", None) or 1) != samples:
        raise DataError(
            f"{name} is {file.PhotometricInterpretation} with {file.get('SamplesPerPixel') or 1} value(s) a pixel, "
            "which is not read; export it as MONOCHROME2 with one"
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
    _check_coded_size(file)


def _photometric(file: Dataset) -> str:
    """PhotometricInterpretation as the standard writes it."""
    text = " ".join(str(file.PhotometricInterpretation).upper().split())
    return text.replace("MONOCHROME ", "MONOCHROME")


def _text(file: Dataset, keyword: str) -> str:
    """An attribute as text in capitals, "" where it is absent or empty; the first of several."""
    value = _value(file, keyword)
    values = [value] if isinstance(value, str) else list(value or [])
    return str(values[0]).strip().upper() if values else ""


def _value(file: Dataset, keyword: str) -> Any:
    """An attribute of the image or of its functional groups (PS3.3 C.7.6.16); None where it is absent or empty."""
    for group in _groups(file):
        value = group.get(keyword, None)
        if value is not None and value != "" and value != []:
            return value
    return None


def _groups(file: Dataset) -> Iterator[Dataset]:
    yield file
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in (file.get(groups, None) or [])[:1]:
            for macro in ("FrameVOILUTSequence", "PixelValueTransformationSequence"):
                yield from (group.get(macro, None) or [])[:1]


def _numbers(file: Dataset, keyword: str) -> list[float]:
    """An attribute as numbers, none where it is absent or empty."""
    value = _value(file, keyword)
    if value is None:
        return []
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [float(each) for each in values if each is not None and each != ""]  # pyright: ignore[reportArgumentType]


# From pixels to values -----------------------------------------------------------------------------------------------


def _stored_values(file: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Stored values, (H, W) integers, and which of them are padding, (H, W) bool."""
    allocated = int(file.BitsAllocated)
    bits = int(file.get("BitsStored", None) or allocated)
    high = file.get("HighBit", None)
    high = bits - 1 if high is None or not bits - 1 <= int(high) < allocated else int(high)
    signed = bool(file.get("PixelRepresentation", None) or 0)
    file.BitsStored, file.PixelRepresentation, file.SamplesPerPixel = bits, int(signed), 1
    file.PhotometricInterpretation = _photometric(file)
    if file.get("NumberOfFrames", 1) is None:
        del file.NumberOfFrames
    words = _decoded(file, raw=True)
    if words.shape != (file.Rows, file.Columns):
        raise ValueError(f"its header says {file.Rows} x {file.Columns} pixels, and it holds {words.shape}")
    whole = np.int32 if words.itemsize <= 2 else np.int64
    if not _is_native(file):
        stored = words.astype(whole)
        if signed and stored.min() >= 0 and stored.max() < 2**bits:  # decompressed without its sign
            stored = _with_sign(stored, bits)
        return stored, _padding(file, stored, stored, bits, bits, signed)
    words = words.astype(words.dtype.newbyteorder("="), copy=False).view(f"u{words.itemsize}").astype(whole)
    stored = (words >> (high + 1 - bits)) & (2**bits - 1)
    stored = _with_sign(stored, bits) if signed else stored
    return stored, _padding(file, stored, words, bits, allocated, signed)


def _decoded(file: Dataset, *, raw: bool) -> np.ndarray:
    """The words in which pixels are stored, or what a decompressor gives. raw: as they are, and not colours as RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    decoder = get_decoder(file.file_meta.TransferSyntaxUID)
    safe = _pillow_decodes(file) and "pillow" in decoder.available_plugins
    return decoder.as_array(
        file,
        raw=raw,
        correct_unused_bits=False,  # pyright: ignore[reportArgumentType]
        decoding_plugin="pillow" if safe else "",
    )[0]


def _pillow_decodes(file: Dataset) -> bool:
    """Whether Pillow can decompress: JPEG of 8 bits, and grey JPEG 2000. GDCM, which reads more, ends the process on
    some damaged files."""
    from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGExtended12Bit

    syntax = file.file_meta.TransferSyntaxUID
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        coded = _coded_size(_first_frame(file.PixelData))
        return coded is not None and coded.bits == 8 == file.BitsStored
    return syntax in (JPEG2000, JPEG2000Lossless) and file.SamplesPerPixel == 1


def _is_native(file: Dataset) -> bool:
    """Whether pixels are stored in words of BitsAllocated bits, so that HighBit says where values lie in them."""
    from pydicom.uid import RLELossless

    syntax = file.file_meta.TransferSyntaxUID
    return not syntax.is_compressed or syntax.is_deflated or syntax == RLELossless


def _with_sign(values: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of `bits` bits read as two's complement. values: integers from 0 on."""
    kept = values & (2**bits - 1)
    return np.where(kept >= 2 ** (bits - 1), kept - 2**bits, kept)


def _padding(
    file: Dataset, stored: np.ndarray, words: np.ndarray, bits: int, allocated: int, signed: bool
) -> np.ndarray:
    """Which pixels are padding (PS3.3 C.7.5.1.1.2), (H, W) bool.

    words: whole words, of `allocated` bits: scanners write a padding value into them that BitsStored bits cannot hold.
    """
    first = _numbers(file, "PixelPaddingValue")
    if not first:
        return np.zeros(stored.shape, bool)
    last = _numbers(file, "PixelPaddingRangeLimit") or first
    whole = np.array([int(first[0]), int(last[0])])
    low, high = sorted(_with_sign(whole, bits) if signed else whole)
    padding = (stored >= low) & (stored <= high)
    return padding | (words == int(first[0]) % 2**allocated) if allocated > bits else padding


def _modality_values(file: Dataset, stored: np.ndarray, name: str) -> np.ndarray:
    """What the modality measured, (H, W) float64: PS3.3 C.11.1."""
    for item in _value(file, "ModalityLUTSequence") or []:
        table = _table(file, item, stored, name)
        if table is not None:
            return table.applied(stored).astype(float)
    slope, intercept = _numbers(file, "RescaleSlope"), _numbers(file, "RescaleIntercept")
    if not slope or not intercept:
        return stored.astype(float)
    if len(slope) > 1 or len(intercept) > 1:
        raise ValueError(f"its scale has {len(slope)} slopes and {len(intercept)} intercepts")
    if slope[0] == 0:
        _warn(name, "its rescale slope of 0 is passed over")
        return stored.astype(float)
    return stored * slope[0] + intercept[0]


def _warn(name: str, reason: str) -> None:
    warnings.warn(f"{name}: {reason}; its grey levels may not be as intended", stacklevel=2)


# From values to grey levels ------------------------------------------------------------------------------------------


class _Table(NamedTuple):
    """A look-up table. levels: (entries,). first: the value that the first entry stands for. top: its white."""

    levels: np.ndarray
    first: int
    top: int

    def applied(self, values: np.ndarray) -> np.ndarray:
        """The levels of whole numbers; values beyond an end of the table get the level there."""
        return self.levels[np.clip(values - self.first, 0, len(self.levels) - 1)]


def _table(file: Dataset, item: Dataset, values: np.ndarray, name: str) -> _Table | None:
    """The table in an item of a sequence (PS3.3 C.11.1.1 and C.11.2.1.1); None where it is empty. values: it is for."""
    descriptor = [int(number) for number in _numbers(item, "LUTDescriptor")]
    data = item.get("LUTData", None)
    if len(descriptor) != 3 or data is None or (not isinstance(data, int) and not len(data)):
        return None
    entries, first, bits = descriptor[0] or 2**16, descriptor[1], descriptor[2]
    if not 1 <= bits <= 16:
        raise ValueError(f"a table cannot have {bits} bits")
    if first >= 2**15 and values.min() < 0:  # a negative number, written as an unsigned one
        first -= 2**16
    levels = _levels(file, data, entries, bits)
    if len(levels) < entries:
        _warn(name, f"its table has {len(levels)} of the {entries} entries that it claims")
    # Where entries need more bits than are claimed, the claim is wrong.
    return _Table(levels, first, max(2**bits - 1, int(levels.max())))


def _levels(file: Dataset, data: object, entries: int, bits: int) -> np.ndarray:
    """Entries of a table, which may be stored as numbers, as words, or two to a word."""
    little = file.file_meta.TransferSyntaxUID.is_little_endian
    if isinstance(data, bytes):
        words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2")
    else:
        words = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype(np.uint16)
    if bits <= 8 and entries > 1 and len(words) == (entries + 1) // 2:
        words = np.frombuffer(words.astype("<u2").tobytes(), np.uint8)
    return words[:entries].astype(np.int64)


def _view(file: Dataset, values: np.ndarray, padding: np.ndarray, name: str) -> np.ndarray:
    """Values as the file's first view shows them, (H, W) in [0, 1]."""
    for item in _value(file, "VOILUTSequence") or []:
        table = _table(file, item, values, name)
        if table is not None:
            return table.applied(np.round(values).astype(np.int64)) / table.top
    function = _text(file, "VOILUTFunction") or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        _warn(name, f"its VOILUTFunction {function} is unknown, and LINEAR is taken")
        function = "LINEAR"
    for centre, width in zip(_numbers(file, "WindowCenter"), _numbers(file, "WindowWidth"), strict=False):
        if not math.isfinite(centre) or not math.isfinite(width):
            raise ValueError(f"a window cannot be {width} wide around {centre}")
        if width >= 1 if function == "LINEAR" else width > 0:
            return _window(values, centre, width, function)
        _warn(name, f"its window of width {width:g} is passed over")
    shown = values[~padding]
    if not shown.size:
        return np.zeros(values.shape)
    low, high = shown.min(), shown.max()
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1)


def _window(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """Values in a window, in [0, 1]: PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(float)
    return np.clip((values - centre) / width + 0.5, 0, 1)


# Colour --------------------------------------------------------------------------------------------------------------


def _colours(file: Dataset) -> np.ndarray:
    """(H, W, 3) uint8. A window is for grey images alone, so none is applied (PS3.3 C.11.2.1.2)."""
    from pydicom.pixels.processing import apply_color_lut

    file.PhotometricInterpretation = _photometric(file)
    colours = _decoded(file, raw=False)
    bits = int(file.BitsStored)
    if file.PhotometricInterpretation == PALETTE:
        colours = apply_color_lut(colours, file)[..., :3]
        bits = 8 * colours.itemsize
    if colours.shape != (file.Rows, file.Columns, 3):
        raise ValueError(f"its header says {file.Rows} x {file.Columns} pixels, and it holds {colours.shape}")
    return np.round(colours.astype(float) * (255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
