"""The study: whether `pneumo run --jobs` keeps the cores busy, what it runs first, and what it says about time."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from benchmarks.measuring import cores, environment, in_new_process, scratch
from benchmarks.radiographs import made_up_archive
from benchmarks.results import Claim
from pneumo import cli, data, experiments, records, study
from pneumo.config import CNNConfig, Experiment, TrainingConfig

ROOT = Path(__file__).parent.parent
NAME = "benchmark"


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


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Run small experiments on phantoms, and look at the records of the book."""
    with scratch() as folder:
        archive = folder / "phantoms.zip"
        made_up_archive(archive, images=sizes.images, size=sizes.image_size)
        with environment({"PNEUMO_DATASET": str(archive), "PNEUMO_RECORDS": str(folder / "records")}):
            use = in_new_process(_run, sizes)
        ran = list(records.load_all(folder / "records"))
    yield Claim(
        name="study/busy",
        what=f"`pneumo run --jobs {sizes.jobs}` of {len(sizes.epochs)} small experiments: processor time by time on "
        "all cores",
        values=(100 * use.processor / (use.wall * cores()),),
        unit="%",
        at_least=90,
        details={"wall_seconds": use.wall, "processor_seconds": use.processor, "cores": cores()},
    )
    yield Claim(
        name="study/long-first",
        what="experiments of that run that were started before a longer one",
        values=(_out_of_order(ran, sizes.jobs),),
        at_most=0,
    )
    yield from _expected_time()


def small_experiments(sizes: Sizes) -> list[Experiment]:
    """One for each number of epochs; what it is said to cost is in proportion."""
    return [
        Experiment(
            name=f"{NAME}/{index}",
            data=experiments.study_data(sizes.image_size),
            model=sizes.model,
            training=TrainingConfig(epochs=epochs, patience=None),
            seed=index,
            minutes=epochs / 60,
        )
        for index, epochs in enumerate(sizes.epochs)
    ]


def _run(sizes: Sizes) -> Use:
    """`pneumo run benchmark --jobs N`, with the images decoded beforehand and the processes' start within."""
    data.pixels(data.load(), size=sizes.image_size, progress=False)
    experiments.GROUPS[NAME] = lambda: small_experiments(sizes)
    start, processor = time.perf_counter(), _processor_seconds()
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = cli.main(["run", NAME, "--jobs", str(sizes.jobs)])
    wall = time.perf_counter() - start
    if status:
        raise RuntimeError(f"pneumo run ended with status {status}:\n{said.getvalue()}")
    get_reusable_executor(reuse=True).shutdown(wait=True)    # a process's time is told to its parent when it has ended
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


def _expected_time() -> Iterator[Claim]:
    """For each group of the book that is recorded and takes at least a minute: what is said by what it took."""
    for name, make in experiments.GROUPS.items():
        status = study.status(make(), ROOT / "records").dropna(subset="took")
        took, said = float(status["took"].sum()), float(status["minutes"].sum())
        if took >= 1:
            yield Claim(
                name=f"study/expected-time/{name}",
                what=f"the time that `pneumo run {name}` says it will take, by the time it took",
                values=(said / took,),
                at_least=0.7,
                at_most=1.3,
                details={"minutes_said": said, "minutes_taken": took, "experiments": len(status)},
            )
