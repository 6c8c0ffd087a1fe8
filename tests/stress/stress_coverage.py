"""The intervals hold the truth as often as they say, where patients have several images."""

import numpy as np
import pytest
from scipy.stats import norm

from pneumo import evaluation

REPETITIONS = 2000


@pytest.mark.parametrize(("patients", "images", "between"), [(150, 3, 1.0), (150, 3, 0.5), (300, 1, 1.0)])
def test_an_interval_of_the_auc_holds_the_truth_in_93_to_97_of_100_studies(patients, images, between):
    """Scores are normal, 1 higher for the ill; `between` is their standard deviation among patients, 0.5 within one."""
    truth = norm.cdf(1 / np.sqrt(2 * (between**2 + 0.25)))
    groups = np.repeat(np.arange(patients), images)
    labels = (groups >= patients // 2).astype(int)
    held = 0
    for repetition in range(REPETITIONS):
        random = np.random.default_rng(repetition)
        scores = labels + between * random.normal(size=patients)[groups] + 0.5 * random.normal(size=len(groups))
        interval = evaluation.bootstrap(labels, scores, groups, evaluation.auc, draws=400, rng=random)
        held += interval.low <= truth <= interval.high
    print(f"{patients} patients of {images} images: {held / REPETITIONS:.1%}")
    assert 0.93 <= held / REPETITIONS <= 0.97


def test_an_interval_of_a_sensitivity_holds_the_truth_in_93_to_97_of_100_studies():
    """Each ill patient has a chance of his own to be called, 0.7 to 0.9, and three images."""
    groups = np.repeat(np.arange(200), 3)
    labels = (groups >= 100).astype(int)
    held = 0
    for repetition in range(REPETITIONS):
        random = np.random.default_rng(repetition)
        chance = random.uniform(0.7, 0.9, 200)[groups]
        called = np.where(labels == 1, random.random(600) < chance, random.random(600) < 0.2).astype(float)

        def sensitivity(labels, probabilities, weights=None):
            return evaluation.sensitivity(labels, probabilities, 0.5, weights)

        interval = evaluation.bootstrap(labels, called, groups, sensitivity, draws=400, rng=random)
        held += interval.low <= 0.8 <= interval.high
    print(f"sensitivity: {held / REPETITIONS:.1%}")
    assert 0.93 <= held / REPETITIONS <= 0.97


@pytest.mark.parametrize(
    ("seeds", "between_seeds", "separation", "difference"),
    [(3, 0.3, 1.5, 0.0), (3, 0.3, 2.2, 0.3), (5, 0.1, 1.5, 0.0), (5, 0.3, 2.2, 0.3)],
)
def test_an_interval_over_patients_and_seeds_holds_the_truth_in_93_to_98_of_100_studies(
    seeds, between_seeds, separation, difference
):
    """Two recipes on the same patients, two images each. A seed moves how far its recipe separates the classes; each
    network has a noise of its own in every image. The AUC of a separation d is the normal distribution's at
    d / sqrt(2 v).
    """
    groups = np.repeat(np.arange(120), 2)
    labels = (groups >= 60).astype(int)
    variance = 0.8**2 + 0.4**2 + 0.4**2
    truth = np.diff(
        norm.cdf(np.array([separation, separation + difference]) / np.sqrt(2 * variance + between_seeds**2))
    )[0]
    held, false_claims = 0, 0
    for repetition in range(REPETITIONS // 4):
        random = np.random.default_rng(repetition)
        shared = 0.8 * random.normal(size=120)[groups] + 0.4 * random.normal(size=240)

        def trained(mean, random=random, shared=shared):
            networks = mean + between_seeds * random.normal(size=(seeds, 1))
            return labels * networks + shared + 0.4 * random.normal(size=(seeds, 240))

        pair = trained(separation + difference), trained(separation)
        found = evaluation.hierarchical_difference(labels, pair, groups, evaluation.auc, draws=300, rng=random)
        held += found.interval.low <= truth <= found.interval.high
        false_claims += found.p_value <= 0.05
    share = held / (REPETITIONS // 4)
    print(
        f"{seeds} seeds, between them {between_seeds}, difference {truth:.3f}: {share:.1%}, p <= 0.05: {false_claims}"
    )
    assert 0.93 <= share <= 0.98
