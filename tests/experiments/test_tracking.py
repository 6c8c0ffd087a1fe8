import csv
from dataclasses import replace
from pathlib import Path

import pytest

from pneumo import experiments, records
from pneumo.errors import PneumoError
from pneumo.experiments import runner, tracking
from pneumo.experiments.config import Experiment


@pytest.fixture
def small(experiment, monkeypatch, tmp_path) -> Experiment:
    """A network of two epochs on the phantom, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return replace(experiment, data=experiments.data_config("phantom", image_size=16))


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_tracker_gets_the_history_of_the_record_and_its_configuration(small, monkeypatch):
    monkeypatch.setenv("PNEUMO_TRACKERS", "csv")
    history = runner.run(small, progress=False).history
    folder = Path("tracking") / small.name / small.key
    logged = rows(folder / "metrics.csv")
    assert [int(float(row["epoch"])) for row in logged] == [1, 2]
    for row, recorded in zip(logged, history, strict=True):
        assert {name: float(row[name]) for name in recorded} == pytest.approx(recorded)
    assert "training.optimizer.learning_rate: 0.01" in (folder / "hparams.yaml").read_text()


def test_a_tracker_changes_nothing_in_the_result(small, monkeypatch, tmp_path):
    plain = runner.run(small, root=tmp_path / "plain", progress=False)
    monkeypatch.setenv("PNEUMO_TRACKERS", "csv")
    tracked = runner.run(small, root=tmp_path / "tracked", progress=False)
    assert tracked.scores["test"].tolist() == plain.scores["test"].tolist()
    assert records.get(small, tmp_path / "tracked").experiment == small


def test_nothing_is_tracked_unasked(small):
    runner.run(small, progress=False)
    assert not Path("tracking").exists()


def test_an_unknown_tracker_is_refused_with_those_there_are(small, monkeypatch):
    monkeypatch.setenv("PNEUMO_TRACKERS", "csv, neptune")
    with pytest.raises(PneumoError, match="names 'neptune', which is unknown; choose from tensorboard, mlflow"):
        tracking.make_loggers(small)


def test_a_tracker_that_is_not_installed_names_its_extra(small, monkeypatch):
    def absent(_experiment):
        raise ModuleNotFoundError("no mlflow")

    monkeypatch.setenv("PNEUMO_TRACKERS", "mlflow")
    monkeypatch.setitem(tracking.TRACKERS, "mlflow", absent)
    with pytest.raises(PneumoError, match=r"pip install .*pneumo\[mlflow\]"):
        tracking.make_loggers(small)


def test_tensorboard_shows_each_epoch(small, monkeypatch):
    pytest.importorskip("tensorboard", reason='needs the extra "tensorboard"')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("PNEUMO_TRACKERS", "tensorboard")
    history = runner.run(small, progress=False).history
    events = EventAccumulator(str(Path("tracking") / small.name / small.key))
    events.Reload()
    losses = [event.value for event in events.Scalars("validation_loss")]
    assert losses == pytest.approx([row["validation_loss"] for row in history])


def test_mlflow_shows_each_epoch(small, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason='needs the extra "mlflow"')
    monkeypatch.setenv("PNEUMO_TRACKERS", "mlflow")
    history = runner.run(small, progress=False).history
    client = mlflow.MlflowClient(f"sqlite:///{Path('tracking').resolve()}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name(small.name).experiment_id])
    assert run.info.run_name == small.name
    assert run.data.params["training.optimizer.learning_rate"] == "0.01"
    losses = [metric.value for metric in client.get_metric_history(run.info.run_id, "validation_loss")]
    assert losses == pytest.approx([row["validation_loss"] for row in history])


def test_weights_and_biases_takes_a_run_without_a_connection(small, monkeypatch):
    pytest.importorskip("wandb", reason='needs the extra "wandb"')
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("PNEUMO_TRACKERS", "wandb")
    runner.run(small, progress=False)
    assert list(Path("tracking/wandb").glob(f"offline-run-*-{small.key}/*.wandb"))
