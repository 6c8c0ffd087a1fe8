import io
import sys
import types
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.archives import TREE, radiograph, tree

from pneumo.cli import main
from pneumo.data import catalogue
from pneumo.data.catalogue import CATALOGUE, class_names, counts, find, get, listing, load
from pneumo.data.dataset import DataError
from pneumo.data.readers.archive import read_archive
from pneumo.experiments.builders import data_config, load_data

pytestmark = pytest.mark.usefixtures("own_places")


@pytest.fixture
def known_tree(monkeypatch):
    """chest-xray is the tiny tree, so that a whole copy of it can be at hand."""

    def adopt(path):
        known = replace(CATALOGUE["chest-xray"], version=read_archive(path).version)
        monkeypatch.setitem(CATALOGUE, "chest-xray", known)

    return adopt


def test_places_are_searched_in_the_documented_order(own_places, monkeypatch):
    inside = own_places / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    folders = [
        inside / "data",
        own_places / "shared/data",
        own_places / "cache/data",
    ]
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / "breastmnist.npz").touch()
        assert find("breastmnist").resolve() == folder / "breastmnist.npz"


def test_the_folders_that_the_user_names_are_the_only_ones_that_are_searched(own_places, monkeypatch):
    monkeypatch.setenv("PNEUMO_DATA", f"{own_places / 'first'}:{own_places / 'second'}")
    for folder in ("data", "cache/data", "second", "first"):
        (own_places / folder).mkdir(parents=True)
    for folder in ("data", "cache/data"):
        (own_places / folder / "breastmnist.npz").touch()
        assert find("breastmnist") is None
    with pytest.raises(DataError, match=r"(?s)in the folders of \$PNEUMO_DATA, and no others\n.*first\n.*second$"):
        load("breastmnist")
    for folder in ("second", "first"):
        (own_places / folder / "breastmnist.npz").touch()
        assert find("breastmnist") == own_places / folder / "breastmnist.npz"


def test_a_data_set_by_its_name_is_marked_as_such_and_one_by_its_path_is_not(own_places, write_folder, known_tree):
    folder = write_folder(tree(), "data/chest_xray")
    known_tree(folder)
    assert load("chest-xray").from_catalogue
    assert not load(folder).from_catalogue


def test_small_copy_is_preferred_in_one_place(own_places):
    (own_places / "data" / "chest_xray").mkdir(parents=True)
    for file in ("ChestXRay2017.zip", "chest_xray.zip", "chest_xray_224.zip"):
        (own_places / "data" / file).touch()
        assert find("chest-xray").name == file


def test_missing_data_set_says_where_it_was_searched_and_how_to_get_it(own_places):
    with pytest.raises(DataError, match=r"(?s)`pneumo data get chest-xray`.*ChestXRay2017\.zip") as raised:
        load("chest-xray")
    assert str(own_places / "data") in str(raised.value)
    assert str(own_places / "cache" / "data") in str(raised.value)


def test_data_set_without_a_download_says_so():
    for call in (load, get):
        with pytest.raises(DataError, match="not published by itself"):
            call("chest-xray-highres")


def test_name_that_is_nearly_known_is_suggested():
    with pytest.raises(DataError, match='did you mean "pneumoniamnist"'):
        load("pneumonia-mnist")


def test_path_is_loaded_by_its_own_name(write_folder, write_zip):
    assert load(write_folder(tree(), "my lungs")).name == "my lungs"
    assert load(str(write_zip(tree(), "hospital.zip"))).name == "hospital"


def test_known_name_is_loaded_as_published(write_folder, known_tree):
    known_tree(write_folder(tree(), "data/chest_xray"))
    dataset = load("chest-xray")
    assert (dataset.name, len(dataset)) == ("chest-xray", len(TREE))


def test_incomplete_copy_warns_with_both_versions(write_folder):
    write_folder(tree(), "data/chest_xray")
    with pytest.warns(UserWarning, match=r"version is 8-\w+ where 5856-fd5ea79d is expected"):
        load("chest-xray")


@pytest.mark.filterwarnings("ignore:.*is not chest-xray as published")
def test_images_that_kaggle_took_for_val_are_val_in_the_publishers_archive_too(write_zip):
    kaggle = {
        "val/NORMAL/NORMAL2-IM-1427-0001.jpeg": radiograph(1),
        "val/PNEUMONIA/person1946_bacteria_4874.jpeg": radiograph(2),
    }
    rest = {path: content for path, content in tree().items() if not path.startswith("val/")}
    published = {path.replace("val/", "train/"): content for path, content in kaggle.items()}
    one = load(write_zip(rest | kaggle, "kaggle.zip"))
    write_zip(rest | published, "data/ChestXRay2017.zip")
    other = load("chest-xray")
    assert one.table.equals(other.table)
    assert (other.table["split"] == "val").sum() == 2


def test_sixteen_images_are_named_as_kaggles_val():
    folders = [name.split("/")[1] for name in catalogue._KAGGLE_VALIDATION_IMAGES]
    assert (folders.count("NORMAL"), folders.count("PNEUMONIA")) == (8, 8)


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("chest-xray", ("normal", "pneumonia")),
        ("pneumoniamnist-64", ("normal", "pneumonia")),
        ("breastmnist-224", ("normal or benign", "malignant")),
        ("phantom", ("normal", "pneumonia")),
        ("folder/of/my own", ("normal", "pneumonia")),
    ],
)
def test_names_of_the_classes_are_known_without_the_data(name, classes):
    assert class_names(name) == classes


def test_names_of_the_classes_are_those_of_the_data_set_in_small_letters(own_places):
    write_medmnist(own_places / "data")
    (own_places / "data" / "pneumoniamnist.npz").rename(own_places / "data" / "breastmnist.npz")
    with pytest.warns(UserWarning, match="is not breastmnist as published"):
        dataset = load("breastmnist")
    assert class_names("breastmnist") == tuple(name.lower() for name in dataset.classes)
    assert class_names("phantom") == tuple(name.lower() for name in load("phantom").classes)


def test_high_resolution_radiographs_have_a_version_without_their_file():
    """Experiments name them so: 1,566 images and the digest of who they are."""
    assert find("chest-xray-highres") is None
    assert CATALOGUE["chest-xray-highres"].version == "1566-4a4788ac"


def test_phantom_is_built_in():
    assert load("phantom").name == "phantom"


def test_counts_are_images_and_patients_of_every_split_and_class(write_folder):
    files = tree() | {"train/PNEUMONIA/person1_bacteria_2.jpeg": radiograph(70)}
    expected = pd.DataFrame(
        [
            ("train", "NORMAL", 2, 2),
            ("train", "PNEUMONIA", 3, 2),
            ("val", "NORMAL", 1, 1),
            ("val", "PNEUMONIA", 1, 1),
            ("test", "NORMAL", 1, 1),
            ("test", "PNEUMONIA", 1, 1),
        ],
        columns=["split", "class", "images", "patients"],
    )
    counted = counts(load(write_folder(files)))
    pd.testing.assert_frame_equal(counted, expected, check_dtype=False, check_categorical=False)


def test_counts_tell_bacteria_from_virus(write_folder):
    counted = counts(load(write_folder(tree())), subtypes=True)
    train = counted[(counted["split"] == "train") & (counted["class"] == "PNEUMONIA")]
    assert train["subtype"].tolist() == ["bacteria", "virus"]
    assert train["images"].tolist() == [1, 1]


def write_medmnist(folder):
    folder.mkdir(parents=True)
    arrays = {}
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        arrays[f"{split}_images"] = np.zeros((count, 4, 4), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count) % 2
    np.savez(folder / "pneumoniamnist.npz", **arrays)


def test_unknown_patients_are_not_counted(own_places):
    write_medmnist(own_places / "data")
    assert counts(load("pneumoniamnist"))["patients"].isna().all()


def test_listing_shows_what_is_here_what_is_missing_and_what_is_broken(own_places):
    write_medmnist(own_places / "data")
    (own_places / "data" / "breastmnist.npz").write_bytes(b"")
    listed = listing().set_index("name")
    assert list(listed.index) == list(CATALOGUE)
    assert listed.loc["pneumoniamnist", ["train", "val", "test"]].tolist() == ["2 + 2", "1 + 1", "2 + 1"]
    assert listed.loc["chest-xray", "path"] == ""
    assert "cannot be read" in listed.loc["breastmnist", "note"]


def archive_bytes(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(f"chest_xray/{path}", content)
    return buffer.getvalue()


@pytest.fixture
def published(monkeypatch):
    """Let the publisher's file have this content; `get` then writes it in place of a download."""

    def publish(content):
        def fake(url, path, *, checksum=None, check=None, progress=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if check is not None:
                check(path)
            return path

        monkeypatch.setattr(catalogue, "download", fake)

    return publish


def test_download_goes_where_it_is_found_again(own_places, published, write_folder, known_tree):
    known_tree(write_folder(tree()))
    published(archive_bytes(tree()))
    assert get("chest-xray") == own_places / "cache" / "data" / "ChestXRay2017.zip" == find("chest-xray")


def test_download_goes_to_the_users_folder(own_places, published, monkeypatch, write_folder, known_tree):
    known_tree(write_folder(tree()))
    published(archive_bytes(tree()))
    monkeypatch.setenv("PNEUMO_DATA", str(own_places / "mine"))
    assert get("chest-xray").parent == own_places / "mine"
    assert get("chest-xray", own_places / "other").parent == own_places / "other"


def test_archive_that_lacks_images_is_not_taken(published):
    published(archive_bytes(tree()))
    with pytest.raises(DataError, match=r"its version is 8-\w+, not 5856-fd5ea79d"):
        get("chest-xray")


def test_kaggles_copy_is_linked(own_places, monkeypatch, write_folder, known_tree):
    downloaded = write_folder(tree(), "kaggle/versions/2/chest_xray").parent
    known_tree(downloaded)
    kagglehub = types.ModuleType("kagglehub")
    kagglehub.dataset_download = {"paultimothymooney/chest-xray-pneumonia": str(downloaded)}.__getitem__
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)
    get("chest-xray", source="kaggle")
    assert find("chest-xray") == own_places / "cache" / "data" / "chest_xray"
    assert len(load("chest-xray")) == len(TREE)


def test_kaggle_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DataError, match=r"pip install 'pneumo\[kaggle\]'"):
        get("chest-xray", source="kaggle")


@pytest.mark.parametrize("name", [name for name in CATALOGUE if "mnist" in name])
def test_medmnist_files_have_an_address_and_an_md5(name):
    known = CATALOGUE[name]
    assert known.url == f"https://zenodo.org/records/10519652/files/{known.files[0]}"
    assert len(known.checksum) == len("md5:") + 32


@pytest.fixture
def covid(write_folder):
    """12 images of two classes, of which none is called pneumonia."""
    names = [f"{kind}/IM-{number:04d}-0001.jpeg" for kind in ("COVID", "NORMAL") for number in range(6)]
    return write_folder({name: radiograph(number) for number, name in enumerate(names)}, "covid")


def test_the_positive_class_reaches_load_and_the_configuration_of_an_experiment(covid):
    assert load(covid, positive="covid").classes == ("NORMAL", "COVID")
    config = data_config(covid, positive="COVID")
    assert config.positive == "COVID"
    assert load_data(config).table["label"].tolist() == [1] * 6 + [0] * 6
    assert data_config(covid, positive="NORMAL").version != config.version


def test_the_positive_class_may_come_from_the_environment(covid, monkeypatch):
    monkeypatch.setenv("PNEUMO_POSITIVE", "COVID")
    assert load(covid).classes == ("NORMAL", "COVID")
    assert data_config(covid).positive == "COVID"
    assert data_config("chest-xray").positive == ""


def test_a_table_of_labels_reaches_load_and_the_configuration(write_folder, tmp_path):
    folder = write_folder({f"{number}.png": radiograph(number) for number in range(4)}, "films")
    rows = [f"{number}.png,{number % 2},p{number}" for number in range(4)]
    (tmp_path / "l.csv").write_text("image,label,patient\n" + "\n".join(rows), encoding="utf-8")
    config = data_config(str(folder), labels=tmp_path / "l.csv")
    assert load_data(config).table["label"].tolist() == [0, 1, 0, 1]


def test_a_data_set_with_classes_of_its_own_takes_no_others(own_places):
    with pytest.raises(DataError, match="phantom has its own classes; leave out positive"):
        load("phantom", positive="COVID")
    (own_places / "breastmnist.npz").touch()
    with pytest.raises(DataError, match="has its own classes; leave out positive"):
        load("./breastmnist.npz", positive="COVID")


def test_a_folder_inside_an_archive_is_opened_by_its_path(write_zip):
    path = write_zip({f"a/b/{name}": content for name, content in tree().items()}, "x.zip")
    assert len(load(f"{path}/a/b")) == len(TREE)


def test_the_command_line_shows_what_is_in_a_folder(covid, capsys):
    assert main(["data", "show", str(covid), "--positive", "covid"]) == 0
    out = capsys.readouterr().out
    assert "covid: 12 images, version 12-" in out
    assert "label 0 is NORMAL, label 1 COVID" in out
    assert main(["data", "show", str(covid)]) == 1
    assert 'positive="COVID" or positive="NORMAL"' in capsys.readouterr().err


def test_a_data_set_says_in_one_line_what_it_holds():
    assert repr(load("phantom")) == "Dataset(phantom: 252 images, 72 NORMAL, 180 PNEUMONIA, 150 patients)"
