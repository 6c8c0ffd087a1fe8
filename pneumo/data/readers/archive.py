"""Radiographs in a zip archive or a folder, in a layout of `pneumo.data.readers.layout`; none is unpacked to disk."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import threading
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo.data.dataset import Dataset
from pneumo.data.readers import dicom, names
from pneumo.data.readers.files import (
    MAX_FILE_BYTES,
    ZIP_ERRORS,
    head_of,
    head_of_entry,
    kind_of_file,
    printable,
    walk_folder,
)
from pneumo.data.readers.formats import EMPTY_ARCHIVE, IMAGE_SUFFIXES, has_suffix, is_litter
from pneumo.data.readers.image import decode_image, decode_image_to_square
from pneumo.data.readers.labels import match_images, read_labels
from pneumo.data.readers.layout import SPLIT_OF_FOLDER, check_names, find_images, same_name
from pneumo.errors import DataError, listed
from pneumo.io.digests import rows_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pneumo.data.decode import ResizeRule
    from pneumo.data.readers.formats import Format
    from pneumo.data.readers.labels import LabelFile
    from pneumo.data.readers.layout import ArchiveImage

_COMPARED_BYTES = 16_384
"""Bytes at the beginning and at the end by which two files of equal size and name are compared."""


def read_archive(
    path: str | Path,
    *,
    name: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    labels: str | Path | None = None,
    validation: Collection[str] = (),
) -> Dataset:
    """Open a zip archive or a folder of radiographs. The images themselves are not read yet.

    path: of class folders in one of the layouts of `pneumo.data.readers.layout`, or, with `labels`, of images in any
        folders. A folder inside an archive is named like one outside: "ZhangLabData.zip/CellData/chest_xray". Which
        files are radiographs, `pneumo.data.readers.formats` says.
    name: of the data set; by default the archive's own.
    positive: the class that is label 1, in any case; by default "pneumonia".
    negative: with `labels`, the class that is label 0; see `pneumo.data.readers.labels.read_labels`.
    labels: a CSV file with a row for each image; see `pneumo.data.readers.labels`. Images without a label are left out.
    validation: images ("train/NORMAL/IM-0115-0001.jpeg") that count as split "val" where the archive has none.

    Patients and subtypes are read from the file names (`pneumo.data.readers.names`), or patients from `labels`. Where
    neither tells it, the patient of a DICOM file is a digest of its PatientID, unless that is empty or the same in all
    of them. Otherwise it is "", and a warning counts these images. One is enough for `Dataset.has_patients` to be
    False: patients that are known in part cannot keep training and test apart. What is passed over and may hold
    radiographs (another data set, an archive inside, a file of no known format, an image without a label) is counted in
    a warning; all is in `Dataset.passed_over`.
    Raises DataError for anything that is no such archive, for one with an image of a format that is not read, and for a
    zip that would write outside its folder.

        dataset = read_archive("chest_xray.zip")
    """
    path = Path(path)
    given = None if labels is None else read_labels(labels, positive=positive, negative=negative)
    try:
        found = _read_folder(path) if path.is_dir() else _read_zip(path)
        _check_unread(found.kinds)
        images = [file for file, kind in found.kinds.items() if kind.role == "radiograph"]
        archives = [file for file, kind in found.kinds.items() if _is_archive(kind) and kind.name != EMPTY_ARCHIVE]
        if archives and not images:
            raise DataError(f"holds no images but {len(archives)} archive(s), first {archives[0]}; unpack them")
        check_names(images)
        if given is None:
            layout = find_images(images, found.same_content, folders=found.folders, positive=positive or "PNEUMONIA")
            chosen = _with_validation(layout.images, validation)
            classes = _classes(chosen, positive)
    except DataError as error:
        raise DataError(f"{path} {error}") from error
    if given is None:
        table, members = _table(chosen, positive=classes[1]), [image.path for image in chosen]
        unused = dict.fromkeys(layout.passed_over, OTHER_DATA_SET)
    else:
        classes = given.classes
        table, members = _labelled_table(given, images)
        unused = dict.fromkeys(sorted(set(images) - set(members)), WITHOUT_LABEL)
    passed_over = {file: kind.name for file, kind in found.kinds.items() if kind.role != "radiograph"} | unused
    signature = rows_digest(
        (image, *found.fingerprints[member]) for image, member in zip(table["image"], members, strict=True)
    )
    source = found.source(members, signature)
    dicom_files = np.array([found.kinds[member].name == "DICOM" for member in members])
    table = _with_dicom_patients(table, dicom_files, source)
    _warn_of_passed_over(passed_over, path)
    _warn_without_patients(table, dicom_files, path)
    return Dataset(
        name=name or path.resolve().stem,
        classes=classes,
        table=table,
        source=source,
        passed_over=tuple(sorted(passed_over.items())),
    )


OTHER_DATA_SET, WITHOUT_LABEL = "image of another data set", "image without a label"
"""Why an image is passed over."""


@dataclass(frozen=True, kw_only=True)
class _Contents:
    """What lies in a folder or archive: a path and its kind, and a fingerprint of its content, for each file.

    folders: their paths. same_content: whether two files have the same content. source: reads the images of given paths
    under a given signature.
    """

    kinds: dict[str, Format]
    fingerprints: dict[str, tuple[int, int]]
    folders: list[str]
    same_content: Callable[[str, str], bool]
    source: Callable[[Sequence[str], str], FolderSource | ZipSource]


def _read_folder(root: Path) -> _Contents:
    tree = walk_folder(root)
    for below, error in tree.unlisted.items():
        if not is_litter(below.split("/")):
            raise DataError(f"has a folder that cannot be listed: {error}; check its permissions")
    for below, error in tree.unreached.items():
        if not is_litter(below.split("/")):
            raise DataError(f"has a file that cannot be reached: {error}; remove it if it is a link to nothing")
    kinds = {}
    for below, status in tree.files.items():
        if not stat.S_ISREG(status.st_mode) and has_suffix(below, IMAGE_SUFFIXES):
            raise DataError(f"has {root / below}, which is no file but a pipe or a device and may never end; remove it")
        try:
            kinds[below] = kind_of_file(below, partial(head_of, root / below, status))
        except OSError as error:
            raise DataError(f"has a file that cannot be read: {error}; check its permissions") from error
    return _Contents(
        kinds=kinds,
        fingerprints={below: (status.st_size, status.st_mtime_ns) for below, status in tree.files.items()},
        folders=[folder for folder in tree.folders if not is_litter(folder.split("/"))],
        same_content=partial(_same_files, root),
        source=lambda members, signature: FolderSource(root=root, members=tuple(members), signature=signature),
    )


def _read_zip(path: Path) -> _Contents:
    path, below = split_archive_path(path)
    entries = _list_zip(path)
    folders = sorted({parent for entry in entries for parent in _parents(entry)})
    if below and below not in folders:
        raise DataError(
            f"does not exist: {path} has no folder {below} but {listed(folders) or 'none'}; check the spelling"
        )
    inside = {member: entry for member, entry in entries.items() if not below or member.startswith(f"{below}/")}
    files = {member: entry for member, entry in inside.items() if not member.endswith("/")}
    fingerprints = {member: (entry.CRC, entry.file_size) for member, entry in files.items()}
    with zipfile.ZipFile(path) as archive:
        try:
            kinds = {
                member: kind_of_file(member, partial(head_of_entry, archive, entry)) for member, entry in files.items()
            }
        except ZIP_ERRORS as error:
            raise DataError(f"has an entry that cannot be read ({error}); download or copy it again") from error
    return _Contents(
        kinds=kinds,
        fingerprints=fingerprints,
        folders=[member.rstrip("/") for member in inside if member.endswith("/") and not is_litter(member.split("/"))],
        same_content=lambda one, other: fingerprints[one] == fingerprints[other],
        source=lambda members, signature: ZipSource(
            path=path,
            members=tuple((entries[member].filename, entries[member].CRC) for member in members),
            signature=signature,
        ),
    )


def _parents(member: str) -> list[str]:
    parts = member.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def split_archive_path(path: Path) -> tuple[Path, str]:
    """The file of an archive and the folder inside that a path names, "" for the whole archive.

    A path that leads through no file is returned as it is.
    """
    for archive in path.parents:
        if archive.is_file():
            return archive, path.relative_to(archive).as_posix()
    return path, ""


def _check_unread(kinds: dict[str, Format]) -> None:
    """Raises DataError for images of formats that are not read: passed over, they would be missing unnoticed."""
    unread = {file: kind for file, kind in kinds.items() if kind.role == "unsupported" and not _is_archive(kind)}
    if unread:
        first, kind = next(iter(unread.items()))
        raise DataError(
            f"holds {len(unread)} image(s) of formats that are not read, first {first} {kind.name}; save them as PNG "
            "or remove them"
        )


def _is_archive(kind: Format) -> bool:
    return kind.role == "archive" or "archive" in kind.name


def _warn_of_passed_over(passed_over: Mapping[str, str], path: Path) -> None:
    """Warns of what may hold radiographs, a line for each kind. Notes and tables, and litter, hold none."""
    remedies = {
        OTHER_DATA_SET: "name its folder to open that one",
        WITHOUT_LABEL: "label them if they are meant",
        "unknown format": "remove them, or save them as PNG if they are images",
    }
    for kind in sorted(set(passed_over.values())):
        remedy = "unpack them to use what they hold" if "archive" in kind else remedies.get(kind)
        if remedy is not None and kind != EMPTY_ARCHIVE:
            files = sorted(file for file, other in passed_over.items() if other == kind)
            warnings.warn(
                f"{path}: passed over {len(files)} file(s), first {printable(files[0])} ({kind}); {remedy}",
                stacklevel=3,
            )


class ImageFileSource:
    """Base of the sources whose images are files: `pneumo.data.dataset.Source`, and the bytes of the files."""

    def read(self, row: int, size: int = -1) -> bytes:
        """The file of a row of the table, or its first `size` bytes. Raises DataError where it cannot be read."""
        raise NotImplementedError

    def name(self, row: int) -> str:
        """What errors call the file of a row."""
        raise NotImplementedError

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """See `Source.image`."""
        return decode_image(self.read(row), self.name(row), size)

    def square(self, row: int, size: int, rule: ResizeRule, aspect: float | None = None) -> np.ndarray:
        """Row `row` of the table as a square, (size, size) uint8: see `pneumo.data.decode.decode_to_square`."""
        return decode_image_to_square(self.read(row), self.name(row), size, rule, aspect)


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

    def read(self, row: int, size: int = -1) -> bytes:
        """See `ImageFileSource.read`. The checksum is compared with the one that was listed."""
        member, checksum = self.members[row]
        try:
            archive = self._archive()
            entry = archive.getinfo(member)
            if checksum != entry.CRC:
                raise zipfile.BadZipFile("the archive's directory has changed since it was listed")
            _check_file_size(entry.file_size, self.name(row))
            with archive.open(entry) as file:
                return file.read(size)
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

    def read(self, row: int, size: int = -1) -> bytes:
        """See `ImageFileSource.read`."""
        path = self.root / self.members[row]
        try:
            _check_file_size(path.stat().st_size, str(path))
            with path.open("rb") as file:
                return file.read(size)
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
    chosen = [folder for folder in folders if same_name(folder, positive or "PNEUMONIA")]
    if len(chosen) != 1:
        choices = [f"--positive {shlex.quote(folder)}" for folder in folders]
        in_python = [f"positive={json.dumps(folder, ensure_ascii=False)}" for folder in folders]
        raise DataError(
            f"has the class folders {' and '.join(folders)}, and "
            f"{'none is' if not chosen else 'both are'} {positive or 'PNEUMONIA'}; say which one is label 1, the "
            f"finding: {' or '.join(choices)} ({' or '.join(in_python)} in Python)"
        )
    folders.remove(chosen[0])
    return folders[0], chosen[0]


def _labelled_table(labels: LabelFile, images: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """The data set's table, and the path of each of its images."""
    given = match_images(labels, images, missing_allowed=True)
    absent = len(labels.rows) - len(given)
    if absent:
        warnings.warn(
            f"{labels.path}: {absent} of the {len(labels.rows)} images that it names are not there", stacklevel=3
        )
    members = sorted(image for image in given if given[image].label is not None)
    found = {given[member].label for member in members}
    if found != {0, 1}:
        raise DataError(
            f"{labels.path} labels {len(members)} of the images, of {len(found)} class(es); both are needed: "
            f"label 0 is {labels.classes[0]!r} and label 1 {labels.classes[1]!r}"
        )
    parsed = [names.parse_file_name(member) for member in members]
    table = pd.DataFrame(
        {
            "image": members,
            "split": [given[member].split or _split_in_path(member) for member in members],
            "label": pd.Series([given[member].label for member in members], dtype="int8"),
            "subtype": [name.subtype for name in parsed],
            "patient": [given[member].patient or name.patient for member, name in zip(members, parsed, strict=True)],
        }
    )
    return table, members


def _split_in_path(member: str) -> str:
    """The split folder in a path; "train" where there is none."""
    return next(
        (SPLIT_OF_FOLDER[part.lower()] for part in member.split("/")[:-1] if part.lower() in SPLIT_OF_FOLDER), "train"
    )


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


def _with_dicom_patients(table: pd.DataFrame, dicom_files: np.ndarray, source: ImageFileSource) -> pd.DataFrame:
    """The table, with a digest of PatientID for images that lack a patient; as it is where PatientID tells none apart.

    dicom_files: (N,) bool. The digest takes in all of the data set's PatientIDs, so that it cannot be undone by trying
    out all numbers that a PatientID may be.
    """
    rows = np.flatnonzero((table["patient"] == "").to_numpy() & dicom_files)
    told = [dicom.patient_id(partial(source.read, row)) for row in rows.tolist()]
    everyone = sorted(set(told))
    if len(everyone) < 2:
        return table
    whole = rows_digest((patient.hex(),) for patient in everyone)
    patients = table["patient"].tolist()
    for row, patient in zip(rows.tolist(), told, strict=True):
        if patient:
            patients[row] = f"dicom-{rows_digest([(whole, patient.hex())])[:12]}"
    return table.assign(patient=patients)


def _warn_without_patients(table: pd.DataFrame, dicom_files: np.ndarray, path: Path) -> None:
    unknown = (table["patient"] == "").to_numpy()
    if unknown.any():
        sources = "names and DICOM headers" if (unknown & dicom_files).any() else "names"
        warnings.warn(
            f"{path}: the {sources} of {unknown.sum()} of {len(table)} images tell no patient, "
            f"first {table.loc[unknown, 'image'].iloc[0]}; images of one patient may fall on both sides of a split. A "
            "CSV file of labels with a column patient tells it, --labels (labels= in Python), and so do names "
            "such as person1_virus_6.jpeg, IM-0115-0001.jpeg or VIRUS-9815549-0001.jpeg",
            stacklevel=3,
        )
