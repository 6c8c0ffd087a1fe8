"""Temperature scaling, on numbers worked out by hand."""

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import calibration

THREE_OF_FOUR_RIGHT = [-2.0, 2, 2, 2]  # labels are 0, 0, 1, 1


def test_scaling_divides_logits_by_the_temperature_and_keeps_every_predicted_class():
    # Three of four logits of size 2 are right, so 2 / T must be the logit of 3/4, ln 3.
    scores = {"validation": THREE_OF_FOUR_RIGHT, "test": [-4.0, 1, 2, 3]}
    scaled = calibration.temperature_scaled(make_record(scores=scores))
    assert scaled.selection["temperature"] == pytest.approx(2 / np.log(3))
    np.testing.assert_allclose(scaled.frame("validation")["probability"], [1 / 4, 3 / 4, 3 / 4, 3 / 4], rtol=1e-6)
    np.testing.assert_allclose(scaled.scores["test"], np.array([-4.0, 1, 2, 3]) * np.log(3) / 2, rtol=1e-6)
    assert scaled.threshold == pytest.approx(0.5)
    tilted = make_record(scores=scores, selection={"threshold": 0.8})
    moved = calibration.temperature_scaled(tilted)
    for part in ("validation", "test"):
        np.testing.assert_array_equal(*(each.predictions[part] >= each.threshold for each in (tilted, moved)))


def test_calibration_errors_before_and_after_scaling_on_validation_images():
    record = make_record(scores={"validation": THREE_OF_FOUR_RIGHT, "test": THREE_OF_FOUR_RIGHT})
    row = calibration.calibration_errors({"m": record}, parts=("test",)).iloc[0]
    given = 1 / (1 + np.exp(-2))
    # By hand: one image has probability 1 - given, three have given, of which two are positive.
    assert row["calibration error"].estimate == pytest.approx(((1 - given) + (3 * given - 2)) / 4)
    assert row["after scaling"].estimate == pytest.approx((1 / 4 + 1 / 4) / 4)
    # e = exp(intercept) solves e / (3 + e) + 9 e / (1 + 3 e) = 2.
    assert row["intercept"].estimate == pytest.approx(np.log((np.sqrt(52) - 4) / 6))


def test_a_model_without_a_best_temperature_has_only_its_error_as_it_is():
    perfect = [-2.0, -1, 1, 2]
    rows = calibration.calibration_errors({"m": make_record(scores={"validation": perfect, "test": perfect})})
    assert rows["images"].tolist() == ["validation", "test"]
    assert rows["temperature"].tolist() == rows["after scaling"].tolist() == [None, None]
    assert rows["calibration error"][0].estimate > 0
