"""Archives and folders that are broken, hostile, or only laid out in an odd way."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from corpus.case import Case, encoded, radiograph, tree, write_folder, write_zip
from PIL import Image

ONE = "train/NORMAL/IM-0001-0001.jpeg"
OTHER = "test/NORMAL/IM-0009-0001.jpeg"
Files = Mapping[str, bytes]


def _zip(name: str, files: Callable[[], Files], *, change: Callable[[bytes], bytes] = bytes, **case: object) -> Case:
    """A case of a zip archive. change: what befalls its bytes afterwards."""

    def write(folder: Path) -> Path:
        path = write_zip(files(), folder / "films.zip")
        path.write_bytes(change(path.read_bytes()))
        return path

    return Case(name=name, write=write, **case)


def _folder(name: str, files: Callable[[], Files], change: Callable[[Path], object] = str, **case: object) -> Case:
    """A case of a folder. change: what is done in it afterwards."""

    def write(folder: Path) -> Path:
        path = write_folder(files(), folder / "films")
        change(path)
        return path

    return Case(name=name, write=write, **case)


def _file(name: str, content: bytes, *, called: str = "films.zip", **case: object) -> Case:
    return Case(name=name, write=lambda folder: write_folder({called: content}, folder) / called, **case)


def _with(**more: bytes) -> Callable[[], Files]:
    return lambda: tree() | more


def _renamed(rule: Callable[[str], str]) -> Callable[[], Files]:
    return lambda: {rule(name): content for name, content in tree().items()}


def _without(*beginnings: str) -> Callable[[], Files]:
    return lambda: {name: content for name, content in tree().items() if not name.startswith(beginnings)}


def _entry(name: str, content: bytes = b"", **fields: object) -> Callable[[bytes], bytes]:
    """Add one entry to a zip archive, with fields of its own."""

    def change(data: bytes) -> bytes:
        file, entry = io.BytesIO(data), zipfile.ZipInfo(name)
        for field, value in fields.items():
            setattr(entry, field, value)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(entry, content)
        return file.getvalue()

    return change


def _directory_field(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Change bytes of the first entry of a zip's directory."""

    def change(data: bytes) -> bytes:
        start = data.index(b"PK\x01\x02") + offset
        return data[:start] + value + data[start + len(value) :]

    return change


def _claims_size(size: int) -> Callable[[bytes], bytes]:
    return _directory_field(24, struct.pack("<I", size))


def saved_again(content: bytes) -> bytes:
    return encoded(Image.open(io.BytesIO(content)), "JPEG", quality=95)


def _doubled(content: bytes) -> Callable[[bytes], bytes]:
    """Add a second entry under the name of the first, with zipfile's warning left out."""

    def change(data: bytes) -> bytes:
        file = io.BytesIO(data)
        with zipfile.ZipFile(file, "a") as archive:
            archive.NameToInfo.clear()
            archive.writestr(ONE, content)
        return file.getvalue()

    return change


def _unpacks_to(size: int) -> bytes:
    """A zip with one image file that unpacks to `size` zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree().items():
            archive.writestr(name, bytes(size) if name == ONE else content)
    return file.getvalue()


def _compressed(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in tree().items():
            archive.writestr(name, content)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in tree().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _zipped(files: Files) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def _patients(number: int) -> dict[str, bytes]:
    """Two images of `number` patients in each class, all in train."""
    normal = [f"NORMAL/IM-{patient:04d}-{image:04d}.jpeg" for patient in range(1, number + 1) for image in (1, 2)]
    ill = [f"PNEUMONIA/person{patient}_virus_{image}.jpeg" for patient in range(1, number + 1) for image in (1, 2)]
    return {name: radiograph(seed) for seed, name in enumerate(normal + ill)}


def _link(name: str, target: str | Path) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


def _old(folder: Path) -> None:
    """Files from before 1970 and from the year 2100: the clock was wrong."""
    first, second, *_ = sorted(folder.rglob("*.jpeg"))
    os.utime(first, (-86_400, -86_400))
    os.utime(second, (4_102_444_800, 4_102_444_800))


SCRIPTS = ("ребёнок", "小児", "طفل", "बच्चा", "παιδί", "👶🏽", unicodedata.normalize("NFD", "Kärnä"))
NOT_AN_ARCHIVE = (r"films\.zip", "download or copy it again")
OUTSIDE = (r"films\.zip has an entry", "do not use this archive")
ESCAPES = ("../train/NORMAL/a.jpeg", "/etc/a.jpeg", "C:/a.jpeg", "train\\..\\..\\a.jpeg", "\\\\host\\share\\a.jpeg")
NO_PATIENTS = {"images": 17, "unknown": True, "warned": "1 of 17 images tell no patient"}

ZIPS = (
    _file("a zip of zero bytes", b"", refused=NOT_AN_ARCHIVE),
    _file("a web page called .zip", b"<html>404</html>", refused=NOT_AN_ARCHIVE),
    _file("a tar called .zip", _tar(), refused=NOT_AN_ARCHIVE),
    _file("a text file", b"hello", called="films.txt", refused=(r"films\.txt", "download or copy it again")),
    _zip("a zip cut short", tree, change=lambda data: data[:-100], refused=NOT_AN_ARCHIVE),
    _zip("the end of a zip alone", tree, change=lambda data: data[-400:], refused=NOT_AN_ARCHIVE),
    _zip("a zip for a newer version", tree, change=_directory_field(6, b"\x74"), refused=NOT_AN_ARCHIVE),
    _zip("an encrypted zip", tree, change=_directory_field(8, b"\1"), refused=(r"films\.zip", "unpack it")),
    _zip("an unknown compression", tree, change=_directory_field(10, b"\x63"), refused=("IM-0001", "download the")),
    _zip("an entry whose checksum is wrong", tree, change=_directory_field(16, b"\0\0\0\0"),
         refused=("IM-0001", "download the archive again")),
    _zip("an entry that claims two gigabytes", tree, change=_claims_size(2**31), refused=("IM-0001", "remove it")),
    _zip("an entry that claims less than it holds", tree, change=_claims_size(9), refused=("IM-0001", "again")),
    _file("an entry that unpacks to six hundred megabytes", _unpacks_to(600_000_000), refused=("IM-0001", "remove it")),
    _zip("a zip in a zip", lambda: {"inner.zip": _zipped(tree())}, refused=(r"films\.zip.*inner\.zip", "unpack them")),
    *(_zip(f"an entry called {name}", lambda name=name: tree() | {name: b""}, refused=OUTSIDE) for name in ESCAPES),
    _zip("an entry that is a symbolic link", tree, refused=(r"films\.zip.*IM-0009", "pack the files themselves"),
         change=_entry("test/NORMAL/IM-0009-0001.jpeg", b"/etc/hosts", external_attr=(stat.S_IFLNK | 0o777) << 16)),
    _zip("two entries of one name and content", tree, change=_doubled(radiograph(0))),
    _zip("two entries of one name, other content", tree, change=_doubled(b"other"), refused=("IM-0001", "remove one")),
    _zip("entries packed by Windows", _renamed(lambda name: name.replace("/", "\\"))),
    _zip("a zip behind a program", tree, change=lambda data: b"MZ" + bytes(500) + data),
    _file("entries packed by bzip2", _compressed(zipfile.ZIP_BZIP2)),
    _file("entries packed by LZMA", _compressed(zipfile.ZIP_LZMA)),
    _zip("a zip without entries", dict, refused=(r"films\.zip", "class folders with some are needed")),
    _zip("ten thousand empty notes", lambda: tree() | {f"notes/{number}.txt": b"" for number in range(10_000)}),
)  # fmt: skip

LAYOUTS = (
    Case(name="a path that does not exist", write=lambda folder: folder / "gone.zip",
         refused=(r"gone\.zip", "check the spelling")),
    _folder("an empty folder", dict, lambda folder: folder.mkdir(), refused=("films", "NORMAL and PNEUMONIA")),
    _folder("one class", _without("train/PNEUMONIA", "test/PNEUMONIA"), refused=("films", "add or remove folders")),
    _folder("three classes", _with(**{"train/COVID/1.jpeg": radiograph(50)}), refused=("COVID", "add or remove")),
    _folder("one class in test", _without("test/PNEUMONIA"), refused=("test/PNEUMONIA", "add some, or remove")),
    _folder("a class folder without images", tree, lambda folder: (folder / "val/NORMAL").mkdir(parents=True),
            refused=("val/NORMAL", "add some, or remove")),
    _folder("an image beside the class folders", _with(**{"1.jpeg": radiograph(50)}), refused=(r"1\.jpeg", "move it")),
    _folder("two data sets side by side", lambda: {f"{place}/{name}": content for place in "ab"
            for name, content in tree().items()}, refused=("a and in b", "name one of them")),
    _folder("one patient a class", lambda: _patients(1), refused=(r"1 patient\(s\)", "add images of that class")),
    _folder("no test part", lambda: _patients(6), images=24),
    _folder("a patient in train and in test", _with(**{"test/NORMAL/IM-0001-0002.jpeg": radiograph(50)}),
            refused=("IM-0001", "into one part")),
    _folder("a DICOM file among others", _with(**{"train/NORMAL/IM-0009-0001.dcm": bytes(128) + b"DICM"}),
            refused=("train/NORMAL/IM-0009-0001.dcm", "name the file of the image itself")),
    _folder("a HEIC file among others", _with(**{"train/NORMAL/IM-0009-0001": b"\0\0\0\x18ftypheic" + bytes(99)}),
            refused=("train/NORMAL/IM-0009-0001 in the format HEIC", "save them as PNG or remove")),
    _zip("a TIFF file among others, in a zip", _with(**{"train/NORMAL/IM-0009-0001.TIF": b"II*"}),
         refused=("train/NORMAL/IM-0009-0001.TIF", "replace or remove it")),
    _folder("a Mac's folder icon", _with(**{"train/NORMAL/Icon\r": b""})),
    _folder("a patient in train and in val", lambda: tree() | {"val/NORMAL/IM-0001-0002.jpeg": radiograph(50),
            "val/PNEUMONIA/person1_virus_2.jpeg": radiograph(51)}, images=18),
    _folder("the same tree once more, one level down",
            lambda: tree() | {f"films/{name}": content for name, content in tree().items()}),
    _folder("class folders in two cases, one name, other images", _with(**{ONE.replace("NORMAL", "normal"): b"other"}),
            refused=("train/NORMAL/IM-0001-0001.jpeg and train/normal", "remove one")),
    _folder("class folders in two cases, one name, one image", lambda: tree() | {ONE.replace("NORMAL", "normal"):
            tree()[ONE]}),
    _folder("names that differ in case alone", _with(**{ONE.replace("IM-", "im-"): radiograph(50)}), **NO_PATIENTS),
    *(_folder(f"a name in another script: {name}", lambda name=name: tree() | {f"train/NORMAL/{name}.jpeg":
              radiograph(50)}, **NO_PATIENTS) for name in SCRIPTS),
    _folder("a name that is HTML", _with(**{"train/NORMAL/<b onclick=alert(1)>.jpeg": radiograph(50)}), **NO_PATIENTS),
    _folder("a name of quotes, commas and spaces", _with(**{'train/NORMAL/ "a", b; %s {0} .jpeg': radiograph(50)}),
            **NO_PATIENTS),
    _folder("a name that looks like an option", _with(**{"train/NORMAL/--help.jpeg": radiograph(50)}), **NO_PATIENTS),
    _folder("a name of 250 letters", _with(**{f"train/NORMAL/{'x' * 245}.jpeg": radiograph(50)}), **NO_PATIENTS),
    _folder("a name of two lines", _with(**{"train/NORMAL/a\nb.jpeg": b""}), refused=(r"a\\nb", "rename it")),
    _folder("a name that colours the terminal", _with(**{"train/NORMAL/\x1b[31mred.jpeg": radiograph(50)}),
            refused=(r"\\x1b\[31mred", "rename it")),
    _folder("a name that is no text", tree, lambda folder: Path(os.fsdecode(bytes(folder / "train/NORMAL") +
            b"/\xff\xfe.jpeg")).write_bytes(radiograph(50)), refused=(r"\\udcff", "rename it")),
    _folder("litter of file managers", _with(**{"train/NORMAL/._IM-0001-0001.jpeg": b"", "train/.DS_Store": b"",
            "test/NORMAL/Thumbs.db": b"", "__MACOSX/train/NORMAL/1.jpeg": b""})),
    _folder("dates before 1970 and after 2100", tree, _old),
    _folder("a link in a circle", tree, _link("again", "."), images=16),
    _folder("a link to nothing", tree, _link("train/NORMAL/IM-0009-0001.jpeg", "gone.jpeg"),
            refused=(r"IM-0009-0001\.jpeg", "link to nothing")),
    _folder("a pipe", tree, lambda folder: os.mkfifo(folder / OTHER), refused=("IM-0009", "remove it")),
    _folder("a device without end", tree, _link(OTHER, "/dev/zero"), refused=("IM-0009", "remove it")),
    _folder("a link to itself", tree, _link("train/NORMAL/IM-0009-0001.jpeg", "IM-0009-0001.jpeg"),
            refused=(r"IM-0009-0001\.jpeg", "link to nothing")),
    _folder("a folder called like an image", tree, lambda folder: (folder / "train/NORMAL/IM-0009-0001.jpeg").mkdir()),
    Case(name="a folder called .zip", write=lambda folder: write_folder(tree(), folder / "films.zip")),
    _folder("one image under two labels", _with(**{"train/PNEUMONIA/person9_virus_9.jpeg": tree()[ONE]}), images=17,
            warned=r"1 pair\(s\) .* under two labels; .*: train/NORMAL/IM-0001-0001.jpeg and train/PNEUMONIA/person9"),
    _folder("one image in train and in test", _with(**{OTHER: tree()[ONE]}), images=17,
            warned="two parts of the split, .*: test/NORMAL/IM-0009-0001.jpeg and train/NORMAL/IM-0001-0001.jpeg"),
    _folder("an image of train saved again in test", _with(**{OTHER: saved_again(tree()[ONE])}), images=17,
            warned="two parts of the split, .*: test/NORMAL/IM-0009"),
    _folder("16 times the same image", lambda: dict.fromkeys(tree(), tree()[ONE]), warned="under two labels|two parts"),
    _folder("16 images without contrast", lambda: dict.fromkeys(tree(), encoded(Image.new("L", (20, 20), 9), "PNG"))),
)  # fmt: skip

CASES = ZIPS + LAYOUTS
