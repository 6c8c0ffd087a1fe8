"""Threads that small computations do not need, and how idle threads wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

MAX_VALUES_OF_ONE_THREAD = 2**19
"""Values in a batch up to which one thread computes it: 32 images of 128 pixels."""

WAITING_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables of the environment that say how OpenMP's threads wait for each other, read when PyTorch is loaded."""


@contextmanager
def few_threads(values: int) -> Iterator[None]:
    """Compute with one thread where there are few values, and otherwise with as many as before.

    values: of the tensors that are computed with. An operation on few of them takes microseconds. Divided among
    threads, it waits for the last one, and on a processor with other work to do that one may get its core milliseconds
    later. Holds for the thread that calls it alone, and changes no result of an operation on single values.
    """
    import torch

    # Asked in any case: a new thread takes over PyTorch's setting when it is first asked for it.
    if torch.get_num_threads() == 1 or values > MAX_VALUES_OF_ONE_THREAD:
        yield
        return
    with _openmp().limit(limits=1):
        yield


@cache
def _openmp() -> ThreadpoolController:
    """The OpenMP libraries of this process, PyTorch's among them.

    They have a setting for each thread; `torch.set_num_threads` would also set what new threads begin with.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="openmp")


@contextmanager
def waiting_without_spinning() -> Iterator[None]:
    """Have OpenMP's threads sleep while they wait for each other, in this process and those that it starts.

    By default a thread that waits keeps its core busy for up to milliseconds. Where other processes want the cores, the
    thread that is waited for may be the one that gets none. Results stay the same. What the user's environment says
    about it stands. For the command line: PyTorch reads the setting once, when it is imported, and keeps it.
    """
    if any(name in os.environ for name in WAITING_VARIABLES):
        yield
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        yield
    finally:
        os.environ.pop("OMP_WAIT_POLICY", None)
