"""The images of a data set at one size, decoded once and kept in a file that later processes map.

Files of one key lie side by side in `cache_folder() / "pixels"`. NAME.npy and NAME.json: complete. NAME.partial and
NAME.done (one byte a row): being decoded, or left by a process that was killed; the next one decodes what is missing.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from joblib import cpu_count
from tqdm import tqdm

from pneumo.data.decode import DECODER_VERSION, FIELD_RULES, ResizeRule, check_resize, resize_to_square
from pneumo.data.headers import find_original, read_original_headers
from pneumo.data.readers.archive import ImageFileSource
from pneumo.errors import DataError
from pneumo.io.digests import rows_digest
from pneumo.io.files import atomic_write, full_disk_explained
from pneumo.io.locks import locked
from pneumo.io.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pneumo.data.dataset import Dataset

CHUNK_IMAGES = 64
"""Rows that a thread decodes and writes at a time; a kill loses at most this many a thread."""

NPY_HEADER_BYTES = 128
"""Size of a .npy file's header before the pixels."""

LEFTOVER_DAYS = 7
"""Age at which files that a killed process left, and no later one completed, are removed."""


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """All images of a data set at one size, on disk.

    path: of a .npy file, uint8. shape: (N, size, size), in the order of the data set's table.
    digest: SHA-256 of the pixels; it identifies the data of a result.
    unreadable: rows that could not be decoded, with the reason; black in the file. Empty unless on_error was "skip".
    """

    path: Path
    shape: tuple[int, int, int]
    digest: str
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def array(self) -> np.ndarray:
        """(N, size, size) uint8, mapped read-only. Each page that is read counts as memory of the process."""
        return np.load(self.path, mmap_mode="r")

    def rows(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copies of some images. They are read, not mapped, so that memory does not grow over an epoch.

        indices: (n,) integers in [0, N). Returns (n, size, size) uint8.
        Raises IndexError for a row that does not exist and DataError for an unreadable one.
        """
        wanted = np.asarray(indices, dtype=np.int64).tolist()
        if outside := [row for row in wanted if not 0 <= row < len(self)]:
            raise IndexError(f"row {outside[0]} does not exist; there are rows 0 to {len(self) - 1}")
        if unreadable := sorted(self.unreadable.keys() & set(wanted)):
            raise DataError(f"rows {unreadable} could not be decoded; leave out the rows in Pixels.unreadable")
        images = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)
        with self.path.open("rb", buffering=0) as file:
            for image, row in zip(images, wanted, strict=True):
                file.seek(NPY_HEADER_BYTES + row * image.size)
                if file.readinto(image.data) != image.size:
                    raise DataError(f"{self.path} is cut short; remove it and decode again")
        return images


def pixels(
    dataset: Dataset,
    *,
    size: int,
    resize: ResizeRule = "stretch",
    on_error: Literal["raise", "skip"] = "raise",
    jobs: int | None = None,
    progress: bool = True,
) -> Pixels:
    """Decode a data set to squares of one size, or map what an earlier process decoded.

    size: side in pixels. resize: see `pneumo.data.decode.resize_to_square`. The rules that need an image's original
        shape take it from the `original_headers.csv` of a data set of the catalogue, and else from the image.
    on_error: with "raise", every image is tried and one DataError lists all that cannot be decoded; what was fine is
        kept for the next call. With "skip", those rows are in `Pixels.unreadable` and a warning counts them.
    jobs: threads; by default as many as there are processors for this process.
    progress: show a bar on stderr when it takes longer than a second.

    Kept under the data set's name, the signature of its source, the order of its images, size, rule and decoder. Safe
    to call from several processes at once (one decodes, the others wait) and to kill (the next call goes on).
    Raises ValueError for an unknown size or rule, DataError for unreadable images, a full disk or a folder that cannot
    be written.

        images = pixels(dataset, size=64).rows([0, 1, 2])      # (3, 64, 64) uint8

    >>> pixels(pneumo.data.load("phantom"), size=32, progress=False).rows(np.arange(4)).shape
    (4, 32, 32)
    """
    check_resize(size, resize)
    if on_error not in ("raise", "skip"):
        raise ValueError(f'on_error="{on_error}" is unknown; use "raise" or "skip"')
    task = _DecodingTask(dataset=dataset, size=size, rule=resize)
    found = _load(task)
    if found is None:
        with locked(task.path, "decoding"), _room(task):
            found = _load(task)  # another process may have made it meanwhile
            if found is None:
                unreadable = _fill(task, jobs or cpu_count(), progress)
                if unreadable and on_error == "raise":
                    raise _unreadable_error(task, unreadable)
                found = _finish(task, unreadable)
    if found.unreadable and on_error == "raise":
        raise _unreadable_error(task, found.unreadable)
    if found.unreadable:
        warnings.warn(str(_unreadable_error(task, found.unreadable)), stacklevel=2)
    return found


@dataclass(frozen=True, kw_only=True)
class _DecodingTask:
    """A data set to decode, and the files that it is decoded to."""

    dataset: Dataset
    size: int
    rule: ResizeRule

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.dataset), self.size, self.size)

    @property
    def size_on_disk(self) -> int:
        """Of the finished .npy file, in bytes."""
        return NPY_HEADER_BYTES + len(self.dataset) * self.size**2

    @cached_property
    def aspects(self) -> list[float] | None:
        """Width / height of the originals, where the rule needs them and the images may have been stretched."""
        if self.rule not in FIELD_RULES:
            return None
        original = find_original(self.dataset)
        if original is None:
            return None
        frame = read_original_headers(original, self.dataset)
        return (frame["width"] / frame["height"]).tolist()

    @cached_property
    def path(self) -> Path:
        """NAME.npy. The other files of its key differ in the suffix."""
        images = self.dataset.table["image"]
        key = rows_digest(
            [(self.dataset.source.signature, DECODER_VERSION, self.size, self.rule), *((image,) for image in images)]
        )
        if self.aspects is not None:
            key = rows_digest([(key,), *((f"{aspect:.6f}",) for aspect in self.aspects)])
        name = re.sub(r"[^\w.-]+", "_", self.dataset.name)
        return cache_folder() / "pixels" / f"{name}-{self.size}-{self.rule}-{key[:16]}.npy"

    def square(self, row: int) -> np.ndarray:
        """One image, (size, size) uint8. Raises DataError where it cannot be decoded."""
        source = self.dataset.source
        aspect = None if self.aspects is None else self.aspects[row]
        if isinstance(source, ImageFileSource):
            return source.square(row, self.size, self.rule, aspect)
        return resize_to_square(source.image(row, self.size), self.size, self.rule, aspect)


def _load(task: _DecodingTask) -> Pixels | None:
    """The finished file, or None. NAME.json is put in place before NAME.npy: where both are, all is there."""
    description = task.path.with_suffix(".json")
    if not (description.is_file() and _has_size(task.path, task.size_on_disk)):
        return None
    found = json.loads(description.read_text())
    unreadable = {int(row): reason for row, reason in found["unreadable"].items()}
    return Pixels(path=task.path, shape=task.shape, digest=found["digest"], unreadable=unreadable)


def _fill(task: _DecodingTask, jobs: int, progress: bool) -> dict[int, str]:
    """Decode what is missing into NAME.partial. Returns the rows that cannot be decoded, with the reason."""
    _prepare(task)
    todo = np.flatnonzero(np.fromfile(task.path.with_suffix(".done"), dtype=np.uint8) == 0)
    bar = tqdm(
        total=len(task.dataset),
        initial=len(task.dataset) - len(todo),
        desc=f"decoding {task.dataset.name} at {task.size} pixels",
        unit=" images",
        delay=1,
        disable=None if progress else True,
    )
    unreadable = {}
    with ThreadPoolExecutor(jobs) as pool, bar:
        futures = {pool.submit(_decode, task, rows): len(rows) for rows in _chunks(todo)}
        try:
            for future in as_completed(futures):
                unreadable |= future.result()
                bar.update(futures[future])
        except BaseException:
            pool.shutdown(cancel_futures=True)  # without it, all other images would be decoded first
            raise
    return dict(sorted(unreadable.items()))


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut ascending rows into runs without a gap, of at most CHUNK_IMAGES each."""
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        for start in range(0, len(run), CHUNK_IMAGES):
            yield run[start : start + CHUNK_IMAGES]


def _decode(task: _DecodingTask, rows: np.ndarray) -> dict[int, str]:
    """Decode and write rows that follow each other. Returns those that cannot be decoded, with the reason.

    Not one row at a time: handing work to a thread costs as much as decoding a few small images.
    """
    images = np.zeros((len(rows), task.size, task.size), dtype=np.uint8)
    unreadable = {}
    for image, row in zip(images, rows.tolist(), strict=True):
        try:
            image[:] = task.square(row)
        except DataError as error:
            unreadable[row] = str(error)
    _write(task, rows, images, np.isin(rows, list(unreadable), invert=True))
    return unreadable


def _prepare(task: _DecodingTask) -> None:
    """Make the empty NAME.partial and NAME.done, unless an earlier process left good ones."""
    partial, done = task.path.with_suffix(".partial"), task.path.with_suffix(".done")
    _remove_leftovers(task.path.parent)
    if _has_size(partial, task.size_on_disk) and _has_size(done, len(task.dataset)):
        return
    done.unlink(missing_ok=True)  # first: a kill between the two must not leave marks without pixels
    partial.unlink(missing_ok=True)
    if shutil.disk_usage(task.path.parent).free < task.size_on_disk:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=task.shape)
    done.write_bytes(bytes(len(task.dataset)))


def _remove_leftovers(folder: Path) -> None:
    oldest = time.time() - LEFTOVER_DAYS * 24 * 3600
    for path in (*folder.glob("*.partial"), *folder.glob("*.done")):
        with suppress(FileNotFoundError):  # another process has just finished with it
            if path.stat().st_mtime < oldest:
                path.unlink()


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _write(task: _DecodingTask, rows: np.ndarray, images: np.ndarray, done: np.ndarray) -> None:
    """Write rows that follow each other to NAME.partial, and mark them when they have reached the disk.

    rows: (n,). images: (n, size, size) uint8. done: (n,) bool, whether there is an image.
    """
    with task.path.with_suffix(".partial").open("r+b") as file:
        file.seek(NPY_HEADER_BYTES + int(rows[0]) * task.size**2)
        file.write(images.data)
        file.flush()
        os.fsync(file.fileno())
    with task.path.with_suffix(".done").open("r+b") as file:
        file.seek(int(rows[0]))
        file.write(done.tobytes())


def _finish(task: _DecodingTask, unreadable: Mapping[int, str]) -> Pixels:
    """Turn NAME.partial into NAME.json and NAME.npy."""
    partial = task.path.with_suffix(".partial")
    with partial.open("rb") as file:
        file.seek(NPY_HEADER_BYTES)
        pixel_digest = hashlib.file_digest(file, "sha256").hexdigest()
    description = {
        "dataset": task.dataset.name,
        "version": task.dataset.version,
        "size": task.size,
        "resize": task.rule,
        "decoder": DECODER_VERSION,
        "digest": pixel_digest,
        "unreadable": dict(unreadable),
    }
    with atomic_write(task.path.with_suffix(".json"), exclusive=True) as temporary:
        temporary.write_text(json.dumps(description, indent=1), encoding="utf-8")
    os.replace(partial, task.path)
    task.path.with_suffix(".done").unlink()
    return Pixels(path=task.path, shape=task.shape, digest=pixel_digest, unreadable=unreadable)


def _room(task: _DecodingTask) -> AbstractContextManager[None]:
    return full_disk_explained(task.path.parent, "the decoded images", task.size_on_disk)


def _unreadable_error(task: _DecodingTask, unreadable: Mapping[int, str]) -> DataError:
    reasons = "".join(f"\n  {reason}" for _, reason in sorted(unreadable.items()))
    return DataError(
        f"{len(unreadable)} of the {len(task.dataset)} images of {task.dataset.name} cannot be decoded; "
        "repair or remove them, or name all others in a CSV file of labels, --labels (labels= in Python; there, "
        f'pneumo.data.pixels(..., on_error="skip") passes over them):{reasons}'
    )
