"""Atomic writes, and a full disk explained."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pneumo.errors import DataError

LEFTOVER_HOURS = 24
"""Age from which a temporary file is taken for that of a killed process."""

NO_SPACE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a used-up quota, and a file beyond the allowed size."""


@contextmanager
def atomic_write(path: Path, *, exclusive: bool = False) -> Iterator[Path]:
    """Write a file so that its readers see the old content or the new, and nothing in between.

    path: of the file; its folder is made where it does not exist. Yields the path of a temporary file beside it, for
    the block to write. When the block ends, that file is flushed to disk and takes the place of `path`; where the block
    fails, it is removed and `path` stays as it was. Permissions are those of any new file of this user.
    exclusive: the caller holds a lock that keeps others from writing `path`, so that every temporary file of it is one
        of a killed process, and is removed. Without a lock only those older than LEFTOVER_HOURS are.

        with atomic_write(Path("table.csv")) as temporary:
            frame.to_csv(temporary)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path, hours=0 if exclusive else LEFTOVER_HOURS)
    # Hidden, and without the suffix of `path`, so that a listing of the folder does not take it for one of its files.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # safetensors, for one, makes its files private
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_replaceable(path: str | Path, overwrite: bool, *, wanted: Literal["file", "folder"] | None = None) -> None:
    """Raises DataError where a file exists, or a folder holds something, that may not be replaced.

    wanted: what is to be written, where that is known; the other one in its place is an error in any case.
    For the beginning of a command: at its end, the work would be lost.

    >>> check_replaceable(Path("table.csv"), overwrite=False)  # nothing is there
    """
    path = Path(path)
    if wanted == "file" and path.is_dir():
        raise DataError(f"{path} is a folder, and a file is to be written; name a file, such as one in this folder")
    if wanted == "folder" and path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file, and a folder is to be written; name a folder")
    if overwrite:
        return
    replace = "add --overwrite (overwrite=True in Python)"
    if path.is_dir():
        if any(path.iterdir()):
            raise DataError(f"{path} is not empty; name another folder, or {replace}")
    elif path.exists():
        raise DataError(f"{path} exists; name another file, or {replace}")


def _remove_leftovers(path: Path, hours: float) -> None:
    """Remove temporary files of `path` that a killed process left behind this long ago."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another process has just finished with it
            if not hours or temporary.stat().st_mtime < time.time() - hours * 3600:
                temporary.unlink()


def _umask() -> int:
    """The permissions that new files of this process lack; 0o022, the common ones, where Linux's /proc is missing."""
    try:  # os.umask tells it only by setting another one, for all threads
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("Umask:")[1].split()[0], 8)
    except (OSError, IndexError, ValueError):
        return 0o022


@contextmanager
def full_disk_explained(folder: Path, what: str, size: int) -> Iterator[None]:
    """Turn the OSError of a full disk into DataError with the remedy.

    folder: on that disk. what: is written, for the message. size: of it, in bytes.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE_ERRORS:
            raise
        raise DataError(
            f"{folder} has no room for {what} ({error.strerror}): {size / 1e6:,.0f} MB are needed and "
            f"{shutil.disk_usage(folder).free / 1e6:,.0f} MB are free; free some, or set PNEUMO_CACHE to another disk"
        ) from error
