"""Slices of images on which a model fails."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from pneumo.evaluation import failures_by_slice, file_number_runs, holm

LABELS = np.repeat([0, 1], 60)


def test_a_slice_is_compared_with_the_other_images_of_its_class_by_hand():
    predicted = LABELS == 1
    predicted[:6] = True  # six errors of twenty
    predicted[30] = True  # and one of forty
    site = np.array((["a"] * 20 + ["b"] * 40) * 2, object)
    table = failures_by_slice(LABELS, predicted, {"site": site}, classes=("normal", "pneumonia"))
    first = table.iloc[0]
    assert (first["slice"], first["class"], first["images"], first["errors"]) == ("a", "normal", 20, 6)
    assert first["others"] == 1 / 40
    assert first["error rate"].estimate == 0.3
    # Seven errors among sixty images: the chance that six or more of them lie among twenty.
    assert first["p"] == pytest.approx(hypergeom.sf(5, 60, 7, 20))
    np.testing.assert_allclose(table["corrected p"], holm(table["p"].to_numpy()))
    assert len(table) == 4
    assert table["p"].is_monotonic_increasing


def test_small_slices_and_missing_values_are_not_listed():
    values = np.array([None] * 50 + ["rare"] * 10 + ["a"] * 55 + ["few"] * 5, object)
    table = failures_by_slice(LABELS, LABELS == 1, {"kind": values}, smallest=10)
    assert set(zip(table["slice"], table["class"], strict=True)) == {("rare", "negative")}
    assert failures_by_slice(LABELS, LABELS == 1, {"kind": [None] * 120}).empty


def test_a_model_without_errors_fails_nowhere():
    table = failures_by_slice(LABELS, LABELS == 1, {"half": np.tile(["x", "y"], 60)})
    assert (table["errors"] == 0).all()
    assert (table["corrected p"] == 1).all()


def test_chance_errors_are_called_in_one_table_of_twenty_at_most():
    random = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        wrong = random.random(120) < 0.2
        slices = {name: random.integers(0, 4, 120) for name in "abc"}
        found += failures_by_slice(LABELS, (LABELS == 1) ^ wrong, slices)["corrected p"].min() <= 0.05
    assert found <= 200 * 0.05 + 3 * (200 * 0.05 * 0.95) ** 0.5


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="120 labels, but other lengths"):
        failures_by_slice(LABELS, LABELS == 1, {"site": ["a"]})


def test_runs_are_cut_by_number_and_not_by_letters():
    names = [f"x/IM-{number}.jpeg" for number in (1, 2, 9, 10, 11, 100)]
    assert file_number_runs(names, length=3) == ["IM-1 to 9"] * 3 + ["IM-10 to 100"] * 3


def test_series_with_other_letters_are_apart_and_short_ones_are_none():
    names = [*(f"person{n}_virus_{n}.jpeg" for n in range(4)), *(f"IM-{n}" for n in range(4)), "odd-7.png", "front"]
    runs = file_number_runs(names, length=4)
    assert runs[:4] == ["person0_virus_0 to 3_virus_3"] * 4
    assert runs[4:8] == ["IM-0 to 3"] * 4
    assert runs[8:] == [None, None]
