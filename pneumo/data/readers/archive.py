"""Radiographs in a zip archive or a folder, in a layout of `pneumo.data.readers.layout`; none is unpacked to disk."""

from __future__ import annotations

import os
import re
import stat
import threading
import warnings
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pneumo.data.dataset import Dataset
from pneumo.data.decode import decode, decode_to_square
from pneumo.data.readers import names
from pneumo.data.readers.layout import IMAGE_SUFFIXES, find_images
from pneumo.errors import DataError
from pneumo.io.digests import rows_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy as np

    from pneumo.data.decode import ResizeRule
    from pneumo.data.readers.layout import ArchiveImage

MAX_FILE_BYTES = 500_000_000
"""Size of the largest image file that is read; a small archive can unpack to far more."""

ZIP_ERRORS = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, UnicodeDecodeError
)  # fmt: skip
"""What zipfile raises for a damaged, changed or unusual archive."""

_COMPARED_BYTES = 16_384
"""Bytes at the beginning and at the end by which two files of equal size and name are compared."""


def read_archive(
    path: str | Path, *, name: str | None = None, positive: str | None = None, validation: Collection[str] = ()
) -> Dataset:
    """Open a zip archive or a folder of radiographs. The images themselves are not read yet.

    path: in one of the layouts of `pneumo.data.readers.layout`.
    name: of the data set; by default the archive's own.
    positive: the class folder that is label 1; by default PNEUMONIA.
    validation: images ("train/NORMAL/IM-0115-0001.jpeg") that count as split "val" where the archive has none.

    Patients and subtypes are read from the file names (`pneumo.data.readers.names`). Other names give patient "" and a
    warning that counts them. One is enough for `Dataset.has_patients` to be False: patients that are known in part
    cannot keep training and test apart.
    Raises DataError for anything that is no such archive, and for a zip that would write outside its folder.

        dataset = read_archive("chest_xray.zip")
    """
    path = Path(path)
    try:
        if path.is_dir():
            fingerprints = _list_folder(path)
            images = find_images(fingerprints, partial(_same_files, path))
        else:
            entries = _list_zip(path)
            fingerprints = {member: (entry.CRC, entry.file_size) for member, entry in entries.items()}
            images = find_images(fingerprints, lambda one, other: fingerprints[one] == fingerprints[other])
        images = _with_validation(images, validation)
        classes = _classes(images, positive)
    except DataError as error:
        raise DataError(f"{path} {error}") from error
    signature = rows_digest((image.name, *fingerprints[image.path]) for image in images)
    if path.is_dir():
        source = FolderSource(root=path, members=tuple(image.path for image in images), signature=signature)
    else:
        members = tuple((entries[image.path].filename, entries[image.path].CRC) for image in images)
        source = ZipSource(path=path, members=members, signature=signature)
    table = _table(images, positive=classes[1])
    _warn_without_patients(table, path)
    return Dataset(name=name or path.resolve().stem, classes=classes, table=table, source=source)


class ImageFileSource:
    """Base of the sources whose images are files: `pneumo.data.dataset.Source`, and the bytes of the files."""

    def read(self, row: int) -> bytes:
        """The file of a row of the table. Raises DataError where it cannot be read."""
        raise NotImplementedError

    def name(self, row: int) -> str:
        """What errors call the file of a row."""
        raise NotImplementedError

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """See `Source.image`."""
        return decode(self.read(row), self.name(row), size)

    def square(self, row: int, size: int, rule: ResizeRule, aspect: float | None = None) -> np.ndarray:
        """Row `row` of the table as a square, (size, size) uint8: see `pneumo.data.decode.decode_to_square`."""
        return decode_to_square(self.read(row), self.name(row), size, rule, aspect)


_OPEN = threading.local()
"""The archive that each thread read last: threads, and a fork, would share one handle's position in the file."""


@dataclass(frozen=True, kw_only=True)
class ZipSource(ImageFileSource):
    """Images in a zip archive.

    path: of the archive. members: path and CRC-32 of each image in it, in the order of the table.
    signature: digest of the names, checksums and sizes in the archive's directory.
    """

    path: Path
    members: tuple[tuple[str, int], ...]
    signature: str

    def name(self, row: int) -> str:
        """See `ImageFileSource.name`."""
        return f"{self.path}/{self.members[row][0]}"

    def read(self, row: int) -> bytes:
        """See `ImageFileSource.read`. The checksum is compared with the one that was listed."""
        member, checksum = self.members[row]
        try:
            archive = self._archive()
            entry = archive.getinfo(member)
            if checksum != entry.CRC:
                raise zipfile.BadZipFile("the archive's directory has changed since it was listed")
            _check_file_size(entry.file_size, self.name(row))
            return archive.read(entry)
        except ZIP_ERRORS as error:
            raise DataError(f"{self.name(row)} cannot be read ({error}); copy or download the archive again") from error

    def _archive(self) -> zipfile.ZipFile:
        key = (self.path, self.signature, os.getpid())
        if getattr(_OPEN, "key", None) != key:
            _OPEN.key, _OPEN.archive = None, zipfile.ZipFile(self.path)
            _OPEN.key = key
        return _OPEN.archive


@dataclass(frozen=True, kw_only=True)
class FolderSource(ImageFileSource):
    """Images in a folder.

    root: the folder. members: paths below it, in the order of the table.
    signature: digest of names, sizes and times of change.
    """

    root: Path
    members: tuple[str, ...]
    signature: str

    def name(self, row: int) -> str:
        """See `ImageFileSource.name`."""
        return str(self.root / self.members[row])

    def read(self, row: int) -> bytes:
        """See `ImageFileSource.read`."""
        path = self.root / self.members[row]
        try:
            _check_file_size(path.stat().st_size, str(path))
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error


def _check_file_size(size: int, name: str) -> None:
    if size > MAX_FILE_BYTES:
        raise DataError(f"{name} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read; remove it")


def _list_zip(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Entries of a zip by path, from its directory alone. Error messages go on from the archive's name."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _by_name(archive.infolist())
    except FileNotFoundError as error:
        raise DataError("does not exist; check the spelling") from error
    except ZIP_ERRORS as error:
        raise DataError(f"is neither a folder nor a whole zip archive ({error}); download or copy it again") from error
    for member, entry in entries.items():
        if member.startswith("/") or re.match("[A-Za-z]:", member) or ".." in member.split("/"):
            raise DataError(f"has an entry {member} that would lie outside its folder; do not use this archive")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"has an entry {member} that is a symbolic link; pack the files themselves")
        if entry.flag_bits & 0x1:
            raise DataError(f"is encrypted (entry {member}); unpack it and name the folder")
    return entries


def _by_name(entries: Iterable[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Entries by path. A name may stand twice for the same content; of two contents, no rule says which is meant."""
    found = {}
    for entry in entries:
        member = entry.filename.replace("\\", "/")
        other = found.setdefault(member, entry)
        if (other.CRC, other.file_size) != (entry.CRC, entry.file_size):
            raise DataError(f"has two different entries called {member}; unpack it, remove one and name the folder")
    return found


def _list_folder(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file below a folder, by path; folders end in "/". Links are followed."""
    found: dict[str, tuple[int, int]] = {}
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(folder)
        if real in seen:  # a link in a circle, or to a folder already listed
            subfolders.clear()
            continue
        seen.add(real)
        above = Path(folder).relative_to(root)
        found |= {f"{(above / name).as_posix()}/": (0, 0) for name in subfolders}
        found |= {(above / name).as_posix(): _size_and_time(Path(folder) / name) for name in files}
    return found


def _refuse_folder(error: OSError) -> None:
    raise DataError(f"has a folder that cannot be listed: {error}; check its permissions") from error


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"has a file that cannot be reached: {error}; remove it if it is a link to nothing") from error
    if not stat.S_ISREG(status.st_mode) and path.name.lower().endswith(IMAGE_SUFFIXES):
        raise DataError(f"has {path}, which is no file but a pipe or a device and may never end; remove it")
    return status.st_size, status.st_mtime_ns


def _same_files(root: Path, one: str, other: str) -> bool:
    """Whether two files agree in size, beginning and end. Whole files would take long: Kaggle's are 1.2 GB twice."""
    size = os.stat(root / one).st_size
    if size != os.stat(root / other).st_size:
        return False
    return _first_and_last_bytes(root / one, size) == _first_and_last_bytes(root / other, size)


def _first_and_last_bytes(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        beginning = file.read(_COMPARED_BYTES)
        file.seek(max(_COMPARED_BYTES, size - _COMPARED_BYTES))
        return beginning + file.read()


def _with_validation(images: Sequence[ArchiveImage], validation: Collection[str]) -> list[ArchiveImage]:
    if any(image.split == "val" for image in images):
        return list(images)
    moved = [replace(image, split="val") if image.name in validation else image for image in images]
    return sorted(moved, key=lambda image: image.name)


def _classes(images: Sequence[ArchiveImage], positive: str | None) -> tuple[str, str]:
    """The class folders of label 0 and label 1."""
    folders = sorted({image.class_folder for image in images})
    wanted = (positive or "PNEUMONIA").lower()
    chosen = [folder for folder in folders if folder.lower() == wanted]
    if len(chosen) != 1:
        raise DataError(
            f'has the class folders {" and ".join(folders)}; say which one is label 1, e.g. positive="{folders[1]}"'
        )
    folders.remove(chosen[0])
    return folders[0], chosen[0]


def _table(images: Sequence[ArchiveImage], positive: str) -> pd.DataFrame:
    parsed = [names.parse_file_name(image.name) for image in images]
    return pd.DataFrame(
        {
            "image": [image.name for image in images],
            "split": [image.split for image in images],
            "label": pd.Series([image.class_folder == positive for image in images], dtype="int8"),
            "subtype": [name.subtype for name in parsed],
            "patient": [name.patient for name in parsed],
        }
    )


def _warn_without_patients(table: pd.DataFrame, path: Path) -> None:
    unknown = table.loc[table["patient"] == "", "image"]
    if len(unknown):
        warnings.warn(
            f"{path}: the names of {len(unknown)} of {len(table)} images tell no patient, first {unknown.iloc[0]}; "
            "images of one patient may fall on both sides of a split. Names such as person1_virus_6.jpeg or "
            "IM-0115-0001.jpeg tell it",
            stacklevel=3,
        )
