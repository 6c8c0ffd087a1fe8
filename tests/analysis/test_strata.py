"""Results by acquisition stratum, on numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo.analysis import strata
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, HeaderConfig
from pneumo.experiments.records import Record

HEIGHTS = np.array([700.0, 700, 800, 800, 1000, 1000, 2000, 2000])
SPLIT = pd.DataFrame(
    {
        "image": [f"{i}.jpeg" for i in range(8)],
        "patient": [f"p{i}" for i in range(8)],
        "label": [1, 1, 0, 1, 0, 1, 0, 0],
        "subtype": "",
        "part": "test",
    }
)
DATA = DataConfig(name="phantom", version="8-0")


def header(field="height", values=HEIGHTS):
    """Its scores are 3 - 0.002 x height, rounded as in a record's file."""
    return Record(
        experiment=Experiment(name=f"headers/{field}", data=DATA, model=HeaderConfig(field=field)),
        scores={"test": np.round(3 - 0.002 * values, 4)},
        split=SPLIT,
        selection={"threshold": 0.5, "slope": -0.002, "intercept": 3.0},
    )


def model(scores):
    experiment = Experiment(name="test/model", data=DATA, model=CNNConfig())
    return Record(experiment=experiment, scores={"test": np.array(scores)}, split=SPLIT, selection={"threshold": 0.5})


def test_strata_come_from_the_heights_that_the_header_record_was_made_from():
    assert strata.strata_of(header(), "test").codes.tolist() == [0, 0, 1, 1, 2, 2, 4, 4]


def test_classes_are_counted_in_each_stratum_the_empty_one_too():
    frame = strata.class_by_stratum(header(), parts=("test",))
    assert frame["normal"].tolist() == [0, 1, 1, 0, 2]
    assert frame["pneumonia"].tolist() == [2, 1, 1, 0, 0]
    assert frame["share of pneumonia"].tolist()[:3] == [1.0, 0.5, 0.5]
    assert pd.isna(frame["share of pneumonia"][3])


def test_each_stratum_has_the_rates_of_its_images_alone():
    frame = strata.results_by_stratum({"m": model([2.0, -2, 1, 2, -1, 1, -1, 3])}, header()).set_index("height")
    assert frame.index.tolist() == ["up to 750 px", "751 to 900 px", "901 to 1,100 px", "above 1,300 px"]
    assert frame["sensitivity"]["up to 750 px"].estimate == 0.5
    assert frame["specificity"]["up to 750 px"] is None
    assert frame["AUC"]["up to 750 px"] is None
    assert frame["AUC"]["751 to 900 px"].estimate == 1.0
    assert frame["specificity"]["751 to 900 px"].estimate == 0.0
    assert frame["specificity"]["above 1,300 px"].estimate == 0.5
    # Wilson's interval of 1 in 2.
    centre, half = 0.5, 1.959964 * np.sqrt(0.25 / 2 + 1.959964**2 / 16) / (1 + 1.959964**2 / 2)
    interval = frame["specificity"]["above 1,300 px"]
    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half), abs=1e-4)


def test_a_model_of_other_images_is_refused():
    other = replace(model([0.0] * 8), split=SPLIT.assign(image="x"))
    with pytest.raises(ValueError, match="test/model predicts other images than headers/height"):
        strata.results_by_stratum({"m": other}, header())


def test_the_record_of_another_field_makes_no_strata():
    with pytest.raises(ValueError, match="headers/width is not the record of a height or an aspect ratio"):
        strata.strata_of(header("width"), "test")


def test_a_model_that_knows_the_stratum_alone_gains_on_all_images_and_nothing_within_strata():
    knows = model(np.repeat([3.0, 1.0, -1.0, -3.0], 2))  # the lower the file, the higher the score
    knows_nothing = model(np.zeros(8))
    found = strata.within_strata(knows, knows_nothing, header())
    assert found["all images"][0].estimate == pytest.approx(
        np.mean([(a > b) + (a == b) / 2 for a in (3, 3, 1, -1) for b in (1, -1, -3, -3)])
    )
    assert found["all images"][1].estimate == 0.5
    assert [each.estimate for each in found["within strata"]] == [0.5, 0.5, 0.0]


def test_two_models_on_other_images_are_not_compared():
    other = replace(model(np.zeros(8)), split=SPLIT.assign(image=[f"b{i}.jpeg" for i in range(8)]))
    with pytest.raises(ValueError, match="predicts other images"):
        strata.within_strata(model(np.zeros(8)), other, header())
