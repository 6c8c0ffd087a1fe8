"""Locks between processes, and between the threads of one.

The operating system releases those between processes when one ends, so none is left behind.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pneumo.errors import DataError

GLOBAL_STATE = threading.RLock()
"""Held while code draws from PyTorch's global generator, or changes settings of the whole process, and relies on them.
A thread that takes a lock between processes as well takes this one first."""


@contextmanager
def locked(path: Path, work: str) -> Iterator[None]:
    """Hold the lock of a cached file; its folder is made where it does not exist.

    work: that the lock protects ("decoding"); a process that waits for it prints this on stderr.
    Raises DataError where the folder cannot be written.

        with locked(path, "decoding"):
            ...
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=1)
    except Timeout:
        print(f"waiting for another process that is {work} {path.name}", file=sys.stderr)
        lock.acquire()
    except OSError as error:
        raise DataError(f"{path.parent} cannot be written ({error}); set PNEUMO_CACHE to a folder that can") from error
    try:
        yield
    finally:
        lock.release()
