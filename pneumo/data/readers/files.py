"""Which radiographs lie in files, folders and zip archives, also in archives inside. Nothing is ever unpacked to disk.

`pneumo.data.readers.formats` says what each file is. What is no radiograph is listed with the reason, and so is what
cannot be told, so that no file is lost without a word.
"""

from __future__ import annotations

import io
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pneumo.data.readers.formats import (
    HEAD_BYTES,
    IMAGE_SUFFIXES,
    Format,
    has_suffix,
    identify,
    is_litter,
)
from pneumo.errors import DataError

MAX_FILE_BYTES = 500_000_000
"""Size of the largest file that is read; a small archive can unpack to far more."""

MAX_ARCHIVE_DEPTH = 3
"""Archives inside one another that are opened; an archive can hold itself."""

ZIP_ERRORS = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, UnicodeDecodeError
)  # fmt: skip
"""What zipfile raises for a damaged, changed or unusual archive."""

_LITTER = Format(role="other", name="hidden or of a file manager")

# Archives that are documents or programs: images in them are illustrations.
_DOCUMENT_ENTRIES = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")


@dataclass(frozen=True, kw_only=True)
class File:
    """A file on disk, or an entry of a zip archive on disk.

    member: the entry's path in its archive. inside: the archives, from the one on disk inwards, that hold that archive;
    () where it lies on disk itself.
    """

    path: Path
    member: str | None = None
    inside: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Path below the file on disk, "inner.zip/a.png"; "" for a file on disk."""
        return "/".join((*self.inside, self.member or "")).replace("\\", "/")

    @property
    def name(self) -> str:
        """What output calls it: "folder/a.png", "archive.zip/folder/a.png". Names are other people's: what would break
        a line, steer a terminal or is no text is written out."""
        return printable(f"{self.path}/{self.place}" if self.place else str(self.path))


class Listing(NamedTuple):
    """What lies at some paths.

    files: the radiographs. problems: why a path, a folder or a file that may hold radiographs is not read.
    passed_over: what holds none, with what it is.
    """

    files: list[File]
    problems: list[DataError]
    passed_over: list[tuple[File, str]]


def printable(name: str) -> str:
    """A file's name with control characters, and bytes that are no text, written out."""
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)


def find_files(paths: Iterable[str | Path]) -> Listing:
    """The radiographs meant by paths, in the order of the paths.

    A file is taken whatever it is. Of a folder with all below it, linked folders among it, and of a zip archive with
    the archives inside: every file that is a radiograph by its content, and every one that is called like an image,
    sorted by name.
    """
    listing = Listing([], [], [])
    for path in paths:
        if str(path):
            _add_path(listing, Path(path))
        else:
            listing.problems.append(DataError('"" is no path; name a file or a folder, "." for the current folder'))
    return listing


def read_contents(files: Iterable[File]) -> Iterator[tuple[File, bytes | DataError]]:
    """Each file with its bytes, or with why it has none; one at a time, so that memory stays flat."""
    for (path, inside), group in groupby(files, key=lambda file: (file.path if file.place else None, file.inside)):
        with ExitStack() as stack:
            try:
                archive = None if path is None else _open_archive(stack, path, inside)
            except (*ZIP_ERRORS, DataError) as error:  # it was whole when it was listed
                yield from ((file, _unreadable(file, error)) for file in group)
                continue
            yield from ((file, _read(file, archive)) for file in group)


def _open_archive(stack: ExitStack, path: Path, inside: tuple[str, ...]) -> zipfile.ZipFile:
    archive = stack.enter_context(zipfile.ZipFile(path))
    for member in inside:
        archive = stack.enter_context(zipfile.ZipFile(io.BytesIO(_read_entry(archive, archive.getinfo(member)))))
    return archive


def _add_path(listing: Listing, path: Path) -> None:
    """Adds what a path means, which a user has named, so that it is a problem if it means nothing."""
    before = len(listing.files) + len(listing.problems)
    shown = printable(str(path))
    try:
        if path.is_dir():
            _add_folder(listing, path)
        elif path.is_file() and is_archive(path):
            _add_archive(listing, path)
        elif path.exists():
            listing.files.append(File(path=path))
        else:
            listing.problems.append(DataError(f"{shown} does not exist; check the spelling"))
    except OSError as error:
        listing.problems.append(DataError(f"{shown} cannot be reached ({error.strerror}); check its permissions"))
    if len(listing.files) + len(listing.problems) == before:
        listing.problems.append(DataError(f"{shown} holds no radiograph: no JPEG, PNG, DICOM or other image file"))


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, and no image with something behind it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return identify(head, "").role != "radiograph" and zipfile.is_zipfile(path)


# Folders -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FolderTree:
    """All that lies below a folder.

    files: paths below it, separated by "/", with their status; sorted. folders: likewise, without a "/" at the end.
    unlisted: folders that cannot be listed, with the reason. unreached: files of which nothing can be told, such as
    links to nothing, likewise.
    """

    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    unlisted: dict[str, OSError] = field(default_factory=dict)
    unreached: dict[str, OSError] = field(default_factory=dict)


def walk_folder(root: Path) -> FolderTree:
    """List a folder with all below it. Links are followed, but no folder is listed twice, so that circles end.

    A folder that is there itself and also by a link is listed where it is itself.
    """
    tree, seen = FolderTree(), set()
    linked = [("", root)]
    while linked:  # links come after all that is really there
        waiting, linked = linked, []
        while waiting:
            below, folder = waiting.pop(0)
            try:
                status = folder.stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                with os.scandir(folder) as entries:
                    children = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                tree.unlisted[below] = error
                continue
            if below:
                tree.folders.append(below)
            for child in children:
                name = f"{below}/{child.name}" if below else child.name
                try:
                    if child.is_dir():
                        (linked if child.is_symlink() else waiting).append((name, Path(child.path)))
                    else:
                        tree.files[name] = child.stat()
                except OSError as error:
                    tree.unreached[name] = error
    return replace(tree, files=dict(sorted(tree.files.items())), folders=sorted(tree.folders))


def _add_folder(listing: Listing, root: Path) -> None:
    tree = walk_folder(root)
    for errors, what, remedy in (
        (tree.unlisted, "listed", "check its permissions"),
        (tree.unreached, "reached", "remove it if it is a link to nothing"),
    ):
        for name, error in errors.items():
            if not is_litter(name.split("/")):
                shown = printable(str(root / name))
                listing.problems.append(DataError(f"{shown} cannot be {what} ({error.strerror}); {remedy}"))
    for name, status in tree.files.items():
        _add_file(listing, File(path=root / name), name, partial(head_of, root / name, status), _is_regular(status))


def _is_regular(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)


def head_of(path: Path, status: os.stat_result) -> bytes:
    """The first HEAD_BYTES of a file; none of a pipe or a device, which may never end. Raises OSError."""
    if not _is_regular(status) or not status.st_size:
        return b""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


# Archives ------------------------------------------------------------------------------------------------------------


def _add_archive(listing: Listing, path: Path) -> None:
    archive = File(path=path)
    try:
        with zipfile.ZipFile(path) as opened:
            _add_entries(listing, opened, archive, ())
    except ZIP_ERRORS as error:
        listing.problems.append(
            DataError(f"{archive.name} is no whole zip archive ({error}); download or copy it again")
        )


def _add_entries(listing: Listing, archive: zipfile.ZipFile, file: File, inside: tuple[str, ...]) -> None:
    entries = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=lambda entry: entry.filename)
    encrypted = [entry.filename for entry in entries if entry.flag_bits & 0x1]
    if encrypted:
        where = File(path=file.path, member=encrypted[0], inside=inside).name
        listing.problems.append(DataError(f"{where} is encrypted; unpack the archive and name the folder"))
        return
    for entry in entries:
        member = File(path=file.path, member=entry.filename, inside=inside)
        nested = partial(_add_nested, listing, archive, entry, member)
        _add_file(
            listing, member, entry.filename.replace("\\", "/"), partial(head_of_entry, archive, entry), nested=nested
        )


def head_of_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The first HEAD_BYTES of a zip's entry. Raises one of ZIP_ERRORS."""
    with archive.open(entry) as file:
        return file.read(HEAD_BYTES)


def _add_nested(listing: Listing, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, member: File) -> None:
    """Adds what lies in an archive that is an entry of another."""
    inside = (*member.inside, entry.filename)
    if len(inside) > MAX_ARCHIVE_DEPTH:
        listing.problems.append(DataError(f"{member.name} lies too deep, in archives inside archives; unpack it"))
        return
    try:
        with zipfile.ZipFile(io.BytesIO(_read_entry(archive, entry))) as opened:
            _add_inner(listing, opened, member, inside)
    except (*ZIP_ERRORS, DataError) as error:
        listing.problems.append(_unreadable(member, error))


def _add_inner(listing: Listing, opened: zipfile.ZipFile, file: File, inside: tuple[str, ...]) -> None:
    if is_document(opened):
        listing.passed_over.append((file, "office document or program"))
    else:
        _add_entries(listing, opened, file, inside)


def is_document(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is an office document, an electronic book or a program."""
    return any(name in archive.NameToInfo for name in _DOCUMENT_ENTRIES)


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > MAX_FILE_BYTES:
        raise DataError(f"it has {entry.file_size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read")
    return archive.read(entry)


# One file ------------------------------------------------------------------------------------------------------------


def kind_of_file(name: str, read_head: Callable[[], bytes]) -> Format:
    """What a file below a folder or in an archive is. name: its path there. read_head: gives its first bytes.

    A file that is called like a JPEG, PNG or another common image is not opened for that: 10,000 files would be.
    """
    if is_litter(name.split("/")):
        return _LITTER
    return identify(b"", name) if has_suffix(name, IMAGE_SUFFIXES) else identify(read_head(), name)


def _add_file(
    listing: Listing,
    file: File,
    name: str,
    read_head: Callable[[], bytes],
    regular: bool = True,
    nested: Callable[[], None] | None = None,
) -> None:
    try:
        kind = kind_of_file(name, read_head)
    except ZIP_ERRORS as error:
        listing.problems.append(_unreadable(file, error))
        return
    if kind.role == "radiograph":
        listing.files.append(file)
    elif kind.role == "unsupported":
        listing.problems.append(DataError(f"{file.name} is {kind.name}, which is not read; {kind.remedy}"))
    elif kind.role == "archive" and nested is not None:
        nested()
    elif kind.role == "archive":
        _add_archive_below(listing, file)
    else:
        listing.passed_over.append((file, kind.name if regular else "pipe or device"))


def _add_archive_below(listing: Listing, file: File) -> None:
    """Adds what lies in an archive that lies in a folder."""
    try:
        with zipfile.ZipFile(file.path) as opened:
            _add_inner(listing, opened, file, ())
    except ZIP_ERRORS as error:
        listing.problems.append(_unreadable(file, error))


def _read(file: File, archive: zipfile.ZipFile | None) -> bytes | DataError:
    try:
        if archive is None or file.member is None:
            found = file.path.stat()
            if not _is_regular(found):
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
