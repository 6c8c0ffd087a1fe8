"""Work that is killed at random moments, as by a power cut: signal 9, nothing is tidied up."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable

import numpy as np

FORK = multiprocessing.get_context("fork")
"""A fork starts at once, so that a kill hits the work and not the imports."""


def seconds_of(work: Callable[[], object]) -> float:
    """How long work takes in a process of its own. It must end well."""
    start = time.perf_counter()
    process = FORK.Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == 0
    return time.perf_counter() - start


def kill(work: Callable[[], object], *, times: int, longest: float, check: Callable[[], object] = bool) -> int:
    """Start work `times` times, and kill it after a random time up to `longest` seconds; returns how often it was hit.

    check: is asked after each kill, and raises where something is broken.
    """
    random = np.random.default_rng(0)
    hit = 0
    for _ in range(times):
        process = FORK.Process(target=work)
        process.start()
        process.join(random.uniform(0, longest))
        process.kill()
        process.join()
        hit += process.exitcode == -9
        check()
    return hit
