import os
import pickle
import re
import stat
import struct
import unicodedata
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from support.archives import TREE, encoded, radiograph, tree
from support.dicom_files import dicom, saved

from pneumo.data.dataset import DataError
from pneumo.data.decode import decode, resize_to_square
from pneumo.data.readers.archive import read_archive
from pneumo.data.splits import split


@pytest.fixture(params=["folder", "zip"])
def write(request, write_folder, write_zip):
    """Write files into a folder and into a zip archive."""
    return write_folder if request.param == "folder" else write_zip


def test_table_says_split_label_subtype_and_patient(write):
    table = read_archive(write(tree())).table
    found = {row.image: (row.split, row.label, row.subtype, row.patient) for row in table.itertuples()}
    assert found == {
        "train/NORMAL/IM-0115-0001.jpeg": ("train", 0, "normal", "IM-0115"),
        "train/NORMAL/NORMAL2-IM-0666-0001-0002.jpeg": ("train", 0, "normal", "NORMAL2-IM-0666"),
        "train/PNEUMONIA/person1_bacteria_1.jpeg": ("train", 1, "bacteria", "bacteria-person1"),
        "train/PNEUMONIA/person1_virus_6.jpeg": ("train", 1, "virus", "virus-person1"),
        "val/NORMAL/IM-0200-0001.jpeg": ("val", 0, "normal", "IM-0200"),
        "val/PNEUMONIA/person2_bacteria_3.jpeg": ("val", 1, "bacteria", "bacteria-person2"),
        "test/NORMAL/IM-0001-0001.jpeg": ("test", 0, "normal", "IM-0001"),
        "test/PNEUMONIA/person9_virus_12.jpeg": ("test", 1, "virus", "virus-person9"),
    }


def test_image_of_a_row_is_the_file_of_that_name(write):
    dataset = read_archive(write(tree()))
    for row, name in enumerate(dataset.table["image"]):
        np.testing.assert_array_equal(dataset.source.image(row), decode(tree()[name], name))


def test_nesting_changes_neither_version_nor_order(write, tmp_path):
    nested = {f"chest_xray/{path}": content for path, content in tree().items()}
    twice = nested | {f"chest_xray/chest_xray/{path}": content for path, content in tree().items()}
    one, other = read_archive(write(tree(), "plain.zip")), read_archive(write(twice, "twice.zip"))
    assert one.version == other.version
    assert one.table.equals(other.table)


def test_copies_with_other_content_are_refused(write):
    twice = tree() | {f"chest_xray/{path}": content for path, content in tree().items()}
    twice["chest_xray/" + TREE[0]] = radiograph(99)
    with pytest.raises(DataError, match=r"two different images by the name train/NORMAL/IM-0115-0001\.jpeg"):
        read_archive(write(twice))


def test_signature_tells_other_content_under_the_same_names(write_zip):
    one = read_archive(write_zip(tree(), "one.zip"))
    same = read_archive(write_zip(tree(), "same.zip"))
    other = read_archive(write_zip(tree() | {TREE[3]: radiograph(99)}, "other.zip"))
    assert one.source.signature == same.source.signature != other.source.signature


def test_signature_of_a_folder_tells_a_file_that_was_written_again(write_folder):
    folder = write_folder(tree())
    before = read_archive(folder).source.signature
    assert read_archive(folder).source.signature == before
    os.utime(folder / TREE[0], ns=(1, 1))
    assert read_archive(folder).source.signature != before


def test_source_survives_pickling_and_threads(write):
    dataset = read_archive(write(tree()))
    dataset.source.image(0)  # a handle is open when it is pickled
    source = pickle.loads(pickle.dumps(dataset)).source
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(source.image, list(range(len(TREE))) * 20))
    for row, image in enumerate(images):
        np.testing.assert_array_equal(image, dataset.source.image(row % len(TREE)))


def test_positive_class_of_other_folders_is_named(write):
    folders = ["sick", "sound", "sick", "sound"]
    files = {f"{folder}/IM-{number:04d}-0001.jpeg": radiograph(number) for number, folder in enumerate(folders)}
    dataset = read_archive(write(files), positive="sick")
    assert dataset.classes == ("sound", "sick")
    assert dataset.table["label"].tolist() == [1, 1, 0, 0]
    remedy = r'--positive sick or --positive sound \(positive="sick" or positive="sound" in Python\)'
    with pytest.raises(DataError, match=f"class folders sick and sound, .* {remedy}"):
        read_archive(write(files))


def test_names_that_tell_no_patient_are_counted_in_a_warning(write):
    files = tree() | {"train/NORMAL/scan 7.jpeg": radiograph(50)}
    with pytest.warns(UserWarning, match="names of 1 of 9 images tell no patient, first train/NORMAL/scan 7.jpeg"):
        dataset = read_archive(write(files))
    assert not dataset.has_patients


def dicom_files(*patients: str | None) -> dict[str, bytes]:
    """DICOM files of two class folders by turns, with these PatientIDs; None: without the attribute."""
    return {
        f"{('NORMAL', 'PNEUMONIA')[number % 2]}/{number}.dcm": saved(
            dicom(np.full((4, 4), number, np.uint16), **({} if patient is None else {"PatientID": patient}))
        )
        for number, patient in enumerate(patients)
    }


def test_the_patient_of_a_dicom_file_is_told_by_its_header_but_not_shown(write):
    table = read_archive(write(dicom_files("70431", "70432", "70431", "70433 "))).table
    patients = dict(zip(table["image"], table["patient"], strict=True))
    first, second, third, fourth = (patients[f"train/{name}"] for name in dicom_files(*"abcd"))
    assert first == third
    assert len({first, second, fourth}) == 3
    assert all(re.fullmatch("dicom-[0-9a-f]{12}", patient) for patient in (first, second, fourth))


@pytest.mark.parametrize("patient", ["ANON", "", None])
def test_a_patient_id_that_is_empty_or_the_same_everywhere_tells_no_patient(write, patient):
    with pytest.warns(UserWarning, match=r"names and DICOM headers of 4 of 4 images tell no patient.*--labels"):
        dataset = read_archive(write(dicom_files(*[patient] * 4)))
    assert (dataset.table["patient"] == "").all()


def test_dicom_files_without_a_patient_id_among_others_are_counted(write):
    with pytest.warns(UserWarning, match="names and DICOM headers of 1 of 4 images tell no patient"):
        dataset = read_archive(write(dicom_files("1", "2", "", "1")))
    assert not dataset.has_patients


def test_a_name_that_tells_the_patient_goes_before_the_header(write):
    files = {
        f"{folder}/{name}.dcm": saved(dicom(np.zeros((4, 4), np.uint16), PatientID=name[-1]))
        for folder, name in (("NORMAL", "IM-0001-0001"), ("PNEUMONIA", "person1_virus_6"))
    }
    assert read_archive(write(files)).table["patient"].tolist() == ["IM-0001", "virus-person1"]


def test_the_version_of_a_data_set_does_not_depend_on_its_patients(write, tmp_path):
    with pytest.warns(UserWarning, match="tell no patient"):
        without = read_archive(write(dicom_files(*[None] * 4), "without"))
    assert read_archive(write(dicom_files(*"abca"), "with")).version == without.version


def test_listed_images_become_val_where_there_is_none(write):
    moved = {path.replace("val/", "train/"): content for path, content in tree().items()}
    listed = [path.replace("val/", "train/") for path in TREE if path.startswith("val/")]
    dataset = read_archive(write(moved, "moved.zip"), validation=listed)
    assert dataset.table.equals(read_archive(write(tree(), "published.zip")).table)


def test_link_in_a_circle_ends(write_folder):
    folder = write_folder(tree())
    (folder / "train" / "again").symlink_to(folder)
    assert len(read_archive(folder)) == len(TREE)


def test_class_folders_may_be_links(write_folder, tmp_path):
    folder = write_folder(tree(), "elsewhere")
    linked = tmp_path / "linked"
    linked.mkdir()
    for part in ("train", "val", "test"):
        (linked / part).symlink_to(folder / part)
    assert len(read_archive(linked)) == len(TREE)


def test_link_to_nothing_is_refused_by_name(write_folder):
    folder = write_folder(tree())
    (folder / "train/NORMAL/IM-0999-0001.jpeg").symlink_to(folder / "gone.jpeg")
    with pytest.raises(DataError, match=r"IM-0999-0001\.jpeg"):
        read_archive(folder)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>"])
def test_zip_that_is_no_zip_is_refused_by_name(tmp_path, content):
    (tmp_path / "chest.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"chest\.zip is neither a folder nor a whole zip archive"):
        read_archive(tmp_path / "chest.zip")


def test_zip_that_was_cut_short_is_refused(write_zip):
    path = write_zip(tree())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"chest_xray\.zip is neither a folder nor a whole zip archive"):
        read_archive(path)


def test_missing_archive_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"gone\.zip does not exist"):
        read_archive(tmp_path / "gone.zip")


@pytest.mark.parametrize(
    "entry", ["../train/NORMAL/a.jpeg", "/etc/a.jpeg", "C:/a.jpeg", "train\\..\\..\\a.jpeg", "\\\\host\\a.jpeg"]
)
def test_entry_that_would_escape_is_refused(write_zip, entry):
    with pytest.raises(DataError, match="would lie outside its folder"):
        read_archive(write_zip(tree() | {entry: b""}))


def test_entry_that_is_a_link_is_refused(write_zip):
    path = write_zip(tree())
    link = zipfile.ZipInfo("train/NORMAL/IM-0003-0001.jpeg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"IM-0003-0001\.jpeg that is a symbolic link"):
        read_archive(path)


def test_encrypted_archive_is_refused(write_zip):
    path = write_zip(tree())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory's first entry
    path.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted"):
        read_archive(path)


def test_directory_that_is_damaged_is_refused(write_zip):
    path = write_zip(tree())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 116  # needs version 11.6 of the format
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"chest_xray\.zip is neither a folder nor a whole zip archive"):
        read_archive(path)


def test_windows_separators_are_read(write_zip):
    dataset = read_archive(write_zip({path.replace("/", "\\"): content for path, content in tree().items()}))
    assert len(dataset) == len(TREE)
    assert dataset.source.image(0).shape == (20, 24)


def test_damaged_entry_is_refused_by_name_and_the_others_are_read(write_zip):
    path = write_zip(tree())
    content = bytearray(path.read_bytes())
    content[content.index(b"IM-0115-0001.jpeg") + 300] ^= 0xFF  # inside the first file
    path.write_bytes(content)
    dataset = read_archive(path)
    bad = dataset.table.index[dataset.table["image"] == TREE[0]][0]
    with pytest.raises(DataError, match=r"IM-0115-0001\.jpeg cannot be read .*CRC"):
        dataset.source.image(bad)
    assert dataset.source.image(bad + 1).shape == (20, 24)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("extra", [0, 600])
def test_entries_are_read_as_zipfile_reads_them(tmp_path, compression, extra):
    path = tmp_path / "chest.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in tree().items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            info.extra = struct.pack("<HH", 0xCAFE, extra) + bytes(extra)  # longer than what is read ahead, or not
            archive.writestr(info, content)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())  # as in an archive that unpacks itself
    dataset = read_archive(path)
    with zipfile.ZipFile(path) as archive:
        for row, name in enumerate(dataset.table["image"]):
            assert dataset.source.read(row) == archive.read(name) == tree()[name]


def test_archive_that_was_replaced_since_it_was_listed_is_refused(write_zip):
    path = write_zip(tree())
    dataset = read_archive(path)
    path.unlink()
    write_zip({name: radiograph(99) for name in tree()})
    with pytest.raises(DataError, match=r"IM-0001-0001\.jpeg cannot be read .*archive's directory"):
        dataset.source.read(0)


def test_archive_that_was_cut_short_since_it_was_listed_is_refused(write_zip):
    path = write_zip(tree())
    dataset = read_archive(path)
    os.truncate(path, 100)
    with pytest.raises(DataError, match="cannot be read"):
        dataset.source.read(0)
    with pytest.raises(DataError, match="cannot be read"):
        dataset.source.read(len(dataset) - 1)


def test_square_is_the_image_made_square(write):
    source = read_archive(write(tree())).source
    for rule in ("stretch", "letterbox", "crop"):
        np.testing.assert_array_equal(source.square(3, 10, rule), resize_to_square(source.image(3, 10), 10, rule))


def test_archive_that_was_removed_is_named(write_zip):
    path = write_zip(tree())
    dataset = read_archive(path)
    path.unlink()
    with pytest.raises(DataError, match=r"chest_xray\.zip"):
        dataset.source.image(0)


def test_file_larger_than_any_image_is_not_read(write, monkeypatch):
    monkeypatch.setattr("pneumo.data.readers.archive.MAX_FILE_BYTES", 100)
    dataset = read_archive(write(tree()))
    with pytest.raises(DataError, match="more than the 100 that are read"):
        dataset.source.image(0)


# What else lies there ------------------------------------------------------------------------------------------------


def test_images_are_found_by_content_and_read_in_any_format(write, tmp_path):
    grey = Image.fromarray(np.full((20, 24), 77, np.uint8))
    file = dicom(np.array([[0, 1000]], np.uint16))
    more = {
        "train/NORMAL/IM-0301-0001.jpg_1": encoded(grey, "JPEG"),
        "train/NORMAL/IM-0302-0001": encoded(grey, "BMP"),
        "train/NORMAL/IM-0303-0001.tif": encoded(grey, "TIFF"),
        "train/NORMAL/IM-0304-0001.dcm": saved(file),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one name tells no patient
        dataset = read_archive(write(tree() | more))
    assert set(more) < set(dataset.table["image"])
    images = {name: dataset.source.image(row) for row, name in enumerate(dataset.table["image"]) if name in more}
    assert [int(image.mean().round()) for _, image in sorted(images.items())] == [77, 77, 77, 128]
    squares = dataset.source.square(dataset.table.index[dataset.table["image"] == sorted(more)[3]][0], 2, "stretch")
    assert squares.tolist() == [[0, 255], [0, 255]]


def test_notes_and_litter_are_passed_over_in_silence_and_listed(write):
    dataset = read_archive(write(tree() | {"README": b"text", "train/Thumbs.db": b"x", "DICOMDIR": dicomdir()}))
    assert dataset.passed_over == (
        ("DICOMDIR", "DICOM directory"),
        ("README", "text"),
        ("train/Thumbs.db", "hidden or of a file manager"),
    )


def dicomdir() -> bytes:
    file = dicom(np.zeros((1, 4), np.uint16))
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    return saved(file)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"old.zip": b"PK\x03\x04" + bytes(40)}, r"1 file\(s\), first old\.zip \(zip archive\); unpack them"),
        ({"old.tar.gz": b"\x1f\x8b\x08" + bytes(40)}, r"first old\.tar\.gz .*gzip\); unpack them"),
        ({"train/NORMAL/IM-0300-0001.raw": bytes(range(256))}, r"IM-0300-0001\.raw \(unknown format\); remove them"),
    ],
)
def test_what_may_hold_radiographs_and_is_passed_over_is_warned_of(write, more, message):
    with pytest.warns(UserWarning, match=message):
        assert len(read_archive(write(tree() | more))) == len(TREE)


def test_another_data_set_beside_is_named_and_can_be_opened_by_its_path(write):
    eyes = {
        f"OCT/{split}/{kind}/{kind}-1-1.jpeg": radiograph(9) for split in ("train", "test") for kind in ("CNV", "DME")
    }
    path = write({f"CellData/chest_xray/{name}": content for name, content in tree().items()} | eyes)
    with pytest.warns(UserWarning, match=r"4 file\(s\), first OCT/test/CNV/CNV-1-1\.jpeg .*another data set"):
        assert len(read_archive(path)) == len(TREE)
    alone = read_archive(path / "CellData/chest_xray")
    assert (len(alone), alone.name, alone.passed_over) == (len(TREE), "chest_xray", ())
    assert alone.source.image(0).shape == (20, 24)
    with pytest.warns(UserWarning, match="tell no patient"):
        assert read_archive(path / "OCT", positive="cnv").classes == ("DME", "CNV")
    with pytest.raises(DataError, match="gone"):
        read_archive(path / "CellData/gone")


def test_the_publishers_third_version_has_its_patients(write):
    kinds = (("NORMAL", "NORMAL"), ("PNEUMONIA", "BACTERIA"), ("PNEUMONIA", "VIRUS"))
    files = {
        f"{split}/{folder}/{kind}-{first + 3 * patient + place}-{image:04d}.jpeg": radiograph(first + patient + image)
        for split, first in (("train", 1000), ("test", 2000))
        for place, (folder, kind) in enumerate(kinds)
        for patient in range(8)
        for image in (1, 2, 3)
    }
    dataset = read_archive(write(files))
    assert dataset.has_patients
    assert dataset.table["patient"].nunique() == 48
    assert set(dataset.table["subtype"]) == {"normal", "bacteria", "virus"}
    parts = split(dataset.table)
    patients = dataset.table["image"].str.extract(r"/\w+-(\d+)-")[0]
    assert not set(patients[parts.train]) & set(patients[parts.validation])


# Classes and labels --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ill", ["COVID", "NEUMONIA", "BACTERIA", "ABNORMAL", "Effusion"])
def test_a_hint_names_both_classes_and_guesses_none(write, ill):
    files = {
        f"{folder}/IM-{number:04d}-0001.jpeg": radiograph(number) for folder in ("NORMAL", ill) for number in (1, 2)
    }
    with pytest.raises(
        DataError, match="say which one is label 1, the finding: --positive .* or --positive "
    ) as raised:
        read_archive(write(files))
    assert all(f'positive="{name}"' in str(raised.value) for name in ("NORMAL", ill))
    dataset = read_archive(write(files), positive=ill.lower())
    assert dataset.classes == ("NORMAL", ill)
    with pytest.raises(DataError, match="none is COVIT"):
        read_archive(write(files), positive="COVIT")


def test_a_class_is_known_however_its_accents_are_stored(write):
    ill = unicodedata.normalize("NFD", "NEUMONÍA")
    files = {
        f"{folder}/IM-{number:04d}-0001.jpeg": radiograph(number) for folder in ("NORMAL", ill) for number in (1, 2)
    }
    assert read_archive(write(files), positive=unicodedata.normalize("NFC", ill)).classes == ("NORMAL", ill)


def test_a_table_labels_the_images_beside_it(write, tmp_path):
    files = {f"images_{number % 2}/{number:08d}_000.png": radiograph(number) for number in range(6)}
    rows = [
        f"{number:08d}_000.png,{'Pneumonia|Mass' if number > 3 else 'No Finding'},{number // 2}" for number in range(5)
    ]
    rows += ["00000099_000.png,Mass,9"]
    (tmp_path / "l.csv").write_text("Image Index,Finding Labels,Patient ID\n" + "\n".join(rows), encoding="utf-8")
    with pytest.warns(UserWarning, match="are not there|without a label") as said:
        dataset = read_archive(write(files), labels=tmp_path / "l.csv", negative="No Finding")
    assert "1 of the 6 images that it names are not there" in str(said[0].message)
    assert re.search(r"1 file\(s\), first images_1/00000005_000\.png \(image without a label\)", str(said[1].message))
    assert dataset.classes == ("No Finding", "Pneumonia")
    assert dict(zip(dataset.table["image"], dataset.table["label"], strict=True)) == {
        f"images_{number % 2}/{number:08d}_000.png": int(number > 3) for number in range(5)
    }
    assert dataset.table.set_index("image")["patient"].loc["images_1/00000003_000.png"] == "1"
    assert dataset.has_patients
    for row, name in enumerate(dataset.table["image"]):
        np.testing.assert_array_equal(dataset.source.image(row), decode(files[name], name))


def test_a_table_without_both_classes_is_refused(write, tmp_path):
    (tmp_path / "l.csv").write_text("image,label\na.png,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="labels 1 of the images, of 1 class"):
        read_archive(write({"a.png": radiograph(0)}), labels=tmp_path / "l.csv")


def test_a_split_comes_from_the_table_or_from_the_folders(write, tmp_path):
    files = {name: radiograph(0) for name in ("train/a.png", "valid/b.png", "test/c.png", "d.png")}
    (tmp_path / "l.csv").write_text("image,label,split\na,1,test\nb,0,\nc,1,\nd,0,\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="tell no patient"):
        table = read_archive(write(files), labels=tmp_path / "l.csv").table
    assert dict(zip(table["image"], table["split"], strict=True)) == {
        "train/a.png": "test", "valid/b.png": "val", "test/c.png": "test", "d.png": "train"
    }  # fmt: skip
