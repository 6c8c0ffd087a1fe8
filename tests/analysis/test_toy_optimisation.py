"""Optimisers on a quadratic loss, against the formulas of their papers."""

import numpy as np
import pytest

from pneumo.analysis import toy_optimisation
from pneumo.experiments.wording import in_words
from pneumo.reporting.plots import optimisation
from pneumo.training import SCHEDULES

CURVATURES = np.array(toy_optimisation.CURVATURES)


def test_loss_is_half_the_weighted_sum_of_squares():
    assert toy_optimisation.quadratic_loss(np.array([[2.0, 0.0], [2.0, 0.4]])) == pytest.approx([2.0, 4.0])


def test_gradient_descent_shrinks_each_weight_by_its_own_factor():
    path = toy_optimisation.optimizer_path("sgd", 0.03, steps=20)
    assert path.shape == (21, 2)
    assert path == pytest.approx(
        np.array(toy_optimisation.INITIAL_WEIGHTS) * (1 - 0.03 * CURVATURES) ** np.arange(21)[:, None]
    )


def test_gradient_descent_leaves_the_valley_above_twice_the_inverse_of_the_curvature():
    assert abs(toy_optimisation.optimizer_path("sgd", 1.99 / CURVATURES[1])[-1, 1]) < abs(
        toy_optimisation.INITIAL_WEIGHTS[1]
    )
    assert abs(toy_optimisation.optimizer_path("sgd", 2.01 / CURVATURES[1])[-1, 1]) > abs(
        toy_optimisation.INITIAL_WEIGHTS[1]
    )


def test_momentum_adds_nine_tenths_of_the_last_step():
    weights, velocity = np.array(toy_optimisation.INITIAL_WEIGHTS), np.zeros(2)
    for place in toy_optimisation.optimizer_path("momentum", 0.02, steps=10):
        assert place == pytest.approx(weights)
        velocity = 0.9 * velocity - 0.02 * CURVATURES * weights
        weights = weights + velocity


def test_adam_begins_with_a_step_of_the_learning_rate_in_both_directions():
    path = toy_optimisation.optimizer_path("adam", 0.4, steps=1)
    assert np.abs(path[1] - path[0]) == pytest.approx([0.4, 0.4])


def test_an_unknown_optimiser_is_refused_by_name():
    with pytest.raises(ValueError, match="'lion' is not known; known: sgd, momentum"):
        toy_optimisation.optimizer_path("lion", 0.1)


def test_a_path_is_drawn_from_its_start_with_a_cross_at_the_lowest_point():
    path = toy_optimisation.optimizer_path("sgd", 0.03, steps=5)
    axes = optimisation.optimizer_paths({"sgd": path, "again": path}, toy_optimisation.quadratic_loss)
    assert [ax.get_title(loc="left") for ax in axes[0]] == ["sgd", "again"]
    line, start, lowest = axes[0, 0].lines
    assert line.get_xydata() == pytest.approx(path)
    assert start.get_xydata().tolist() == [list(toy_optimisation.INITIAL_WEIGHTS)]
    assert (lowest.get_marker(), lowest.get_xydata().tolist()) == ("x", [[0, 0]])


def test_every_schedule_has_a_panel_with_its_factor():
    axes = optimisation.learning_rate_schedules(SCHEDULES)
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in axes] == list(map(in_words, SCHEDULES))
    lines = {name: ax.lines[0].get_xydata() for name, ax in zip(SCHEDULES, axes, strict=True)}
    assert (lines["constant"][:, 1] == 1).all()
    assert lines["cosine"][250] == pytest.approx([50, 0.5])
    assert lines["step"][[0, 250, 500], 1] == pytest.approx([1, 0.1, 0.01])
    assert lines["one-cycle"][[0, 150, 500], 1] == pytest.approx([0.04, 1, 0])
    assert lines["warmup-cosine"][25, 1] == pytest.approx(0.5, abs=0.01)
