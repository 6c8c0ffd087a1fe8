"""Grey levels of DICOM files. Broken and hostile ones are in the corpus: `tests/corpus/hostile_dicom.py`."""

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from support.dicom_files import dicom, grey_levels_table, holding, saved

from pneumo.data.readers.dicom import HEADER_BYTES, decode_dicom, is_dicom, patient_id
from pneumo.errors import DataError

ROW = np.array([[0, 1000, 2000, 4000]], dtype=np.uint16)


def grey(values: np.ndarray = ROW, **attributes: object) -> list[int]:
    return decode_dicom(saved(dicom(values, **attributes)), "x.dcm").ravel().tolist()


def test_a_dicom_file_is_known_by_its_preamble():
    assert is_dicom(saved(dicom(ROW)))
    assert not is_dicom(b"\x89PNG")


def asked(data: bytes) -> tuple[bytes, list[int]]:
    """PatientID of a file, and how many bytes were asked for."""
    sizes = []

    def read(size: int) -> bytes:
        sizes.append(size)
        return data if size < 0 else data[:size]

    return patient_id(read), sizes


@pytest.mark.parametrize("syntax", ["", ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_patient_id_is_read_from_the_beginning_of_a_file_in_any_transfer_syntax(syntax):
    file = dicom(np.zeros((400, 400), np.uint16), PatientID="P-7", PatientName="Doe^Jane")
    file.file_meta.TransferSyntaxUID = syntax or file.file_meta.TransferSyntaxUID
    whole = saved(file)
    assert asked(whole) == (b"P-7", [HEADER_BYTES])
    assert asked(whole[128:]) == (b"P-7", [HEADER_BYTES])  # without the preamble


def test_patient_id_behind_a_long_attribute_is_read_too():
    comment = "x" * (HEADER_BYTES + 10)
    file = dicom(ROW, PatientID="P-7")
    file.add_new(0x00090010, "LO", "own")
    file.add_new(0x00091001, "UT", comment)
    assert asked(saved(file)) == (b"P-7", [HEADER_BYTES, -1])


@pytest.mark.parametrize(
    "data", [saved(dicom(ROW)), b"", b"DICM", b"no DICOM file at all" * 50, saved(dicom(ROW))[:150]]
)
def test_a_file_without_patient_id_has_none(data):
    assert asked(data)[0] == b""


def test_without_a_window_the_values_that_occur_fill_the_grey_scale():
    assert grey() == [0, 64, 128, 255]


def test_monochrome1_is_inverted():
    assert grey(PhotometricInterpretation="MONOCHROME1") == [255, 191, 128, 0]


def test_a_window_cuts_what_lies_outside():
    # From 1000 to 2000: centre 1500.5 and width 1001 in the standard's linear function.
    assert grey(WindowCenter=1500.5, WindowWidth=1001) == [0, 0, 255, 255]


def test_the_window_is_in_units_of_the_modality():
    assert grey(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=2000.5, WindowWidth=4001) == [0, 64, 191, 255]


def test_the_first_of_several_windows_is_taken():
    assert grey(WindowCenter=[2000.5, 10], WindowWidth=[4001, 20]) == [0, 64, 128, 255]


def test_signed_values_are_read():
    assert grey(np.array([[-1000, 0, 1000]], dtype=np.int16)) == [0, 128, 255]


def test_a_table_of_grey_levels_is_applied():
    table = grey_levels_table([0, 10, 200, 255], entries=4, bits=8)
    values = np.array([[0, 1, 2, 3, 9]], dtype=np.uint16)
    assert grey(values, VOILUTSequence=table) == [0, 10, 200, 255, 255]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        # PS3.3 C.11.2.1.2 by hand, for the stored values 0, 1000, 2000 and 4000.
        ("LINEAR", [0, 46, 148, 255]),  # ((x - 1799.5) / 2499 + 0.5) * 255
        ("LINEAR_EXACT", [0, 46, 148, 255]),  # ((x - 1800) / 2500 + 0.5) * 255
        ("SIGMOID", [14, 55, 148, 248]),  # 255 / (1 + exp(-4 * (x - 1800) / 2500))
    ],
)
def test_a_window_has_the_form_that_the_file_names(function, expected):
    assert grey(WindowCenter=1800, WindowWidth=2500, VOILUTFunction=function) == expected


def test_a_linear_window_is_half_a_value_off_the_exact_one():
    values = np.array([[999, 1000, 1001, 1002]], dtype=np.uint16)
    window = {"WindowCenter": 1001, "WindowWidth": 4}
    assert grey(values, **window) == [0, 85, 170, 255]
    assert grey(values, **window, VOILUTFunction="LINEAR_EXACT") == [0, 64, 128, 191]


@pytest.mark.parametrize("number", ["inf", "nan"])
def test_a_window_that_is_no_number_is_refused(number):
    file = saved(dicom(ROW, WindowCenter=1, WindowWidth="123")).replace(b"123 ", number.ljust(4).encode())
    with pytest.raises(DataError, match=rf"x\.dcm cannot be decoded .*cannot be {number} wide"):
        decode_dicom(file, "x.dcm")


def test_a_window_of_no_width_is_passed_over_with_a_warning():
    with pytest.warns(UserWarning, match="window of width 0 is passed over"):
        assert grey(WindowCenter=0, WindowWidth=0) == [0, 64, 128, 255]
    with pytest.warns(UserWarning, match="window of width 0 is passed over"):
        assert grey(WindowCenter=[0, 1500.5], WindowWidth=[0, 1001]) == [0, 0, 255, 255]


def test_a_compressed_file_is_read():
    path = get_testdata_file("MR_small_RLE.dcm", download=False)
    with open(path, "rb") as file:
        compressed = file.read()
    with open(get_testdata_file("MR_small.dcm", download=False), "rb") as file:
        plain = file.read()
    np.testing.assert_array_equal(decode_dicom(compressed, "x"), decode_dicom(plain, "x"))


def test_a_compression_that_nothing_reads_names_the_extra(monkeypatch):
    class Missing:
        is_available = False

    monkeypatch.setattr("pydicom.pixels.decoders.base.get_decoder", lambda _: Missing)
    with pytest.raises(DataError, match=r'x\.dcm is compressed as JPEG Baseline.*pip install "pneumo\[dicom\]"'):
        decode_dicom(holding(b"\xff\xd8\xff\xd9", JPEGBaseline8Bit, (1, 4)), "x.dcm")


def test_without_pydicom_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(DataError, match=r'pip install "pneumo\[dicom\]"'):
        decode_dicom(b"", "x.dcm")
