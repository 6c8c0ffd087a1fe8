"""File headers are read without decoding, or joined from the table of the published files."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.archives import encoded, radiograph
from support.dicom_files import dicom, saved

from pneumo.data.dataset import DataError, Dataset
from pneumo.data.headers import find_original, headers, read_headers, read_original_headers
from pneumo.data.readers.archive import ImageFileSource
from pneumo.data.readers.phantom import phantom
from pneumo.phantom import PhantomConfig

IMAGES = ("train/NORMAL/b.jpeg", "train/PNEUMONIA/a.jpeg", "test/NORMAL/b.jpeg")


class Files(ImageFileSource):
    """A source of files in memory."""

    signature = "files"

    def __init__(self, contents):
        self.contents = contents

    def read(self, row):
        return self.contents[row]

    def image(self, row, size=None):
        raise AssertionError("headers must not decode")


class Arrays:
    """A source without files, as that of MedMNIST."""

    signature = "arrays"

    def image(self, row, size=None):
        raise AssertionError("headers must not decode")


def dataset(source, images=IMAGES, *, from_catalogue=False):
    table = pd.DataFrame({"image": images, "split": "train", "label": 0, "subtype": "", "patient": ""})
    return Dataset(
        name="some", classes=("NORMAL", "PNEUMONIA"), table=table, source=source, from_catalogue=from_catalogue
    )


CSV = """split,class,filename,mode,width,height,jpeg_quality,file_size
test,NORMAL,b.jpeg,L,1800,1370,75.0,212795
train,NORMAL,b.jpeg,L,1660,1380,95.52,611601
train,PNEUMONIA,a.jpeg,RGB,1200,825,75.0,86256
train,PNEUMONIA,other.jpeg,L,1200,825,75.0,86256
"""


@pytest.fixture
def original(tmp_path):
    """Writes the text as original_headers.csv; returns its path."""

    def write(text=CSV):
        path = tmp_path / "original_headers.csv"
        path.write_text(text)
        return path

    return write


def test_headers_of_files_are_read():
    contents = [
        encoded(Image.new("L", (30, 20)), quality=75),
        encoded(Image.new("RGB", (16, 40)), quality=50),
        encoded(Image.new("L", (5, 7)), "PNG"),
    ]
    frame = read_headers(dataset(Files(contents)))
    assert frame["image"].tolist() == list(IMAGES)
    assert frame["mode"].tolist() == ["L", "RGB", "L"]
    assert frame["width"].tolist() == [30, 16, 5]
    assert frame["height"].tolist() == [20, 40, 7]
    assert frame["file_size"].tolist() == [len(content) for content in contents]
    assert frame["jpeg_quality"].tolist()[:2] == [75, 50]
    assert math.isnan(frame["jpeg_quality"][2])


def test_header_is_read_from_a_file_whose_pixels_are_cut_off():
    whole = radiograph(0, width=200, height=100)
    frame = read_headers(dataset(Files([whole[: len(whole) // 2]]), IMAGES[:1]))
    assert frame.loc[0, ["width", "height", "file_size"]].tolist() == [200, 100, len(whole) // 2]


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff\xe0"])
def test_file_without_an_image_header_is_named(content):
    with pytest.raises(DataError, match=r"test/NORMAL/b\.jpeg has no image header"):
        read_headers(dataset(Files([radiograph(0), radiograph(1), content])))


def test_data_set_without_files_is_refused():
    with pytest.raises(DataError, match="some is not kept as image files"):
        read_headers(dataset(Arrays()))


def test_original_headers_are_joined_by_name_in_the_order_of_the_table(original):
    frame = read_original_headers(original(), dataset(Arrays()))
    assert frame.columns.tolist() == ["image", "mode", "width", "height", "jpeg_quality", "file_size"]
    assert frame["image"].tolist() == list(IMAGES)
    assert frame["width"].tolist() == [1660, 1200, 1800]
    assert frame["mode"].tolist() == ["L", "RGB", "L"]
    assert frame["jpeg_quality"].tolist() == [95.52, 75.0, 75.0]
    assert frame["file_size"].dtype == np.int64


def test_images_without_an_original_header_are_counted_and_named(original):
    images = (*IMAGES, "train/NORMAL/new.jpeg", "train/NORMAL/newer.jpeg")
    message = "no row for 2 of the 5 images of some: train/NORMAL/new.jpeg, train/NORMAL/newer.jpeg"
    with pytest.raises(DataError, match=re.escape(message)):
        read_original_headers(original(), dataset(Arrays(), images))


def test_original_header_given_twice_is_named(original):
    doubled = CSV + CSV.splitlines()[1] + "\n"
    with pytest.raises(DataError, match=r"names 1 image\(s\) twice: test/NORMAL/b\.jpeg"):
        read_original_headers(original(doubled), dataset(Arrays()))


def test_missing_column_is_named(original):
    with pytest.raises(DataError, match=r"original_headers\.csv lacks the column\(s\) file_size"):
        read_original_headers(original(CSV.replace("file_size", "bytes")), dataset(Arrays()))


@pytest.mark.parametrize("text", ["", CSV.replace("1800", "wide"), CSV.replace("1800", "")])
def test_damaged_table_is_named(original, text):
    with pytest.raises(DataError, match=r"original_headers\.csv is no table of headers"):
        read_original_headers(original(text), dataset(Arrays()))


def test_original_headers_in_a_folder_go_before_the_files(original, tmp_path):
    original()
    source = Files([radiograph(seed) for seed in range(3)])
    assert headers(dataset(source), folders=[tmp_path / "none", tmp_path])["width"].tolist() == [1660, 1200, 1800]
    assert headers(dataset(source), folders=[tmp_path / "none"])["width"].tolist() == [24, 24, 24]


def test_original_headers_are_found_where_data_sets_are(original, monkeypatch):
    monkeypatch.setenv("PNEUMO_DATA", str(original().parent))
    assert headers(dataset(Arrays(), from_catalogue=True))["width"].tolist() == [1660, 1200, 1800]


def test_a_table_that_happens_to_lie_nearby_says_nothing_of_a_data_set_opened_by_its_path(original, monkeypatch):
    monkeypatch.setenv("PNEUMO_DATA", str(original().parent))
    source = Files([radiograph(seed) for seed in range(3)])
    assert headers(dataset(source))["width"].tolist() == [24, 24, 24]


def test_original_headers_of_another_data_set_are_passed_over(original, tmp_path):
    original()
    assert find_original(dataset(Arrays(), ("train/NORMAL/unheard-of.jpeg",)), [tmp_path]) is None


def test_phantom_tells_how_its_originals_were_saved():
    synthetic = phantom(PhantomConfig(patients=20))
    frame = headers(synthetic, folders=[])
    assert frame["image"].tolist() == synthetic.table["image"].tolist()
    assert frame.columns.tolist() == ["image", "mode", "width", "height", "jpeg_quality", "file_size"]
    assert frame["width"].between(400, 4000).all()


def test_headers_of_other_formats_and_of_dicom_files_have_their_size():
    image = Image.fromarray(np.zeros((20, 24), np.uint8))
    grey = saved(dicom(np.zeros((5, 7), np.uint16)))
    frame = read_headers(dataset(Files([encoded(image, "TIFF"), encoded(image, "BMP"), grey])))
    assert frame[["width", "height"]].to_numpy().tolist() == [[24, 20], [24, 20], [7, 5]]
    assert frame["jpeg_quality"].isna().all()
