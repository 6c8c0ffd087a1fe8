"""`run(experiment) -> Record`: the stored record, or a new one from data, model, training and predictions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import joblib

from pneumo.experiments import records
from pneumo.experiments.allocator import disable_malloc_trim
from pneumo.experiments.config import Experiment
from pneumo.experiments.planning import plan, threads_per_experiment
from pneumo.experiments.provenance import measured
from pneumo.experiments.records import Record
from pneumo.io.paths import cache_folder, checkpoint_path


def run(experiment: Experiment, *, root: Path | None = None, progress: bool = True) -> Record:
    """The record of an experiment: the stored one, or else a new one from running it now.

    root: the folder of records; by default those of `records.folders`, the published ones among them.
    progress: say what is trained and how far it is; an experiment without a record is announced before it starts.
    Raises MissingRecord, with the command that makes it, where there is none and it would take longer than
    $PNEUMO_LIMIT_MINUTES (the book sets 1, so that no chapter trains for long by surprise). Raises RecordError, before
    any work is done, where the new record could not be written; a stored one needs no place to write. Two processes
    that want the same experiment: one works, the other waits for its record.

    >>> run(pneumo.experiments.first_network()[0]).threshold > 0.5
    True
    """
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
        if progress:
            searched = " or ".join(map(str, records.folders(root)))
            cost = f"about {experiment.minutes:.0f} min on 2 cores"
            print(f"{experiment.name} has no record in {searched}: running it now, {cost}", file=sys.stderr, flush=True)
        return _run_and_save(experiment, root or records.folder(), progress)


def run_all(
    experiments: Iterable[Experiment], *, root: Path | None = None, jobs: int = 1, progress: bool = True
) -> list[Record]:
    """The records of several experiments, in their order; those that are missing are run, the longest first.

    jobs: experiments at a time, through joblib: the backend is its default or what `joblib.parallel_config` set. The
        processor's threads are divided among them. With one job, everything runs in this process.
    progress: tell each finished experiment on stderr, and how many of the expected minutes are done.

    >>> len(run_all(pneumo.experiments.first_network()))
    5
    """
    experiments = list(experiments)
    todo = plan(experiments, root, jobs=jobs)
    done = 0.0
    for number, index in enumerate(_finished(todo.experiments, root, jobs, progress), start=1):
        done += todo.minutes[index]
        if progress:
            minutes = todo.total * done / (sum(todo.minutes) or 1)
            whole = f"{number} of {len(todo.experiments)}, {minutes:.0f} of about {todo.total:.0f} min"
            print(f"{todo.experiments[index].name}: recorded ({whole})", file=sys.stderr, flush=True)
    return [records.get(experiment, root) for experiment in experiments]


def _finished(experiments: Sequence[Experiment], root: Path | None, jobs: int, progress: bool) -> Iterator[int]:
    """Run experiments, begun in their order; yields the index of each when its record is there."""
    if jobs == 1:
        for index, experiment in enumerate(experiments):
            run(experiment, root=root, progress=progress)
            yield index
    elif experiments:
        threads, root = threads_per_experiment(jobs), root or records.folder()
        work = (
            joblib.delayed(_run_one)(index, each, root, threads, os.getpid()) for index, each in enumerate(experiments)
        )
        # One at a time: of a batch of quick ones, the last could wait for a worker while another has nothing to do.
        # The workers stay until the end, so that each imports PyTorch once.
        parallel: Any = joblib  # whose published types allow no whole number as batch_size
        yield from parallel.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(work)


def _run_one(index: int, experiment: Experiment, root: Path, threads: int, submitter: int) -> int:
    run_with_threads(experiment, root, threads, submitter)
    return index


def run_with_threads(experiment: Experiment, root: Path, threads: int, submitter: int) -> str:
    """`run` with this many threads, as a worker does. Returns the experiment's name.

    submitter: the number of the process that asks. A worker's own process also gets `disable_malloc_trim`.
    """
    if records.find(experiment, root) is None:
        import torch

        if os.getpid() != submitter:
            disable_malloc_trim()
        threads_before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            run(experiment, root=root, progress=False)
        finally:
            torch.set_num_threads(threads_before)
    return experiment.name


def lock(experiment: Experiment) -> filelock.FileLock:
    """Held while an experiment runs on this machine; the system frees it when the process ends, however it ends.

    >>> with lock(pneumo.experiments.first_network()[0]):
    ...     pass  # no other process of this machine runs it meanwhile
    """
    path = cache_folder() / "runs" / f"{experiment.key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(path)


def _run_and_save(experiment: Experiment, root: Path, progress: bool) -> Record:
    from pneumo.experiments import pipeline  # PyTorch and all the rest: not needed where every record is there

    with measured() as provenance:
        result = pipeline.compute_results(experiment.model, experiment, progress)
    result["provenance"] |= provenance
    record = Record(experiment=experiment, **result)
    stored = records.load(records.save(record, root))
    # Only now, with the record safe, is the half-way state of no more use.
    checkpoint_path(experiment.key).unlink(missing_ok=True)
    return stored
