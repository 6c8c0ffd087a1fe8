import os
import pickle
import stat
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.archives import TREE, radiograph, tree

from pneumo.data.dataset import DataError
from pneumo.data.decode import decode, resize_to_square
from pneumo.data.readers.archive import read_archive


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
    with pytest.raises(DataError, match=r'class folders sick and sound, .* positive="sick" or positive="sound"'):
        read_archive(write(files))


def test_names_that_tell_no_patient_are_counted_in_a_warning(write):
    files = tree() | {"train/NORMAL/scan 7.jpeg": radiograph(50)}
    with pytest.warns(UserWarning, match="names of 1 of 9 images tell no patient, first train/NORMAL/scan 7.jpeg"):
        dataset = read_archive(write(files))
    assert not dataset.has_patients


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
    for split in ("train", "val", "test"):
        (linked / split).symlink_to(folder / split)
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
