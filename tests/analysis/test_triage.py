"""The third answer of records: bounds from validation patients, shares counted by hand."""

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import triage
from pneumo.evaluation.conformal import conformal_answer
from pneumo.experiments.config import DataConfig, Experiment, HeaderConfig
from pneumo.experiments.records import probabilities


def model(validation, validation_labels, test, test_labels):
    return make_record(
        scores={"validation": validation, "stressed": np.asarray(validation) / 2, "test": test},
        labels={"validation": validation_labels, "test": test_labels},
    )


VALIDATION = np.concatenate([np.linspace(-4, 0.5, 30), np.linspace(-0.5, 4, 30)])
LABELS = np.repeat([0, 1], 30)
RECORD = model(VALIDATION, LABELS, [-3.0, 0.0, 3.0, -3.0, 0.0, 3.0], [0, 0, 0, 1, 1, 1])


def heights(validation, test):
    """Of a header record: scores are 3 - 0.002 x height."""
    split = RECORD.split
    return make_record(
        experiment=Experiment(
            name="headers/height", data=DataConfig(name="phantom", version="0-0"), model=HeaderConfig(field="height")
        ),
        scores={"validation": 3 - 0.002 * np.asarray(validation, float), "test": 3 - 0.002 * np.asarray(test, float)},
        split=split,
        selection={"slope": -0.002, "intercept": 3.0},
    )


def test_bounds_come_from_validation_images_plain_or_perturbed():
    for part, scores in (("validation", VALIDATION), ("stressed", VALIDATION / 2)):
        assert triage.calibrated(RECORD, error=0.1, part=part) == conformal_answer(
            LABELS, probabilities(scores), error=0.1
        )


def test_the_test_images_calibrate_nothing():
    with pytest.raises(ValueError, match="part='test' calibrates nothing"):
        triage.calibrated(RECORD, error=0.1, part="test")
    with pytest.raises(ValueError, match="part='test' calibrates nothing"):
        triage.calibrated_by_stratum(RECORD, heights(np.full(60, 800), np.full(6, 800)), error=0.1, part="test")


def test_shares_are_counted_by_hand():
    # 30 images of each class: rank ceil(31 * 0.9) = 28, so normal up to -4 + 27 * 4.5 / 29 = 0.19, pneumonia from -0.19
    frame = triage.coverage({"m": RECORD}, error=0.1).set_index("class")
    normal, pneumonia = frame.loc["normal"], frame.loc["pneumonia"]
    # Normal images at -3 (normal), 0 (both possible) and 3 (pneumonia).
    assert (normal["images"], normal["covered"], normal["answered"]) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (normal["right"], normal["cannot tell"]) == (0.5, pytest.approx(1 / 3))
    assert pneumonia["covered"] == pytest.approx(2 / 3)


def test_a_class_without_an_answer_has_no_share_of_right_ones():
    bounds = conformal_answer(LABELS, probabilities(VALIDATION), error=0.1)
    reached = triage.reached(np.array([0, 0]), np.array([0.5, 0.5]), bounds)
    assert reached["right"] is None
    assert reached["cannot tell"] == 1.0


def test_a_stratum_with_enough_images_has_bounds_of_its_own_and_others_those_of_all():
    # The first 25 of each class are low files, the other five high ones.
    validation = np.where(np.tile(np.arange(30) < 25, 2), 700, 2000)
    header = heights(validation, [700, 700, 2000, 700, 2000, 2000])
    answers = triage.calibrated_by_stratum(RECORD, header, error=0.1)
    low = np.tile(np.arange(30) < 25, 2)
    assert answers["up to 750 px"] == conformal_answer(LABELS[low], probabilities(VALIDATION[low]), error=0.1)
    assert answers["above 1,300 px"] == triage.calibrated(RECORD, error=0.1)
    frame = triage.coverage_by_stratum(RECORD, header, error=0.1)
    assert frame[["stratum", "class", "images"]].to_numpy().tolist() == [
        ["up to 750 px", "normal", 2],
        ["up to 750 px", "pneumonia", 1],
        ["above 1,300 px", "normal", 1],
        ["above 1,300 px", "pneumonia", 2],
    ]
