import sys
from dataclasses import replace

import pytest

from pneumo import experiments, records
from pneumo.cli import main
from pneumo.errors import PneumoError
from pneumo.experiments import cluster, planning, runner
from pneumo.experiments.config import CNNConfig, Experiment, HeaderConfig, ReevaluationConfig

pytest.importorskip("submitit", reason='needs the extra "slurm"')


@pytest.fixture
def quick(monkeypatch) -> Experiment:
    """An experiment of a second, without a network."""
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    return Experiment(name="quick/width", data=experiments.study_data(), model=HeaderConfig(field="width"), minutes=1)


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A cluster that accepts everything and does nothing; returns the list of what was submitted to it, as texts.

    Its jobs have the numbers 7, 8 and so on.
    """
    count = "$((6 + $(grep -c '^#!/bin/bash' submitted)))"
    accept = f'cat "$1" >> submitted; echo "Submitted batch job {count}"'
    for name, script in {"sbatch": accept, "srun": "exit 1"}.items():
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
    assert [job.job_id for job in jobs] == ["7", "8_0", "8_1"]


@pytest.fixture
def stages(quick) -> list[Experiment]:
    """Two that train, one that reads networks again, and one that does so on images from elsewhere."""
    network = {"network": CNNConfig()}
    models = {
        "elsewhere": ReevaluationConfig(**network, elsewhere="phantom", elsewhere_version="1"),
        "again": ReevaluationConfig(**network),
        "width": HeaderConfig(field="width"),
        "height": HeaderConfig(field="height"),
    }
    return [replace(quick, name=f"{name}/x", model=model) for name, model in models.items()]


def test_jobs_that_need_the_weights_of_others_are_held_until_those_have_ended(stages, sbatch):
    cluster.run_on_slurm(stages)
    training, again, elsewhere = sbatch()
    assert "--dependency" not in training
    assert "#SBATCH --dependency=afterany:7\n" in again
    assert "#SBATCH --dependency=afterany:7:8\n" in elsewhere


def test_on_this_machine_a_stage_begins_when_the_one_before_it_has_ended(quick, monkeypatch):
    later = replace(quick, name="later/height", model=HeaderConfig(field="height"))
    monkeypatch.setattr(planning, "stage", lambda experiment: int(experiment.name == later.name))
    first, second = cluster.run_on_slurm([later, quick], cpus=1, cluster="local")
    assert first.done()  # when the second is submitted, and the call returns
    assert [first.result(), second.result()] == [quick.name, later.name]


def test_account_qos_memory_and_gpus_reach_sbatch_as_given(quick, sbatch):
    cluster.run_on_slurm([quick], account="lab7", qos="long", memory_gb=24, gpus=1)
    (submitted,) = sbatch()
    wanted = ("--account=lab7", "--qos=long", "--mem=24GB", "--gpus-per-node=1")
    assert [line for line in wanted if f"#SBATCH {line}\n" not in submitted] == []


def test_what_is_not_asked_for_is_left_to_the_cluster(quick, sbatch):
    cluster.run_on_slurm([quick])
    (submitted,) = sbatch()
    assert not any(word in submitted for word in ("--account", "--qos", "--mem", "--gpus", "--partition"))


@pytest.fixture
def refusing_sbatch(sbatch, tmp_path):
    """A cluster that takes the first array of jobs and refuses the others in SLURM's own words."""
    words = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
    script = f'if [ -e {tmp_path}/taken ]; then echo "{words}" >&2; exit 1; fi; touch {tmp_path}/taken'
    (tmp_path / "sbatch").write_text(f'#!/bin/sh\n{script}; echo "Submitted batch job 7"\n')


def test_a_refusal_is_told_in_sbatchs_words_with_the_remedy_and_the_jobs_that_were_taken(
    quick, refusing_sbatch, capfd, monkeypatch
):
    cluster.run_on_slurm([quick])
    with pytest.raises(PneumoError, match="Invalid account or account/partition") as error:
        cluster.run_on_slurm([quick])
    assert "--account, --qos" in str(error.value)
    assert "submitted before it" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_jobs_that_were_taken_before_a_refusal_are_named(quick, refusing_sbatch):
    long = replace(quick, name="long/x", model=HeaderConfig(field="height"), minutes=1000)
    with pytest.raises(PneumoError, match="submitted before it: 7"):
        cluster.run_on_slurm([quick, long])


def test_the_command_line_hands_the_options_on(quick, sbatch, monkeypatch, capsys):
    monkeypatch.setattr(experiments, "find_experiments", lambda name: [quick])
    words = ["--slurm", "gpu", "--account", "lab7", "--qos", "long", "--memory", "24", "--gpus", "1", "--cpus", "2"]
    assert main(["run", "quick", *words]) == 0
    (submitted,) = sbatch()
    assert "--partition=gpu\n" in submitted
    assert "--account=lab7\n" in submitted
    assert "submitted: 7" in capsys.readouterr().out


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
