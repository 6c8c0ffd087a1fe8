"""The study: whether `pneumo run --jobs` keeps the cores busy, what it runs first, and what it says about time."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from joblib.externals.loky import get_reusable_executor

from benchmarks.measuring import cores, environment, in_new_process, scratch
from benchmarks.radiographs import made_up_archive
from benchmarks.results import Claim
from pneumo import cli, data, experiments, records
from pneumo.experiments import planning, study
from pneumo.experiments.config import CNNConfig, Experiment, TrainingConfig

NAME = "benchmark"
AGAIN = 100
"""First seed of the second run."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """epochs: of each experiment. jobs: experiments at a time. images, image_size, model: of all of them."""

    epochs: tuple[int, ...]
    images: int
    image_size: int
    model: CNNConfig
    jobs: int = 2


# Shuffled, so that putting the long ones first is somebody's work.
FULL = Sizes(epochs=(9, 24, 3, 15, 21, 6, 12, 18, 27, 3, 30, 9), images=800, image_size=64, model=CNNConfig())
QUICK = Sizes(epochs=(1, 2, 1), images=160, image_size=32, model=CNNConfig(width=2, depth=2))


@dataclass(frozen=True, kw_only=True)
class Use:
    """wall: seconds by the clock. processor: seconds of computing, summed over cores and processes."""

    wall: float
    processor: float


@dataclass(frozen=True, kw_only=True)
class Runs:
    """first: of a run of experiments, none of which has a record. second: of the same with another seed.

    expected: seconds that `pneumo run` said the second would take.
    """

    first: Use
    second: Use
    expected: float


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Run small experiments on phantoms, twice."""
    with scratch() as folder:
        archive = folder / "phantoms.zip"
        made_up_archive(archive, images=sizes.images, size=sizes.image_size)
        with environment({"PNEUMO_DATASET": str(archive), "PNEUMO_RECORDS": str(folder / "records")}):
            runs = in_new_process(_run_twice, sizes)
        ran = [record for record in records.load_all(folder / "records") if record.experiment.seed < AGAIN]
    use = runs.first
    yield Claim(
        name="study/busy",
        what=f"`pneumo run --jobs {sizes.jobs}` of {len(sizes.epochs)} small experiments: share of the time of all "
        "cores that is used",
        values=(100 * use.processor / (use.wall * cores()),),
        unit="%",
        at_least=90,
        details={"wall_seconds": use.wall, "processor_seconds": use.processor, "cores": cores()},
    )
    yield Claim(
        name="study/long-first",
        what="experiments of that run that began before a longer one",
        values=(_out_of_order(ran, sizes.jobs),),
        at_most=0,
    )
    yield Claim(
        name="study/expected-time",
        what="time that `pneumo run` expects for these experiments with another seed, divided by the time they take",
        values=(runs.expected / runs.second.wall,),
        at_least=0.7,
        at_most=1.3,
        details={"expected_seconds": runs.expected, "wall_seconds": runs.second.wall},
    )


def small_experiments(sizes: Sizes, first_seed: int) -> list[Experiment]:
    """One for each number of epochs, each with a seed of its own; what it is said to cost is in proportion."""
    return [
        Experiment(
            name=f"{NAME}/{seed}",
            data=experiments.study_data(sizes.image_size),
            model=sizes.model,
            training=TrainingConfig(epochs=epochs, patience=None),
            seed=seed,
            minutes=epochs / 60,
        )
        for seed, epochs in enumerate(sizes.epochs, start=first_seed)
    ]


def _run_twice(sizes: Sizes) -> Runs:
    """With the images decoded beforehand."""
    data.pixels(data.load(), size=sizes.image_size, progress=False)
    first = _run(small_experiments(sizes, 0), sizes.jobs)
    again = small_experiments(sizes, AGAIN)
    expected = 60 * planning.plan(again, jobs=sizes.jobs).total
    return Runs(first=first, second=_run(again, sizes.jobs), expected=expected)


def _run(group: list[Experiment], jobs: int) -> Use:
    """`pneumo run benchmark --jobs N`, with the processes' start within."""
    study.GROUPS[NAME] = lambda: group
    start, processor = time.perf_counter(), _processor_seconds()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.main(["run", NAME, "--jobs", str(jobs)])
    wall = time.perf_counter() - start
    if status:
        raise RuntimeError(f"pneumo run ended with status {status}:\n{said.getvalue()}")
    get_reusable_executor(reuse=True).shutdown(wait=True)  # a process's time is told to its parent when it has ended
    return Use(wall=wall, processor=_processor_seconds() - processor)


def _processor_seconds() -> float:
    """Of this process and of all its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _out_of_order(ran: list[records.Record], jobs: int) -> int:
    """How many began before a longer one that began next.

    The first `jobs` begin together, in whatever order, and a record tells its beginning in whole seconds only.
    """
    begun = sorted(ran, key=lambda record: (record.provenance["date"], -record.experiment.minutes))
    minutes = [record.experiment.minutes for record in begun]
    minutes[:jobs] = sorted(minutes[:jobs], reverse=True)
    return sum(earlier < later for earlier, later in pairwise(minutes))
