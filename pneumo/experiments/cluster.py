"""The study on a SLURM cluster, through submitit: each experiment a job of its own.

Records, cache and data must lie where all nodes see them: set $PNEUMO_RECORDS, $PNEUMO_CACHE and $PNEUMO_DATA to
folders of the shared disk. SLURM hands the variables on to its jobs.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from io import StringIO
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from pneumo.errors import PneumoError
from pneumo.experiments import planning, records, runner
from pneumo.experiments.config import Experiment
from pneumo.io.paths import cache_folder

if TYPE_CHECKING:
    import submitit

TIME_LIMIT_STEP_MINUTES = 30
"""Minutes to a multiple of which time limits are rounded up. Experiments of one limit are one array of jobs."""


def run_on_slurm(
    experiments: Iterable[Experiment],
    *,
    partition: str | None = None,
    minutes_factor: float = 3.0,
    cpus: int = 4,
    gpus: int = 0,
    memory_gb: float | None = None,
    account: str | None = None,
    qos: str | None = None,
    cluster: Literal["slurm", "local", "debug"] = "slurm",
) -> list[submitit.Job[str]]:
    """Submit the experiments that have no record, and return their jobs without waiting: `pneumo status` has the news.

    Jobs that need the weights of others begin when those have ended, by `planning.stage`: SLURM holds them until then.

    partition: where to queue; the cluster's default if None.
    minutes_factor: the time limit of a job, as a factor of the minutes that `planning.plan` expects. A job that SLURM
        warns before its limit, or before it makes way for another, by submitit's signal (USR2), is queued again (for
        the limit, three times at most) and goes on from its last epoch. After SIGTERM, of `scancel` and of clusters
        that do not send the signal of the user, it ends with status 143, so that SLURM may queue it again itself;
        where it does not, the same call submits it again.
    cpus, gpus, memory_gb: for each experiment; the cluster's default memory if None. Several GPUs are of no use to it.
    account, qos: whom the jobs are charged to, and their quality of service; the cluster's default if None.
    cluster: "local" runs the jobs in processes of this machine, all of one stage at once, and submits a stage when the
        one before it has ended; "debug" runs them in this process, each when its result is asked for.
    A job's result is the experiment's name; its logs are in `cache_folder() / "slurm"`.
    Raises PneumoError where submitit is not installed, where this machine cannot submit to SLURM, and with sbatch's own
    words where it refuses: those jobs that it took before are named, and stay.
    """
    submitit = _submitit()
    if minutes_factor < 1:
        raise ValueError(f"minutes_factor={minutes_factor} would end jobs before their time; use at least 1")
    root = records.folder().resolve()
    todo = planning.plan(experiments)
    limits = [
        TIME_LIMIT_STEP_MINUTES * max(1, math.ceil(minutes_factor * minutes / TIME_LIMIT_STEP_MINUTES))
        for minutes in todo.minutes
    ]
    jobs: list[submitit.Job[str]] = []
    earlier: list[submitit.Job[str]] = []
    stage = 0
    by_stage_and_limit = groupby(
        zip(limits, todo.experiments, strict=True), key=lambda pair: (planning.stage(pair[1]), pair[0])
    )
    for (next_stage, limit), pairs in by_stage_and_limit:
        if next_stage > stage:
            stage, earlier = next_stage, [*jobs]
            if cluster == "local":  # which knows no dependencies
                for job in earlier:
                    job.wait()
        try:
            executor = submitit.AutoExecutor(folder=cache_folder() / "slurm", cluster=cluster)
        except RuntimeError as error:
            raise PneumoError(f"{error} Submit from a login node of the cluster, or use `pneumo run --jobs`") from error
        executor.update_parameters(
            name="pneumo",
            timeout_min=limit,
            cpus_per_task=cpus,
            gpus_per_node=gpus or None,
            mem_gb=memory_gb,
            slurm_partition=partition,
            slurm_account=account,
            slurm_qos=qos,
            slurm_dependency=_after(earlier),
        )
        with _explain_refusal(jobs):
            with executor.batch():
                submitted = [executor.submit(SlurmJob(), experiment, root, cpus) for _, experiment in pairs]
            jobs += submitted
    return jobs


def _after(jobs: Iterable[submitit.Job[str]]) -> str | None:
    """What sbatch is told so that a job waits for others, whether they succeed or not; of an array its own number.

    After a failure, those that need its weights fail with a message that names them, and the others run.
    """
    numbers = dict.fromkeys(job.job_id.partition("_")[0] for job in jobs)
    return ":".join(["afterany", *numbers]) if numbers else None


@contextmanager
def _explain_refusal(jobs: Sequence[submitit.Job[str]]) -> Iterator[None]:
    """jobs: those that were submitted before."""
    try:
        with redirect_stderr(StringIO()):  # submitit prints what it raises
            yield
    except (_submitit().core.utils.FailedJobError, OSError) as error:
        reason = " ".join(str(error).split()) or "it gave no reason"
        before = f"; submitted before it: {', '.join(job.job_id for job in jobs)}" if jobs else ""
        raise PneumoError(
            f"sbatch refused the jobs: {reason}. Ask `sinfo` for partitions and their limits and `sacctmgr show assoc` "
            f"for your accounts and QOS, and give them with --slurm, --account, --qos, --memory, --cpus, --gpus{before}"
        ) from error


@dataclass(frozen=True, kw_only=True)
class SlurmJob:
    """The function that a Slurm job calls. When the job's time is up, submitit asks it which job is to go on.

    submitter: the number of the process that submits it.
    """

    submitter: int = field(default_factory=os.getpid)

    def __call__(self, experiment: Experiment, root: Path, threads: int) -> str:
        """Run an experiment, unless it has its record by now. Returns its name; SIGTERM ends it with status 143."""
        with _sigterm_ends_the_job():
            return runner.run_with_threads(experiment, root, threads, self.submitter)

    def checkpoint(self, experiment: Experiment, root: Path, threads: int) -> submitit.helpers.DelayedSubmission:
        """The same again: `run` goes on from the state that it keeps after every epoch."""
        return _submitit().helpers.DelayedSubmission(self, experiment, root, threads)


@contextmanager
def _sigterm_ends_the_job() -> Iterator[None]:
    """submitit passes SIGTERM over, and the job would compute on until it is killed."""
    if threading.current_thread() is not threading.main_thread():  # no other may set what a signal does
        yield
        return
    handler = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def _submitit() -> ModuleType:
    try:
        import submitit
    except ImportError as error:
        raise PneumoError('submitit is not installed; install it with: pip install "pneumo[slurm]"') from error
    return submitit
