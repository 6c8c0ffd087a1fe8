import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from pneumo import data, evaluation, experiments, records, study
from pneumo.cli import main
from pneumo.config import (
    ClassicalConfig,
    CNNConfig,
    Experiment,
    HeaderConfig,
    LBPConfig,
    OptimizerConfig,
    TrainingConfig,
)
from pneumo.data.headers import read_headers
from pneumo.errors import DataError, MissingRecord


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory):
    """A cache for all tests of this file, so that the phantom is drawn once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def small(monkeypatch, drawn_once) -> Experiment:
    """A network that trains on the phantom in a few seconds."""
    monkeypatch.setenv("PNEUMO_CACHE", str(drawn_once))
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    return Experiment(
        name="small/seed-0",
        data=experiments.study_data(image_size=16),
        model=CNNConfig(width=4, depth=2),
        training=TrainingConfig(epochs=2, optimizer=OptimizerConfig(learning_rate=0.01)),
    )


def test_a_run_is_recorded_with_history_predictions_and_provenance(small):
    record = study.run(small, progress=False)
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
    record = study.run(small, progress=False)
    frame = record.frame("validation")
    best = evaluation.youden_threshold(frame["label"], frame["probability"])
    assert record.threshold == pytest.approx(best, abs=1e-4)
    assert "validation" in record.selection["threshold_chosen_on"]
    assert "validation" in record.selection["epoch_chosen_on"]


def test_changing_the_test_labels_changes_neither_training_nor_any_choice(small, monkeypatch):
    record = study.run(small, progress=False)
    original = data.load("phantom")

    def relabelled(name):
        table = original.table.copy()
        table.loc[table["split"] == "test", "label"] = 1 - table.loc[table["split"] == "test", "label"]
        return replace(original, table=table)

    monkeypatch.setattr(data, "load", relabelled)
    other = replace(small, data=replace(small.data, version=relabelled("phantom").version))
    again = study.run(other, progress=False)
    for name in ("train_loss", "validation_loss"):
        assert [row[name] for row in again.history] == [row[name] for row in record.history]
    assert again.selection == record.selection
    np.testing.assert_array_equal(again.scores["test"], record.scores["test"])


def test_a_second_run_returns_the_stored_record_without_training(small, monkeypatch):
    first = study.run(small, progress=False)
    monkeypatch.setattr(study, "_conduct", lambda *_: pytest.fail("trained again"))
    assert study.run(small, progress=False).provenance == first.provenance


def test_the_trained_weights_are_kept_beside_and_the_half_way_state_is_removed(small):
    study.run(small, progress=False)
    assert load_file(study.weights_path(small))["head.weight"].shape == (1, 8)
    assert not study.checkpoint_path(small).exists()


def test_where_time_is_limited_a_long_experiment_is_refused_with_its_command(small, monkeypatch):
    monkeypatch.setenv("PNEUMO_LIMIT_MINUTES", "1")
    with pytest.raises(MissingRecord, match="pneumo run small"):
        study.run(replace(small, minutes=2))


def test_data_of_another_version_are_refused(small):
    with pytest.raises(DataError, match="was defined for 9-abc"):
        study.run(replace(small, data=replace(small.data, version="9-abc")), progress=False)


def test_two_experiments_at_a_time_give_the_records_of_one_after_the_other(small):
    both = [small, replace(small, seed=1)]
    together = study.run_all(both, jobs=2, progress=False)
    assert [record.experiment for record in together] == both
    for record in together:
        alone = study.run(record.experiment, root=records.folder() / "other", progress=False)
        np.testing.assert_allclose(alone.scores["test"], record.scores["test"], atol=2e-3)


def test_a_study_killed_at_a_random_moment_ends_with_the_same_record(small, tmp_path):
    undisturbed = study.run(small, root=tmp_path / "a", progress=False)
    script = (
        "from pneumo import records, study, experiments\n"
        "from pneumo.config import *\n"
        f"study.run({small!r}, progress=False)\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", f"from pneumo.augment import Augmentation\n{script}"])
        time.sleep(rng.uniform(2, 6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    record = study.run(small, progress=False)
    np.testing.assert_allclose(record.scores["test"], undisturbed.scores["test"], atol=2e-3)
    assert [path.name for path in records.paths()] == [f"seed-0-{small.key}.json"]


def test_a_header_field_is_scored_by_logistic_regression_on_the_training_part(monkeypatch):
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    width = Experiment(name="headers/width", data=experiments.study_data(), model=HeaderConfig(field="width"))
    record = study.run(width, progress=False)
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
    study.run(small, progress=False)
    frame = study.status([small, replace(small, seed=1, name="small/seed-1")])
    assert frame["state"].tolist() == ["recorded", "missing"]


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
    record = study.run(experiment, progress=False)
    assert set(record.selection["parameters"]) == {"C"}
    assert "training patients" in record.selection["parameters_chosen_on"]
    assert record.history == []
    frame = record.frame("validation")
    assert evaluation.auc(frame["label"], frame["probability"]) > 0.5
    assert records.find(experiment).experiment == experiment
