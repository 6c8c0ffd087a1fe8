import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from pneumo import data, evaluation, experiments, records
from pneumo.cli import main
from pneumo.data.headers import read_headers
from pneumo.errors import DataError, MissingRecord
from pneumo.experiments import planning, runner
from pneumo.experiments.config import (
    ClassicalConfig,
    CNNConfig,
    Experiment,
    HeaderConfig,
    LBPConfig,
    PretrainedConfig,
    TransformerConfig,
)
from pneumo.io.paths import checkpoint_path, weights_path


@pytest.fixture
def small(small) -> Experiment:
    """A network that trains on the phantom in a few seconds."""
    return replace(small, training=replace(small.training, epochs=2))


def test_a_run_is_recorded_with_history_predictions_and_provenance(small):
    record = runner.run(small, progress=False)
    dataset = data.load("phantom")
    parts = data.split(dataset.table)
    assert [row["epoch"] for row in record.history] == [1, 2]
    assert set(record.history[0]) == {
        "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds"
    }  # fmt: skip
    for part in ("validation", "test"):
        rows = dataset.table.iloc[getattr(parts, part)]
        frame = record.frame(part)
        assert frame["image"].tolist() == rows["image"].tolist()
        assert frame["label"].tolist() == rows["label"].tolist()
    facts = record.provenance
    assert facts["data"]["version"] == dataset.version
    assert facts["data"]["pixels_sha256"] == data.pixels(dataset, size=16, progress=False).digest
    assert facts["data"]["training_images"] == len(parts.train)
    assert facts["seconds"] > 0
    assert facts["peak_memory_mb"] > 50
    assert {"date", "commit", "versions", "machine"} <= set(facts)


def test_the_threshold_of_a_record_is_chosen_on_validation_and_says_so(small):
    record = runner.run(small, progress=False)
    frame = record.frame("validation")
    best = evaluation.youden_threshold(frame["label"], frame["probability"])
    assert record.threshold == pytest.approx(best, abs=1e-4)
    assert "validation" in record.selection["threshold_chosen_on"]
    assert "validation" in record.selection["epoch_chosen_on"]


def test_changing_the_test_labels_changes_neither_training_nor_any_choice(small, monkeypatch):
    record = runner.run(small, progress=False)
    original = data.load("phantom")

    def relabelled(name, **_):
        table = original.table.copy()
        table.loc[table["split"] == "test", "label"] = 1 - table.loc[table["split"] == "test", "label"]
        return replace(original, table=table)

    monkeypatch.setattr("pneumo.data.catalogue.load", relabelled)
    other = replace(small, data=replace(small.data, version=relabelled("phantom").version))
    again = runner.run(other, progress=False)
    for name in ("train_loss", "validation_loss"):
        assert [row[name] for row in again.history] == [row[name] for row in record.history]
    assert again.selection == record.selection
    np.testing.assert_array_equal(again.scores["test"], record.scores["test"])


def test_a_second_run_returns_the_stored_record_without_training(small, monkeypatch):
    first = runner.run(small, progress=False)
    monkeypatch.setattr(runner, "_run_and_save", lambda *_: pytest.fail("trained again"))
    assert runner.run(small, progress=False).provenance == first.provenance


def test_the_trained_weights_are_kept_beside_and_the_half_way_state_is_removed(small):
    runner.run(small, progress=False)
    assert load_file(weights_path(small.key))["head.weight"].shape == (1, 8)
    assert not checkpoint_path(small.key).exists()


def test_where_time_is_limited_a_long_experiment_is_refused_with_its_command(small, monkeypatch):
    monkeypatch.setenv("PNEUMO_LIMIT_MINUTES", "1")
    with pytest.raises(MissingRecord, match="pneumo run small"):
        runner.run(replace(small, minutes=2))


def test_data_of_another_version_are_refused(small):
    with pytest.raises(DataError, match="was defined for 9-abc"):
        runner.run(replace(small, data=replace(small.data, version="9-abc")), progress=False)


def test_two_experiments_at_a_time_give_the_records_of_one_after_the_other(small):
    both = [small, replace(small, seed=1)]
    together = runner.run_all(both, jobs=2, progress=False)
    assert [record.experiment for record in together] == both
    for record in together:
        alone = runner.run(record.experiment, root=records.folder() / "other", progress=False)
        np.testing.assert_allclose(alone.scores["test"], record.scores["test"], atol=2e-3)


def test_a_study_killed_at_a_random_moment_ends_with_the_same_record(small, tmp_path):
    undisturbed = runner.run(small, root=tmp_path / "a", progress=False)
    script = (
        "from pneumo import experiments\n"
        "from pneumo.experiments import records, runner\n"
        "from pneumo.experiments.config import *\n"
        f"runner.run({small!r}, progress=False)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", f"from pneumo.augment import Augmentation\n{script}"])
        time.sleep(rng.uniform(2, 6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    record = runner.run(small, progress=False)
    np.testing.assert_allclose(record.scores["test"], undisturbed.scores["test"], atol=2e-3)
    assert [path.name for path in records.paths()] == [f"seed-0-{small.key}.json"]


def test_a_header_field_is_scored_by_logistic_regression_on_the_training_part(monkeypatch):
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    width = Experiment(name="headers/width", data=experiments.study_data(), model=HeaderConfig(field="width"))
    record = runner.run(width, progress=False)
    dataset = data.load("phantom")
    parts = data.split(dataset.table)
    widths = read_headers(dataset)["width"].to_numpy(float)
    for part in records.PARTS:
        rows = getattr(parts, part)
        recovered = (record.scores[part] - record.selection["intercept"]) / record.selection["slope"]
        np.testing.assert_allclose(recovered, widths[rows], atol=0.02)  # logits have four decimals
    # On the training part the mean probability of a logistic regression is the share of positives.
    positive_share = dataset.table["label"].iloc[parts.train].mean()
    assert record.predictions["train"].mean() == pytest.approx(positive_share, abs=0.01)


def test_status_says_what_is_recorded_and_what_is_missing(small):
    runner.run(small, progress=False)
    frame = planning.status([small, replace(small, seed=1, name="small/seed-1")])
    assert frame["state"].tolist() == ["recorded", "missing"]


def test_the_status_in_words_counts_what_shares_a_record_once_and_adds_the_minutes_up(small):
    stored(runner.run(small, progress=False), small, minutes=90, threads=2)
    stored(runner.run(replace(small, seed=1), progress=False), replace(small, seed=1), minutes=45, threads=2)
    shared = [small, replace(small, name="small/again"), replace(small, seed=1)]
    assert planning.status_in_words(shared) == "2 experiments: 2 recorded, took 2 h 15 min"
    words = planning.status_in_words([small, replace(small, seed=2)])
    assert words.startswith("2 experiments: 1 recorded, took 90 min; 1 to run, about ")
    assert planning.status_in_words([]) == "0 experiments: none"


def test_a_record_of_another_configuration_by_the_same_name_is_outdated(small):
    runner.run(small, progress=False)
    longer = replace(small, training=replace(small.training, epochs=3))
    assert planning.status([longer])["state"].tolist() == ["outdated"]


def test_a_record_of_another_recipe_is_outdated(small, monkeypatch):
    runner.run(small, progress=False)
    monkeypatch.setattr("pneumo.experiments.config.RECIPE", -1)
    assert planning.status([small])["state"].tolist() == ["outdated"]


def test_a_record_of_another_seed_by_the_same_name_outdates_nothing(small):
    runner.run(small, progress=False)
    assert planning.status([small, replace(small, seed=1)])["state"].tolist() == ["recorded", "missing"]


def stored(record: records.Record, experiment: Experiment, minutes: float, threads: int) -> None:
    """A record of an experiment that took so many minutes with so many threads."""
    provenance = {**record.provenance, "seconds": 60 * minutes, "machine": {"threads": threads}}
    records.save(replace(record, experiment=experiment, provenance=provenance))


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(runner.joblib, "cpu_count", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.usefixtures("two_cores")
def test_expected_minutes_are_those_said_where_nothing_is_recorded(experiment):
    others = [replace(experiment, seed=seed, minutes=minutes) for seed, minutes in ((1, 2), (2, 5), (3, 3))]
    plan = planning.plan(others)
    assert plan.minutes == (5, 3, 2)
    assert [each.seed for each in plan.experiments] == [2, 3, 1]
    assert plan.total == 10


@pytest.mark.usefixtures("two_cores")
def test_expected_minutes_are_the_mean_of_the_other_seeds(record, experiment):
    stored(record, replace(experiment, seed=0), minutes=4, threads=2)
    stored(record, replace(experiment, seed=1), minutes=7, threads=2)
    stored(record, replace(experiment, seed=1, model=CNNConfig(width=32)), minutes=100, threads=2)
    assert planning.plan([replace(experiment, seed=2)]).minutes == (5.5,)


@pytest.mark.usefixtures("two_cores")
def test_expected_minutes_are_in_proportion_to_those_of_the_recorded_part_of_the_group(record, experiment):
    # 2 and 4 are said of what took 3 and 12 together: two and a half times as long, and so will be the one of 10.
    stored(record, replace(experiment, seed=0, minutes=2), minutes=3, threads=2)
    stored(record, replace(experiment, seed=1, minutes=4), minutes=12, threads=2)
    wider = replace(experiment, model=CNNConfig(width=32), minutes=10)
    assert planning.plan([wider]).minutes == (25,)
    # What is said of the recorded ones was corrected since.
    corrected = [replace(experiment, seed=0, minutes=3), replace(experiment, seed=1, minutes=12)]
    assert planning.plan([wider, *corrected]).minutes == (10,)


@pytest.mark.usefixtures("two_cores")
def test_expected_time_accounts_for_jobs_and_for_the_threads_that_each_has(record, experiment):
    stored(record, replace(experiment, seed=0), minutes=4, threads=1)
    missing = [replace(experiment, seed=seed) for seed in (1, 2, 3)]
    assert planning.plan(missing, jobs=2).minutes == (4, 4, 4)
    assert planning.plan(missing, jobs=2).total == 8  # two at a time, then the third
    assert planning.plan(missing, jobs=1).total == pytest.approx(3 * 4 / 2**0.7)


def test_progress_counts_experiments_and_minutes_of_the_whole(small, capsys):
    both = [replace(small, minutes=1), replace(small, seed=1, name="small/seed-1", minutes=3)]
    total = planning.plan(both).total
    runner.run_all(both)
    lines = [line for line in capsys.readouterr().err.splitlines() if "recorded" in line]
    assert lines == [
        f"small/seed-1: recorded (1 of 2, {0.75 * total:.0f} min of about {total:.0f} min)",
        f"small/seed-0: recorded (2 of 2, {total:.0f} min of about {total:.0f} min)",
    ]


def test_workers_stay_so_that_each_imports_pytorch_once(monkeypatch, small):
    def note(index, *_):
        there = "torch" in sys.modules
        import torch  # noqa: F401

        return os.getpid(), there

    monkeypatch.setattr(runner, "_run_one", note)
    seen = list(runner._finished([small] * 6, records.folder(), jobs=2, progress=False))
    assert len({process for process, _ in seen}) <= 2
    imported = [process for process, there in seen if not there]
    assert len(imported) == len(set(imported))


def test_the_command_line_explains_an_unknown_group_in_one_line(capsys):
    assert main(["run", "nonsense"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("pneumo: ")
    assert "nonsense" in error
    assert "first-network" in error
    assert error.count("\n") == 1


def test_the_command_line_without_the_data_says_how_to_get_them(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "headers"]) == 1
    assert "pneumo data get chest-xray" in capsys.readouterr().err


def test_a_classical_experiment_is_recorded_with_what_its_search_chose(small):
    model = ClassicalConfig(learner="logistic", features=LBPConfig(grid=1), folds=2)
    experiment = replace(small, name="classical/x", model=model, training=None)
    record = runner.run(experiment, progress=False)
    assert set(record.selection["parameters"]) == {"C"}
    assert "training patients" in record.selection["parameters_chosen_on"]
    assert record.history == []
    frame = record.frame("validation")
    assert evaluation.auc(frame["label"], frame["probability"]) > 0.5
    assert records.find(experiment).experiment == experiment


def test_the_record_of_a_spatial_transformer_has_the_grid_of_each_validation_image(small):
    model = TransformerConfig(network=CNNConfig(width=2, depth=2), localisation_width=2)
    record = runner.run(replace(small, name="small/transformer", model=model), progress=False)
    theta = np.array(records.load(records.find_path(record.experiment)).from_weights["theta"])
    assert theta.shape == (len(record.frame("validation")), 2, 3)
    assert np.abs(theta - np.eye(3)[:2]).max() > 0  # training moved them
    assert not runner.run(small, progress=False).from_weights


def test_the_record_of_a_pretrained_network_has_the_change_of_each_layer(small):
    record = runner.run(replace(small, name="small/head", model=PretrainedConfig(train="head")), progress=False)
    changes = record.from_weights["weight_changes"]
    assert list(changes) == ["stem", *map(str, range(1, 17)), "last convolution", "head"]
    assert {layer for layer, (relative, _) in changes.items() if relative > 0} == {"head"}


def test_a_fold_is_scored_by_a_network_that_did_not_see_it(small):
    parts = []
    for fold in range(3):
        experiment = replace(small, name=f"small/fold-{fold}", data=replace(small.data, folds=3, fold=fold))
        record = runner.run(experiment, progress=False)
        parts.append({part: set(rows["image"]) for part, rows in record.split.groupby("part")})
    assert all(not part["train"] & (part["test"] | part["validation"]) for part in parts)
    assert sum(len(part["test"]) for part in parts) == len(set.union(*(part["test"] for part in parts))) == 252


def test_images_too_small_for_the_network_are_refused_before_training(small):
    too_small = replace(small.data, image_size=1)
    with pytest.raises(DataError, match=r"images of 1 x 1 pixels are too small for CNNConfig; use at least \d+ x"):
        runner.run(replace(small, data=too_small), progress=False)


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_number_of_jobs_that_runs_nothing_is_refused(jobs, experiment):
    for function in (planning.plan, runner.run_all):
        with pytest.raises(ValueError, match=f"jobs={jobs} runs nothing; give a whole number from 1"):
            function([experiment], jobs=jobs)
