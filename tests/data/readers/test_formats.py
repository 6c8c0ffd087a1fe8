import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from support.dicom_files import dicom, saved

from pneumo.data.decode import PILLOW_FORMATS, decode
from pneumo.data.readers.formats import HEAD_BYTES, identify, is_dicom, is_litter

LEVELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
ENDINGS = {"JPEG2000": "jp2", "PPM": "pgm"}


def encoded(form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(LEVELS).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", PILLOW_FORMATS)
def test_each_format_that_is_decoded_is_told_by_its_first_bytes(form):
    data = encoded(form)
    found = identify(data[:HEAD_BYTES], "download")
    assert found.role == "radiograph"
    assert found.name.replace(" ", "").upper() in (form, "PNM")
    assert decode(data, "download").shape == (8, 8)


def test_a_jpeg_2000_codestream_without_its_box_is_told_too():
    data = encoded("JPEG2000")
    assert identify(data[data.index(b"\xff\x4f\xff\x51") :], "x").name == "JPEG 2000"


@pytest.mark.parametrize(
    ("head", "name", "role", "called"),
    [
        (b"", "x", "other", "empty file"),
        (b"", "x.JPG", "radiograph", "image"),
        (b"<html>", "x.jpeg", "radiograph", "image"),
        (b"<html>", "x.html", "other", "text"),
        ("Ä report, in UTF-8".encode(), "x", "other", "text"),
        ("Ein Befund über die Lunge".encode("latin-1"), "x", "other", "text"),
        ("Report".encode("utf-16"), "x", "other", "text"),
        (b"%PDF-1.7", "x", "other", "PDF document"),
        (bytes(range(256)), "x.bin", "other", "unknown format"),
        (bytes(range(256)), "x.dcm", "radiograph", "DICOM"),
        (b"PK\x03\x04", "x", "archive", "zip archive"),
        (b"\0\0\0\x18ftypisom", "x", "other", "video"),
        (b"BMW drives", "x", "other", "text"),
        (b"\x58\0\0\0\0\0\0\0" + b'{"__metadata__":{"format":"pt"}}', "model.safetensors", "other", "model weights"),
        (b'{"a": 1}', "x.json", "other", "text"),
    ],
)
def test_what_a_file_is(head, name, role, called):
    found = identify(head, name)
    assert (found.role, found.name) == (role, called)


STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("sop_class", "role", "called"),
    [
        (STORAGE + "1", "radiograph", "DICOM"),  # computed radiography
        (STORAGE + "1.1", "radiograph", "DICOM"),  # digital radiography
        (STORAGE + "7", "radiograph", "DICOM"),  # secondary capture
        (STORAGE + "12.1", "radiograph", "DICOM"),  # angiography
        (STORAGE + "481.1", "radiograph", "DICOM"),  # radiotherapy image
        ("1.2.840.10008.1.3.10", "other", "DICOM directory"),
        (STORAGE + "11.1", "other", "DICOM presentation state"),
        (STORAGE + "88.11", "other", "DICOM structured report"),
        (STORAGE + "88.59", "other", "DICOM structured report"),  # key objects
        (STORAGE + "104.1", "other", "DICOM document"),
        (STORAGE + "9.1.1", "other", "DICOM waveform"),
        (STORAGE + "66.4", "other", "DICOM segmentation or raw data"),
    ],
)
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("bare", [False, True])
def test_dicom_files_without_an_image_are_told_by_their_class(sop_class, role, called, syntax, bare):
    file = dicom(np.zeros((1, 4), np.uint16))
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = sop_class
    little = syntax == ImplicitVRLittleEndian
    if bare:
        del file.file_meta
        buffer = io.BytesIO()
        file.save_as(buffer, implicit_vr=little, little_endian=little, enforce_file_format=False)
        data = buffer.getvalue()
    else:
        data = saved(file)
    for name in ("DICOMDIR", "x.dcm"):
        found = identify(data[:HEAD_BYTES], name)
        assert (found.role, found.name) == (role, called)


def test_noise_is_no_dicom_file():
    random = np.random.default_rng(0)
    assert not any(is_dicom(random.bytes(400)) for _ in range(2000))
    assert not is_dicom(bytes(400))


@pytest.mark.parametrize(
    ("path", "litter"),
    [
        ("a/b.png", False),
        ("../a.png", False),
        (".git/a.png", True),
        ("a/@eaDir/b.png/SYNOFILE_THUMB_M.jpg", True),
        ("__MACOSX/a/._b.png", True),
        ("a/THUMBS.DB", True),
        ("System Volume Information/x", True),
        ("a.b/c", False),
    ],
)
def test_litter_is_told_by_any_part_of_the_path(path, litter):
    assert is_litter(path.split("/")) == litter
