"""Models side by side: their tables and figures, read back."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from support.records import make_record

from pneumo import plots, tables
from pneumo.experiments.config import OptimizerConfig, TrainingConfig


def record(variant, seed, losses, *, rate=1e-3, scores=(-1.0, 0.0, 1.0, 2.0)):
    history = [
        {
            "epoch": epoch,
            "train_loss": loss / 2,
            "train_accuracy": 0.9,
            "validation_loss": loss,
            "validation_accuracy": 0.7,
            "seconds": 2.0 * epoch,
        }
        for epoch, loss in enumerate(losses, start=1)
    ]
    return make_record(
        f"group/{variant}-seed-{seed}",
        group="group",
        variant=variant,
        seed=seed,
        scores={"validation": scores, "stressed": -np.array(scores), "test": scores},
        training=TrainingConfig(optimizer=OptimizerConfig(name="adam", learning_rate=rate)),
        history=history,
        selection={"epoch": 1 + int(np.argmin(losses))},
        provenance={"seconds": 90.0, "data": {"training_images": 100}},
    )


RECORDS = [record("a", 0, [0.4, 0.2, 0.3]), record("b", 0, [0.5, 0.6, 0.7]), record("a", 1, [0.5, 0.4, 0.1])]


def test_a_comparison_gives_the_mean_between_the_lowest_and_the_highest_seed():
    frame = tables.comparison(RECORDS, ("validation_loss",), heading="optimiser")
    assert frame["optimiser"].tolist() == ["a", "b"]
    assert frame["seeds"].tolist() == [2, 1]
    cell = frame["validation loss"][0]
    assert (cell.estimate, cell.low, cell.high) == pytest.approx((0.15, 0.1, 0.2))


def test_learning_curves_of_all_models_share_their_scales_and_mark_the_kept_epochs():
    axes = plots.learning_curves_by_model(RECORDS)
    assert axes.shape == (2, 2)
    assert axes[0, 0].get_ylim() == axes[0, 1].get_ylim()
    assert axes[1, 0].get_ylim() == axes[1, 1].get_ylim()
    dots = next(line for line in axes[0, 0].lines if line.get_marker() == "o").get_xydata()
    assert dots.tolist() == [[2, 0.2], [3, 0.1]]
    assert [ax.get_title(loc="left") for ax in axes[0]] == ["a", "b"]


def test_axes_past_the_last_model_are_empty():
    axes = plots.learning_curves_by_model({str(i): [RECORDS[0]] for i in range(4)}, columns=3)
    assert axes.shape == (4, 3)
    assert [ax.axison for ax in axes[2]] == [True, False, False]


def test_a_dot_plot_shows_each_seed_and_their_mean():
    ax = plots.dot_plot(RECORDS, "validation_loss")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    dots, mean = ax.lines[0], ax.lines[1]
    assert sorted(dots.get_xdata()) == [0.1, 0.2]
    assert mean.get_xdata()[0] == pytest.approx(0.15)


def test_a_wide_range_of_what_counts_as_a_ratio_gets_a_logarithmic_axis():
    assert plots.dot_plot({"a": [RECORDS[0]], "b": [RECORDS[1]]}, "validation_loss").get_xscale() == "linear"
    far = record("c", 0, [20.0])
    assert plots.dot_plot({"a": [RECORDS[0]], "c": [far]}, "validation_loss").get_xscale() == "log"


def test_a_trade_off_names_each_model_at_the_mean_of_its_seeds():
    ax = plots.trade_off(RECORDS, "minutes", "validation_loss", joined=True)
    assert [(text.get_text(), tuple(text.xy)) for text in ax.texts] == [
        ("a", pytest.approx((1.5, 0.15))),
        ("b", pytest.approx((1.5, 0.5))),
    ]


def test_names_of_points_that_lie_together_do_not_cover_each_other():
    losses = {"long-name": 0.200, "other": 0.201, "third": 0.3}
    together = {name: [record(name, 0, [loss])] for name, loss in losses.items()}
    ax = plots.trade_off(together, "minutes", "validation_loss")
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text() for text in ax.texts] == ["long-name", "other", "third"]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_each_optimiser_is_ringed_at_its_best_learning_rate():
    losses = {1e-4: (0.3, 0.35), 1e-3: (0.1, 0.4), 1e-2: (0.2, 0.2)}  # the lowest single one is not the lowest mean
    runs = [
        record(f"{rate}", seed, [loss], rate=rate) for rate, pair in losses.items() for seed, loss in enumerate(pair)
    ]
    ax = plots.learning_rate_sweep(tables.learning_rates(runs))
    line, dots, ring = ax.lines
    assert line.get_xydata() == pytest.approx(np.array([[1e-4, 0.325], [1e-3, 0.25], [1e-2, 0.2]]))
    assert len(dots.get_xdata()) == 6
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (1e-2, 0.2)


def test_an_unknown_measure_is_refused_by_name():
    with pytest.raises(ValueError, match="no measure is called 'speed'; there are validation_loss"):
        plots.dot_plot(RECORDS, "speed")


def test_a_network_without_history_has_no_curves():
    bare = replace(RECORDS[0], history=[])
    with pytest.raises(ValueError, match="group/a-seed-0: there is no history"):
        plots.learning_curves_by_model({"a": [bare]})


def test_differences_are_of_the_mean_over_seeds_on_the_same_patients():
    right, half = (1.0, 2.0, 3.0, 4.0), (1.0, 0.0, -1.0, 2.0)  # AUC 1 and 0.5: labels 0, 0, 1, 1
    named = {
        "a": [record("a", seed, [0.1], scores=scores) for seed, scores in enumerate((right, half))],
        "b": [record("b", seed, [0.1], scores=half) for seed in range(2)],
    }
    table = tables.differences(named, "b", end_points=("validation AUC", "loss"), heading="way")
    assert table.columns.tolist() == ["way", "validation AUC", "validation loss", "corrected p"]
    assert table["way"].tolist() == ["a − b"]
    assert table["validation AUC"][0].estimate == pytest.approx((1 + 0.5) / 2 - 0.5)


def test_a_variant_against_itself_differs_by_nothing():
    named = {"a": RECORDS[:2], "same": RECORDS[:2], "again": RECORDS[:2]}
    table = tables.differences(named, "same", end_points=("validation AUC",))
    assert [cell.estimate for cell in table["validation AUC"]] == [0, 0]
    assert table["corrected p"].tolist() == [1, 1]
