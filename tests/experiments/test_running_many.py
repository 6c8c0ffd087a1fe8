"""Several experiments: in threads and processes, and where some of them fail."""

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from pneumo import experiments, records
from pneumo.cli import main
from pneumo.errors import DataError, ExperimentsFailed, PneumoError
from pneumo.experiments import runner
from pneumo.experiments.config import (
    CNNConfig,
    Experiment,
    HeaderConfig,
    OptimizerConfig,
    ReevaluationConfig,
    TrainingConfig,
)


@pytest.fixture
def headers(monkeypatch, drawn_once) -> list[Experiment]:
    """Experiments of a moment: logistic regressions on a number of the file's header."""
    monkeypatch.setenv("PNEUMO_CACHE", str(drawn_once))
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    return [
        Experiment(
            name=f"quick/{field}", data=experiments.study_data(), model=HeaderConfig(field=field), minutes=minutes
        )
        for minutes, field in enumerate(("width", "height", "aspect"), start=1)
    ]


def failing(monkeypatch, error: Exception, *fields: str) -> None:
    """Have the experiments on these header fields fail each time."""
    work = runner._run_and_save

    def work_or_fail(experiment, *rest):
        if experiment.model.field in fields:
            raise error
        return work(experiment, *rest)

    monkeypatch.setattr(runner, "_run_and_save", work_or_fail)


# Failures ------------------------------------------------------------------------------------------------------------


def test_an_experiment_that_fails_holds_up_no_other_and_is_named_at_the_end(headers, monkeypatch, capsys):
    failing(monkeypatch, DataError("no aspect; audit another field"), "aspect")
    with pytest.raises(ExperimentsFailed) as failed:
        runner.run_all(headers)
    assert str(failed.value) == (
        "1 of 3 experiments failed, the others are recorded:\n  quick/aspect: no aspect; audit another field"
    )
    assert [records.find(each) is not None for each in headers] == [True, True, False]
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in said if "min)" in line] == [
        "quick/aspect: failed", "quick/height: recorded", "quick/width: recorded"
    ]  # fmt: skip


def test_the_command_line_lists_failures_and_ends_with_status_1(headers, monkeypatch, capsys):
    monkeypatch.setitem(experiments.GROUPS, "quick", lambda: headers)
    failing(monkeypatch, DataError("no such field"), "aspect", "width")
    assert main(["run", "quick"]) == 1
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "pneumo: 2 of 3 experiments failed, the others are recorded:",
        "  quick/aspect: no such field",
        "  quick/width: no such field",
    ]
    assert records.find(headers[1]) is not None


def test_the_error_of_a_single_experiment_is_its_own(headers, monkeypatch):
    failing(monkeypatch, DataError("no width"), "width")
    with pytest.raises(DataError, match="^no width$"):
        runner.run_all(headers[:1], progress=False)


def test_a_fault_of_the_program_is_shown_whole_and_named_at_the_end(headers, monkeypatch, capsys):
    failing(monkeypatch, ZeroDivisionError("a fault"), "height")
    with pytest.raises(ExperimentsFailed, match="quick/height: ZeroDivisionError: a fault") as failed:
        runner.run_all(headers, progress=False)
    assert isinstance(failed.value.__cause__, ExceptionGroup)
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    assert records.find(headers[2]) is not None


def test_a_failure_in_a_worker_process_holds_up_no_other(headers, monkeypatch):
    # Data of another version, which the worker finds out by itself.
    wrong = replace(headers[1], data=replace(headers[1].data, version="9-abc"))
    with pytest.raises(ExperimentsFailed, match=r"1 of 3 .*\n  quick/height: phantom here is version"):
        runner.run_all([headers[0], wrong, headers[2]], jobs=2, progress=False)
    assert [records.find(each) is not None for each in (headers[0], headers[2])] == [True, True]


class TwoArguments(Exception):
    """Cannot be made again from its message alone, as pickle does."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def test_an_error_that_cannot_be_sent_between_processes_is_sent_in_words():
    sent = runner._sendable(TwoArguments("a", "b"))
    assert isinstance(sent, PneumoError)
    assert str(sent) == "TwoArguments: ab"
    same = DataError("c")
    assert runner._sendable(same) is same


def test_a_worker_that_is_killed_is_explained(headers, monkeypatch):
    monkeypatch.setattr(runner, "_run_one", lambda *_: os._exit(9))
    with pytest.raises(PneumoError, match="a worker process was ended from outside.* fewer than jobs=2"):
        runner.run_all(headers, jobs=2, progress=False)


# Backends ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def networks(headers) -> list[Experiment]:
    """Networks with dropout."""
    training = TrainingConfig(epochs=1, patience=None, keep="last", optimizer=OptimizerConfig(learning_rate=0.01))
    return [
        Experiment(
            name=f"small/seed-{seed}",
            data=experiments.study_data(16),
            model=CNNConfig(width=2, depth=2, dropout=0.5),
            training=training,
            seed=seed,
            minutes=0.1,
        )
        for seed in range(2)
    ]


def test_what_reads_a_network_again_begins_when_the_network_is_trained(networks, tmp_path):
    """The second worker would be free for it at once."""
    network = networks[0]
    again = replace(network, name="again", model=ReevaluationConfig(network=network.model, seeds=(network.seed,)))
    looked_at, trained = runner.run_all([again, network], root=tmp_path, jobs=2, progress=False)
    np.testing.assert_allclose(looked_at.scores["test"], trained.scores["test"], atol=1e-4)


def test_experiments_in_threads_give_the_records_of_one_after_the_other(networks, tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(runner.threads_per_experiment(2))
    alone = runner.run_all(networks, root=tmp_path / "alone", progress=False)
    torch.set_num_threads(threads)
    with warnings.catch_warnings(), joblib.parallel_config(backend="threading"):
        warnings.filterwarnings("ignore", message="threads of one process run experiments one after the other")
        together = runner.run_all(networks, root=tmp_path / "together", jobs=2, progress=False)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.scores["test"], other.scores["test"])
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_thread_that_has_to_wait_is_told_the_remedy(headers, tmp_path, monkeypatch):
    held, told = threading.Event(), threading.Event()

    def hold() -> None:
        with runner.GLOBAL_STATE:
            held.set()
            told.wait(60)

    warn = warnings.warn
    monkeypatch.setattr(runner.warnings, "warn", lambda *text, **options: (warn(*text, **options), told.set()))
    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    with pytest.warns(UserWarning, match='one after the other; .* joblib\'s backend "loky", or Dask'):
        record = runner.run(headers[0], root=tmp_path, progress=False)
    other.join()
    assert record.experiment == headers[0]


def test_two_threads_that_want_one_experiment_run_it_once(headers, tmp_path, monkeypatch):
    work, seen = runner._run_and_save, []
    monkeypatch.setattr(runner, "_run_and_save", lambda *each: (seen.append(each[0]), work(*each))[1])

    def run(number: int) -> records.Record:
        if number % 2:
            return runner.run(headers[0], root=tmp_path, progress=False)
        runner.run_with_threads(headers[0], tmp_path, 1, os.getpid())
        return records.get(headers[0], tmp_path)

    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore")
        found = list(pool.map(run, range(4)))
    assert seen == [headers[0]]
    assert {record.key for record in found} == {headers[0].key}


def test_a_backend_that_forks_half_way_is_refused_with_the_remedy(headers):
    with (
        joblib.parallel_config(backend="multiprocessing"),
        pytest.raises(PneumoError, match='"multiprocessing".*"loky"'),
    ):
        runner.run_all(headers, jobs=2, progress=False)


# Systems -------------------------------------------------------------------------------------------------------------


def test_where_python_lacks_what_linux_has_memory_is_asked_of_windows(monkeypatch):
    from pneumo.experiments import provenance

    class Kernel32:
        """Answers as Windows does, by writing into the structure that it is given."""

        def GlobalMemoryStatusEx(self, status):
            assert status._obj.length == 64  # sizeof(MEMORYSTATUSEX)
            status._obj.total_physical = 8 * 2**30

        class GetCurrentProcess:
            def __new__(cls):
                return -1

        class K32GetProcessMemoryInfo:
            def __new__(cls, process, memory, size):
                assert (process, size) == (-1, 72)  # sizeof(PROCESS_MEMORY_COUNTERS) of 64 bits
                memory._obj.peak_working_set = 300 * 2**20

    monkeypatch.setattr(provenance, "_kernel32", Kernel32)
    monkeypatch.setitem(__import__("sys").modules, "resource", None)
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError()))
    assert provenance.machine()["memory_gb"] == 8.0
    assert provenance.peak_memory_mb() == 300


def test_peak_memory_without_proc_is_that_of_the_resource_module(monkeypatch):
    from pneumo.experiments import provenance

    expected = provenance.peak_memory_mb()
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError()))
    assert provenance.peak_memory_mb() == pytest.approx(expected, rel=0.5)
