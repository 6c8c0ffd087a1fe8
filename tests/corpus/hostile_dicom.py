"""DICOM files that are odd, broken or hostile. People's own radiographs are read so; data sets are of JPEG and PNG."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from corpus.case import SIZE, Case, encoded, one_odd, write_folder, write_zip
from PIL import Image
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)
from support.dicom_files import EIGHT_BITS, dicom, grey_levels_table, holding, saved

SHAPE = (SIZE, SIZE)
VALUES = np.full(SHAPE, 1000, np.uint16)
VALUES[: SIZE // 2] = 3000
HALVES = np.where(VALUES == 3000, 255, 0)
"""What VALUES look like where no window is named: from the lowest to the highest that occurs."""

PICTURE = Image.fromarray(HALVES.astype(np.uint8))
JPEG, JPEG_2000 = encoded(PICTURE, "JPEG", quality=95), encoded(PICTURE, "JPEG2000")


def _read(name: str, content: bytes, *, suffix: str = ".dcm", grey: int | np.ndarray = HALVES, **case: object) -> Case:
    return one_odd(name, content, suffix=suffix, grey=grey, **case)


def _refused(name: str, content: bytes, remedy: str = "cannot be decoded.*export or copy it again") -> Case:
    return one_odd(name, content, suffix=".dcm", remedy=remedy)


def _alone(
    name: str, content: bytes, *, place: Callable[[dict[str, bytes], Path], Path], called: str, **case: object
) -> Case:
    """A file without others. place: where it is written, and what is opened."""
    return Case(name=name, write=lambda folder: place({called: content}, folder), images=1, **case)


def _itself(files: dict[str, bytes], folder: Path) -> Path:
    return write_folder(files, folder) / next(iter(files))


def _in_a_zip(files: dict[str, bytes], folder: Path) -> Path:
    return write_zip(files, folder / "films.zip")


def _made(values: np.ndarray = VALUES, **attributes: object) -> bytes:
    return saved(dicom(values, **attributes))


def _without(*names: str) -> bytes:
    file = dicom(VALUES)
    for name in names:
        delattr(file, name)
    return saved(file)


def _said(syntax: str) -> bytes:
    file = dicom(VALUES)
    file.file_meta.TransferSyntaxUID = syntax
    return saved(file)


def _big_endian() -> bytes:
    file, buffer = dicom(VALUES.byteswap()), io.BytesIO()
    file.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(buffer, file, enforce_file_format=True, implicit_vr=False, little_endian=False)
    return buffer.getvalue()


def _run_lengths() -> bytes:
    file = dicom(VALUES)
    file.compress(RLELossless)
    return saved(file)


def _floats() -> bytes:
    file = dicom(VALUES)
    del file.PixelData
    file.FloatPixelData = VALUES.astype(np.float32).tobytes()
    return saved(file)


def _jpeg_that_claims(width: int, height: int) -> bytes:
    data = bytearray(JPEG)
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _in_jpeg(content: bytes, syntax: str = JPEGBaseline8Bit, **attributes: object) -> bytes:
    return holding(content, syntax, SHAPE, **attributes)


def _bomb() -> bytes:
    """A deflated file of 400 kB."""
    whole = _said(DeflatedExplicitVRLittleEndian)
    start = 144 + int.from_bytes(whole[140:144], "little")  # where the group that names the syntax ends
    packing = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    field = struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"OB", 0, 400_000_000)
    parts = [zlib.decompress(whole[start:], -zlib.MAX_WBITS), field, *[bytes(10_000_000)] * 40]
    return whole[:start] + b"".join(map(packing.compress, parts)) + packing.flush()


PLAIN, INVERTED = _made(), _made(PhotometricInterpretation="MONOCHROME1")
NO_PIXELS = "has no pixels; name the file of the image itself"
COLOUR = "not read; export it as MONOCHROME2"

CASES = (
    # Refused, by name and with what to do.
    _refused("DICOM of zero bytes", b"", "empty.*copy or download it again"),
    _refused("a web page called .dcm", b"<html>404</html>"),
    _refused("DICOM that ends before its name", PLAIN[:131]),
    _refused("DICOM of its name alone", PLAIN[:132], NO_PIXELS),
    _refused("DICOM cut short in its first field", PLAIN[:140], "export or copy it again|" + NO_PIXELS),
    _refused("DICOM cut short in its header", PLAIN[:400], NO_PIXELS),
    _refused("DICOM cut short in its pixels", PLAIN[:-4]),
    _refused("DICOM without pixels", _without("PixelData"), NO_PIXELS),
    _refused("DICOM of floating-point pixels", _floats(), NO_PIXELS),
    _refused("DICOM whose pixels are empty", _made(PixelData=b"")),
    _refused("DICOM of two frames", _made(NumberOfFrames=2), "2 frames.*export the frame that is meant"),
    _refused("DICOM of minus one frame", _made(NumberOfFrames=-1), "-1 frames.*export the frame"),
    _refused("DICOM in colour with a third of the pixels", _made(PhotometricInterpretation="RGB", SamplesPerPixel=3)),
    _refused("DICOM in colour with one value a pixel", _made(PhotometricInterpretation="RGB"), COLOUR),
    _refused("DICOM with a palette that it lacks", _made(PhotometricInterpretation="PALETTE COLOR")),
    _refused("DICOM of a colour that there is not", _made(PhotometricInterpretation="MONOCHROME3"), COLOUR),
    _refused("DICOM that says no colour", _without("PhotometricInterpretation")),
    _refused("DICOM without a height", _without("Rows")),
    _refused("DICOM of no height", _made(Rows=0)),
    _refused("DICOM that is shorter than its height", _made(Rows=SIZE + 1)),
    _refused("DICOM that claims three billion pixels", _made(Rows=60_000, Columns=60_000), "scale it down or remove"),
    _refused("DICOM of 12 bits apart", _made(BitsAllocated=12)),
    _refused("DICOM of more bits than there is room for", _made(BitsStored=20, HighBit=19)),
    _refused("DICOM of more pixels than it says", _made(Rows=SIZE // 4)),
    _refused("DICOM of twice the pixels", _made(PixelData=VALUES.tobytes() * 2)),
    _refused("DICOM that says one bit and has sixteen", _made(BitsAllocated=1, BitsStored=1, HighBit=0)),
    _refused("DICOM in colour that says it is grey", _made(SamplesPerPixel=3, PlanarConfiguration=0, **EIGHT_BITS,
             PixelData=bytes(3 * SIZE**2)), COLOUR),
    _refused("DICOM with a JPEG that it calls uncompressed",
             _in_jpeg(JPEG).replace(JPEGBaseline8Bit.encode(), b"1.2.840.10008.1.2.1\0\0\0"), "export it again"),
    _refused("DICOM that unpacks to four hundred megabytes", _bomb(), "export it uncompressed"),
    _refused("DICOM with a scale that is no number", _made(RescaleSlope="0.5", RescaleIntercept=0)
             .replace(b"0.5 ", b"NaN ")),
    _refused("DICOM with a scale beyond all numbers", _made(RescaleSlope="1e308", RescaleIntercept=0)),
    _refused("DICOM with a window around no number", _made(WindowCenter="0.5", WindowWidth=10)
             .replace(b"0.5 ", b"NaN ")),
    _refused("DICOM in a compression for films", _in_jpeg(JPEG, MPEG2MPML), "export it uncompressed"),
    _refused("DICOM in a compression that there is not", PLAIN.replace(b".1.2.1\0", b".9.9.9\0")),
    _refused("DICOM with a JPEG cut short", _in_jpeg(JPEG[:-60])),
    _refused("DICOM with a JPEG 2000 cut short", _in_jpeg(JPEG_2000[:-60], JPEG2000Lossless)),
    _refused("DICOM with a JPEG that claims a billion pixels", _in_jpeg(_jpeg_that_claims(30_000, 30_000))),
    _refused("DICOM with a JPEG larger than it says", _in_jpeg(encoded(PICTURE.resize((64, 64)), "JPEG"))),
    _refused("DICOM with a JPEG that it calls run lengths", _in_jpeg(JPEG, RLELossless)),
    _refused("DICOM with a scale of two numbers", _made(RescaleSlope=[1, 2], RescaleIntercept=0)),
    _refused("DICOM with a table of no bits",
             _made(VOILUTSequence=grey_levels_table([0, 255], entries=2, bits=0))),
    _alone("DICOM without pixels, alone", _without("PixelData"), place=_itself, called="scan",
           refused=("scan", NO_PIXELS)),
    _alone("DICOM of two frames, in a zip", _made(NumberOfFrames=2), place=_in_a_zip, called="a/scan.dcm",
           refused=(r"films\.zip/a/scan\.dcm", "export the frame")),
    _alone("DICOM cut short in its pixels, in a zip", PLAIN[:-4], place=_in_a_zip, called="IM0001",
           refused=(r"films\.zip/IM0001", "export or copy it again")),
    _alone("a DICOM directory, named by itself", _made(SOPClassUID="1.2.840.10008.1.3.10").replace(
               b"1.2.840.10008.5.1.4.1.1.1\0", b"1.2.840.10008.1.3.10" + bytes(6)), place=_itself, called="DICOMDIR",
           refused=("DICOMDIR", "no image but a DICOM directory; name the file of the image")),
    # Read, and right.
    _read("JPEG called .dcm", encoded(Image.new("L", (32, 32), 77), "JPEG"), grey=77),
    _read("DICOM with a window of no width", _made(WindowCenter=1, WindowWidth=0), warned="window of width 0"),
    _read("DICOM with an unknown window", _made(WindowCenter=2000.5, WindowWidth=4001, VOILUTFunction="MAGIC"),
          grey=np.where(HALVES, 191, 64), warned="MAGIC is unknown"),
    _read("DICOM with a table shorter than it claims", _made(VOILUTSequence=grey_levels_table([0, 255], entries=4000,
          bits=8)), grey=255, warned="2 of the 4000 entries"),
    _read("DICOM", PLAIN),
    _read("DICOM, MONOCHROME1", INVERTED, grey=255 - HALVES),
    _alone("DICOM, MONOCHROME1, alone", INVERTED, place=_itself, called="scan.of.a.child",
           odd=("scan.of.a.child", 255 - HALVES)),
    _alone("DICOM, MONOCHROME1, in a zip", INVERTED, place=_in_a_zip, called="a/1.2.840.1", odd=("1", 255 - HALVES)),
    _read("DICOM without an ending", PLAIN, suffix=""),
    _read("DICOM called .png", PLAIN, suffix=".png"),
    _read("DICOM of 32 bits", _made(PixelData=VALUES.astype("<u4").tobytes(), BitsAllocated=32, BitsStored=32,
                                    HighBit=31)),
    _read("DICOM of 8 bits", _made(**EIGHT_BITS, PixelData=(VALUES // 1000).astype(np.uint8).tobytes())),
    _read("DICOM with signed values", _made(VALUES.astype(np.int16) - np.int16(2000))),
    _read("DICOM of one value", _made(np.full_like(VALUES, 7)), grey=0),
    # From 0 to 4000: 3000 is three quarters of the way up, and 1000 one.
    _read("DICOM with a window", _made(WindowCenter=2000.5, WindowWidth=4001), grey=np.where(HALVES, 191, 64)),
    _read("DICOM with little-endian values and no types", _said(ImplicitVRLittleEndian)),
    _read("DICOM with big-endian values", _big_endian()),
    _read("DICOM that is deflated", _said(DeflatedExplicitVRLittleEndian)),
    _read("DICOM with run lengths", _run_lengths()),
    _read("DICOM with a JPEG", _in_jpeg(JPEG)),
    _read("DICOM with a JPEG, MONOCHROME1", _in_jpeg(JPEG, PhotometricInterpretation="MONOCHROME1"), grey=255 - HALVES),
    _read("DICOM with a JPEG 2000", _in_jpeg(JPEG_2000, JPEG2000Lossless)),
    _read("DICOM of no frames", _made(NumberOfFrames=0), warned="Number of Frames.*assuming 1 frame"),
    _read("DICOM with letters of no alphabet",
          _made(SpecificCharacterSet="ISO_IR 192", PatientName="a").replace(b"ISO_IR 192", b"NO LETTERS"),
          warned="Unknown encoding"),
)  # fmt: skip
