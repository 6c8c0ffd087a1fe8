"""PatchCamelyon, in files of a few images that the test writes."""

import gzip
import hashlib
import pickle
import sys

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import PCAM

from pneumo.data import catalogue, pixels, split
from pneumo.data.catalogue import find, get, load
from pneumo.data.dataset import DataError
from pneumo.data.readers import pcam
from pneumo.data.readers.pcam import CHECKSUMS, PREFIX, URL, read_pcam

h5py = pytest.importorskip("h5py", reason="h5py is not installed; pip install 'pneumo[pcam]'")

pytestmark = pytest.mark.usefixtures("own_places")

COUNTS = {"train": 6, "valid": 4, "test": 3}


def arrays(part):
    """Colour images and labels (N, 1, 1, 1) of one split, as published; labels are 0, 1, 0, ..."""
    count = COUNTS[part]
    images = np.random.default_rng(count).integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
    return images, (np.arange(count) % 2).astype(np.uint8).reshape(-1, 1, 1, 1)


def write(folder, **changed):
    """Six files; `changed` replaces arrays: train_x=..., None leaves a file out."""
    folder.mkdir(parents=True)
    for part in COUNTS:
        for key, array in zip("xy", arrays(part), strict=True):
            array = changed.get(f"{part}_{key}", array)
            if array is not None:
                with h5py.File(folder / f"{PREFIX}{part}_{key}.h5", "w") as file:
                    file[key] = array
    return folder


def test_rows_are_train_val_test_in_the_order_of_the_files(tmp_path):
    table = read_pcam(write(tmp_path / "pcam")).table
    assert table["image"].tolist()[:7] == [*(f"train/00000{row}" for row in range(6)), "val/000000"]
    assert table["split"].value_counts().to_dict() == {"train": 6, "val": 4, "test": 3}
    assert table["label"].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_every_image_is_the_luma_of_torchvisions(tmp_path):
    dataset = pickle.loads(pickle.dumps(read_pcam(write(tmp_path / "pcam"))))
    theirs = [image for name in ("train", "val", "test") for image, _ in PCAM(tmp_path, split=name)]
    for row, image in enumerate(theirs):
        assert np.array_equal(dataset.source.image(row), np.asarray(image.convert("L")))
    assert len(theirs) == len(dataset) == 13


def test_publishers_split_is_kept(tmp_path):
    parts = split(read_pcam(write(tmp_path / "pcam")).table, seed=3)
    assert (parts.train.tolist(), parts.validation.tolist()) == (list(range(6)), list(range(6, 10)))


def test_images_are_decoded_to_the_cache_like_those_of_any_data_set(tmp_path):
    dataset = read_pcam(write(tmp_path / "pcam"))
    decoded = pixels(dataset, size=48, progress=False)
    colour = Image.fromarray(arrays("test")[0][2])
    assert np.array_equal(decoded.rows([12])[0], colour.convert("L").resize((48, 48), Image.Resampling.BILINEAR))


def test_folder_is_loaded_by_name_and_by_path(own_places):
    folder = write(own_places / "data" / "pcam")
    assert find("pcam").resolve() == folder
    by_name, by_path = load("pcam"), load(folder)
    assert by_name.classes == by_path.classes == ("TUMOUR-FREE", "TUMOUR")
    assert by_name.version == by_path.version


def test_signature_tells_files_that_were_replaced(tmp_path):
    before = read_pcam(write(tmp_path / "pcam")).source
    other = read_pcam(write(tmp_path / "new", test_x=np.zeros((3, 32, 32, 3), dtype=np.uint8))).source
    assert before.signature != other.signature


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"lacks \w+valid_y\.h5; `pneumo data get pcam` .*zenodo"):
        read_pcam(write(tmp_path / "pcam", valid_y=None))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_y": np.full((6, 1, 1, 1), 2, np.uint8)}, r"train_y\.h5 does not hold one 0 or 1 for each of the 6"),
        ({"test_y": np.zeros((2, 1, 1, 1), np.uint8)}, r"test_y\.h5 does not hold one 0 or 1 for each of the 3"),
        ({"valid_x": np.zeros((4, 96, 96), np.uint8)}, r"valid_x\.h5 holds uint8 images of shape \(4, 96, 96\)"),
        ({"valid_x": np.zeros((4, 96, 96, 3))}, r"valid_x\.h5 holds float64 images"),
    ],
)
def test_files_of_another_shape_are_refused_by_name(tmp_path, changed, message):
    with pytest.raises(DataError, match=message):
        read_pcam(write(tmp_path / "pcam", **changed))


def test_file_that_is_no_hdf5_is_refused_by_name(tmp_path):
    folder = write(tmp_path / "pcam")
    path = folder / f"{PREFIX}train_x.h5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train_x\.h5 is no whole HDF5 file .*; remove it"):
        read_pcam(folder)


def test_array_by_another_name_is_refused(tmp_path):
    folder = write(tmp_path / "pcam", test_y=None)
    with h5py.File(folder / f"{PREFIX}test_y.h5", "w") as file:
        file["labels"] = np.zeros(3)
    with pytest.raises(DataError, match="the test files hold no array x or y"):
        read_pcam(folder)


def test_without_h5py_it_is_said_what_to_install(tmp_path, monkeypatch):
    folder = write(tmp_path / "pcam")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"pip install 'pneumo\[pcam\]'"):
        read_pcam(folder)


def test_checksums_are_torchvisions():
    theirs = {
        name.removeprefix(PREFIX).removesuffix(".h5"): md5
        for files in PCAM._FILES.values()
        for name, _, md5 in files.values()
    }
    assert theirs == CHECKSUMS


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Let these files be the publisher's; returns the addresses that were asked for."""
    folder, asked = write(tmp_path / "published"), []
    packed = {f"{path.name}.gz": gzip.compress(path.read_bytes()) for path in folder.iterdir()}

    def fake(url, path, *, checksum=None, progress=True):
        asked.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed[path.name])
        if f"md5:{hashlib.md5(packed[path.name]).hexdigest()}" != checksum:
            raise DataError("not the publisher's file")
        return path

    monkeypatch.setattr(pcam, "download", fake)
    monkeypatch.setattr(
        pcam, "CHECKSUMS", {part: hashlib.md5(packed[f"{PREFIX}{part}.h5.gz"]).hexdigest() for part in CHECKSUMS}
    )
    return asked


def test_download_is_unpacked_where_it_is_found_again(own_places, published):
    assert get("pcam") == own_places / "cache" / "data" / "pcam" == find("pcam")
    assert published == [f"{URL}{PREFIX}{part}.h5.gz" for part in CHECKSUMS]
    assert {path.name for path in find("pcam").glob("[!.]*")} == {f"{PREFIX}{part}.h5" for part in CHECKSUMS}
    assert len(load("pcam")) == 13


def test_download_keeps_what_is_there(own_places, published):
    get("pcam")
    (find("pcam") / f"{PREFIX}test_y.h5").unlink()
    published.clear()
    get("pcam")
    assert published == [f"{URL}{PREFIX}test_y.h5.gz"]


def test_file_with_another_checksum_is_not_unpacked(own_places, published, monkeypatch):
    monkeypatch.setitem(pcam.CHECKSUMS, "train_x", "0" * 32)
    with pytest.raises(DataError, match="not the publisher's file"):
        get("pcam")
    assert not list(own_places.rglob("*train_x.h5"))[1:]  # but the published one


def test_names_of_the_classes_are_those_of_the_data_set_in_small_letters(own_places):
    write(own_places / "data" / "pcam")
    assert catalogue.class_names("pcam") == tuple(name.lower() for name in load("pcam").classes)
