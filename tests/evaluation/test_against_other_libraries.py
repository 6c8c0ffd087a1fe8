"""Every statistic against something that shares no line with it: another library, a published table, a plain loop."""

from functools import partial
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn import metrics as theirs
from torchmetrics.functional.classification import binary_calibration_error

from pneumo import evaluation, models, training
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig
from pneumo.training import Images, make_generator

few = settings(max_examples=60, deadline=None)


@st.composite
def cases(draw, least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes, and probabilities of which many tie: (N,) each."""
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=least, max_size=40)))
    assume(0 < labels.sum() < len(labels))
    steps = draw(st.lists(st.integers(0, 20), min_size=len(labels), max_size=len(labels)))
    return labels, np.array(steps) / 20


thresholds = st.integers(0, 40).map(lambda step: step / 40)


# Discrimination ------------------------------------------------------------------------------------------------------


@few
@given(cases())
def test_auc_is_the_mann_whitney_statistic_as_a_share_of_all_pairs(case):
    labels, probabilities = case
    positive, negative = probabilities[labels == 1], probabilities[labels == 0]
    statistic = mannwhitneyu(positive, negative, method="asymptotic").statistic
    assert evaluation.auc(labels, probabilities) == pytest.approx(statistic / (len(positive) * len(negative)))


@few
@given(cases())
def test_auc_depends_on_the_order_alone(case):
    labels, probabilities = case
    assert evaluation.auc(labels, np.exp(5 * probabilities) - 3) == evaluation.auc(labels, probabilities)


@few
@given(cases(), thresholds)
def test_metrics_at_a_threshold_are_those_of_scikit_learn(case, threshold):
    labels, probabilities = case
    called = probabilities >= threshold
    pairs = [
        (evaluation.sensitivity, theirs.recall_score),
        (evaluation.specificity, partial(theirs.recall_score, pos_label=0)),
        (evaluation.accuracy, theirs.accuracy_score),
        (evaluation.balanced_accuracy, theirs.balanced_accuracy_score),
        (evaluation.ppv, partial(theirs.precision_score, zero_division=np.nan)),
        (evaluation.npv, partial(theirs.precision_score, pos_label=0, zero_division=np.nan)),
        (evaluation.f1, partial(theirs.f1_score, zero_division=0)),
    ]
    for ours, other in pairs:
        expected = pytest.approx(other(labels, called), nan_ok=True)
        assert ours(labels, probabilities, threshold) == expected, ours.__name__
    np.testing.assert_array_equal(
        evaluation.confusion(labels, probabilities, threshold), theirs.confusion_matrix(labels, called, labels=[0, 1])
    )


@few
@given(cases())
def test_youdens_threshold_is_the_best_of_all_cuts(case):
    labels, probabilities = case
    false, true, _ = theirs.roc_curve(labels, probabilities, drop_intermediate=False)
    threshold = evaluation.youden_threshold(labels, probabilities)
    youden = evaluation.sensitivity(labels, probabilities, threshold) + evaluation.specificity(
        labels, probabilities, threshold
    )
    # The cut above every probability calls nobody; it is 0, and is left out as another one is always as good.
    assert youden - 1 == pytest.approx((true - false)[1:].max())


@few
@given(cases(), st.floats(0.05, 1))
def test_the_threshold_for_a_sensitivity_is_the_highest_that_reaches_it(case, target):
    labels, probabilities = case
    threshold = evaluation.threshold_at_sensitivity(labels, probabilities, target)
    assert evaluation.sensitivity(labels, probabilities, threshold) >= target - 1e-9
    higher = probabilities[probabilities > threshold].min(initial=1.0) + 1e-9
    if higher <= 1:
        assert evaluation.sensitivity(labels, probabilities, higher) < target


@few
@given(cases(), st.integers(0, 39).map(lambda step: step / 40))
def test_net_benefit_is_that_of_a_loop_over_patients(case, threshold):
    labels, probabilities = case
    curve = evaluation.net_benefit(labels, probabilities, [threshold])
    gain = {(1, True): 1.0, (0, True): -threshold / (1 - threshold)}
    rows = list(zip(labels.tolist(), probabilities.tolist(), strict=True))
    treated = sum(gain.get((label, probability >= threshold), 0.0) for label, probability in rows)
    everybody = sum(gain[label, True] for label, _ in rows)
    assert curve.model[0] == pytest.approx(treated / len(rows))
    assert curve.treat_all[0] == pytest.approx(everybody / len(rows))


# Calibration ---------------------------------------------------------------------------------------------------------


@few
@given(cases())
def test_brier_is_that_of_scikit_learn(case):
    labels, probabilities = case
    assert evaluation.brier(labels, probabilities) == pytest.approx(theirs.brier_score_loss(labels, probabilities))


def test_the_calibration_error_is_that_of_torchmetrics():
    random = np.random.default_rng(0)
    for bins in (5, 10, 15):
        probabilities = random.random(300)
        labels = (random.random(300) < probabilities**2).astype(int)
        other = binary_calibration_error(torch.tensor(probabilities), torch.tensor(labels), n_bins=bins, norm="l1")
        ours = evaluation.expected_calibration_error(labels, probabilities, bins=bins)
        assert ours == pytest.approx(float(other), abs=1e-5)


# Intervals and tests -------------------------------------------------------------------------------------------------


def test_delongs_interval_is_that_of_the_published_computed_tomography_readings():
    """109 readings of Hanley & McNeil 1982, table I, from 1, surely normal, to 5, surely not.

    Stata's manual of roctab gives them an area of 0.8932 and DeLong's interval, 0.83295 to 0.95339. A reader who says
    the same of everybody has an area of 0.5 without variance, so the difference to him has the same interval less 0.5.
    """
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    readings = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], normal + abnormal)
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])
    test = evaluation.delong(labels, readings, np.ones(len(labels)))
    assert test.auc_a == pytest.approx(0.8932, abs=5e-5)
    assert test.auc_b == 0.5
    assert test.difference.low == pytest.approx(0.83295 - 0.5, abs=5e-6)
    assert test.difference.high == pytest.approx(0.95339 - 0.5, abs=5e-6)


@few
@given(cases(least=6), st.integers(0, 2**32 - 1))
def test_delong_of_two_readers_exchanged_has_the_opposite_sign_and_the_same_p_value(case, seed):
    labels, a = case
    b = np.random.default_rng(seed).permutation(a)
    try:
        one = evaluation.delong(labels, a, b)
    except ValueError:  # no variance: no test, whichever comes first
        with pytest.raises(ValueError, match="no variance"):
            evaluation.delong(labels, b, a)
        return
    other = evaluation.delong(labels, b, a)
    assert other.difference.estimate == pytest.approx(-one.difference.estimate)
    assert other.p_value == pytest.approx(one.p_value)


@pytest.mark.parametrize("only_a", range(7))
@pytest.mark.parametrize("only_b", range(7))
def test_mcnemars_p_value_is_counted_from_all_tosses(only_a, only_b):
    correct_a = np.repeat([True, False, True], [only_a, only_b, 4])
    correct_b = np.repeat([False, True, True], [only_a, only_b, 4])
    tosses = only_a + only_b
    as_rare = sum(comb(tosses, heads) for heads in range(tosses + 1) if abs(2 * heads - tosses) >= abs(only_a - only_b))
    assert evaluation.mcnemar_exact(correct_a, correct_b).p_value == pytest.approx(as_rare / 2**tosses)


@few
@given(cases(least=8), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_an_interval_of_a_mean_of_squares_lies_in_0_to_1_and_depends_on_no_name_of_a_patient(case, patients, seed):
    labels, probabilities = case
    groups = np.arange(len(labels)) % patients
    interval = evaluation.bootstrap(
        labels, probabilities, groups, evaluation.brier, draws=20, rng=np.random.default_rng(seed)
    )
    assert 0 <= interval.low <= interval.high <= 1
    # However the patients are called and in whichever order their images come, they are the same patients.
    renamed = np.array([f"patient {group:02d}" for group in groups])
    again = evaluation.bootstrap(
        labels, probabilities, renamed, evaluation.brier, draws=20, rng=np.random.default_rng(seed)
    )
    assert again == interval


# Threads -------------------------------------------------------------------------------------------------------------

TOLERANCE = 1e-3
"""By how much a logit may differ on another number of threads: sums are then added up in another order."""


def trained_logits(bright_and_dark, folder, threads: int) -> np.ndarray:
    pixels, labels = bright_and_dark
    parts = [Images(pixels=pixels, rows=rows, labels=labels[rows]) for rows in (np.arange(64), np.arange(64, 96))]
    config = TrainingConfig(epochs=3, batch_size=16, optimizer=OptimizerConfig(learning_rate=0.01))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        network = models.build(CNNConfig(width=4, depth=2), make_generator(0, 0, "weights"))
        training.fit(network, *parts, config, seed=0, checkpoint=folder / f"{threads}.ckpt", progress=False)
        return training.predict(network, parts[1])
    finally:
        torch.set_num_threads(before)


def test_a_run_on_another_number_of_threads_gives_the_same_logits_to_a_thousandth(bright_and_dark, tmp_path):
    one, three = (trained_logits(bright_and_dark, tmp_path, threads) for threads in (1, 3))
    assert np.abs(one).max() > 100 * TOLERANCE  # the logits say something
    np.testing.assert_allclose(three, one, atol=TOLERANCE)
