import io
import os
import zipfile

import pytest
from support.chests import chests as drawn
from support.chests import png
from support.privileges import without_privileges

from pneumo.data.readers import files as reader
from pneumo.data.readers.files import find_files, read_contents
from pneumo.errors import DataError

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


# By content, not by ending -------------------------------------------------------------------------------------------


def zipped(contents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "name",
    ["a.jfif", "a.jpe", "a.jpg_1", "a.jpeg.download", "a", "a.img", "a.tmp", "a.CR", "1.2.840.113", "a.txt", "a.py"],
)
@pytest.mark.parametrize("content", [IMAGE, DICOM], ids=["PNG", "DICOM"])
def test_a_radiograph_is_found_whatever_its_name_ends_in(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "x.zip").write_bytes(zipped({name: content}))
    found = list(read_contents(find_files([tmp_path]).files))
    assert [(file.name, data) for file, data in found] == [
        (f"{tmp_path}/{name}", content),
        (f"{tmp_path}/x.zip/{name}", content),
    ]


@pytest.mark.parametrize(
    "name", ["@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", ".thumbnails/a.png", "#recycle/a.png", "._a.png"]
)
def test_thumbnails_and_rubbish_of_storage_devices_are_no_radiographs(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(IMAGE)
    (tmp_path / "b.png").write_bytes(IMAGE)
    listing = find_files([tmp_path])
    assert [file.path.name for file in listing.files] == ["b.png"]
    assert listing.problems == []
    assert [kind for _, kind in listing.passed_over] == ["hidden or of a file manager"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(50), "in the format HEIC, which is not read; save it as PNG or DICOM"),
        (b"\x93NUMPY" + bytes(50), "in the format NumPy array, which is not read; save it as PNG"),
        (b"Rar!\x1a\x07\0" + bytes(50), "an archive in the format RAR, which is not read; unpack it"),
        (b"\x1f\x8b\x08" + bytes(50), "an archive in the format gzip, which is not read; unpack it"),
    ],
)
def test_what_may_hold_a_radiograph_and_is_not_read_is_a_problem(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b.png").write_bytes(IMAGE)
    listing = find_files([tmp_path])
    assert len(listing.files) == 1
    assert message in str(listing.problems[0])


def test_a_damaged_archive_in_a_folder_is_a_problem(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"a.png": IMAGE})[:-30])
    (tmp_path / "b.zip").write_bytes(b"<html>404</html>")
    (tmp_path / "c.zip").write_bytes(zipped({}))
    listing = find_files([tmp_path])
    assert ["a.zip" in str(listing.problems[0]), "b.zip is a damaged zip archive" in str(listing.problems[1])] == [
        True
    ] * 2
    assert [(file.path.name, kind) for file, kind in listing.passed_over] == [("c.zip", "empty zip archive")]


# Links, and what cannot be listed ------------------------------------------------------------------------------------


def test_a_linked_folder_is_read_and_a_circle_of_links_ends(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y/deep").mkdir(parents=True)
    (tmp_path / "y/deep/a.png").write_bytes(IMAGE)
    (tmp_path / "x/linked").symlink_to(tmp_path / "y")
    (tmp_path / "y/deep/back").symlink_to(tmp_path / "x")
    (tmp_path / "y/up").symlink_to("..")
    assert [file.name for file in find_files([tmp_path / "x"]).files] == [f"{tmp_path}/x/linked/deep/a.png"]


def test_a_folder_that_is_there_and_also_linked_is_read_once_where_it_is(tmp_path):
    (tmp_path / "z").mkdir()
    (tmp_path / "z/a.png").write_bytes(IMAGE)
    (tmp_path / "a-link").symlink_to("z")
    assert [file.name for file in find_files([tmp_path]).files] == [f"{tmp_path}/z/a.png"]


def test_a_link_to_nothing_is_a_problem_with_its_remedy(tmp_path):
    (tmp_path / "a").symlink_to("gone")
    (tmp_path / "b.png").write_bytes(IMAGE)
    listing = find_files([tmp_path])
    assert len(listing.files) == 1
    assert "a cannot be reached (No such file or directory); remove it if it is a link to nothing" in str(
        listing.problems[0]
    )


def test_a_folder_that_cannot_be_listed_and_a_file_that_cannot_be_told_are_problems(folder_for_all):
    (folder_for_all / "a").write_bytes(DICOM)
    (folder_for_all / "a").chmod(0)
    (folder_for_all / "b.png").write_bytes(IMAGE)
    (folder_for_all / "closed").mkdir(mode=0)
    with without_privileges():
        listing = find_files([folder_for_all])
    assert [file.path.name for file in listing.files] == ["b.png"]
    assert "closed cannot be listed (Permission denied); check its permissions" in str(listing.problems[0])
    assert "a cannot be read" in str(listing.problems[1])


# Archives inside -----------------------------------------------------------------------------------------------------


def test_archives_inside_folders_and_archives_are_read_like_folders(tmp_path):
    inner = zipped({"b/two.png": IMAGE, "notes.txt": b"text"})
    (tmp_path / "x.zip").write_bytes(zipped({"one": DICOM, "inner.zip": inner, "z.png": IMAGE}))
    found = list(read_contents(find_files([tmp_path]).files))
    assert [(file.place, data) for file, data in found] == [
        ("inner.zip/b/two.png", IMAGE),
        ("one", DICOM),
        ("z.png", IMAGE),
    ]
    assert found[0][0].name == f"{tmp_path}/x.zip/inner.zip/b/two.png"
    assert find_files([tmp_path / "x.zip"]).files == [file for file, _ in found]


def test_archives_inside_archives_end_somewhere(tmp_path):
    content = zipped({"a.png": IMAGE})
    for depth in range(5):
        content = zipped({f"{depth}.zip": content})
    (tmp_path / "x.zip").write_bytes(content)
    (problem, *_) = find_files([tmp_path / "x.zip"]).problems
    assert "lies too deep, in archives inside archives; unpack it" in str(problem)


def test_an_archive_inside_that_claims_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 100)
    (tmp_path / "x.zip").write_bytes(zipped({"inner.zip": zipped({"a.png": IMAGE})}))
    assert "more than the 100 that are read" in str(find_files([tmp_path / "x.zip"]).problems[0])


def test_pictures_in_documents_are_no_radiographs(tmp_path):
    (tmp_path / "report.docx").write_bytes(zipped({"[Content_Types].xml": b"<a/>", "word/media/1.png": IMAGE}))
    (tmp_path / "b.png").write_bytes(IMAGE)
    listing = find_files([tmp_path])
    assert [file.path.name for file in listing.files] == ["b.png"]
    assert [(file.path.name, kind) for file, kind in listing.passed_over] == [
        ("report.docx", "office document or program")
    ]


def test_an_encrypted_archive_is_one_problem_and_none_of_its_files_is_lost_unsaid(tmp_path):
    content = bytearray(zipped({"a.png": IMAGE, "b": IMAGE}))
    for place in (content.index(b"PK\x01\x02"), content.rindex(b"PK\x01\x02")):
        content[place + 8] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    listing = find_files([tmp_path / "x.zip"])
    assert listing.files == []
    assert "x.zip/a.png is encrypted; unpack the archive and name the folder" in str(listing.problems[0])


def test_an_image_with_an_archive_behind_it_is_an_image(tmp_path):
    (tmp_path / "a.png").write_bytes(IMAGE + zipped({"b.png": IMAGE}))
    assert [file.place for file in find_files([tmp_path / "a.png"]).files] == [""]
