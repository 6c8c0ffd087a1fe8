"""What a search for hyper-parameters found."""

import pytest
from support.records import make_record

from pneumo.analysis import tuning


def searched(chosen: dict, tried: list[dict]):
    aucs = [{**each, "auc": 0.9 + 0.01 * (each == chosen), "auc_sd": 0.0} for each in tried]
    return make_record("classical/a", selection={"parameters": chosen, "candidates": aucs})


GRID = [{"C": c, "gamma": gamma} for c in (1.0, 10.0, 100.0) for gamma in (0.1, 0.3, 1.0)]


@pytest.mark.parametrize(
    ("chosen", "edges"),
    [
        ({"C": 10.0, "gamma": 0.3}, []),
        ({"C": 1.0, "gamma": 0.3}, ["C"]),
        ({"C": 10.0, "gamma": 1.0}, ["gamma"]),
        ({"C": 100.0, "gamma": 0.1}, ["C", "gamma"]),
    ],
)
def test_a_best_value_at_the_end_of_its_grid_is_named(chosen, edges):
    assert tuning.at_edge(searched(chosen, GRID)) == edges


def test_a_value_beyond_which_there_is_none_is_no_edge():
    grid = [{"max_depth": depth, "learning_rate": 0.1} for depth in (1, 2, 4)]
    assert tuning.at_edge(searched(grid[0], grid)) == []
    assert tuning.at_edge(searched(grid[2], grid)) == ["max_depth"]


def test_the_table_says_what_was_chosen_out_of_what():
    [row] = tuning.chosen_hyperparameters({"SVM": searched(GRID[5], GRID)}).to_dict("records")
    assert row == {
        "model": "SVM",
        "chosen": "C\u00a010, γ\u00a01",
        "tried": 9,
        "best AUC": pytest.approx(0.91),
        "worst AUC": pytest.approx(0.9),
        "at an edge": "γ",
    }


def test_large_and_small_values_are_written_out():
    grid = [{"C": c, "gamma": gamma} for c in (1.0, 1000.0) for gamma in (0.000567, 0.1)]
    assert tuning.chosen_hyperparameters({"SVM": searched(grid[2], grid)})["chosen"].tolist() == [
        "C\u00a01,000, γ\u00a00.00057"
    ]


def test_a_record_without_candidates_is_refused():
    with pytest.raises(ValueError, match="classical/old does not say which hyper-parameters were tried"):
        tuning.at_edge(make_record("classical/old", selection={"parameters": {"C": 1.0}}))
