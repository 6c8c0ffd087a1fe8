import os
import zipfile

import pytest
from support.chests import chests as drawn
from support.chests import png

from pneumo.errors import DataError
from pneumo.inference import find_files, read_contents

IMAGE = png(drawn(1)[0])
DICOM = bytes(128) + b"DICM" + bytes(20)
TREE = {
    "b/two.JPG": IMAGE,
    "a/one.png": IMAGE,
    "three.dcm": b"?",
    "IM0001": DICOM,
    "1.2.840.10008": DICOM,
    "README": b"text",
    "notes.txt": b"text",
    ".hidden.png": IMAGE,
    "__MACOSX/a/._one.png": IMAGE,
}
WANTED = ["1.2.840.10008", "IM0001", "a/one.png", "b/two.JPG", "three.dcm"]


@pytest.fixture
def folder(tmp_path):
    for name, content in TREE.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(content)
    return tmp_path / "x"


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, content in TREE.items():
            file.writestr(name, content)
    return tmp_path / "x.zip"


def test_a_folder_and_an_archive_mean_their_images_sorted_and_no_litter(folder, archive):
    files, problems, passed_over = find_files([folder, archive])
    assert [file.name for file in files] == [f"{root}/{name}" for root in (folder, archive) for name in WANTED]
    assert problems == []
    assert [(file.place or file.path.name, kind) for file, kind in passed_over[-4:]] == [
        (".hidden.png", "hidden or of a file manager"),
        ("README", "text"),
        ("__MACOSX/a/._one.png", "hidden or of a file manager"),
        ("notes.txt", "text"),
    ]


def test_each_file_comes_with_its_bytes(folder, archive):
    files = find_files([archive, folder / "a/one.png", archive]).files
    assert [data for _, data in read_contents(files)] == [TREE[name] for name in [*WANTED, "a/one.png", *WANTED]]


def test_a_named_file_is_taken_whatever_it_is_called(folder):
    files = find_files([folder / "notes.txt"]).files
    assert [file.path for file in files] == [folder / "notes.txt"]


def test_paths_that_mean_no_image_are_problems_and_stop_nothing(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    files, problems, _ = find_files([tmp_path / "none", tmp_path / "empty", folder / "a"])
    assert len(files) == 1
    assert ["does not exist" in str(problems[0]), "holds no radiograph" in str(problems[1])] == [True, True]


def test_what_cannot_be_read_says_why_and_the_next_comes(folder, archive):
    files = find_files([archive, folder / "a"]).files
    damaged = bytearray(archive.read_bytes())
    damaged[damaged.index(IMAGE) + 50] ^= 255  # one byte of b/two.JPG: its checksum fails
    archive.write_bytes(damaged)
    found = [data for _, data in read_contents(files)]
    assert [isinstance(data, DataError) for data in found] == [False, False, False, True, False, False]
    assert "x.zip/b/two.JPG cannot be read" in str(found[3])


def test_an_archive_that_is_gone_by_then_is_reported_for_each_of_its_files(archive):
    files = find_files([archive]).files
    archive.unlink()
    assert [isinstance(data, DataError) for _, data in read_contents(files)] == [True] * len(WANTED)


@pytest.mark.parametrize("name", ["a.png", "without-an-ending"])
@pytest.mark.timeout(600)
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    (tmp_path / "b.png").write_bytes(IMAGE)
    found = {file.path.name: data for file, data in read_contents(find_files([tmp_path])[0])}
    assert found.pop("b.png") == IMAGE
    assert all("pipe or a device and may never end; remove it" in str(error) for error in found.values())


@pytest.mark.timeout(600)
def test_a_device_without_end_is_not_read(tmp_path):
    (tmp_path / "a.png").symlink_to("/dev/zero")
    ((_, error),) = read_contents(find_files([tmp_path])[0])
    assert "may never end; remove it" in str(error)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb.png", r"a\nb.png"), ("\x1b[31mred.png", r"\x1b[31mred.png"), ("\udcff.png", r"\udcff.png")],
)
def test_names_that_would_break_output_are_written_out(tmp_path, name, shown):
    (tmp_path / name).write_bytes(IMAGE)
    ((file, data),) = read_contents(find_files([tmp_path])[0])
    assert file.name == f"{tmp_path}/{shown}"
    assert data == IMAGE


def test_an_entry_that_would_lie_outside_its_archive_is_read_like_any_other(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("../a.png", IMAGE)
    ((file, data),) = read_contents(find_files([tmp_path / "x.zip"])[0])
    assert (file.name, data) == (f"{tmp_path}/x.zip/../a.png", IMAGE)
