"""Class-conditional conformal prediction: against hand counts, and its promise on exchangeable images."""

import numpy as np
import pytest

from pneumo.evaluation.conformal import ConformalAnswer, conformal_answer


def test_the_bounds_are_the_ranks_counted_by_hand():
    # Nine images of each class, error 0.2: k = ceil(10 * 0.8) = 8, the second most extreme.
    labels = np.repeat([0, 1], 9)
    probabilities = np.concatenate([np.arange(1, 10) / 20, 1 - np.arange(1, 10) / 30])
    answer = conformal_answer(labels, probabilities, error=0.2)
    assert answer.normal_up_to == pytest.approx(8 / 20)
    assert answer.pneumonia_from == pytest.approx(1 - 8 / 30)


def test_a_class_with_too_few_images_is_never_ruled_out():
    answer = conformal_answer([0] * 19 + [1] * 18, np.linspace(0.1, 0.9, 37), error=0.05)
    assert answer.normal_up_to < 1  # ceil(20 * 0.95) = 19 of 19
    assert answer.pneumonia_from == 0.0  # ceil(19 * 0.95) = 19 of 18
    assert set(answer.answers(np.linspace(0, 1, 11))) == {"cannot tell", "pneumonia"}


def test_two_possible_classes_and_none_are_no_answer():
    overlapping = ConformalAnswer(error=0.1, normal_up_to=0.6, pneumonia_from=0.3)
    assert overlapping.answers([0.1, 0.3, 0.6, 0.61]).tolist() == ["normal", "cannot tell", "cannot tell", "pneumonia"]
    apart = ConformalAnswer(error=0.1, normal_up_to=0.3, pneumonia_from=0.6)
    assert apart.answers([0.3, 0.4, 0.6]).tolist() == ["normal", "cannot tell", "pneumonia"]


@pytest.mark.parametrize("error", [0.05, 0.2])
def test_each_class_keeps_its_share_on_images_drawn_as_the_calibration_images_were(error):
    random = np.random.default_rng(0)
    covered = {0: [], 1: []}
    for _ in range(400):
        labels = np.repeat([0, 1, 0, 1], [60, 140, 50, 50])
        probabilities = 1 / (1 + np.exp(-random.normal(2 * labels - 1, 1.5)))
        answer = conformal_answer(labels[:200], probabilities[:200], error=error)
        normal, pneumonia = answer.possible(probabilities[200:])
        covered[0].append(normal[:50].mean())
        covered[1].append(pneumonia[50:].mean())
    for label, images in ((0, 60), (1, 140)):
        # Between 1 - error and 1 - error + 1 / (n + 1), in the mean over calibrations.
        assert 1 - error - 0.01 < np.mean(covered[label]) < 1 - error + 1 / (images + 1) + 0.01


@pytest.mark.parametrize("error", [0, 1, -0.1, float("nan")])
def test_an_error_that_is_no_share_is_refused(error):
    with pytest.raises(ValueError, match="error"):
        conformal_answer([0, 1], [0.1, 0.9], error=error)


def test_calibration_images_of_one_class_are_refused():
    with pytest.raises(ValueError, match="class"):
        conformal_answer([1, 1], [0.1, 0.9], error=0.1)
