import sys
from dataclasses import replace

import pytest

from pneumo import experiments, records
from pneumo.errors import PneumoError
from pneumo.experiments import cluster, planning, runner
from pneumo.experiments.config import Experiment, HeaderConfig

pytest.importorskip("submitit", reason='needs the extra "slurm"')


@pytest.fixture
def quick(monkeypatch) -> Experiment:
    """An experiment of a second, without a network."""
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    return Experiment(name="quick/width", data=experiments.study_data(), model=HeaderConfig(field="width"), minutes=1)


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A cluster that accepts everything and does nothing; returns the list of what was submitted to it, as texts."""
    for name, script in {"sbatch": 'cat "$1" >> submitted; echo "Submitted batch job 7"', "srun": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script.replace('submitted', str(tmp_path / 'submitted'))}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lambda: (tmp_path / "submitted").read_text().split("#!/bin/bash")[1:]


def test_a_job_in_another_process_leaves_the_same_record_as_a_run_here(quick, tmp_path):
    (job,) = cluster.run_on_slurm([quick], cpus=1, cluster="local")
    assert job.result() == "quick/width"
    here = runner.run(quick, root=tmp_path / "here", progress=False)
    assert records.get(quick).scores["test"].tolist() == here.scores["test"].tolist()


def test_what_is_recorded_is_not_submitted(quick, sbatch):
    runner.run(quick, progress=False)
    assert cluster.run_on_slurm([quick]) == []


def test_the_time_limit_is_the_expected_time_by_the_factor_in_half_hours(quick, sbatch):
    def of(name: str, minutes: float) -> Experiment:
        return replace(quick, name=f"{name}/x", model=HeaderConfig(field=name), minutes=minutes)

    chosen = [of("width", 0.1), of("height", 0.2), of("aspect", 1000)]
    jobs = cluster.run_on_slurm(chosen, partition="cpu", minutes_factor=3, cpus=2)
    long, short = sbatch()
    expected = planning.plan(chosen).minutes[0]
    limit = int(long.split("--time=")[1].split("\n")[0])
    assert 3 * expected <= limit < 3 * expected + 30
    assert limit % 30 == 0
    assert "--time=30\n" in short
    assert "--array=0-1%2\n" in short  # the two of one limit are one array
    assert "--partition=cpu\n" in short
    assert "--cpus-per-task=2\n" in short
    assert [job.job_id for job in jobs] == ["7", "7_0", "7_1"]


def test_a_job_that_has_to_end_submits_the_same_again(quick, tmp_path):
    again = cluster.SlurmJob().checkpoint(quick, tmp_path, 1)
    assert again.result() == "quick/width"
    assert records.get(quick, tmp_path).experiment == quick


def test_a_machine_without_slurm_is_told_so(quick, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PneumoError, match=r"srun.*pneumo run --jobs"):
        cluster.run_on_slurm([quick])


def test_without_submitit_the_extra_is_named(quick, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(PneumoError, match=r"pip install .*pneumo\[slurm\]"):
        cluster.run_on_slurm([quick])


def test_a_limit_below_the_expected_time_is_refused(quick):
    with pytest.raises(ValueError, match=r"minutes_factor=0\.5"):
        cluster.run_on_slurm([quick], minutes_factor=0.5)
