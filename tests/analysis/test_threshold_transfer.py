"""Scores and thresholds from validation images on test images, on numbers worked out by hand."""

import numpy as np
import pytest
from support.records import make_record

from pneumo import plots
from pneumo.analysis import threshold_transfer

PERFECT, ONE_WRONG = np.array([-2.0, -1, 1, 2]), np.array([-2.0, 1.5, 1, 2])


def record(name, *, stressed=PERFECT, test=PERFECT):
    scores = {"validation": PERFECT, "stressed": stressed, "test": test}
    group, _, variant = name.partition("/")
    given = {part: values for part, values in scores.items() if values is not None}
    return make_record(name, group=group, variant=variant, scores=given)


def test_each_record_with_stressed_scores_has_a_row():
    records = [record("a/x"), record("a/y", stressed=ONE_WRONG, test=ONE_WRONG), record("b/z", stressed=None)]
    frame = threshold_transfer.validation_and_test_auc(records)
    assert frame.values.tolist() == [["a", 1.0, 1.0, 1.0], ["a", 1.0, 0.75, 0.75]]


def test_specificity_is_that_of_the_threshold_chosen_on_each_part():
    # Stressed, the two normal images score up to 1.5: above that threshold one test image is positive.
    transferred = record("a/x", stressed=np.array([1.2, 1.5, 1.8, 2.0]), test=ONE_WRONG)
    frame = threshold_transfer.threshold_transfer(transferred).set_index("threshold from")["specificity"]
    assert (frame["validation"].estimate, frame["stressed"].estimate) == (0.5, 1.0)


def test_performance_at_a_threshold_is_averaged_over_records_with_its_range():
    models = {"m": [record("a/x"), record("a/y", test=ONE_WRONG)]}
    frame = threshold_transfer.threshold_transfer(models, parts=("validation",))
    cell = frame["specificity"][0]
    assert (cell.estimate, cell.low, cell.high) == (0.75, 0.5, 1.0)
    assert frame["accuracy"][0].estimate == pytest.approx((1 + 0.75) / 2)


def test_a_scatter_draws_each_network_in_the_colour_of_its_group():
    records = [record("a/x"), record("a/y", test=ONE_WRONG), record("b/z", stressed=ONE_WRONG)]
    ax = plots.correlation_scatter(threshold_transfer.validation_and_test_auc(records), "stressed_auc")
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 1]
    assert ax.get_title(loc="left").startswith("rank correlation")
