"""The C library's memory allocator, for processes that run experiments and nothing else."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`."""


def disable_malloc_trim() -> None:
    """Have the C library keep the memory that tensors free, for the next training step, until the process ends.

    By default glibc returns large blocks to the system at once, which fills them with zeros before it hands them out
    again: a sixth of a training step of EfficientNet-Lite0. Cannot be undone, and freed memory then stays resident, so
    it is for the command line and for worker processes: no library function calls it. Without glibc, nothing is done.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, -1)
        libc.mallopt(M_MMAP_MAX, 0)
