"""Small DICOM files, made by hand."""

from __future__ import annotations

import io

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

EIGHT_BITS = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}


def dicom(values: np.ndarray, **attributes: object) -> Dataset:
    """A computed radiograph of the given stored values, (H, W) uint16 or int16."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = Dataset()
    file.file_meta = meta
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Rows, file.Columns = values.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelRepresentation = int(values.dtype == np.int16)
    file.PixelData = values.tobytes()
    for name, value in attributes.items():
        setattr(file, name, value)
    return file


def saved(file: Dataset) -> bytes:
    buffer = io.BytesIO()
    file.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def holding(content: bytes, syntax: str, shape: tuple[int, int], **attributes: object) -> bytes:
    """A file of 8 bits a pixel that holds compressed pixels. syntax: the transfer syntax that it names."""
    file = dicom(np.zeros(shape, np.uint16), **EIGHT_BITS | attributes)
    file.file_meta.TransferSyntaxUID = syntax
    file.PixelData = encapsulate([content])
    file["PixelData"].is_undefined_length = True
    return saved(file)


def grey_levels_table(levels: list[int], *, entries: int, bits: int) -> Sequence:
    """A table (VOI LUT) that says which grey level stands for 0, 1, and so on. entries, bits: what it claims."""
    table = Dataset()
    table.add_new(0x00283006, "US", levels)
    table.add_new(0x00283002, "US", [entries, 0, bits])
    return Sequence([table])
