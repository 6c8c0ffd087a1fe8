"""What choices would have been worth, on numbers worked out by hand."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from pneumo import evidence, plots
from pneumo.config import CNNConfig, DataConfig, Experiment, TrainingConfig
from pneumo.records import Record

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
    experiment = Experiment(
        name=name, data=DataConfig(name="phantom", version="8-0"), model=CNNConfig(), training=TrainingConfig()
    )
    scores = {"validation": validation, "stressed": stressed, "test": test}
    return Record(
        experiment=experiment, scores={k: v for k, v in scores.items() if v is not None}, split=SPLIT,
        selection={"threshold": 0.5},
    )


def test_ranking_has_a_row_for_each_record_with_stressed_scores():
    records = [record("a/x"), record("a/y", stressed=ONE_WRONG, test=ONE_WRONG), record("b/z", stressed=None)]
    frame = evidence.ranking(records)
    assert frame["name"].tolist() == ["a/x", "a/y"] and frame["group"].tolist() == ["a", "a"]
    assert frame["stressed_auc"].tolist() == [1.0, 0.75]
    assert frame["test_auc"].tolist() == [1.0, 0.75]


def test_specificity_is_that_of_the_threshold_chosen_on_each_part():
    # Stressed, the two normal images score up to 1.5: a threshold above that calls every test image normal but one.
    frame = evidence.ranking([record("a/x", stressed=np.array([1.2, 1.5, 1.8, 2.0]), test=ONE_WRONG)])
    assert frame["specificity_validation"].tolist() == [0.5]
    assert frame["specificity_stressed"].tolist() == [1.0]


def test_the_rank_correlation_is_spearmans():
    frame = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.4], "y": [0.9, 0.7, 0.8, 0.1]})
    assert evidence.rank_correlation(frame, "x", "y") == pytest.approx(1 - 6 * (9 + 0 + 0 + 9) / (4 * 15))


def test_what_a_threshold_calls_is_averaged_over_records_with_its_range():
    frame = evidence.called({"m": [record("a/x"), record("a/y", test=ONE_WRONG)]}, parts=("validation",))
    cell = frame["specificity"][0]
    assert (cell.estimate, cell.low, cell.high) == (0.75, 0.5, 1.0)
    assert frame["accuracy"][0].estimate == pytest.approx((1 + 0.75) / 2)


def test_robustness_begins_with_images_as_they_are():
    changed = [record("evidence/cnn-blur-2", test=ONE_WRONG), record("evidence/cnn-border", test=REVERSED)]
    frame = evidence.robustness(changed, {"cnn": [record("a/x")]})
    blur = frame[frame["change"] == "blur"]
    assert blur[["level", "test_auc"]].values.tolist() == [[0.0, 1.0], [2.0, 0.75]]
    assert len(frame) == 6  # five changes at their plain level, and one blur


def test_looks_stand_beside_the_whole_image():
    changed = [
        record("evidence/cnn-without-lungs", test=ONE_WRONG), record("evidence/cnn-border", test=REVERSED),
        record("evidence/cnn-shuffled"),
    ]
    row = evidence.looks(changed, {"cnn": [record("a/x")]}).iloc[0]
    assert (row["whole"], row["without-lungs"], row["border"], row["shuffled"]) == (1.0, 0.75, 0.0, 1.0)


def test_networks_together_are_judged_by_their_mean_logit():
    together = [record("a/x", test=np.array([-4.0, 0, 1, 2])), record("a/y", test=np.array([0, 0.5, -0.5, 2]))]
    assert evidence.area_together(together) == 0.875  # the means are -2, 0.25, 0.25 and 2: one pair is tied


def test_agreement_draws_each_network_in_the_colour_of_its_group():
    frame = evidence.ranking([record("a/x"), record("a/y", test=ONE_WRONG), record("b/z", stressed=ONE_WRONG)])
    ax = plots.agreement(frame, "stressed_auc")
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 1]
    assert ax.get_title(loc="left").startswith("rank correlation")


def test_robustness_runs_from_plain_images_on_the_left():
    frame = evidence.robustness([record("evidence/cnn-jpeg-5", test=ONE_WRONG)], {"cnn": [record("a/x")]})
    axes = plots.robustness(frame)
    jpeg = axes[1, 1]
    assert jpeg.xaxis_inverted() and not axes[0, 0].xaxis_inverted()
    assert jpeg.lines[0].get_xydata().tolist() == [[5.0, 0.75], [100.0, 1.0]]
