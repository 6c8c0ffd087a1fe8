"""What a file is, by its first bytes: a radiograph, an archive, an image that is not read, or neither.

The one rule by which `pneumo predict`, `pneumo evaluate` and data sets tell which files are radiographs. A name alone
decides in two cases: a file that is called like an image counts as one, so that a broken one is reported and not passed
over; and what operating systems and storage devices add to folders is left out (`is_litter`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["radiograph", "archive", "unsupported", "other"]

HEAD_BYTES = 2048
"""Number of bytes at the beginning of a file by which it is told what it is."""

IMAGE_SUFFIXES = (
    ".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".webp",
    ".jp2", ".j2k", ".jpx", ".jpc", ".pgm", ".ppm", ".pbm", ".pnm",
)  # fmt: skip
"""Endings of the image formats that are read."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".dc3", ".ima")

_LITTER = (
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "network trash folder", "temporary items",
    "@eadir", "@recycle", "#recycle", "#snapshot", "@recently-snapshot", "$recycle.bin", "system volume information",
    "lost+found",
)  # fmt: skip
"""What operating systems and storage devices put beside people's files, thumbnails of images among it; lower case."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """What a file is.

    role: "radiograph", an image of a format that is read; "archive", a zip; "unsupported", an image or an archive of a
        format that is not read, so that radiographs may be missing; "other", what holds no radiograph.
    name: in words, "JPEG", "DICOM presentation state". remedy: what to do about an unsupported one.
    """

    role: Role
    name: str
    remedy: str = ""


def is_litter(parts: Sequence[str]) -> bool:
    """Whether one part of a path is hidden (".git", "._a.jpeg") or added by an operating system or storage device."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part.lower() in _LITTER or part.startswith("SYNO@")
        for part in parts
    )


def has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file's name ends as one of these formats' do, in any case."""
    return name.lower().endswith(suffixes)


def identify(head: bytes, name: str) -> Format:
    """What a file is. head: its first HEAD_BYTES bytes, or all of a shorter one. name: of the file.

    >>> identify(b"\\xff\\xd8\\xff\\xe0", "film.download").name
    'JPEG'
    >>> identify(b"To whom it may concern", "README").role
    'other'
    """
    found = _by_content(head)
    if found is not None and found.role != "other":
        return found
    if has_suffix(name, IMAGE_SUFFIXES):
        return Format(role="radiograph", name="image")  # broken, then; its reader says how
    if has_suffix(name, DICOM_SUFFIXES) and (found is None or not found.name.startswith("DICOM")):
        return Format(role="radiograph", name="DICOM")
    if has_suffix(name, (".zip",)) and found != _EMPTY_ARCHIVE:
        return Format(role="unsupported", name="a damaged zip archive", remedy="download or copy it again")
    return found or Format(role="other", name="unknown format")


def is_dicom(head: bytes) -> bool:
    """Whether a file is DICOM: "DICM" after a preamble of 128 bytes, or without one; or a header without either."""
    return head[128:132] == b"DICM" or head[:4] == b"DICM" or _starts_with_dicom_elements(head)


def _by_content(head: bytes) -> Format | None:
    """None where nothing is recognised."""
    if not head:
        return Format(role="other", name="empty file")
    signature = next((found for start, place, found in _SIGNATURES if head.startswith(start, place)), None)
    if signature is not None:
        return signature
    if head[8:10] == b'{"' and 2 <= int.from_bytes(head[:8], "little") < 2**32:  # the length of the header, then it
        return _other("model weights")
    if head[4:8] == b"ftyp":
        return _ISO_IMAGES.get(head[8:12], Format(role="other", name="video"))
    if is_dicom(head):
        return _dicom_format(head)
    return _image_without_signature(head) or (Format(role="other", name="text") if _is_text(head) else None)


def _image_without_signature(head: bytes) -> Format | None:
    """Formats whose first two letters other files may have, or that have their mark further on."""
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return _radiograph("PNM")
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == bytes(4):
        return _radiograph("BMP")
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return _unsupported_image("NIfTI")
    if head.startswith((b"ObjectType = Image", b"NDims = ")):
        return _unsupported_image("MetaImage")
    return None


def _unsupported_image(name: str) -> Format:
    return Format(role="unsupported", name=f"in the format {name}", remedy="save it as PNG or DICOM")


def _unsupported_archive(name: str) -> Format:
    return Format(role="unsupported", name=f"an archive in the format {name}", remedy="unpack it")


def _radiograph(name: str) -> Format:
    return Format(role="radiograph", name=name)


def _other(name: str) -> Format:
    return Format(role="other", name=name)


EMPTY_ARCHIVE = "empty zip archive"
_EMPTY_ARCHIVE = _other(EMPTY_ARCHIVE)

# First bytes, where they stand, and what they mean.
_SIGNATURES: tuple[tuple[bytes, int, Format], ...] = (
    (b"\xff\xd8\xff\xf7", 0, _unsupported_image("JPEG-LS")),
    (b"\xff\xd8\xff", 0, _radiograph("JPEG")),
    (b"\x89PNG\r\n\x1a\n", 0, _radiograph("PNG")),
    (b"GIF87a", 0, _radiograph("GIF")),
    (b"GIF89a", 0, _radiograph("GIF")),
    (b"WEBP", 8, _radiograph("WebP")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", 0, _radiograph("JPEG 2000")),
    (b"\xff\x4f\xff\x51", 0, _radiograph("JPEG 2000")),
    (b"II\xbc", 0, _unsupported_image("JPEG XR")),
    (b"II*\0", 0, _radiograph("TIFF")),
    (b"MM\0*", 0, _radiograph("TIFF")),
    (b"II+\0", 0, _radiograph("TIFF")),
    (b"MM\0+", 0, _radiograph("TIFF")),
    (b"\xff\x0a", 0, _unsupported_image("JPEG XL")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", 0, _unsupported_image("JPEG XL")),
    (b"8BPS", 0, _unsupported_image("Photoshop")),
    (b"v/1\x01", 0, _unsupported_image("OpenEXR")),
    (b"NRRD000", 0, _unsupported_image("NRRD")),
    (b"\x93NUMPY", 0, _unsupported_image("NumPy array")),
    (b"Rar!\x1a\x07", 0, _unsupported_archive("RAR")),
    (b"7z\xbc\xaf\x27\x1c", 0, _unsupported_archive("7z")),
    (b"\x1f\x8b\x08", 0, _unsupported_archive("gzip")),
    (b"BZh", 0, _unsupported_archive("bzip2")),
    (b"\xfd7zXZ\0", 0, _unsupported_archive("xz")),
    (b"\x28\xb5\x2f\xfd", 0, _unsupported_archive("Zstandard")),
    (b"ustar", 257, _unsupported_archive("tar")),
    (b"PK\x03\x04", 0, Format(role="archive", name="zip archive")),
    (b"PK\x05\x06", 0, _EMPTY_ARCHIVE),
    (b"%PDF", 0, _other("PDF document")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, _other("office document")),
)

_ISO_IMAGES = {
    brand: _unsupported_image(name)
    for name, brands in {"HEIC": (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "AVIF": (b"avif", b"avis")}.items()
    for brand in brands
}
"""Formats by the brand in their "ftyp" box; videos begin with one too."""


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # the mark of UTF-16
        return True
    letters = head.decode("utf-8", errors="replace")  # an old encoding, or a letter cut in two, costs a few letters
    odd = sum(letter == "\ufffd" or (ord(letter) < 32 and not letter.isspace()) for letter in letters)
    return odd <= len(letters) / 20


# DICOM ---------------------------------------------------------------------------------------------------------------

_STORAGE = b"1.2.840.10008.5.1.4.1.1."

# Beginnings of SOP classes without a radiograph (PS3.4, table B.5-1), and what they are.
_NO_IMAGES = {
    b"1.2.840.10008.1.3.10": "DICOM directory",
    _STORAGE + b"11.": "DICOM presentation state",
    _STORAGE + b"88.": "DICOM structured report",
    _STORAGE + b"104.": "DICOM document",
    _STORAGE + b"9.": "DICOM waveform",
    _STORAGE + b"66": "DICOM segmentation or raw data",
    _STORAGE + b"67": "DICOM value mapping",
    _STORAGE + b"68.": "DICOM surface",
    _STORAGE + b"481.2": "DICOM radiotherapy dose",
    _STORAGE + b"481.3": "DICOM radiotherapy structures",
    _STORAGE + b"481.4": "DICOM radiotherapy record",
    _STORAGE + b"481.5": "DICOM radiotherapy plan",
    b"1.2.840.10008.5.1.4.38.": "DICOM hanging protocol",
    b"1.2.840.10008.5.1.4.39.": "DICOM colour palette",
}

_SOP_CLASS_TAGS = (b"\x02\0\x02\0UI", b"\x08\0\x16\0UI", b"\0\x08\0\x16UI", b"\x08\0\x16\0")
"""MediaStorageSOPClassUID and SOPClassUID as they stand in the bytes: with a VR of either byte order, and without."""


def _dicom_format(head: bytes) -> Format:
    for tag in _SOP_CLASS_TAGS:
        place = head.find(tag)
        if place < 0:
            continue
        value = head[place + 8 : place + 72]  # a tag, a VR and a length take 8 bytes, and so do a tag and a length
        for beginning, name in _NO_IMAGES.items():
            if value.startswith(beginning):
                return Format(role="other", name=name)
        if value.startswith(b"1.2."):
            break
    return Format(role="radiograph", name="DICOM")


def _starts_with_dicom_elements(head: bytes) -> bool:
    """Whether two DICOM elements in ascending order stand at the beginning, in group 2 or 8: a file without "DICM"."""
    for order in "<>":
        for explicit in (True, False):
            first = _element(head, 0, order, explicit)
            if first is None or first[0] >> 16 not in (0x0002, 0x0008):
                continue
            second = _element(head, first[1], order, explicit)
            if second is not None and first[0] < second[0] and second[0] >> 16 <= 0x0010:
                return True
    return False


def _element(head: bytes, place: int, order: str, explicit: bool) -> tuple[int, int] | None:
    """Tag of the element at a place, as one number, and the place of the next; None where there is none."""
    if len(head) < place + 12:
        return None
    group, number = struct.unpack_from(order + "HH", head, place)
    if not explicit:
        length, value = struct.unpack_from(order + "I", head, place + 4)[0], place + 8
    elif head[place + 4 : place + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        length, value = struct.unpack_from(order + "I", head, place + 8)[0], place + 12
    elif head[place + 4 : place + 6].isalpha() and head[place + 4 : place + 6].isupper():
        length, value = struct.unpack_from(order + "H", head, place + 6)[0], place + 8
    else:
        return None
    return (group << 16 | number, value + length) if length <= HEAD_BYTES else None
