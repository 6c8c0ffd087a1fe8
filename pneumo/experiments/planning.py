"""What there is still to run, and how long it is expected to take."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import joblib
import pandas as pd

from pneumo.experiments import records
from pneumo.experiments.config import Experiment, ReevaluationConfig
from pneumo.experiments.records import Record
from pneumo.experiments.wording import duration_in_words

THREAD_SPEEDUP_EXPONENT = 0.7
"""Time falls with this power of the number of threads: twice as many make an experiment 1.6 times as fast. Small
networks gain less and forests more; it matters only where records were made with another number of threads."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What there is still to run, and for how long.

    experiments: without a record, in the order in which they run: those that need other networks' weights after those
        that train them, and the longest first. minutes: that each is expected to take.
    total: minutes until the last of them ends.
    """

    experiments: tuple[Experiment, ...]
    minutes: tuple[float, ...]
    total: float


def plan(experiments: Iterable[Experiment], root: str | Path | None = None, *, jobs: int = 1) -> Plan:
    """What `run_all` would do with these experiments, and how long that is expected to take.

    The time comes from the records of the same group where there are any: of experiments that differ in the seed alone,
    or else of all, in proportion to their `minutes`. Otherwise `minutes` itself.

    jobs: experiments at a time, from 1. Raises ValueError for fewer.

    >>> plan(pneumo.experiments.first_network()).total  # all of them are recorded
    0.0
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs} runs nothing; give a whole number from 1, the number of experiments at a time")
    experiments = list(experiments)
    stated_minutes = {experiment.key: experiment.minutes for experiment in experiments}
    siblings = _recorded_siblings(experiments, root)
    threads = threads_per_experiment(jobs)
    missing = [
        (_expected_minutes(experiment, siblings[_comparison(experiment)], stated_minutes, threads), experiment)
        for experiment in experiments
        if records.find(experiment, root) is None
    ]
    missing.sort(key=lambda pair: (stage(pair[1]), -pair[0]))
    minutes = tuple(expected for expected, _ in missing)
    return Plan(
        experiments=tuple(experiment for _, experiment in missing), minutes=minutes, total=_until_all_end(minutes, jobs)
    )


def stage(experiment: Experiment) -> int:
    """The stage of an experiment: how many other experiments, one after another, have to run before it.

    0 for what needs no other's weights, 1 for training that starts from them, 2 for trained networks read again, 3 for
    those on images from elsewhere, whose threshold is that of a record of stage 2.

    >>> [stage(group()[0]) for group in (pneumo.experiments.first_network, pneumo.experiments.acquisition_external)]
    [0, 3]
    """
    if isinstance(experiment.model, ReevaluationConfig):
        return 3 if experiment.model.elsewhere else 2
    return 1 if experiment.training is not None and experiment.training.start else 0


def _comparison(experiment: Experiment) -> Path:
    """Experiments that are compared have their records in one folder."""
    return Path(experiment.name).parent


def _recorded_siblings(experiments: Iterable[Experiment], root: str | Path | None) -> dict[Path, list[Record]]:
    """The stored records of each comparison that one of the experiments belongs to, by its folder."""
    comparisons = {_comparison(experiment) for experiment in experiments}
    return {
        comparison: [
            records.load(path)
            for folder in records.folders(root)
            for path in sorted((folder / comparison).glob("*.json"))
        ]
        for comparison in comparisons
    }


def _expected_minutes(
    experiment: Experiment, siblings: Sequence[Record], stated_minutes: dict[str, float], threads: int
) -> float:
    """stated_minutes: `Experiment.minutes` by key, which override those in records: they may have been corrected."""
    actual_minutes = [_minutes_with(record, threads) for record in siblings]
    of_other_seeds = [
        minutes
        for minutes, record in zip(actual_minutes, siblings, strict=True)
        if replace(record.experiment, seed=experiment.seed).same_as(experiment)
    ]
    if of_other_seeds:
        return mean(of_other_seeds)
    siblings_stated = sum(stated_minutes.get(record.key, record.experiment.minutes) for record in siblings)
    if siblings_stated:
        return experiment.minutes * sum(actual_minutes) / siblings_stated
    return experiment.minutes * (2 / threads) ** THREAD_SPEEDUP_EXPONENT


def _minutes_with(record: Record, threads: int) -> float:
    """Minutes that a recorded experiment would take with this many threads."""
    its_threads = record.provenance.get("machine", {}).get("threads", threads)
    return record.provenance["seconds"] / 60 * (its_threads / threads) ** THREAD_SPEEDUP_EXPONENT


def _until_all_end(minutes: Iterable[float], jobs: int) -> float:
    """minutes: each one's, in the order in which they begin, `jobs` at a time."""
    ends = [0.0] * jobs
    for each in minutes:
        heapq.heapreplace(ends, ends[0] + each)
    return max(ends)


def threads_per_experiment(jobs: int) -> int:
    """Threads that an experiment computes with while `jobs` of them run at a time.

    >>> threads_per_experiment(1000)
    1
    """
    if jobs == 1 and "OMP_NUM_THREADS" in os.environ:
        return int(os.environ["OMP_NUM_THREADS"])
    return max(1, joblib.cpu_count() // jobs)


def status(experiments: Iterable[Experiment], root: str | Path | None = None) -> pd.DataFrame:
    """One row an experiment: name, seed, state, expected minutes, minutes it took.

    root: the folder of records; by default those of `records.folders`.
    state: "recorded"; "missing"; or "outdated", where a record of this name is there, but of another configuration or
        recipe than that of any of these experiments.

    >>> status(pneumo.experiments.first_network())["state"].tolist()
    ['recorded', 'recorded', 'recorded', 'recorded', 'recorded']
    """
    experiments = list(experiments)
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


def status_in_words(experiments: Iterable[Experiment], root: str | Path | None = None) -> str:
    """How many of these experiments are recorded, how long they took together, and how long the others will take.

    Experiments that share a record count once. Time is that of one experiment after the other.

    >>> status_in_words(pneumo.experiments.first_network()[:1]).startswith("1 experiment: 1 recorded, took ")
    True
    """
    distinct = {experiment.key: experiment for experiment in experiments}
    stored = {key: record for key, each in distinct.items() if (record := records.find(each, root))}
    todo = plan((each for key, each in distinct.items() if key not in stored), root)
    parts = []
    if stored:
        took = sum(record.provenance["seconds"] for record in stored.values()) / 60
        parts.append(f"{len(stored)} recorded, took {duration_in_words(took)}")
    if todo.experiments:
        parts.append(f"{len(todo.experiments)} to run, about {duration_in_words(todo.total)}")
    counted = "1 experiment" if len(distinct) == 1 else f"{len(distinct)} experiments"
    return f"{counted}: {'; '.join(parts) or 'none'}"


def _stored_keys(root: str | Path | None) -> dict[str, set[str]]:
    """The keys of the records under each name."""
    keys: dict[str, set[str]] = {}
    for folder in records.folders(root):
        for path in records.paths(folder):
            name, _, key = path.relative_to(folder).with_suffix("").as_posix().rpartition("-")
            keys.setdefault(name, set()).add(key)
    return keys
