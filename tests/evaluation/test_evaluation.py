"""Metrics against scikit-learn, scipy, brute force and numbers worked out by hand."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from pneumo import evaluation
from pneumo.evaluation.intervals import resample, usual_statistics

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
PROBABILITIES = np.array([0.1, 0.2, 0.6, 0.3, 0.4, 0.7, 0.8, 0.9, 0.35, 0.95])
# At 0.5: three true negatives, one false positive (0.6), two false negatives (0.4, 0.35), four true positives.


@pytest.fixture
def rng():
    return np.random.default_rng(20240607)


def predictions(rng, images=60, separation=1.5):
    """Labels of both classes and probabilities with many ties."""
    labels = np.r_[0, 1, rng.integers(0, 2, images - 2)]
    logits = rng.normal(size=images) + separation * (labels - 0.5)
    return labels, np.clip(np.round(1 / (1 + np.exp(-logits)), 1), 0.1, 0.9)


# Discrimination ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(evaluation.auc, roc_auc_score), (evaluation.average_precision, average_precision_score)],
)
def test_ranking_metrics_agree_with_scikit_learn_on_tied_scores(ours, theirs, rng):
    for _ in range(20):
        labels, probabilities = predictions(rng)
        assert ours(labels, probabilities) == pytest.approx(theirs(labels, probabilities), abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (evaluation.auc, roc_auc_score),
        (evaluation.average_precision, average_precision_score),
        (evaluation.brier, brier_score_loss),
        (evaluation.log_loss, log_loss),
    ],
)
def test_a_weight_of_k_counts_an_image_k_times(ours, theirs, rng):
    labels, probabilities = predictions(rng)
    weights = np.r_[1, 1, rng.integers(0, 4, 58)]
    expected = theirs(np.repeat(labels, weights), np.repeat(probabilities, weights))
    assert ours(labels, probabilities, weights=weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("statistic", usual_statistics(0.5).values(), ids=usual_statistics(0.5))
def test_many_draws_at_once_give_what_each_gives_alone(statistic, rng):
    labels, probabilities = predictions(rng)
    weights = rng.integers(1, 4, (3, 2, len(labels)))
    alone = [[float(statistic(labels, probabilities, weights=draw)) for draw in draws] for draws in weights]
    np.testing.assert_allclose(statistic(labels, probabilities, weights=weights), alone, atol=1e-12)


def test_auc_counts_ordered_pairs_by_hand():
    # Positives 0.8 and 0.4 against negatives 0.4 and 0.2: won, won, tied, won.
    assert evaluation.auc([1, 1, 0, 0], [0.8, 0.4, 0.4, 0.2]) == 3.5 / 4


def test_a_probability_of_0_for_the_true_class_costs_as_much_as_in_scikit_learn():
    assert evaluation.log_loss([0, 1], [0.5, 0.0]) == pytest.approx(log_loss([0, 1], [0.5, 0.0]))


def test_auc_takes_scores_that_are_no_probabilities():
    assert evaluation.auc([0, 0, 1], [-700.0, 1200.0, 1500.0]) == 1


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_auc_of_reversed_scores_is_the_complement(rows):
    labels, scores = map(np.array, zip(*rows, strict=True))
    labels[:2] = 0, 1
    assert evaluation.auc(labels, -scores) == pytest.approx(1 - evaluation.auc(labels, scores))


def test_confusion_puts_true_classes_in_rows_and_called_classes_in_columns():
    assert evaluation.confusion(LABELS, PROBABILITIES, 0.5).tolist() == [[3, 1], [2, 4]]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (evaluation.sensitivity, 4 / 6),
        (evaluation.specificity, 3 / 4),
        (evaluation.accuracy, 7 / 10),
        (evaluation.balanced_accuracy, (4 / 6 + 3 / 4) / 2),
        (evaluation.ppv, 4 / 5),
        (evaluation.npv, 3 / 5),
        (evaluation.f1, 8 / 11),
    ],
)
def test_metrics_at_a_threshold_by_hand(metric, expected):
    assert metric(LABELS, PROBABILITIES, 0.5) == pytest.approx(expected)


def test_an_image_at_the_threshold_is_called_positive():
    assert evaluation.sensitivity([0, 1], [0.2, 0.5], 0.5) == 1


def test_ppv_is_not_a_number_where_nothing_is_called_positive():
    assert np.isnan(evaluation.ppv(LABELS, PROBABILITIES, 1.0))


def test_small_integer_weights_do_not_overflow():
    cells = evaluation.confusion([0, 1], [0.1, 0.9], 0.5, weights=np.array([200, 200], dtype=np.uint8))
    assert cells.sum() == 400


# Thresholds ----------------------------------------------------------------------------------------------------------


def test_youden_threshold_lies_midway_below_the_best_cut():
    # Cuts at 0.7 and above find 4 of 6 with no false alarm (J = 4/6); at 0.35 all 6 with one of four (J = 3/4).
    assert evaluation.youden_threshold(LABELS, PROBABILITIES) == pytest.approx((0.35 + 0.3) / 2)


def test_youden_threshold_of_two_equal_cuts_is_the_more_sensitive():
    # J = 1/2 at 0.9 (1 of 2, none wrong) and at 0.6 (2 of 2, 1 of 2 wrong).
    assert evaluation.youden_threshold([0, 0, 1, 1], [0.1, 0.7, 0.6, 0.9]) == pytest.approx(0.35)


@pytest.mark.parametrize(("target", "lowest_called"), [(1.0, 0.35), (5 / 6, 0.4), (0.84, 0.35), (0.5, 0.8)])
def test_threshold_at_sensitivity_calls_just_enough_positives(target, lowest_called):
    threshold = evaluation.threshold_at_sensitivity(LABELS, PROBABILITIES, target)
    assert PROBABILITIES[threshold <= PROBABILITIES].min() == lowest_called


def test_threshold_below_the_lowest_probability_is_half_of_it():
    assert evaluation.threshold_at_sensitivity([0, 1], [0.9, 0.4], 1.0) == pytest.approx(0.2)


@pytest.mark.parametrize(("positives", "target", "called"), [(20, 0.95, 19), (25, 0.56, 14)])
def test_a_whole_share_of_the_positives_needs_no_further_one(positives, target, called):
    labels, probabilities = np.r_[np.ones(positives, int), 0], np.r_[np.arange(positives, 0, -1) / positives, 0.01]
    threshold = evaluation.threshold_at_sensitivity(labels, probabilities, target)
    assert (probabilities >= threshold).sum() == called


def test_specificity_at_sensitivity_by_hand():
    # All six positives need the cut at 0.35, where one of four negatives (0.6) is called.
    assert evaluation.specificity_at_sensitivity(LABELS, PROBABILITIES, 1.0) == 3 / 4


def test_ppv_at_prevalence_follows_bayes():
    # Of 1000 patients 100 are ill: 90 found, and 90 of the 900 others called as well.
    assert evaluation.ppv_at_prevalence(0.9, 0.9, 0.1) == pytest.approx(0.5)


def test_net_benefit_by_hand():
    curve = evaluation.net_benefit(LABELS, PROBABILITIES, [0.0, 0.5])
    # At 0.5: 4/10 - 1/10 · 1; at 0 everybody is treated.
    assert curve.model == pytest.approx([0.6, 0.3])
    assert curve.treat_all == pytest.approx([0.6, 0.6 - 0.4])


def test_net_benefit_at_another_prevalence_reweights_the_classes():
    curve = evaluation.net_benefit(LABELS, PROBABILITIES, [0.5], prevalence=0.2)
    assert curve.model == pytest.approx([0.2 * 4 / 6 - 0.8 * 1 / 4])


# Calibration ---------------------------------------------------------------------------------------------------------


def test_expected_calibration_error_by_hand():
    # Bins (0, 0.5] and (0.5, 1]: mean probability 0.3 against 1 of 2, and 0.8 against 2 of 2.
    error = evaluation.expected_calibration_error([0, 1, 1, 1], [0.1, 0.5, 0.6, 1.0], bins=2)
    assert error == pytest.approx((2 * 0.2 + 2 * 0.2) / 4)


def test_calibration_slope_agrees_with_scikit_learn(rng):
    labels, probabilities = predictions(rng, images=200)
    logits = np.log(probabilities / (1 - probabilities))
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, None], labels)
    assert evaluation.calibration_slope(labels, probabilities) == pytest.approx(fit.coef_[0, 0], rel=1e-5)


def test_calibration_intercept_makes_the_expected_positives_the_observed_ones(rng):
    labels, probabilities = predictions(rng, images=200)
    intercept = evaluation.calibration_intercept(labels, probabilities)
    shifted = 1 / (1 + np.exp(-intercept) * (1 - probabilities) / probabilities)
    assert shifted.sum() == pytest.approx(labels.sum())


def test_calibration_intercept_of_saturated_probabilities_by_hand():
    # Both are given all but 1, one of them is positive: their logit, log(1e7 - 1), has to be taken back.
    assert evaluation.calibration_intercept([0, 1], [1.0, 1.0]) == pytest.approx(-np.log(1e7 - 1))


@pytest.mark.parametrize("probabilities", [[0.2, 0.4, 0.4, 0.5], [0.3, 0.3, 0.3, 0.3], [1e-9, 3e-9, 2e-9, 4e-9]])
def test_calibration_slope_is_not_a_number_where_none_is_steep_enough(probabilities):
    assert np.isnan(evaluation.calibration_slope([0, 0, 1, 1], probabilities))


def test_temperature_minimises_the_cross_entropy(rng):
    labels, probabilities = predictions(rng, images=200)
    best = minimize_scalar(
        lambda t: log_loss(labels, evaluation.recalibrate(probabilities, t)), bounds=(0.1, 10), method="bounded"
    )
    assert evaluation.temperature(labels, probabilities) == pytest.approx(best.x, rel=1e-3)


def test_temperature_of_recalibrated_probabilities_is_divided_by_theirs(rng):
    labels, probabilities = predictions(rng, images=200)
    sharper = evaluation.recalibrate(probabilities, 0.5)
    assert evaluation.temperature(labels, sharper) == pytest.approx(2 * evaluation.temperature(labels, probabilities))


def test_recalibration_at_temperature_2_by_hand():
    # The odds 9 become 3.
    assert evaluation.recalibrate([0.9], 2.0) == pytest.approx([0.75])


def test_reliability_curve_leaves_empty_bins_out_and_gives_wilsons_interval():
    labels, probabilities = np.r_[np.ones(8, int), 0, 0], np.full(10, 0.85)
    curve = evaluation.reliability_curve(labels, probabilities, bins=10)
    assert curve.images.tolist() == [10]
    assert curve.observed_share == pytest.approx([0.8])
    # Wilson's interval of 8 in 10, as tabulated: 0.490 to 0.943.
    assert [*curve.low, *curve.high] == pytest.approx([0.490, 0.943], abs=5e-4)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [([0, 1], [0.1, 0.9], "right side"), ([0, 0, 1, 1], [0.9, 0.8, 0.1, 0.7], "wrong way")],
)
def test_temperature_refuses_predictions_without_a_best_one(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        evaluation.temperature(labels, probabilities)


# Intervals -----------------------------------------------------------------------------------------------------------


def test_a_draw_takes_all_images_of_a_patient_equally_often(rng):
    groups = np.array(list("aabbbcddef"))
    counts = resample(LABELS, groups, draws=50, rng=rng)
    for patient in "abd":
        same = counts[:, groups == patient]
        assert (same == same[:, :1]).all()


def test_a_draw_takes_as_many_patients_of_each_class_as_there_are(rng):
    counts = resample(LABELS, None, draws=50, rng=rng)
    assert (counts[:, LABELS == 0].sum(axis=1) == 4).all()
    assert (counts[:, LABELS == 1].sum(axis=1) == 6).all()


def test_vectorised_bootstrap_equals_a_loop_over_the_same_draws(rng):
    labels, probabilities = predictions(rng, images=40)
    groups = rng.integers(0, 15, 40)
    counts = resample(labels, groups, draws=200, rng=np.random.default_rng(7))
    loop = [roc_auc_score(np.repeat(labels, row), np.repeat(probabilities, row)) for row in counts]
    interval = evaluation.bootstrap(
        labels, probabilities, groups, evaluation.auc, draws=200, rng=np.random.default_rng(7)
    )
    expected = roc_auc_score(labels, probabilities), *np.quantile(loop, [0.025, 0.975])
    assert (interval.estimate, interval.low, interval.high) == pytest.approx(expected)


def test_patients_with_several_images_are_covered_by_drawing_patients_and_missed_by_drawing_images():
    """80 patients of 6 images, most of the variance between patients; the true AUC is known in closed form."""
    truth = norm.cdf(1 / np.sqrt(2 * (1 + 0.25)))
    groups = np.repeat(np.arange(80), 6)
    labels = (groups >= 40).astype(int)
    hits = {"patients": 0, "images": 0}
    for repetition in range(60):
        rng = np.random.default_rng(repetition)
        scores = labels + rng.normal(size=80)[groups] + 0.5 * rng.normal(size=480)
        for unit, drawn in (("patients", groups), ("images", None)):
            interval = evaluation.bootstrap(labels, scores, drawn, evaluation.auc, draws=200, rng=rng)
            hits[unit] += interval.low <= truth <= interval.high
    assert hits["patients"] >= 52  # 57 expected at 95 %; fewer than 52 has a chance of 0.3 %
    assert hits["images"] <= 45  # the interval is about half as wide as it should be


def test_several_seeds_give_the_mean_of_their_metric(rng):
    labels, first = predictions(rng)
    second = rng.permutation(first)
    interval = evaluation.bootstrap(labels, [first, second], None, evaluation.auc, draws=20, rng=rng)
    expected = (roc_auc_score(labels, first) + roc_auc_score(labels, second)) / 2
    assert interval.estimate == pytest.approx(expected)


def test_paired_difference_to_a_model_itself_is_exactly_zero(rng):
    labels, probabilities = predictions(rng)
    pair = probabilities, probabilities
    interval = evaluation.paired_bootstrap(labels, pair, None, evaluation.auc, draws=50, rng=rng)
    assert interval == evaluation.Interval(0, 0, 0)


def test_paired_difference_by_hand(rng):
    calls = (LABELS, np.ones(10))
    specificity = partial(evaluation.specificity, threshold=0.5)
    # A perfect model against one that calls everybody: 1 - 0 in every draw.
    assert evaluation.paired_bootstrap(LABELS, calls, None, specificity, rng=rng) == evaluation.Interval(1, 1, 1)


def test_an_interval_is_not_a_number_where_a_draw_is_undefined(rng):
    # Only one image reaches 0.95, so many draws call nobody.
    statistic = partial(evaluation.ppv, threshold=0.95)
    interval = evaluation.bootstrap(LABELS, PROBABILITIES, None, statistic, draws=50, rng=rng)
    assert interval.estimate == 1
    assert np.isnan([interval.low, interval.high]).all()


def test_summary_holds_the_metrics_at_the_given_threshold(rng):
    summary = evaluation.summary(LABELS, PROBABILITIES, None, 0.5, draws=20, rng=rng)
    assert summary["sensitivity"].estimate == pytest.approx(4 / 6)
    assert summary["auc"].estimate == pytest.approx(roc_auc_score(LABELS, PROBABILITIES))


def test_summary_gives_every_seed_its_own_threshold(rng):
    rows = np.stack([PROBABILITIES, PROBABILITIES])
    summary = evaluation.summary(LABELS, rows, None, [0.5, 0.65], draws=20, rng=rng)
    assert summary["specificity"].estimate == pytest.approx((3 / 4 + 1) / 2)


def test_the_same_generator_state_gives_the_same_interval():
    first, second = (
        evaluation.summary(LABELS, PROBABILITIES, None, 0.5, draws=50, rng=np.random.default_rng(3))["auc"]
        for _ in range(2)
    )
    assert first == second


# Two models ----------------------------------------------------------------------------------------------------------


def delong_by_pairs(labels, a, b):
    """Difference of AUCs and its variance from all pairs, as DeLong et al. 1988 write it."""
    aucs, by_positive, by_negative = [], [], []
    for scores in (a, b):
        positive, negative = scores[labels == 1][:, None], scores[labels == 0][None, :]
        wins = (positive > negative) + 0.5 * (positive == negative)
        aucs.append(wins.mean())
        by_positive.append(wins.mean(axis=1))
        by_negative.append(wins.mean(axis=0))
    contrast = np.array([1, -1])
    covariance = np.cov(by_positive) / len(by_positive[0]) + np.cov(by_negative) / len(by_negative[0])
    return aucs[0] - aucs[1], contrast @ covariance @ contrast


def test_delong_agrees_with_the_comparison_of_all_pairs(rng):
    labels, a = predictions(rng)
    b = np.clip(np.round(a + rng.normal(scale=0.3, size=60), 1), 0, 1)
    difference, variance = delong_by_pairs(labels, a, b)
    test = evaluation.delong(labels, a, b)
    assert test.difference.estimate == pytest.approx(difference)
    assert test.difference.high - difference == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)
    assert test.p_value == pytest.approx(2 * norm.cdf(-abs(difference) / np.sqrt(variance)))
    assert test.auc_a == pytest.approx(roc_auc_score(labels, a))


def test_delong_of_a_model_with_itself_has_p_value_1():
    assert evaluation.delong(LABELS, PROBABILITIES, PROBABILITIES).p_value == 1


def test_delong_refuses_a_difference_without_variance():
    with pytest.raises(ValueError, match="no variance"):
        evaluation.delong([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.5, 0.5, 0.5, 0.5])


def test_mcnemar_by_hand():
    correct_a = np.repeat([True, True, False, False], [5, 10, 2, 3])
    correct_b = np.repeat([True, False, True, False], [5, 10, 2, 3])
    test = evaluation.mcnemar_exact(correct_a, correct_b)
    assert (test.only_a, test.only_b) == (10, 2)
    # Twelve tosses with at most two of one side: (1 + 12 + 66) / 4096, twice.
    assert test.p_value == pytest.approx(2 * 79 / 4096)


def test_mcnemar_of_models_that_never_disagree_has_p_value_1():
    assert evaluation.mcnemar_exact([True, False], [True, False]).p_value == 1


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([], [], "no images"),
        ([0, 1], [0.5], "one length"),
        ([1, 1], [0.5, 0.6], "all 2 labels are 1"),
        ([0, 2], [0.5, 0.6], "labels hold 2"),
        ([0, 1, 1], [0.5, np.nan, np.nan], "2 of 3 probabilities are NaN"),
        ([0, 1, 1], [0.5, 1.5, -3.0], r"2 of 3 probabilities are outside \[0, 1\], the first is 1.5"),
    ],
)
def test_unusable_predictions_are_refused_by_value(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        evaluation.brier(labels, probabilities)


def test_images_without_a_patient_are_not_taken_for_one_patient(rng):
    with pytest.raises(ValueError, match="10 of 10 images have no patient; pass groups=None"):
        evaluation.bootstrap(LABELS, PROBABILITIES, [""] * 10, evaluation.auc, rng=rng)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluation.sensitivity(LABELS, PROBABILITIES, 1.5), r"threshold=1.5 must be in \[0, 1\]"),
        (lambda: evaluation.threshold_at_sensitivity(LABELS, PROBABILITIES, 95), "target=95"),
        (lambda: evaluation.net_benefit(LABELS, PROBABILITIES, [0.5, 1.0]), "threshold 1.0"),
        (lambda: evaluation.reliability_curve(LABELS, PROBABILITIES, bins=0), "bins=0"),
        (lambda: evaluation.recalibrate(PROBABILITIES, -1.0), "temperature=-1.0"),
        (lambda: evaluation.auc(LABELS, PROBABILITIES, weights=[1, 2]), "each of the 10 images"),
        (lambda: evaluation.mcnemar_exact([1, 0], [1, 1]), "must be bool"),
        (lambda: evaluation.mcnemar_exact([True], [True, False]), "one length"),
        (lambda: evaluation.bootstrap(LABELS, PROBABILITIES, ["a"], evaluation.auc, rng=None), "groups"),
        (lambda: evaluation.summary(LABELS, [PROBABILITIES] * 2, None, 0.5, rng=None), "1 thresholds for 2 rows"),
    ],
)
def test_an_argument_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_calibration_slope_too_steep_to_be_found_is_undefined_and_hurts_no_other_draw():
    labels = np.r_[np.zeros(50, int), np.ones(50, int)]
    logits = np.r_[np.full(50, -0.001), np.full(50, 0.001)]
    logits[[0, 50]] = [0.001, -0.001]  # one image of each class on the wrong side: slope 1000 · log(49)
    probabilities = 1 / (1 + np.exp(-logits))
    steep = evaluation.calibration_slope(labels, probabilities)
    easy = 1 / (1 + np.exp(-np.r_[np.linspace(-3, 1, 50), np.linspace(-1, 3, 50)]))
    assert np.isnan(steep)
    assert np.isfinite(evaluation.calibration_slope(labels, easy))


def test_an_interval_is_written_with_three_decimals():
    assert str(evaluation.Interval(0.95349, 0.9, 1.0)) == "0.953 (0.900 to 1.000)"


def pairs_of_one_group(groups, labels, scores, counts):
    """Pair by pair."""
    right = total = 0.0
    for i in np.flatnonzero(labels == 1):
        for j in np.flatnonzero(labels == 0):
            if groups[i] == groups[j]:
                weight = counts[i] * counts[j]
                right += weight * ((scores[i] > scores[j]) + (scores[i] == scores[j]) / 2)
                total += weight
    return right / total


def test_pairs_within_groups_are_counted_as_one_by_one_would_also_in_draws():
    random = np.random.default_rng(0)
    groups, labels = random.integers(0, 4, 60), random.integers(0, 2, 60)
    scores, counts = random.integers(0, 8, 60) / 8, random.integers(0, 3, (5, 60))
    expected = [pairs_of_one_group(groups, labels, scores, row) for row in counts]
    np.testing.assert_allclose(evaluation.auc_within_groups(labels, scores, groups, weights=counts), expected)
    alone = evaluation.auc_within_groups(labels, scores, groups)
    assert alone == pytest.approx(pairs_of_one_group(groups, labels, scores, np.ones(60)))


def test_groups_of_one_class_have_no_pairs():
    assert np.isnan(evaluation.auc_within_groups([0, 1], [0.1, 0.2], ["a", "b"]))
