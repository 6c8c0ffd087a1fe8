"""What choices would have been worth, on numbers worked out by hand."""

from dataclasses import replace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pneumo import plots
from pneumo.analysis import attention, calibration, robustness, summaries, threshold_transfer
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, TrainingConfig
from pneumo.experiments.records import Record
from pneumo.reporting.plots.attention import attention as draw_attention

SPLIT = pd.DataFrame(
    {
        "image": [f"{i}.jpeg" for i in range(8)],
        "patient": [f"p{i}" for i in range(8)],
        "label": [0, 0, 1, 1] * 2,
        "subtype": "",
        "part": ["validation"] * 4 + ["test"] * 4,
    }
)
PERFECT, ONE_WRONG, REVERSED = (np.array(s, float) for s in ([-2, -1, 1, 2], [-2, 1.5, 1, 2], [2, 1, -1, -2]))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def record(name, *, validation=PERFECT, stressed=PERFECT, test=PERFECT):
    group, _, variant = name.partition("/")
    experiment = Experiment(
        name=name,
        group=group,
        variant=variant,
        data=DataConfig(name="phantom", version="8-0"),
        model=CNNConfig(),
        training=TrainingConfig(),
    )
    scores = {"validation": validation, "stressed": stressed, "test": test}
    return Record(
        experiment=experiment,
        scores={k: v for k, v in scores.items() if v is not None},
        split=SPLIT,
        selection={"threshold": 0.5},
    )


def test_ranking_has_a_row_for_each_record_with_stressed_scores():
    records = [record("a/x"), record("a/y", stressed=ONE_WRONG, test=ONE_WRONG), record("b/z", stressed=None)]
    frame = threshold_transfer.ranking(records)
    assert frame["name"].tolist() == ["a/x", "a/y"]
    assert frame["group"].tolist() == ["a", "a"]
    assert frame["stressed_auc"].tolist() == [1.0, 0.75]
    assert frame["test_auc"].tolist() == [1.0, 0.75]


def test_specificity_is_that_of_the_threshold_chosen_on_each_part():
    # Stressed, the two normal images score up to 1.5: a threshold above that calls every test image normal but one.
    frame = threshold_transfer.ranking([record("a/x", stressed=np.array([1.2, 1.5, 1.8, 2.0]), test=ONE_WRONG)])
    assert frame["specificity_validation"].tolist() == [0.5]
    assert frame["specificity_stressed"].tolist() == [1.0]


def test_the_rank_correlation_is_spearmans():
    frame = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.4], "y": [0.9, 0.7, 0.8, 0.1]})
    assert threshold_transfer.rank_correlation(frame, "x", "y") == pytest.approx(1 - 6 * (9 + 0 + 0 + 9) / (4 * 15))


def test_what_a_threshold_calls_is_averaged_over_records_with_its_range():
    frame = threshold_transfer.threshold_transfer(
        {"m": [record("a/x"), record("a/y", test=ONE_WRONG)]}, parts=("validation",)
    )
    cell = frame["specificity"][0]
    assert (cell.estimate, cell.low, cell.high) == (0.75, 0.5, 1.0)
    assert frame["accuracy"][0].estimate == pytest.approx((1 + 0.75) / 2)


def test_robustness_begins_with_images_as_they_are():
    perturbed = {("cnn", "blur", 2.0): record("blurred", test=ONE_WRONG)}
    frame = robustness.robustness(perturbed, {"cnn": [record("a/x")]})
    blur = frame[frame["perturbation"] == "blur"]
    assert blur[["level", "test_auc"]].values.tolist() == [[0.0, 1.0], [2.0, 0.75]]
    assert len(frame) == 6  # five perturbations at the level of none, and one blur


def test_occlusions_stand_beside_the_whole_image():
    occluded = {
        ("cnn", "without-lungs"): record("a", test=ONE_WRONG),
        ("cnn", "border"): record("b", test=REVERSED),
        ("cnn", "shuffled"): record("c"),
    }
    row = robustness.occlusion(occluded, {"cnn": [record("a/x")]}).iloc[0]
    assert (row["whole"], row["without-lungs"], row["border"], row["shuffled"]) == (1.0, 0.75, 0.0, 1.0)


def test_networks_together_are_judged_by_their_mean_logit():
    together = [record("a/x", test=np.array([-4.0, 0, 1, 2])), record("a/y", test=np.array([0, 0.5, -0.5, 2]))]
    assert summaries.ensemble_auc(together) == 0.875  # the means are -2, 0.25, 0.25 and 2: one pair is tied


def test_rescaling_divides_logits_by_the_temperature_and_keeps_every_call():
    # Three of four logits of size 2 are right, so 2 / T must be the logit of 3/4, ln 3.
    once = record("a/x", validation=np.array([-2.0, 2, 2, 2]), test=np.array([-4.0, 1, 2, 3]))
    scaled = calibration.rescaled(once)
    assert scaled.selection["temperature"] == pytest.approx(2 / np.log(3))
    np.testing.assert_allclose(scaled.frame("validation")["probability"], [1 / 4, 3 / 4, 3 / 4, 3 / 4], rtol=1e-6)
    np.testing.assert_allclose(scaled.scores["test"], np.array([-4.0, 1, 2, 3]) * np.log(3) / 2, rtol=1e-6)
    assert scaled.threshold == pytest.approx(0.5)
    tilted = replace(once, selection={"threshold": 0.8})
    moved = calibration.rescaled(tilted)
    for part in ("validation", "test"):
        calls = [each.predictions[part] >= each.threshold for each in (tilted, moved)]
        np.testing.assert_array_equal(*calls)


def test_calibration_is_set_beside_what_the_temperature_of_validation_patients_makes_of_it():
    once = record("a/x", validation=np.array([-2.0, 2, 2, 2]), test=np.array([-2.0, 2, 2, 2]))
    rows = calibration.calibration({"m": [once]}, parts=("test",))
    row = rows.iloc[0]
    said = 1 / (1 + np.exp(-2))
    # Worked out by hand: one image given 1 - said, three given said, of which two are ill.
    assert row["calibration error"].estimate == pytest.approx(((1 - said) + (3 * said - 2)) / 4)
    assert row["rescaled"].estimate == pytest.approx((1 / 4 + 1 / 4) / 4)
    # e = exp(intercept) solves e / (3 + e) + 9 e / (1 + 3 e) = 2.
    assert row["intercept"].estimate == pytest.approx(np.log((np.sqrt(52) - 4) / 6))


def test_a_model_that_no_temperature_suits_has_only_its_error_as_it_is():
    rows = calibration.calibration({"m": [record("a/x")]})
    assert rows["images"].tolist() == ["validation", "test"]
    assert rows["temperature"].tolist() == rows["rescaled"].tolist() == [None, None]
    assert rows["calibration error"][0].estimate > 0


MAPS = np.array([[[3.0, 1], [0, 0]], [[0, 0], [0, 2]], [[0, 0], [0, 0]]])
LEFT = np.array([[True, False], [True, False]])


def test_attention_is_the_share_of_maps_inside_the_mask_and_where_they_are_largest():
    row = attention.attention({"network": MAPS}, LEFT).iloc[0]
    # Shares 3/4 and 0, of the third there is none; one maximum of three lies on the left.
    assert (row["images"], row["area"]) == (3, 0.5)
    deviation = 0.75 / np.sqrt(2)
    assert row["inside"].estimate == pytest.approx(0.375)
    assert row["inside"].high == pytest.approx(0.375 + 1.96 * deviation / np.sqrt(2))
    assert row["maximum inside"].estimate == pytest.approx(1 / 3)
    # Wilson's interval of 1 in 3.
    centre, half = 1 / 3 + 1.96**2 / 6, 1.96 * np.sqrt(2 / 27 + 1.96**2 / 36)
    bounds = np.array([centre - half, centre + half]) / (1 + 1.96**2 / 3)
    assert (row["maximum inside"].low, row["maximum inside"].high) == pytest.approx(bounds, abs=1e-4)


def test_the_blob_in_the_middle_is_a_round_normal_distribution_the_same_for_all():
    maps = attention.middle((2, 100, 50), spread=0.15)
    np.testing.assert_array_equal(maps[0], maps[1])
    rows = maps[0].sum(axis=1) / maps[0].sum()
    place = (np.arange(100) + 0.5) / 100
    assert rows @ place == pytest.approx(0.5)
    assert np.sqrt(rows @ (place - 0.5) ** 2) == pytest.approx(0.15, rel=0.01)
    assert maps[0].max() == 1
    assert maps[0, 49, 24] == 1


def test_the_picture_of_attention_outlines_the_mask_and_leaves_an_empty_one_out():
    images = np.full((2, 2, 2), 100, np.uint8)
    masks = np.stack([LEFT, np.zeros((2, 2), bool)])
    axes = draw_attention(images, MAPS[:2] / 3, masks, ["a", "b"], columns=2)
    assert [len(ax.collections) for ax in axes.flat] == [1, 0]
    red, green, blue = axes[0, 0].images[-1].get_array()[0, 0]
    assert red > green > blue
    assert axes[0, 0].images[-1].get_array()[1, 1].tolist() == [100] * 3


def test_agreement_draws_each_network_in_the_colour_of_its_group():
    frame = threshold_transfer.ranking(
        [record("a/x"), record("a/y", test=ONE_WRONG), record("b/z", stressed=ONE_WRONG)]
    )
    ax = plots.agreement(frame, "stressed_auc")
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 1]
    assert ax.get_title(loc="left").startswith("rank correlation")


def test_robustness_runs_from_plain_images_on_the_left():
    frame = robustness.robustness({("cnn", "jpeg", 5.0): record("a/y", test=ONE_WRONG)}, {"cnn": [record("a/x")]})
    axes = plots.robustness(frame)
    jpeg = axes[1, 1]
    assert jpeg.xaxis_inverted()
    assert not axes[0, 0].xaxis_inverted()
    assert jpeg.lines[0].get_xydata().tolist() == [[5.0, 0.75], [100.0, 1.0]]
