"""How things are measured: in turns, so that whatever else the machine does falls on all alike."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

Name = TypeVar("Name", bound=Hashable)
Returned = TypeVar("Returned")


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes by the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(ways: Mapping[Name, Callable[[], float]], rounds: int, *, warm_up: int = 0) -> dict[Name, np.ndarray]:
    """Measure several ways A B C A B C ..., so that each round sees the same machine.

    ways: what each name calls; it returns one measurement. warm_up: rounds before, which are not counted.
    Returns for each name (rounds,) float.
    """
    measured: dict[Name, list[float]] = {name: [] for name in ways}
    for _ in range(warm_up + rounds):
        for name, way in ways.items():
            measured[name].append(way())
    return {name: np.array(values[warm_up:]) for name, values in measured.items()}


def in_new_process(function: Callable[..., Returned], *arguments: object) -> Returned:
    """What a function returns in a process that has run nothing before: its memory and its threads are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, for this process and those it starts, and restore them at the end."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed at the end, with an empty cache in it: nothing was ever decoded or measured."""
    with (
        tempfile.TemporaryDirectory(prefix="pneumo-benchmark-") as name,
        environment({"PNEUMO_CACHE": str(Path(name) / "cache")}),
    ):
        yield Path(name)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
