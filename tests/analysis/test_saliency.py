"""Saliency inside a mask, on maps of four pixels."""

import numpy as np
import pytest

from pneumo import plots
from pneumo.analysis import saliency

MAPS = np.array([[[3.0, 1], [0, 0]], [[0, 0], [0, 2]], [[0, 0], [0, 0]]])
LEFT = np.array([[True, False], [True, False]])


def test_saliency_is_counted_by_its_share_inside_the_mask_and_by_its_maximum():
    row = saliency.saliency_in_mask({"network": MAPS}, LEFT).iloc[0]
    # Shares 3/4 and 0, of the third there is none; one maximum of three lies on the left.
    assert (row["images"], row["area"]) == (3, 0.5)
    deviation = 0.75 / np.sqrt(2)
    assert row["inside"].estimate == pytest.approx(0.375)
    assert row["inside"].high == pytest.approx(0.375 + 1.96 * deviation / np.sqrt(2))
    assert row["maximum inside"].estimate == pytest.approx(1 / 3)
    # Wilson's interval of 1 in 3.
    centre, half = 1 / 3 + 1.96**2 / 6, 1.96 * np.sqrt(2 / 27 + 1.96**2 / 36)
    bounds = np.array([centre - half, centre + half]) / (1 + 1.96**2 / 3)
    assert (row["maximum inside"].low, row["maximum inside"].high) == pytest.approx(bounds, abs=1e-4)


def test_the_centre_prior_is_a_round_gaussian_the_same_for_all():
    maps = saliency.centre_prior((2, 100, 50), deviation=0.15)
    np.testing.assert_array_equal(maps[0], maps[1])
    rows = maps[0].sum(axis=1) / maps[0].sum()
    place = (np.arange(100) + 0.5) / 100
    assert rows @ place == pytest.approx(0.5)
    assert np.sqrt(rows @ (place - 0.5) ** 2) == pytest.approx(0.15, rel=0.01)
    assert maps[0].max() == 1
    assert maps[0, 49, 24] == 1


def test_saliency_maps_outline_the_mask_and_leave_an_empty_one_out():
    images = np.full((2, 2, 2), 100, np.uint8)
    masks = np.stack([LEFT, np.zeros((2, 2), bool)])
    axes = plots.saliency_maps(images, MAPS[:2] / 3, masks, ["a", "b"], columns=2)
    assert [len(ax.collections) for ax in axes.flat] == [1, 0]
    red, green, blue = axes[0, 0].images[-1].get_array()[0, 0]
    assert red > green > blue
    assert axes[0, 0].images[-1].get_array()[1, 1].tolist() == [100] * 3
