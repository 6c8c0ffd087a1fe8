"""Selection by stratum, and the stability of a choice, on losses worked out by hand."""

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import choosing
from pneumo.experiments.config import DataConfig, Experiment, HeaderConfig

LABELS = np.tile([0, 1], 20)
HEIGHTS = np.repeat([700.0, 2000.0], 20)
RIGHT = 2.0 * LABELS - 1


def candidate(low: float, high: float, name: str = "m/seed-0"):
    """A model whose logits point the right way by `low` in low files and by `high` in high ones."""
    scores = RIGHT * np.where(HEIGHTS < 1000, low, high)
    return make_record(name, scores={"validation": scores, "stressed": scores}, labels=LABELS)


HEADER = make_record(
    experiment=Experiment(
        name="headers/height", data=DataConfig(name="phantom", version="0-0"), model=HeaderConfig(field="height")
    ),
    scores={"validation": 3 - 0.002 * HEIGHTS},
    labels=LABELS,
    selection={"slope": -0.002, "intercept": 3.0},
)


def loss(logit: float) -> float:
    """Of an image whose logit points the right way by so much."""
    return float(np.log1p(np.exp(-logit)))


def test_losses_of_each_rule_are_those_worked_out_by_hand():
    frame = choosing.selection_losses({"a": candidate(0.5, 4.0), "b": candidate(1.0, 1.5)}, HEADER).set_index("model")
    assert frame.index.tolist() == ["b", "a"]  # the lowest worst stratum first
    for name, low, high in (("a", 0.5, 4.0), ("b", 1.0, 1.5)):
        assert frame["mean"][name] == pytest.approx((loss(low) + loss(high)) / 2)
        assert frame["balanced"][name] == pytest.approx((loss(low) + loss(high)) / 2)
        assert frame["worst stratum"][name] == pytest.approx(loss(low))


def test_classes_of_a_stratum_count_alike_however_many_images_each_has():
    labels = np.array([0] * 5 + [1] * 15)
    scores = np.where(labels == 1, 3.0, 1.0)  # the normals are called ill, weakly
    record = make_record(scores={"validation": scores, "stressed": scores}, labels=labels)
    header = make_record(
        experiment=HEADER.experiment, scores={"validation": np.ones(20)}, labels=labels, selection=HEADER.selection
    )
    frame = choosing.selection_losses({"m": record}, header)
    assert frame["balanced"][0] == pytest.approx((loss(-1.0) + loss(3.0)) / 2)
    assert frame["mean"][0] == pytest.approx((5 * loss(-1.0) + 15 * loss(3.0)) / 20)


def test_the_rule_of_the_worst_stratum_chooses_another_model_than_the_mean():
    candidates = {"a": candidate(0.5, 9.0), "b": candidate(0.7, 1.5)}
    assert choosing.choose(candidates, HEADER, rule="mean") == "a"
    assert choosing.choose(candidates, HEADER) == "b"
    with pytest.raises(ValueError, match="rule='best' is unknown; choose from mean, balanced, worst stratum"):
        choosing.choose(candidates, HEADER, rule="best")


def test_a_choice_that_no_patient_decides_is_made_in_every_draw():
    stability = choosing.choice_stability({"a": candidate(0.5, 9.0), "b": candidate(0.7, 1.5)}, HEADER, draws=50)
    assert stability.set_index("model")["worst stratum"].to_dict() == {"a": 0.0, "b": 1.0}
    assert stability.drop(columns="model").sum().tolist() == pytest.approx([1, 1, 1])


def test_a_choice_that_hangs_on_one_patient_changes_when_that_patient_is_not_drawn():
    scores = candidate(1.0, 1.0).scores["validation"].copy()
    scores[0] = 3.0  # one normal image called ill
    one = make_record(scores={"validation": scores, "stressed": scores}, labels=LABELS)
    other = candidate(0.95, 0.95)
    share = choosing.choice_stability({"one": one, "other": other}, HEADER, draws=2000).set_index("model")["mean"][
        "one"
    ]
    # It is chosen where the image is drawn never: (1 - 1/20)^20 of the draws.
    assert share == pytest.approx((19 / 20) ** 20, abs=0.04)


def test_the_threshold_of_strata_reaches_the_sensitivity_in_the_worst():
    scores = np.where(LABELS == 1, np.where(HEIGHTS < 1000, -1.0, 2.0), np.where(HEIGHTS < 1000, -3.0, -0.5))
    record = make_record(scores={"validation": scores, "stressed": scores}, labels=LABELS)
    point = choosing.stratum_threshold(record, HEADER, sensitivity=0.97)
    sigmoid = 1 / (1 + np.exp([1.0, 3.0]))
    assert point.threshold == pytest.approx(sigmoid.mean())  # midway between -1 and -3, in the low files
    assert point.sensitivity == 1.0
    assert point.specificity == 0.0  # of the high files, whose normals lie at -0.5


def test_the_interval_of_a_threshold_is_over_resampled_patients():
    random = np.random.default_rng(0)
    scores = RIGHT + random.normal(0, 1.5, 40)
    record = make_record(scores={"validation": scores, "stressed": scores}, labels=LABELS)
    interval = choosing.threshold_stability(record, draws=200)
    assert interval.low <= interval.estimate <= interval.high
    assert interval.low < interval.high
    sure = choosing.threshold_stability(candidate(2.0, 2.0), draws=20)
    assert sure.low == sure.high == sure.estimate == pytest.approx(0.5)


def test_models_of_other_images_are_refused():
    other = make_record(
        scores={"validation": np.zeros(4), "stressed": np.zeros(4)}, labels=[0, 1, 0, 1], name="other/seed-0"
    )
    with pytest.raises(ValueError, match="other/seed-0 predicts other images than headers/height"):
        choosing.selection_losses({"m": other}, HEADER)


def test_no_score_of_a_test_image_is_read():
    candidates = {"a": candidate(0.5, 9.0), "b": candidate(0.7, 1.5)}
    assert all("test" not in record.scores for record in candidates.values())
    choosing.choice_stability(candidates, HEADER, draws=5)
    choosing.stratum_threshold(candidates["a"], HEADER)
