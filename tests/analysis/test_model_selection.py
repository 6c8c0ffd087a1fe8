"""Chosen models beside each other, on numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.records import make_record

from pneumo import evaluation
from pneumo.analysis import model_selection
from pneumo.experiments.config import HeaderConfig

LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
SUBTYPES = ["normal"] * 4 + ["bacteria", "bacteria", "virus", "virus"]
PATIENTS = ["a", "b", "c", "d", "e", "f", "g", "g"]
GOOD = np.array([-3.0, -2, -1, 0.5, 1, 2, 3, -0.5])
POOR = np.array([-3.0, 2, 1, 0.5, 1, -2, 3, -0.5])


def record(scores, **selection):
    made = make_record(
        scores=scores, labels=LABELS, patients=PATIENTS, model=HeaderConfig(field="width"), selection=selection
    )
    return replace(made, split=made.split.assign(subtype=SUBTYPES))


WIDTH = record(np.array([1.0, 2, 7, 8, 3, 4, 5, 6]), slope=1.0, intercept=0.0)


def test_models_are_compared_image_by_image_where_patients_are_unknown():
    nameless, apart = (
        [replace(each, split=each.split.assign(patient=patients)) for each in (record(GOOD), record(POOR))]
        for patients in ("", list("abcdefgh"))
    )
    assert not nameless[0].has_patients
    assert nameless[0].patients("test") is None
    rows = [
        model_selection.pairwise_tests(dict(zip(("good", "poor"), pair, strict=True))).iloc[0]
        for pair in (nameless, apart)
    ]
    assert rows[0]["AUC difference"].estimate == rows[1]["AUC difference"].estimate
    assert np.isfinite([rows[0]["AUC difference"].low, rows[0]["AUC difference"].high]).all()


def test_a_pair_of_models_is_compared_by_auc_and_by_who_is_right():
    row = model_selection.pairwise_tests({"good": record(GOOD), "poor": record(POOR)}).iloc[0]
    assert row["models"] == "good − poor"
    assert row["AUC difference"].estimate == pytest.approx(evaluation.auc(LABELS, GOOD) - evaluation.auc(LABELS, POOR))
    # Right are 6 of the good one's calls and 3 of the poor one's, which it shares.
    assert (row["only first correct"], row["only second correct"]) == (3, 0)
    assert row["p (McNemar)"] == pytest.approx(2 * 0.5**3)


def test_three_models_make_three_pairs():
    models = {"a": record(GOOD), "b": record(POOR), "c": record(-POOR)}
    assert model_selection.pairwise_tests(models)["models"].tolist() == ["a − b", "a − c", "b − c"]


def test_models_of_different_images_are_not_compared():
    changed = replace(record(GOOD), split=record(GOOD).split.assign(image="x"))
    with pytest.raises(ValueError, match="predicts other images"):
        model_selection.pairwise_tests({"a": record(GOOD), "b": changed})


def test_shares_called_right_are_counted_for_each_kind_of_image():
    frame = model_selection.accuracy_by_subgroup({"good": record(GOOD)}, WIDTH).set_index("subgroup")
    assert frame["images"].to_dict() == {
        "normal": 4,
        "bacteria": 2,
        "virus": 2,
        "normal, narrow file": 2,
        "normal, wide file": 2,
        "pneumonia, narrow file": 2,
        "pneumonia, wide file": 2,
    }
    assert frame.loc["normal", "good"].estimate == 0.75
    assert frame.loc["normal, wide file", "good"].estimate == 0.5
    assert frame.loc["virus", "good"].estimate == 0.5


def test_kinds_without_images_are_left_out():
    ordered = record(np.arange(8.0), slope=1.0, intercept=0.0)  # every normal file is narrower
    kinds = model_selection.accuracy_by_subgroup({"good": record(GOOD)}, ordered)["subgroup"].tolist()
    assert kinds == ["normal", "bacteria", "virus", "normal, narrow file", "pneumonia, wide file"]


def test_a_patient_with_two_images_is_drawn_as_a_whole():
    interval = (
        model_selection.accuracy_by_subgroup({"good": record(GOOD)}, WIDTH).set_index("subgroup").loc["virus", "good"]
    )
    assert (interval.low, interval.high) == (0.5, 0.5)  # both images are of one patient


PLAIN = np.array([-1.0, -1, 1, 1])


def candidate(name, stressed, test):
    scores = {"validation": PLAIN, "stressed": stressed, "test": test}
    return make_record(f"test/{name}", variant=name, scores={k: v for k, v in scores.items() if v is not None})


def test_cross_entropy_is_worked_out_by_hand():
    scores = candidate("a", [-1.0, 2, 1, -3], PLAIN)
    by_hand = np.mean(np.log1p(np.exp([-1.0, 2, -1, 3])))
    assert model_selection.cross_entropy(scores, "stressed") == pytest.approx(by_hand)


def test_the_choice_is_the_lowest_loss_on_stressed_images_whatever_the_test_says():
    worse, better = [0.0, 0, 0, 0], [-2.0, -2, 2, 2]
    chosen = [
        model_selection.select([candidate("a", worse, test), candidate("b", better, test[::-1])]).experiment.name
        for test in ([-9.0, -9, 9, 9], [9.0, 9, -9, -9])
    ]
    assert chosen == ["test/b", "test/b"]


def test_what_has_no_stressed_scores_is_chosen_on_plain_ones():
    assert model_selection.selection_loss(candidate("a", None, PLAIN)) == pytest.approx(np.log1p(np.exp(-1)))


def test_candidates_are_listed_from_the_lowest_loss_on():
    listed = model_selection.best_candidates([candidate("a", [0.0] * 4, PLAIN), candidate("b", PLAIN, PLAIN)], best=2)
    assert listed["experiment"].tolist() == ["b", "a"]
    assert listed["perturbed AUC"].tolist() == [1.0, 0.5]


def test_what_a_choice_was_worth_stands_beside_the_loss_that_chose():
    good, poor = candidate("a", PLAIN, [-1.0, -1, 1, 1]), candidate("b", [0.0] * 4, [1.0, -1, 1, 1])
    frame = model_selection.test_performance([poor, good])
    assert frame["experiment"].tolist() == ["a", "b"]
    assert frame["test AUC"].tolist() == [1.0, 0.75]
    assert frame["specificity"].tolist() == [1.0, 0.5]
    assert frame["sensitivity"].tolist() == [1.0, 1.0]


def test_the_own_result_is_the_last_row_of_the_published_ones():
    published = pd.DataFrame([{"source": "others", "AUC": "0.968", "accuracy": "–", "note": ""}])
    table = model_selection.add_own_result(published, record(GOOD))
    assert table.columns.tolist() == ["source", "AUC", "accuracy", "note"]
    assert table.loc[0].tolist() == ["others", "0.968", "–", ""]
    # Of the 16 pairs 15 are ranked rightly; of the eight images six are on the right side of one half.
    assert (table["AUC"][1].estimate, table["accuracy"][1].estimate) == (15 / 16, 6 / 8)
    assert table["source"][1].startswith("this book, ")
