"""Differences over patients and seeds, and the correction for several comparisons, on values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumo import evaluation

LABELS = np.array([0, 0, 0, 1, 1, 1])


def difference(a, b, *, groups=None, draws=4000, seed=0):
    rng = np.random.default_rng(seed)
    return evaluation.hierarchical_difference(LABELS, (a, b), groups, evaluation.auc, draws=draws, rng=rng)


def test_the_estimate_is_the_difference_of_the_mean_over_seeds():
    # AUC 1 and 8/9 against 5/9 and 5/9: of nine pairs, nine, eight and five are ranked rightly.
    a = [[1, 2, 3, 4, 5, 6], [1, 2, 4, 3, 5, 6]]
    b = [[1, 3, 5, 2, 4, 6.5], [1, 3, 5.5, 2, 4, 6]]
    counted = [np.mean([[x < y for x in row[:3]] for y in row[3:]]) for row in (*a, *b)]
    assert difference(a, b).interval.estimate == pytest.approx(np.mean(counted[:2]) - np.mean(counted[2:]))


def test_without_chance_in_patients_the_interval_is_students_of_two_samples():
    """The labels' mean of scores does not depend on the draw where each class has one patient only."""
    groups = ["a", "a", "a", "b", "b", "b"]

    def first_score(labels, probabilities, weights=None):
        value = probabilities[0]
        return np.asarray(value if weights is None else np.full(len(weights), value))

    a, b = np.array([0.2, 0.4, 0.6]), np.array([0.5, 0.5, 0.8])
    pair = tuple(np.repeat(values[:, None], 6, axis=1) for values in (a, b))
    found = evaluation.hierarchical_difference(
        LABELS, pair, groups, first_score, draws=200_000, rng=np.random.default_rng(0)
    )
    half = 2.776445 * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2 * (2 / 3))  # Student's, four degrees of freedom
    assert found.interval.estimate == pytest.approx(-0.2)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.2 - half, -0.2 + half), rel=0.02)


def test_the_interval_is_wider_than_that_over_patients_alone():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 40)
    pair = tuple(labels * random.normal(1, 0.5, (4, 1)) + random.normal(size=(4, 80)) for _ in range(2))
    both = evaluation.hierarchical_difference(labels, pair, None, evaluation.auc, rng=np.random.default_rng(0)).interval
    alone = evaluation.paired_bootstrap(labels, pair, None, evaluation.auc, rng=np.random.default_rng(0))
    assert both.estimate == pytest.approx(alone.estimate)
    assert both.high - both.low > 1.2 * (alone.high - alone.low)


def test_a_clear_difference_has_a_small_p_value_and_none_a_large_one():
    good = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6.5]]
    assert difference(good, (-np.array(good)).tolist()).p_value == pytest.approx(2 / 4001)
    assert difference(good, good).p_value > 0.9


def test_scores_without_a_row_for_each_seed_are_refused():
    with pytest.raises(ValueError, match=r"shape \(6,\); give \(seeds, images\)"):
        difference([1, 2, 3, 4, 5, 6], [[1, 2, 3, 4, 5, 6]])


def test_between_two_fixed_recipes_it_is_the_paired_bootstrap_over_patients():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 40)
    pair = tuple(labels * random.normal(1, 0.5) + random.normal(size=(1, 80)) for _ in range(2))
    both = evaluation.hierarchical_difference(labels, pair, None, evaluation.auc, rng=np.random.default_rng(0)).interval
    alone = evaluation.paired_bootstrap(labels, pair, None, evaluation.auc, rng=np.random.default_rng(0))
    assert (both.low, both.high) == pytest.approx((alone.low, alone.high))


def test_a_fixed_recipe_adds_no_chance_of_training():
    groups = ["a", "a", "a", "b", "b", "b"]

    def first_score(labels, probabilities, weights=None):
        value = probabilities[0]
        return np.asarray(value if weights is None else np.full(len(weights), value))

    a = np.array([0.2, 0.4, 0.6])
    pair = (np.repeat(a[:, None], 6, axis=1), np.full((1, 6), 0.5))
    found = evaluation.hierarchical_difference(
        LABELS, pair, groups, first_score, draws=200_000, rng=np.random.default_rng(0)
    )
    half = 4.302653 * a.std(ddof=1) / 3**0.5  # Student's, two degrees of freedom
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.1 - half, -0.1 + half), rel=0.02)


def test_holm_multiplies_by_the_number_of_comparisons_left():
    # Holm 1979: 4 x 0.01, then 3 x 0.02 and 2 x 0.03 are equal, and the last keeps what is above it.
    assert evaluation.holm([0.03, 0.01, 0.06, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert evaluation.holm({"a": 0.5, "b": 0.9}).tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values):
    adjusted = evaluation.holm(values)
    assert (adjusted >= np.array(values)).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(values, kind="stable")]) >= 0).all()


def test_a_p_value_outside_0_to_1_is_named():
    with pytest.raises(ValueError, match="p value 1.2 is not in"):
        evaluation.holm([0.1, 1.2])
