"""`run(experiment) -> Record`: the stored record, or a new one from data, model, training and predictions."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import filelock
import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from pneumo.errors import ExperimentsFailed, PneumoError
from pneumo.experiments import records
from pneumo.experiments.allocator import disable_malloc_trim
from pneumo.experiments.config import Experiment, NetworkConfig
from pneumo.experiments.planning import plan, stage, threads_per_experiment
from pneumo.experiments.provenance import measured
from pneumo.experiments.records import Record
from pneumo.experiments.wording import duration_in_words
from pneumo.io.locks import GLOBAL_STATE
from pneumo.io.paths import cache_folder, checkpoint_path


def run(experiment: Experiment, *, root: str | Path | None = None, progress: bool = True) -> Record:
    """The record of an experiment: the stored one, or else a new one from running it now.

    root: the folder of records; by default those of `records.folders`, the published ones among them.
    progress: say what is trained and how far it is; an experiment without a record is announced before it starts.
    Raises MissingRecord, with the command that makes it, where there is none and it would take longer than
    $PNEUMO_LIMIT_MINUTES (the book sets 1, so that no chapter trains for long by surprise). Raises RecordError, before
    any work is done, where the new record could not be written; a stored one needs no place to write. Two processes
    that want the same experiment: one works, the other waits for its record. Threads of one process run experiments one
    after the other.

    >>> run(pneumo.experiments.first_network()[0]).threshold > 0.5
    True
    """
    stored = records.find(experiment, root)
    if stored is not None:
        return stored
    if experiment.minutes > float(os.environ.get("PNEUMO_LIMIT_MINUTES", "inf")):
        records.get(experiment, root)  # raises MissingRecord
    with _alone_in_process(), lock(experiment):
        stored = records.find(experiment, root)
        if stored is not None:
            return stored
        records.check_writable(experiment, root)
        if progress:
            searched = " or ".join(map(str, records.folders(root)))
            cost = f"about {duration_in_words(experiment.minutes)} on 2 cores"
            print(f"{experiment.name} has no record in {searched}: running it now, {cost}", file=sys.stderr, flush=True)
        return _run_and_save(experiment, Path(root or records.folder()), progress)


def run_all(
    experiments: Iterable[Experiment], *, root: str | Path | None = None, jobs: int = 1, progress: bool = True
) -> list[Record]:
    """The records of several experiments, in their order; those that are missing are run, the longest first.

    jobs: experiments at a time, through joblib: the backend is its default or what `joblib.parallel_config` set. The
        processor's threads are divided among them. With one job, everything runs in this process. Threads of one
        process, as of the backend "threading" and of Dask's workers with several, take turns.
    progress: tell each finished experiment on stderr, and how many of the expected minutes are done.

    Networks end with other last digits where another number of threads adds up; a record says how many there were.
    One that fails does not keep the others from being run. Raises ExperimentsFailed at the end, which says what failed;
    of a single experiment, its own error. Raises PneumoError for a backend that cannot say which one is done, and where
    a worker was ended from outside.

    >>> len(run_all(pneumo.experiments.first_network()))
    5
    """
    experiments = list(experiments)
    todo = plan(experiments, root, jobs=jobs)
    done, failures = 0.0, []
    for number, outcome in enumerate(_finished(todo.experiments, root, jobs, progress), start=1):
        done += todo.minutes[outcome.index]
        if outcome.error is not None:
            failures.append(outcome)
        if progress and not (outcome.error is not None and len(todo.experiments) == 1):  # its error says it all
            minutes = todo.total * done / (sum(todo.minutes) or 1)
            time = f"{duration_in_words(minutes)} of about {duration_in_words(todo.total)}"
            whole = f"{number} of {len(todo.experiments)}, {time}"
            state = "recorded" if outcome.error is None else "failed"
            print(f"{todo.experiments[outcome.index].name}: {state} ({whole})", file=sys.stderr, flush=True)
    _raise_failures(failures, todo.experiments)
    return [records.get(experiment, root) for experiment in experiments]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an experiment ended. index: of it, in the order begun. error: None where it is recorded."""

    index: int
    error: Exception | None = None


def _raise_failures(failures: Sequence[Outcome], experiments: Sequence[Experiment]) -> None:
    errors = [failure.error for failure in failures if failure.error is not None]
    if len(experiments) == 1 and errors:
        raise errors[0]
    if errors:
        lines = [f"  {experiments[failure.index].name}: {_said(failure.error)}" for failure in failures]
        others = "the others are recorded" if len(errors) < len(experiments) else "none of them is recorded"
        raise ExperimentsFailed(
            "\n".join([f"{len(errors)} of {len(experiments)} experiments failed, {others}:", *lines])
        ) from ExceptionGroup("failed experiments", errors)


def _said(error: Exception | None) -> str:
    """The message of an error that a user can do something about; of another one its type as well."""
    return str(error) if isinstance(error, PneumoError) else f"{type(error).__name__}: {error}"


def _finished(
    experiments: Sequence[Experiment], root: str | Path | None, jobs: int, progress: bool
) -> Iterator[Outcome]:
    """Run experiments, begun in their order; yields how each ended when it has."""
    if jobs == 1:
        for index, experiment in enumerate(experiments):
            failed = None
            try:
                run(experiment, root=root, progress=progress)
            except Exception as error:
                _show_traceback(error)
                failed = error
            yield Outcome(index=index, error=failed)
    elif experiments:
        _check_backend()
        threads, root = threads_per_experiment(jobs), Path(root or records.folder())
        # One at a time: of a batch of quick ones, the last could wait for a worker while another has nothing to do.
        # The workers stay until the end, so that each imports PyTorch once.
        parallel: Any = joblib  # whose published types allow no whole number as batch_size
        numbered = list(enumerate(experiments))
        try:
            # What others need is finished before those begin, whichever worker is free.
            for _, pairs in groupby(numbered, key=lambda pair: stage(pair[1])):
                work = [joblib.delayed(_run_one)(index, each, root, threads, os.getpid()) for index, each in pairs]
                yield from parallel.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(work)
        except TerminatedWorkerError as error:
            raise PneumoError(
                "a worker process was ended from outside, perhaps for want of memory; each has more with fewer than "
                f"jobs={jobs} at a time. What was finished is kept, and the same call goes on from there"
            ) from error


def _check_backend() -> None:
    backend: Any = joblib.parallel.get_active_backend()[0]
    if not backend.supports_return_generator:
        name = type(backend).__name__.removesuffix("Backend").lower()
        raise PneumoError(
            f'joblib\'s backend "{name}" cannot run experiments: it does not tell which one is done, and starts its '
            'processes with the threads of this one half-way; use joblib.parallel_config(backend="loky")'
        )


def _run_one(index: int, experiment: Experiment, root: Path, threads: int, submitter: int) -> Outcome:
    try:
        run_with_threads(experiment, root, threads, submitter)
    except Exception as error:
        _show_traceback(error)
        return Outcome(index=index, error=_sendable(error))
    return Outcome(index=index)


def _show_traceback(error: Exception) -> None:
    """Of an error that is a fault of the program, since only its message gets to the end."""
    if not isinstance(error, PneumoError | OSError):
        traceback.print_exception(error)


def _sendable(error: Exception) -> Exception:
    """An error that another process can read: itself, or one of the same words."""
    try:
        pickle.dumps(error)
        copy.copy(error)  # made anew as by `pickle`
    except Exception:  # whatever a constructor makes of arguments that are not its own
        return PneumoError(_said(error))
    return error


def run_with_threads(experiment: Experiment, root: Path, threads: int, submitter: int) -> str:
    """`run` with this many threads, as a worker does. Returns the experiment's name.

    submitter: the number of the process that asks. A worker's own process also gets `disable_malloc_trim`.
    """
    if records.find(experiment, root) is None:
        import torch

        if os.getpid() != submitter:
            disable_malloc_trim()
            # tqdm's own lock is a semaphore of the system, of which Python complains when the process is killed.
            tqdm.set_lock(threading.RLock())
        with _alone_in_process():
            threads_before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                run(experiment, root=root, progress=False)
            finally:
                torch.set_num_threads(threads_before)
    return experiment.name


@contextmanager
def _alone_in_process() -> Iterator[None]:
    """Keep other threads of this process from running an experiment meanwhile, and say so to those that wait.

    They share one random generator, one setting of deterministic algorithms, one number of threads.
    """
    if not GLOBAL_STATE.acquire(blocking=False):
        warnings.warn(
            "threads of one process run experiments one after the other; for several at a time use processes: joblib's "
            'backend "loky", or Dask workers of one thread each',
            stacklevel=3,
        )
        GLOBAL_STATE.acquire()
    try:
        yield
    finally:
        GLOBAL_STATE.release()


def lock(experiment: Experiment) -> filelock.FileLock:
    """Held while an experiment runs on this machine; the system frees it when the process ends, however it ends.

    >>> with lock(pneumo.experiments.first_network()[0]):
    ...     pass  # no other process of this machine runs it meanwhile
    """
    path = cache_folder() / "runs" / f"{experiment.key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(path)


def _run_and_save(experiment: Experiment, root: Path, progress: bool) -> Record:
    from pneumo import models  # PyTorch and all the rest: not needed where every record is there
    from pneumo.experiments import pipeline

    if isinstance(experiment.model, NetworkConfig):
        models.check_image_size(experiment.model, *[experiment.data.image_size] * 2)
    with measured() as provenance:
        result = pipeline.compute_results(experiment.model, experiment, progress)
    result["provenance"] |= provenance
    record = Record(experiment=experiment, **result)
    stored = records.load(records.save(record, root))
    # Only now, with the record safe, is the half-way state of no more use.
    checkpoint_path(experiment.key).unlink(missing_ok=True)
    return stored
