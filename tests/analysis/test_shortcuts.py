"""Correlation with shortcuts and matched pairs, on ranks and pairs counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import shortcuts


def scored(scores, labels):
    return make_record(scores=scores, labels=labels)


def test_a_model_follows_a_shortcut_as_far_as_their_ranks_agree_within_a_class():
    labels = [0] * 4 + [1] * 4
    models = {"m": [scored(each, labels) for each in ([2, 0, 6, 8, 9, 9, 9, 0], [2, 2, 0, 0, 9, 9, 9, 0])]}
    rows = shortcuts.shortcut_correlation(models, {"width": scored([1, 2, 3, 4, 0, 0, 0, 0], labels)})
    assert rows["class"].tolist() == ["normal", "pneumonia"]
    cell = rows["m"][0]  # the normals have 2, 1, 3, 4 on average
    assert cell.estimate == pytest.approx(1 - 6 * 2 / (4 * 15))
    half = 1.96 * np.sqrt(1 + 0.8**2 / 2)
    assert (cell.low, cell.high) == pytest.approx((np.tanh(np.arctanh(0.8) - half), np.tanh(np.arctanh(0.8) + half)))
    assert rows["m"][1] is None  # the same width for all


def test_only_pairs_that_are_alike_in_the_shortcut_count(monkeypatch):
    monkeypatch.setattr(shortcuts, "MAX_RANK_DISTANCE", 0.25)  # one rank of four
    labels = [0, 0, 1, 1]
    # Widths 1, 3, 2, 4: alike are the pairs (ill 2, normal 1), (ill 2, normal 3) and (ill 4, normal 3).
    named = {"width": scored([1, 3, 2, 4], labels), "same": scored([0, 0, 0, 0], labels)}
    rows = shortcuts.matched_pairs({"m": [scored([5, 6, 7, 6], labels)]}, named).set_index("shortcut")
    assert rows["pairs"].to_dict() == {"width": 3, "same": 4}
    assert rows["shortcut itself"]["width"].estimate == pytest.approx(2 / 3)
    assert rows["m"]["width"].estimate == pytest.approx((1 + 1 + 0.5) / 3)
    assert rows["m"]["same"].estimate == pytest.approx((1 + 1 + 1 + 0.5) / 4)  # all pairs: the AUC
    assert rows["shortcut itself"]["same"].estimate == 0.5
    assert rows["m"]["width"].low >= 0.5
    assert rows["m"]["width"].high == 1


def test_images_of_unnamed_patients_are_drawn_one_by_one():
    record = scored([1, 2, 3, 4], [0, 0, 1, 1])
    unnamed = replace(record, split=record.split.assign(patient=""))
    named, other = (shortcuts.matched_pairs({"m": [each]}, {"c": each}) for each in (record, unnamed))
    assert named["pairs"][0] == other["pairs"][0]


def test_a_shortcut_in_which_no_pair_is_alike_says_nothing(monkeypatch):
    monkeypatch.setattr(shortcuts, "MAX_RANK_DISTANCE", 0.0)
    record = scored([1, 2, 3, 4], [0, 0, 1, 1])
    rows = shortcuts.matched_pairs({"m": [record]}, {"width": record})
    assert rows["pairs"][0] == 0
    assert rows["m"][0] is None


def test_two_models_are_compared_on_the_same_pairs_and_draws(monkeypatch):
    monkeypatch.setattr(shortcuts, "MAX_RANK_DISTANCE", 1.0)
    labels = [0, 0, 1, 1]
    models = {
        "a": [scored([5, 6, 7, 6], labels)],
        "b": [scored([5, 6, 7, 6], labels)],
        "c": [scored([9, 8, 1, 2], labels)],
    }
    same = shortcuts.matched_pairs(models, {"x": scored([1, 2, 3, 4], labels)}, difference=("a", "b"))["difference"][0]
    assert (same.estimate, same.low, same.high) == (0, 0, 0)
    row = shortcuts.matched_pairs(models, {"x": scored([1, 2, 3, 4], labels)}, difference=("a", "c")).iloc[0]
    assert row["difference"].estimate == pytest.approx(3.5 / 4)
    assert row["difference"].low == pytest.approx(row["a"].low)  # of c no pair is right in any draw
    with pytest.raises(ValueError, match="there is no model 'd', only a, b, c"):
        shortcuts.matched_pairs(models, {"x": scored([1, 2, 3, 4], labels)}, difference=("a", "d"))
