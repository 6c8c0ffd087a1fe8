"""Standardised grey levels."""

from typing import get_args

import numpy as np
import pytest
from scipy.stats import rankdata

from pneumo.data.decode import ResizeRule
from pneumo.data.grey import GreyRule, standardise
from pneumo.experiments import config


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(120, 30, (3, 20, 24)).clip(0, 255).astype(np.uint8)


def test_images_as_they_are_stay_as_they_are():
    np.testing.assert_array_equal(standardise(noise(), "as-is"), noise())


def test_equalised_grey_levels_are_the_ranks_of_the_pixels():
    images = noise()
    for image, standard in zip(images, standardise(images, "equalised"), strict=True):
        share = (rankdata(image) - 0.5) / image.size  # a tie has the mean of its ranks
        np.testing.assert_array_equal(standard, np.rint(255 * share.reshape(image.shape)).astype(np.uint8))


def test_an_increasing_tone_curve_leaves_no_trace_in_equalised_grey_levels():
    images = noise() // 4 * 4
    curve = np.rint(255 * (np.arange(256) / 255) ** 0.7).astype(np.uint8)
    assert len(np.unique(curve[::4])) == 64  # it maps no two of these levels to one
    np.testing.assert_array_equal(standardise(curve[images], "equalised"), standardise(images, "equalised"))


def test_percentiles_become_black_and_white():
    # 101 pixels, one of each level: the first percentile is the second lowest, the 99th the second highest.
    image = np.arange(100, 201, dtype=np.uint8).reshape(1, 1, 101)
    standard = standardise(image, "percentiles")[0, 0]
    assert standard[:2].tolist() == [0, 0]
    assert standard[-2:].tolist() == [255, 255]
    assert standard[50] == 128  # the middle, 49 of 98 steps: 127.5, rounded to even


@pytest.mark.parametrize(("rule", "level"), [("equalised", 128), ("percentiles", 77)])
def test_an_image_of_one_grey_level_is_no_error(rule, level):
    assert np.unique(standardise(np.full((1, 4, 4), 77, np.uint8), rule)).tolist() == [level]


def test_an_unknown_rule_and_other_arrays_are_refused():
    with pytest.raises(ValueError, match='grey="clahe" is unknown; use one of as-is, equalised, percentiles'):
        standardise(noise(), "clahe")
    with pytest.raises(ValueError, match="float64 of shape"):
        standardise(noise() / 255, "equalised")


def test_a_configuration_allows_the_rules_that_there_are():
    assert get_args(config.Grey) == get_args(GreyRule)
    assert get_args(config.Resize) == get_args(ResizeRule)
