"""Where a result comes from: code, versions, machine, time and memory."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("pneumo", "torch", "pytorch-lightning", "numpy", "pillow", "scikit-learn")


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Fill a dictionary with what was used inside the `with` block: date, seconds, peak memory, machine, versions.

    >>> with measured() as facts:
    ...     total = sum(range(1000))
    >>> facts["seconds"] >= 0
    True
    """
    facts: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds")}
    _reset_peak_memory()
    start = time.perf_counter()
    yield facts
    facts |= {
        "seconds": round(time.perf_counter() - start, 1),
        "peak_memory_mb": peak_memory_mb(),
        "commit": commit(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": machine(),
    }


def commit() -> str:
    """The commit of the source that is running, "+changes" if it was changed since; "" outside a repository.

    >>> isinstance(commit(), str)
    True
    """
    root = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", ".")
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, threads that PyTorch uses, memory in GB, and the accelerator if any.

    >>> sorted(machine())
    ['accelerator', 'cores', 'memory_gb', 'processor', 'system', 'threads']
    """
    import torch

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "system": f"{platform.system()} {platform.machine()}",
    }


def peak_memory_mb() -> int:
    """Most resident memory of this process since the last reset, where Linux can be asked; else since its start.

    >>> peak_memory_mb() > 0
    True
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    except (OSError, IndexError):
        return _peak_memory_bytes() // 2**20


def _peak_memory_bytes() -> int:
    """Most resident memory of this process since its start, on any system."""
    try:
        import resource
    except ImportError:
        return _windows_peak_memory_bytes()
    unit = 1 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _memory_bytes() -> int:
    """Memory of the machine."""
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return _windows_memory_bytes()


# Windows, whose Python has neither os.sysconf nor the module resource


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total_physical", ctypes.c_uint64),
        ("others", ctypes.c_uint64 * 6),
    )


class _ProcessMemory(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        ("peak_working_set", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 7),
    )


def _windows_memory_bytes() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    _kernel32().GlobalMemoryStatusEx(ctypes.byref(status))
    return status.total_physical


def _windows_peak_memory_bytes() -> int:
    memory = _ProcessMemory(size=ctypes.sizeof(_ProcessMemory))
    kernel32 = _kernel32()
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    kernel32.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    kernel32.K32GetProcessMemoryInfo(kernel32.GetCurrentProcess(), ctypes.byref(memory), memory.size)
    return memory.peak_working_set


def _kernel32() -> Any:
    return ctypes.WinDLL("kernel32")  # pyright: ignore[reportAttributeAccessIssue] (Windows alone has it)


def _reset_peak_memory() -> None:
    # Where it is not Linux, or not allowed, the peak is that of the whole process.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
