"""The working point of a model: thresholds and the third answer from its own validation predictions."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import safetensors
from safetensors.torch import load_file, save_file
from support.chests import Made, chests, png
from support.records import make_record

from pneumo import evaluation, records
from pneumo.cli import main
from pneumo.errors import DataError
from pneumo.evaluation.conformal import conformal_answer
from pneumo.inference import fit_input_statistics, load_model, save_model
from pneumo.inference.working_point import Calibration, from_json, to_json

LABELS = np.tile([0, 0, 1, 1, 1], 20)
LOGITS = np.random.default_rng(0).normal(2.0 * LABELS - 1, 1.2).round(4)


@pytest.fixture
def record_file(made: Made, tmp_path):
    """A record of the same network, with predictions for a hundred validation images."""
    record = make_record(
        experiment=made.record.experiment,
        scores={"validation": LOGITS, "test": made.record.scores["test"]},
        labels={"validation": LABELS, "test": made.record.frame("test")["label"]},
        selection={"threshold": 0.4},
    )
    return records.save(record, tmp_path / "records")


@pytest.fixture
def file(made: Made, record_file, tmp_path):
    """The model's file."""
    statistics = fit_input_statistics(chests(200), np.linspace(0.9, 2, 200))
    return save_model(record_file, tmp_path / "m.safetensors", input_statistics=statistics, weights=[made.weights])


def test_a_packed_model_knows_its_validation_predictions(file):
    model = load_model(file)
    assert model.calibration is not None
    np.testing.assert_array_equal(model.calibration.labels, LABELS)
    np.testing.assert_array_equal(model.calibration.logits, LOGITS)
    assert model.answer == conformal_answer(LABELS, 1 / (1 + np.exp(-LOGITS)), error=0.1)


def test_the_model_that_comes_with_the_package_holds_the_validation_predictions_of_its_record(monkeypatch, tmp_path):
    monkeypatch.setattr(records, "published_folder", lambda: tmp_path)  # as in an installation without records
    monkeypatch.setenv("PNEUMO_RECORDS", str(tmp_path))
    model = load_model()
    monkeypatch.undo()
    record = next(records.load(path) for path in records.paths() if path.stem.endswith(f"-{model.record}"))
    assert model.calibration is not None
    np.testing.assert_array_equal(model.calibration.labels, record.frame("validation")["label"])
    np.testing.assert_array_equal(model.calibration.logits, record.scores["validation"])


def test_a_file_of_an_earlier_version_takes_them_from_the_record_that_is_at_hand(file, record_file, monkeypatch):
    with safetensors.safe_open(file, "pt") as opened:
        metadata = dict(opened.metadata())
    del metadata["calibration"]
    save_file(load_file(file), file, metadata)
    monkeypatch.setenv("PNEUMO_RECORDS", str(record_file.parents[1]))
    with_record = load_model(file)
    assert with_record.calibration is not None
    np.testing.assert_array_equal(with_record.calibration.logits, LOGITS)
    monkeypatch.setenv("PNEUMO_RECORDS", str(file.parent / "none"))
    without = load_model(file)
    assert without.calibration is None
    assert set(without.predict_frame(chests(3))["answer"]) == {""}
    assert without.at(threshold=0.7).threshold == 0.7
    with pytest.raises(DataError, match=r"sensitivity=0.9 needs .*; give --threshold, or write the file anew"):
        without.at(sensitivity=0.9)


def test_a_sensitivity_is_reached_on_validation_images_by_the_highest_threshold(file):
    model = load_model(file).at(sensitivity=0.95)
    probabilities = 1 / (1 + np.exp(-LOGITS))
    assert (probabilities[LABELS == 1] >= model.threshold).mean() >= 0.95
    higher = np.sort(probabilities[(LABELS == 1) & (probabilities >= model.threshold)])[1]
    assert (probabilities[LABELS == 1] >= higher).mean() < 0.95
    assert model.threshold == pytest.approx(evaluation.threshold_at_sensitivity(LABELS, probabilities, 0.95))


def test_the_command_line_gives_the_third_answer_of_the_coverage_asked_for(file, tmp_path, capsys):
    for number, image in enumerate(chests(5)):
        (tmp_path / f"{number}.png").write_bytes(png(image))
    paths = [str(tmp_path / f"{number}.png") for number in range(5)]
    table = tmp_path / "out.csv"
    assert main(["predict", "--model", str(file), *paths, "--coverage", "0.7", "--csv", str(table)]) == 0
    bounds = conformal_answer(LABELS, 1 / (1 + np.exp(-LOGITS)), error=0.3)
    frame = pd.read_csv(table)
    assert frame["answer"].tolist() == bounds.answers(load_model(file).predict_proba(chests(5))[:, 1]).tolist()
    assert f"at most {bounds.normal_up_to:.4f} normal is possible" in capsys.readouterr().out


def test_threshold_and_sensitivity_together_are_refused(file):
    with pytest.raises(ValueError, match=r"threshold=0.5 and sensitivity=0.9 set the same"):
        load_model(file).at(threshold=0.5, sensitivity=0.9)
    with pytest.raises(SystemExit):
        main(["predict", "--model", str(file), "x.png", "--threshold", "0.5", "--sensitivity", "0.9"])


@pytest.mark.parametrize("threshold", [0, 1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(made: Made, threshold):
    with pytest.raises(ValueError, match="is not between 0 and 1"):
        made.model.at(threshold=threshold)


def test_a_calibration_survives_the_way_to_json_and_back():
    again = from_json(to_json(Calibration(labels=LABELS, logits=LOGITS)))
    np.testing.assert_array_equal(again.labels, LABELS)
    np.testing.assert_array_equal(again.logits, LOGITS)


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"labels": [0, 1]},
        {"labels": [0, 1], "logits": [1.0]},
        {"labels": [1, 1], "logits": [1, 2]},
        {"labels": [0, 2], "logits": [1, 2]},
    ],
)
def test_a_file_whose_calibration_is_none_is_refused(values):
    with pytest.raises(ValueError, match="its calibration"):
        from_json(json.dumps(values))


def test_a_model_file_with_a_damaged_calibration_is_refused_by_name(file):
    with safetensors.safe_open(file, "pt") as opened:
        metadata = dict(opened.metadata())
    save_file(load_file(file), file, {**metadata, "calibration": '{"labels": [0]}'})
    with pytest.raises(DataError, match=r"m\.safetensors does not hold what it should \(its calibration"):
        load_model(file)


def test_the_working_point_of_a_model_leaves_the_model_alone(file):
    model = load_model(file)
    assert model.at(threshold=0.9, error=0.3) is not model
    assert (model.threshold, model.answer) == (0.4, replace(model).answer)
