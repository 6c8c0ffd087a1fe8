"""`run(experiment) -> Record`: the stored record, or a new one from data, model, training and predictions."""

from __future__ import annotations

import heapq
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import filelock
import joblib
import pandas as pd

from . import records
from .config import Experiment
from .data.cache import cache_folder
from .provenance import measured
from .records import Record

THREADS_HELP = 0.7
"""Time falls with this power of the number of threads: twice as many make an experiment 1.6 times as fast. Small
networks gain less and forests more; it matters only where records were made with another number of threads."""


def run(experiment: Experiment, *, root: Path | None = None, progress: bool = True) -> Record:
    """The record of an experiment: the stored one, or else a new one from running it now.

    root: the folder of records; `records.folder()` by default.
    Raises MissingRecord, with the command that makes it, where there is none and it would take longer than
    $PNEUMO_LIMIT_MINUTES (the book sets 1, so that no chapter trains for long by surprise). Raises RecordError, before
    any work is done, where the new record could not be written; a stored one needs no place to write. Two processes
    that want the same experiment: one works, the other waits for its record.
    """
    root = root or records.folder()
    stored = records.find(experiment, root)
    if stored is not None:
        return stored
    if experiment.minutes > float(os.environ.get("PNEUMO_LIMIT_MINUTES", "inf")):
        records.get(experiment, root)  # raises MissingRecord
    with lock(experiment):
        stored = records.find(experiment, root)
        if stored is not None:
            return stored
        records.check_writable(experiment, root)
        return _conduct(experiment, root, progress)


def run_all(
    experiments: Iterable[Experiment], *, root: Path | None = None, jobs: int = 1, progress: bool = True
) -> list[Record]:
    """The records of several experiments, in their order; those that are missing are run, the longest first.

    jobs: experiments at a time, through joblib: the backend is its default or what `joblib.parallel_config` set. The
        processor's threads are divided among them. With one job, everything runs in this process.
    progress: tell each finished experiment on stderr, and how many of the expected minutes are done.
    """
    experiments, root = list(experiments), root or records.folder()
    todo = plan(experiments, root, jobs=jobs)
    done = 0.0
    for number, index in enumerate(_finished(todo.experiments, root, jobs, progress), start=1):
        done += todo.minutes[index]
        if progress:
            minutes = todo.total * done / (sum(todo.minutes) or 1)
            whole = f"{number} of {len(todo.experiments)}, {minutes:.0f} of about {todo.total:.0f} min"
            print(f"{todo.experiments[index].name}: recorded ({whole})", file=sys.stderr, flush=True)
    return [records.get(experiment, root) for experiment in experiments]


def _finished(experiments: Sequence[Experiment], root: Path, jobs: int, progress: bool) -> Iterator[int]:
    """Run experiments, begun in their order; yields the index of each when its record is there."""
    if jobs == 1:
        for index, experiment in enumerate(experiments):
            run(experiment, root=root, progress=progress)
            yield index
    elif experiments:
        threads = _threads(jobs)
        work = (joblib.delayed(_run_one)(index, each, root, threads) for index, each in enumerate(experiments))
        # One at a time: of a batch of quick ones, the last could wait for a worker while another has nothing to do.
        # The workers stay until the end, so that each imports PyTorch once.
        yield from joblib.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(work)


def _run_one(index: int, experiment: Experiment, root: Path, threads: int) -> int:
    run_with_threads(experiment, root, threads)
    return index


def run_with_threads(experiment: Experiment, root: Path, threads: int) -> str:
    """`run`, in a process that has this many threads to compute with. Returns the experiment's name."""
    if records.find(experiment, root) is None:
        import torch

        torch.set_num_threads(threads)
        run(experiment, root=root, progress=False)
    return experiment.name


def _threads(jobs: int) -> int:
    """Threads that an experiment computes with while `jobs` of them run at a time."""
    if jobs == 1 and "OMP_NUM_THREADS" in os.environ:
        return int(os.environ["OMP_NUM_THREADS"])
    return max(1, joblib.cpu_count() // jobs)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is still to run, and for how long.

    experiments: without a record, the longest first. minutes: that each is expected to take.
    total: minutes until the last of them ends.
    """

    experiments: tuple[Experiment, ...]
    minutes: tuple[float, ...]
    total: float


def plan(experiments: Iterable[Experiment], root: Path | None = None, *, jobs: int = 1) -> Plan:
    """What `run_all` would do with these experiments, and how long that is expected to take.

    The time comes from the records of the same group where there are any: of experiments that differ in the seed alone,
    or else of all, in proportion to the `minutes` they are said to cost. Otherwise `minutes` it is.
    """
    experiments, root = list(experiments), root or records.folder()
    said = {experiment.key: experiment.minutes for experiment in experiments}
    groups = {experiment.name.split("/")[0] for experiment in experiments}
    recorded = {group: list(records.load_all(root / group)) for group in groups}
    missing = [
        (_expected_minutes(experiment, recorded[experiment.name.split("/")[0]], said, _threads(jobs)), experiment)
        for experiment in experiments
        if records.find(experiment, root) is None
    ]
    missing.sort(key=lambda pair: -pair[0])
    minutes = tuple(expected for expected, _ in missing)
    return Plan(
        experiments=tuple(experiment for _, experiment in missing), minutes=minutes, total=_until_all_end(minutes, jobs)
    )


def _expected_minutes(
    experiment: Experiment, siblings: Sequence[Record], said: dict[str, float], threads: int
) -> float:
    """said: minutes by key. They can have been corrected since a record was made, so they go before the record's."""
    took = [_minutes_with(record, threads) for record in siblings]
    of_other_seeds = [
        minutes
        for minutes, record in zip(took, siblings, strict=True)
        if replace(record.experiment, seed=experiment.seed).same_as(experiment)
    ]
    if of_other_seeds:
        return mean(of_other_seeds)
    siblings_said = sum(said.get(record.key, record.experiment.minutes) for record in siblings)
    if siblings_said:
        return experiment.minutes * sum(took) / siblings_said
    return experiment.minutes * (2 / threads) ** THREADS_HELP


def _minutes_with(record: Record, threads: int) -> float:
    """Minutes that a recorded experiment would take with this many threads."""
    its_threads = record.provenance.get("machine", {}).get("threads", threads)
    return record.provenance["seconds"] / 60 * (its_threads / threads) ** THREADS_HELP


def _until_all_end(minutes: Iterable[float], jobs: int) -> float:
    """minutes: each one's, in the order in which they begin, `jobs` at a time."""
    ends = [0.0] * jobs
    for each in minutes:
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


def weights_path(experiment: Experiment) -> Path:
    """Where the trained weights of an experiment are kept on this machine. They are not part of the record."""
    return cache_folder() / "weights" / f"{experiment.key}.safetensors"


def lock(experiment: Experiment) -> filelock.FileLock:
    """Held while an experiment runs on this machine; the system frees it when the process ends, however it ends."""
    path = cache_folder() / "runs" / f"{experiment.key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(path)


def _conduct(experiment: Experiment, root: Path, progress: bool) -> Record:
    if progress:
        print(f"{experiment.name}: about {experiment.minutes:.0f} min on 2 cores", flush=True)
    from . import chain  # PyTorch and all the rest: not needed where every record is there

    with measured() as provenance:
        result = chain.results(experiment.model, experiment, progress)
    result["provenance"] |= provenance
    record = Record(experiment=experiment, **result)
    stored = records.load(records.save(record, root))
    # Only now, with the record safe, is the half-way state of no more use.
    checkpoint_path(experiment).unlink(missing_ok=True)
    return stored


def checkpoint_path(experiment: Experiment) -> Path:
    """Where the half-way state of an experiment is kept on this machine until its record is safe."""
    path = cache_folder() / "runs" / f"{experiment.key}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def status(experiments: Iterable[Experiment], root: Path | None = None) -> pd.DataFrame:
    """One row an experiment: name, seed, state, minutes it is said to take, minutes it took.

    state: "recorded"; "missing"; or "outdated", where a record of this name is there, but of another configuration or
        recipe than that of any of these experiments.
    """
    experiments, root = list(experiments), root or records.folder()
    keys = {experiment.key for experiment in experiments}
    stored = _stored_keys(root)
    rows = []
    for experiment in experiments:
        record = records.find(experiment, root)
        # A record under its own key that is not found has a default that was changed since.
        others = stored.get(experiment.name, set()) - (keys - {experiment.key})
        rows.append(
            {
                "experiment": experiment.name,
                "seed": experiment.seed,
                "state": "recorded" if record else "outdated" if others else "missing",
                "minutes": experiment.minutes,
                "took": record.provenance["seconds"] / 60 if record else None,
            }
        )
    return pd.DataFrame(rows)


def _stored_keys(root: Path) -> dict[str, set[str]]:
    """The keys of the records under each name."""
    keys: dict[str, set[str]] = {}
    for path in records.paths(root):
        name, _, key = path.relative_to(root).with_suffix("").as_posix().rpartition("-")
        keys.setdefault(name, set()).add(key)
    return keys
