"""The files that are meant by a list of files, folders and zip archives. Nothing is ever unpacked."""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from pneumo.data.readers.archive import MAX_FILE_BYTES, ZIP_ERRORS
from pneumo.data.readers.dicom import DICOM_SUFFIXES, is_dicom
from pneumo.data.readers.layout import IMAGE_SUFFIXES
from pneumo.errors import DataError


@dataclass(frozen=True, kw_only=True)
class File:
    """A file on disk, or an entry of a zip archive on disk."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """What output calls it: "folder/a.png", "archive.zip/folder/a.png". Names are other people's: what would break
        a line, steer a terminal or is no text is written out."""
        name = str(self.path) if self.member is None else f"{self.path}/{self.member}"
        return "".join(ascii(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)


def find_files(paths: Iterable[str | Path]) -> tuple[list[File], list[DataError]]:
    """The files meant by paths, in their order, and what is wrong with paths that mean none.

    A file is taken whatever it is called. Of a folder, with all below it, and of a zip archive: every file whose name
    ends as JPEG, PNG and DICOM files do, and DICOM files without such an ending, sorted by name. Hidden files are left
    out.
    """
    files, problems = [], []
    for path in map(Path, paths):
        try:
            files += _meant(path)
        except DataError as error:
            problems.append(error)
    return files, problems


def read_contents(files: Iterable[File]) -> Iterator[tuple[File, bytes | DataError]]:
    """Each file with its bytes, or with why it has none; one at a time, so that memory stays flat."""
    for archive, group in groupby(files, key=lambda file: None if file.member is None else file.path):
        try:
            opened = nullcontext() if archive is None else zipfile.ZipFile(archive)
        except ZIP_ERRORS as error:  # it was whole when it was listed
            yield from ((file, _unreadable(file, error)) for file in group)
            continue
        with opened as handle:
            yield from ((file, _read(file, handle)) for file in group)


def _meant(path: Path) -> list[File]:
    if path.is_dir():
        found = [File(path=file) for file in _below(path)]
    elif path.is_file() and zipfile.is_zipfile(path):
        found = [File(path=path, member=member) for member in _members(path)]
    elif path.is_file():
        return [File(path=path)]
    else:
        raise DataError(f"{path} does not exist; check the spelling")
    if not found:
        raise DataError(f"{path} holds no JPEG, PNG or DICOM file")
    return found


def _below(folder: Path) -> list[Path]:
    found = []
    for place, _, names in os.walk(folder):
        found += [Path(place) / name for name in names]
    return sorted(path for path in found if _is_wanted(path.relative_to(folder), partial(_open_file, path)))


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(
                entry.filename
                for entry in archive.infolist()
                if not entry.is_dir() and _is_wanted(PurePosixPath(entry.filename), partial(_open, archive, entry))
            )
    except ZIP_ERRORS as error:
        raise DataError(f"{path} is no whole zip archive ({error}); download or copy it again") from error


def _open_file(path: Path, mode: str) -> IO[bytes]:
    if not path.is_file():  # opening a pipe would wait for who writes into it
        raise FileNotFoundError(path)
    return path.open(mode)


def _open(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, _mode: str) -> IO[bytes]:
    return archive.open(entry)


def _is_wanted(path: PurePath, read: Callable[[str], IO[bytes]]) -> bool:
    if any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in path.parts):
        return False
    if path.suffix.lower() in (*IMAGE_SUFFIXES, *DICOM_SUFFIXES):
        return True
    if path.suffix and not path.suffix[1:].isdigit():  # a scanner's file is called IM0001, or 1.2.840.113619.2
        return False
    try:
        with read("rb") as file:
            return is_dicom(file.read(132))
    except ZIP_ERRORS:
        return False


def _read(file: File, archive: zipfile.ZipFile | None) -> bytes | DataError:
    try:
        if archive is None or file.member is None:
            found = file.path.stat()
            if not stat.S_ISREG(found.st_mode):
                return DataError(f"{file.name} is no file but a pipe or a device and may never end; remove it")
            size, read = found.st_size, file.path.read_bytes
        else:
            size, read = archive.getinfo(file.member).file_size, partial(archive.read, file.member)
        if size > MAX_FILE_BYTES:
            return DataError(f"{file.name} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read")
        return read()
    except ZIP_ERRORS as error:
        return _unreadable(file, error)


def _unreadable(file: File, error: Exception) -> DataError:
    return DataError(f"{file.name} cannot be read ({error}); check the file and its permissions")
