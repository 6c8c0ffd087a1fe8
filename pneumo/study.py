"""`run(experiment) -> Record`: the stored record, or a new one from data, model, training and predictions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import filelock
import joblib
import pandas as pd
from tqdm import tqdm

from . import records
from .config import Experiment
from .data.cache import cache_folder
from .provenance import measured
from .records import Record


def run(experiment: Experiment, *, root: Path | None = None, progress: bool = True) -> Record:
    """The record of an experiment: the stored one, or else a new one from running it now.

    root: the folder of records; `records.folder()` by default.
    Raises MissingRecord, with the command that makes it, where there is none and it would take longer than
    $PNEUMO_LIMIT_MINUTES (the book sets 1, so that no chapter trains for long by surprise). Two processes that want
    the same experiment: one works, the other waits for its record.
    """
    root = root or records.folder()
    stored = records.find(experiment, root)
    if stored is not None:
        return stored
    if experiment.minutes > float(os.environ.get("PNEUMO_LIMIT_MINUTES", "inf")):
        records.get(experiment, root)  # raises MissingRecord
    with lock(experiment):
        stored = records.find(experiment, root)
        return stored if stored is not None else _conduct(experiment, root, progress)


def run_all(
    experiments: Iterable[Experiment], *, root: Path | None = None, jobs: int = 1, progress: bool = True
) -> list[Record]:
    """The records of several experiments, in their order; those that are missing are run, the longest first.

    jobs: experiments at a time, through joblib: the backend is its default or what `joblib.parallel_config` set. The
        processor's threads are divided among them. With one job, everything runs in this process.
    """
    experiments, root = list(experiments), root or records.folder()
    missing = [experiment for experiment in experiments if records.find(experiment, root) is None]
    missing.sort(key=lambda experiment: -experiment.minutes)
    if jobs == 1:
        for experiment in missing:
            run(experiment, root=root, progress=progress)
    elif missing:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        work = (joblib.delayed(_run_with_threads)(experiment, root, threads) for experiment in missing)
        finished = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(work)
        for name in tqdm(finished, total=len(missing), desc="experiments", unit=" run", disable=not progress):
            tqdm.write(f"{name}: recorded", file=sys.stderr)
    return [records.get(experiment, root) for experiment in experiments]


def _run_with_threads(experiment: Experiment, root: Path, threads: int) -> str:
    import torch

    torch.set_num_threads(threads)
    run(experiment, root=root, progress=False)
    return experiment.name


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
    """One row an experiment: name, state ("recorded" or "missing"), minutes it is said to take, minutes it took."""
    rows = []
    for experiment in experiments:
        record = records.find(experiment, root)
        rows.append(
            {
                "experiment": experiment.name,
                "seed": experiment.seed,
                "state": "recorded" if record else "missing",
                "minutes": experiment.minutes,
                "took": record.provenance["seconds"] / 60 if record else None,
            }
        )
    return pd.DataFrame(rows)
