"""Every attribute that changes the grey levels of a DICOM file, over a generated matrix of files.

The expected levels come from the formulas of PS3.3, in whole numbers or fractions and pixel by pixel (`expected`);
from pydicom's own functions where they follow the standard; and, in DCMTK, from what dcm2pnm of dcmtk 3.6.7 draws.
"""

import io
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)
from support.dicom_files import EIGHT_BITS, dicom, grey_levels_table, holding, saved

from pneumo.data.readers.dicom import _coded_size, _first_frame, decode_dicom
from pneumo.errors import DataError

ROW = np.array([[0, 1000, 2000, 4000]], dtype=np.uint16)


def grey(data: bytes) -> list[int]:
    return decode_dicom(data, "x.dcm").ravel().tolist()


def made(values: np.ndarray = ROW, **attributes: object) -> list[int]:
    return grey(saved(dicom(values, **attributes)))


# The matrix ----------------------------------------------------------------------------------------------------------

LAYOUTS = [(8, 8, 7), (8, 6, 5), (8, 6, 7), (16, 16, 15), (16, 12, 11), (16, 12, 15), (16, 10, 12), (32, 20, 19)]
"""BitsAllocated, BitsStored, HighBit."""

WINDOWS = [None, ("LINEAR", 10, 21), ("LINEAR_EXACT", 10, 20), ("SIGMOID", 12, 16), (None, 9.5, 1)]
SCALES = [None, (2, -5), (-1, 30)]
MATRIX = list(itertools.product(LAYOUTS, (0, 1), WINDOWS, SCALES, ("MONOCHROME1", "MONOCHROME2")))


def written(numbers: list[int], layout: tuple[int, int, int], signed: int, **attributes: object) -> bytes:
    """A file whose pixels are these numbers, with all bits set that do not belong to them."""
    allocated, bits, high = layout
    outside = (2**allocated - 1) ^ ((2**bits - 1) << (high + 1 - bits))
    words = [((number % 2**bits) << (high + 1 - bits)) | outside for number in numbers]
    file = dicom(
        np.zeros((1, len(numbers)), np.uint16),
        BitsAllocated=allocated,
        BitsStored=bits,
        HighBit=high,
        PixelRepresentation=signed,
        PixelData=np.array(words, f"<u{allocated // 8}").tobytes(),
        **attributes,
    )
    return saved(file)


def expected(numbers, scale, window, photometric) -> list[float]:
    """PS3.3 C.11.1.1.2, C.11.2.1.2 and C.7.6.3.1.2, a pixel at a time."""
    slope, intercept = scale or (1, 0)
    values = [Fraction(slope) * number + intercept for number in numbers]
    if window is None:
        shares = [(value - min(values)) / (max(values) - min(values)) for value in values]
    else:
        function, centre, width = window[0] or "LINEAR", Fraction(window[1]), Fraction(window[2])
        shares = [share(value, function, centre, width) for value in values]
    return [float(255 * (1 - each if photometric == "MONOCHROME1" else each)) for each in shares]


def share(value: Fraction, function: str, centre: Fraction, width: Fraction) -> Fraction | float:
    if function == "SIGMOID":
        return 1 / (1 + math.exp(-4 * (value - centre) / width))
    low, high = centre - width / 2, centre + width / 2
    if function == "LINEAR":
        low, high = centre - Fraction(1, 2) - (width - 1) / 2, centre - Fraction(1, 2) + (width - 1) / 2
    if value <= low:
        return Fraction(0)
    return Fraction(1) if value > high else (value - low) / (high - low)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_bits_sign_scale_window_and_polarity_are_those_of_the_standard(layout, signed):
    numbers = [-31, -4, 0, 1, 9, 10, 12, 30] if signed else [0, 1, 5, 9, 10, 11, 31, 60]
    for window, scale, photometric in itertools.product(WINDOWS, SCALES, ("MONOCHROME1", "MONOCHROME2")):
        attributes = {"PhotometricInterpretation": photometric}
        if window is not None:
            attributes |= {"WindowCenter": window[1], "WindowWidth": window[2]}
            attributes |= {"VOILUTFunction": window[0]} if window[0] else {}
        if scale is not None:
            attributes |= {"RescaleSlope": scale[0], "RescaleIntercept": scale[1]}
        levels = grey(written(numbers, layout, signed, **attributes))
        right = expected(numbers, scale, window, photometric)
        assert np.abs(np.array(levels) - right).max() <= 0.5 + 1e-9, (window, scale, photometric)


def test_the_matrix_has_hundreds_of_files():
    assert len(MATRIX) == 480


@pytest.mark.parametrize("window", [(2000, 3000), (1000.25, 77.5)])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("scale", [(1, 0), (0.5, -100), (-3, 9000)])
@pytest.mark.parametrize("signed", [0, 1])
def test_levels_are_those_that_pydicom_computes(window, function, scale, signed):
    random = np.random.default_rng(0)
    values = random.integers(-2048 if signed else 0, 2048, (8, 8)).astype(np.int16 if signed else np.uint16)
    data = saved(
        dicom(
            values,
            WindowCenter=window[0],
            WindowWidth=window[1],
            VOILUTFunction=function,
            RescaleSlope=scale[0],
            RescaleIntercept=scale[1],
        )
    )
    file = dcmread(DicomBytesIO(data))
    drawn = apply_voi_lut(apply_modality_lut(file.pixel_array, file), file)
    ends = [end * scale[0] + scale[1] for end in ((-2048, 2047) if signed else (0, 4095))]
    shares = (drawn - ends[0]) / (ends[1] - ends[0])
    np.testing.assert_allclose(decode_dicom(data, "x"), shares * 255, atol=0.5 + 1e-6)


# Where the bits lie --------------------------------------------------------------------------------------------------


def test_a_high_bit_that_cannot_be_counts_as_the_highest_of_the_stored_ones():
    assert made(HighBit=8) == made(HighBit=99) == made()


def test_bits_stored_high_bit_and_sign_may_be_missing():
    file = dicom(ROW)
    del file.HighBit, file.SamplesPerPixel, file.PixelRepresentation, file.BitsStored
    assert grey(saved(file)) == [0, 64, 128, 255]


def test_an_overlay_in_unused_bits_is_no_part_of_the_image():
    marked = ROW | np.array([[0, 0, 1, 1]], np.uint16) << 15
    overlay = {"OverlayRows": 1, "OverlayColumns": 4, "OverlayType": "G", "OverlayBitsAllocated": 16}
    file = dicom(marked)
    for number, (tag, kind) in enumerate(
        {0x0010: "US", 0x0011: "US", 0x0040: "CS", 0x0100: "US", 0x0102: "US"}.items()
    ):
        file.add_new((0x6000, tag), kind, [*overlay.values(), 15][number])
    assert grey(saved(file)) == [0, 64, 128, 255]


def test_signed_values_whose_sign_is_not_extended_are_read():
    twos_complement = (np.array([[-1000, 0, 1000]]) & 0xFFF).astype(np.uint16)
    assert made(twos_complement, PixelRepresentation=1) == [0, 128, 255]


def test_run_lengths_hold_words_of_which_the_high_bit_is_heeded():
    file = dicom(ROW << 4, HighBit=15)
    file.compress(RLELossless)
    file.HighBit, file.WindowCenter, file.WindowWidth = 15, 2000.5, 4001
    assert grey(saved(file)) == [0, 64, 128, 255]


# Padding -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "levels"),
    [
        ({"PixelPaddingValue": 4000}, [0, 128, 255, 0]),
        ({"PixelPaddingValue": 0}, [0, 0, 85, 255]),
        ({"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 2000}, [0, 255, 0, 0]),
        ({"PixelPaddingValue": 4000, "PhotometricInterpretation": "MONOCHROME1"}, [255, 128, 0, 0]),
        ({"PixelPaddingValue": 4000, "WindowCenter": 2000.5, "WindowWidth": 4001}, [0, 64, 128, 0]),
        ({"PixelPaddingValue": 4000, "RescaleSlope": -1, "RescaleIntercept": 0}, [255, 128, 0, 0]),
        ({"PixelPaddingValue": 7}, [0, 64, 128, 255]),
    ],
)
def test_padding_is_black_and_no_part_of_the_range(attributes, levels):
    assert made(**attributes) == levels


def test_padding_of_signed_values_may_be_written_without_a_sign():
    values = np.array([[-2000, 0, 500, 1000]], np.int16)
    file = dicom(values)
    file.add_new(0x00280120, "US", 65536 - 2000)
    assert grey(saved(file)) == [0, 0, 128, 255]


def test_padding_that_the_stored_bits_cannot_hold_is_found_in_the_whole_word():
    words = np.array([[63536, 0, 500, 1000]], np.uint16)
    assert made(words, PixelPaddingValue=63536) == [0, 0, 128, 255]


def test_an_image_of_padding_alone_is_black():
    assert made(np.full((1, 3), 9, np.uint16), PixelPaddingValue=9) == [0, 0, 0]


# Tables --------------------------------------------------------------------------------------------------------------


def table(levels, *, first=0, bits, descriptor="US", data="US"):
    item = Dataset()
    item.add_new(0x00283002, descriptor, [len(levels), first, bits])
    item.add_new(0x00283006, data, levels if data == "US" else np.array(levels, "<u2").tobytes())
    return Sequence([item])


VALUES = np.array([[0, 1, 2, 3, 300, 4095]], np.uint16)


@pytest.mark.parametrize("data", ["US", "OW"])
@pytest.mark.parametrize(
    ("levels", "bits", "shown"),
    [
        ([0, 10, 200, 255], 8, [0, 10, 200, 255, 255, 255]),  # beyond 255: pydicom 3.0 starts again from 0
        ([0, 100, 2000, 4095], 12, [0, 6, 125, 255, 255, 255]),
        ([0, 10000, 20000, 65535], 16, [0, 39, 78, 255, 255, 255]),
        ([0, 1000, 2000, 4095], 16, [0, 4, 8, 16, 16, 16]),
        ([0, 10000, 20000, 65535], 12, [0, 39, 78, 255, 255, 255]),  # entries that the claimed bits cannot hold
    ],
)
def test_a_table_maps_values_to_levels_of_its_bits(levels, bits, shown, data):
    np.testing.assert_allclose(made(VALUES, VOILUTSequence=table(levels, bits=bits, data=data)), shown, atol=1)


def test_two_entries_of_eight_bits_may_share_a_word():
    item = table([0, 0, 0, 0], bits=8)
    item[0].LUTDescriptor = [4, 0, 8]
    item[0].add_new(0x00283006, "OW", bytes([0, 10, 200, 255]))
    assert made(VALUES, VOILUTSequence=item) == [0, 10, 200, 255, 255, 255]


def test_a_table_begins_at_its_first_value():
    assert made(VALUES, VOILUTSequence=table([50, 100, 255], first=2, bits=8)) == [50, 50, 50, 100, 255, 255]


def test_the_first_value_of_a_table_may_be_negative_and_written_without_a_sign():
    values = np.array([[-1000, -999, 5]], np.int16)
    for first, kind in ((-1000, "SS"), (65536 - 1000, "US")):
        assert made(values, VOILUTSequence=table([9, 77, 255], first=first, bits=8, descriptor=kind)) == [9, 77, 255]


def test_the_modality_table_comes_before_the_window():
    scale = table([0, 4000, 1000, 2000], bits=16)
    levels = made(VALUES, ModalityLUTSequence=scale, WindowCenter=2000.5, WindowWidth=4001)
    assert levels == [0, 255, 64, 128, 128, 128]


def test_a_table_goes_before_a_window():
    shown = grey_levels_table([0, 10, 200, 255], entries=4, bits=8)
    assert made(VALUES, VOILUTSequence=shown, WindowCenter=1, WindowWidth=2) == [0, 10, 200, 255, 255, 255]


def test_a_table_of_65536_entries_is_written_as_0():
    item = Dataset()
    item.add_new(0x00283002, "US", [0, 0, 16])
    item.add_new(0x00283006, "OW", np.arange(65536, dtype="<u2").tobytes())
    values = np.array([[0, 32768, 65535]], np.uint16)
    assert made(values, VOILUTSequence=Sequence([item]), BitsStored=16, HighBit=15) == [0, 128, 255]


# What is there and empty, or contradicts itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "kind"),
    [((0x00281050, 0x00281051), "DS"), ((0x00281050,), "DS"), ((0x00281052, 0x00281053), "DS"), ((0x00281053,), "DS"),
     ((0x00281056,), "CS"), ((0x00283010,), "SQ"), ((0x00283000,), "SQ"), ((0x00280120,), "US"), ((0x20500020,), "CS"),
     ((0x00280008,), "IS"), ((0x00280102,), "US")],
)  # fmt: skip
def test_an_empty_attribute_is_one_that_is_not_given(tags, kind):
    file = dicom(ROW)
    for tag in tags:
        file.add_new(tag, kind, None)
    assert grey(saved(file)) == [0, 64, 128, 255]


def test_an_empty_table_leaves_the_window():
    item = Dataset()
    item.add_new(0x00283002, "US", None)
    item.add_new(0x00283006, "OW", None)
    assert made(VOILUTSequence=Sequence([item]), WindowCenter=1500.5, WindowWidth=1001) == [0, 0, 255, 255]


def test_a_centre_without_a_width_is_no_window():
    assert made(WindowCenter=10) == made(WindowWidth=10) == [0, 64, 128, 255]


def test_a_slope_without_an_intercept_is_no_scale():
    assert made(RescaleSlope=2, WindowCenter=2000.5, WindowWidth=4001) == [0, 64, 128, 255]


def test_a_slope_of_0_is_passed_over_with_a_warning():
    with pytest.warns(UserWarning, match="slope of 0 is passed over"):
        assert made(RescaleSlope=0, RescaleIntercept=7) == [0, 64, 128, 255]


@pytest.mark.parametrize(
    ("photometric", "shape", "levels"),
    [
        ("MONOCHROME1", "INVERSE", [255, 191, 128, 0]),
        ("MONOCHROME2", "IDENTITY", [0, 64, 128, 255]),
        ("MONOCHROME2", "INVERSE", [255, 191, 128, 0]),  # as dcmtk: the presentation counts
        ("MONOCHROME1", "IDENTITY", [0, 64, 128, 255]),
    ],
)
def test_the_shape_of_the_presentation_says_what_is_black(photometric, shape, levels):
    assert made(PhotometricInterpretation=photometric, PresentationLUTShape=shape) == levels


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_the_photometric_interpretation_may_be_written_carelessly():
    assert made(PhotometricInterpretation="monochrome 1") == [255, 191, 128, 0]


def test_window_and_scale_may_stand_in_the_functional_groups():
    view, scale, groups = Dataset(), Dataset(), Dataset()
    view.WindowCenter, view.WindowWidth = 2000.5, 4001
    scale.RescaleSlope, scale.RescaleIntercept = 2, -1000
    groups.FrameVOILUTSequence, groups.PixelValueTransformationSequence = Sequence([view]), Sequence([scale])
    assert made(SharedFunctionalGroupsSequence=Sequence([groups])) == [0, 64, 191, 255]


# Files without what the standard wants at their beginning ------------------------------------------------------------


def encoded(file: Dataset, *, implicit: bool, little: bool) -> bytes:
    """Attributes alone: no preamble, no transfer syntax."""
    buffer = DicomBytesIO()
    del file.file_meta
    file.save_as(buffer, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return buffer.getvalue()


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_a_file_without_preamble_and_transfer_syntax_is_read(implicit, little):
    values = ROW if little else ROW.byteswap()
    data = encoded(dicom(values), implicit=implicit, little=little)
    assert data[128:132] != b"DICM"
    assert grey(data) == [0, 64, 128, 255]


def test_a_file_without_a_preamble_of_zeros_is_read():
    assert grey(saved(dicom(ROW))[128:]) == [0, 64, 128, 255]
    assert grey(saved(dicom(ROW))[132:]) == [0, 64, 128, 255]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_transfer_syntax_that_is_empty_is_told_from_the_bytes(syntax):
    little = syntax != ExplicitVRBigEndian
    body = encoded(dicom(ROW if little else ROW.byteswap()), implicit=syntax == ImplicitVRLittleEndian, little=little)
    meta = b"\x02\0\0\0UL\4\0\x08\0\0\0" + b"\x02\0\x10\0UI\0\0"
    assert grey(bytes(128) + b"DICM" + meta + body) == [0, 64, 128, 255]


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
@pytest.mark.filterwarnings("ignore")
def test_compressed_pixels_without_a_transfer_syntax_are_told_by_their_first_bytes(name):
    with open(get_testdata_file(name, download=False), "rb") as file:
        data = file.read()
    whole = dcmread(DicomBytesIO(data))
    bare = DicomBytesIO()
    syntax = whole.file_meta.TransferSyntaxUID
    start = data.index(syntax.encode())
    padded = syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0")
    bare = data[: start - 2] + b"\0\0" + data[start + len(padded) :]
    length = 140
    size = int.from_bytes(bare[length : length + 4], "little") - len(padded)
    bare = bare[:length] + size.to_bytes(4, "little") + bare[length + 4 :]
    np.testing.assert_array_equal(decode_dicom(bare, "x"), decode_dicom(data, "x"))


# Colour --------------------------------------------------------------------------------------------------------------

RGB = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]], np.uint8)


def in_colour(pixels: bytes, photometric: str, planar: int) -> np.ndarray:
    file = dicom(np.zeros((1, 4), np.uint16), **EIGHT_BITS, SamplesPerPixel=3, PlanarConfiguration=planar)
    file.PhotometricInterpretation, file.PixelData = photometric, pixels
    return decode_dicom(saved(file), "x.dcm")


def test_colours_are_read_by_pixel_and_by_plane():
    np.testing.assert_array_equal(in_colour(RGB.tobytes(), "RGB", 0), RGB)
    np.testing.assert_array_equal(in_colour(np.moveaxis(RGB, 2, 0).tobytes(), "RGB", 1), RGB)


def test_luma_and_chroma_become_colours():
    # PS3.3 C.7.6.3.1.2: Y = 0.299 R + 0.587 G + 0.114 B, Cb and Cr around 128.
    ybr = np.array([[[76, 85, 255], [150, 44, 21], [29, 255, 107], [9, 128, 128]]], np.uint8)
    assert np.abs(in_colour(ybr.tobytes(), "YBR_FULL", 0).astype(int) - RGB).max() <= 2


def test_a_palette_gives_colours():
    file = dicom(np.zeros((1, 4), np.uint16), **EIGHT_BITS, PhotometricInterpretation="PALETTE COLOR")
    file.PixelData = bytes([0, 1, 2, 3])
    for number, name in enumerate(("Red", "Green", "Blue")):
        setattr(file, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 16])
        levels = (RGB[0, :, number].astype(np.uint16) * 257).tobytes()
        setattr(file, f"{name}PaletteColorLookupTableData", levels)
    np.testing.assert_array_equal(decode_dicom(saved(file), "x.dcm"), RGB)


# dcmtk ---------------------------------------------------------------------------------------------------------------

# What dcm2pnm of dcmtk 3.6.7 draws of [[0, 1000, 2000, 4000]] with the window of the file (+Wi 1), or the range of the
# values (+Wm); it cuts fractions off where we round.
DCMTK = [
    ({}, [0, 63, 127, 255]),
    ({"PhotometricInterpretation": "MONOCHROME1"}, [255, 191, 127, 0]),
    ({"WindowCenter": 1500.5, "WindowWidth": 1001}, [0, 0, 255, 255]),
    ({"WindowCenter": [1500.5, 3], "WindowWidth": 1001}, [0, 0, 255, 255]),
    ({"WindowCenter": 1800, "WindowWidth": 2500, "VOILUTFunction": "SIGMOID"}, [13, 55, 147, 247]),
    ({"WindowCenter": 1500.5, "WindowWidth": 1001, "PhotometricInterpretation": "MONOCHROME1"}, [255, 255, 0, 0]),
    ({"RescaleSlope": -1, "RescaleIntercept": 0}, [255, 191, 127, 0]),
    ({"PresentationLUTShape": "INVERSE"}, [255, 191, 127, 0]),
    ({"PresentationLUTShape": "IDENTITY", "PhotometricInterpretation": "MONOCHROME1"}, [0, 63, 127, 255]),
]


@pytest.mark.parametrize(("attributes", "drawn"), DCMTK)
def test_levels_are_those_that_dcmtk_draws(attributes, drawn):
    np.testing.assert_allclose(made(**attributes), drawn, atol=1)


def test_a_file_that_is_no_image_says_what_it_is():
    report = dicom(ROW)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    with pytest.raises(DataError, match="no image but a DICOM structured report"):
        decode_dicom(saved(report), "x.dcm")


@pytest.mark.parametrize(("rows", "columns"), [(17, 16), (16, 15), (1, 1)])
@pytest.mark.parametrize("form", ["JPEG", "JPEG2000"])
def test_a_compressed_image_of_another_size_than_said_never_reaches_the_decoder(rows, columns, form, monkeypatch):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(buffer, form)
    syntax = JPEGBaseline8Bit if form == "JPEG" else JPEG2000Lossless
    monkeypatch.setattr("pneumo.data.readers.dicom._decoded", lambda *_, **__: pytest.fail("decoded"))
    with pytest.raises(DataError, match=f"says {rows} x {columns} pixels of 1 x 8 bits, and its .* 16 x 16 of 1 x 8"):
        decode_dicom(holding(buffer.getvalue(), syntax, (rows, columns)), "x.dcm")


@pytest.mark.parametrize(
    "name", ["MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm"]
)
@pytest.mark.filterwarnings("ignore")
def test_the_size_in_a_compressed_image_is_that_of_its_file(name):
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"pydicom does not come with {name}")
    file = dcmread(path)
    coded = _coded_size(_first_frame(file.PixelData))
    assert coded[:3] == (file.Rows, file.Columns, file.SamplesPerPixel)
    assert file.BitsStored <= coded.bits <= file.BitsAllocated
