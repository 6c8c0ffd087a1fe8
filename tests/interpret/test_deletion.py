"""Deletion and insertion curves of a network that reads one known place."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pneumo.interpret import area_under_curves, curves
from pneumo.interpret.deletion import BLUR_SHARE, pixel_ranks


def images() -> np.ndarray:
    """Dark, with a bright patch of 4 x 4 pixels at the top left."""
    array = np.full((2, 20, 20), 20, dtype=np.uint8)
    array[:, 2:6, 2:6] = 240
    return array


def patch_brightness(array: np.ndarray) -> np.ndarray:
    return array[:, 2:6, 2:6].mean(axis=(1, 2)) / 255


def patch_map(inside: float) -> np.ndarray:
    maps = np.full((2, 20, 20), 0.5)
    maps[:, 2:6, 2:6] = inside
    return maps


def test_the_first_step_takes_the_most_important_pixels_and_the_last_all():
    found = curves(patch_brightness, images(), patch_map(1.0), "deletion", steps=25)
    blurred = gaussian_filter(images()[0], BLUR_SHARE * 20, mode="nearest")
    assert found.shape == (2, 26)
    assert found[0, 0] == pytest.approx(240 / 255)
    # One step of 25 is the 16 pixels of the patch.
    np.testing.assert_allclose(found[:, 1:], blurred[2:6, 2:6].mean() / 255)


def test_a_map_that_names_the_place_falls_earlier_than_one_that_names_all_else():
    right, wrong = (
        area_under_curves(curves(patch_brightness, images(), patch_map(level), "deletion")) for level in (1.0, 0.0)
    )
    assert (right < wrong).all()
    right, wrong = (
        area_under_curves(curves(patch_brightness, images(), patch_map(level), "insertion")) for level in (1.0, 0.0)
    )
    assert (right > wrong).all()


def test_insertion_ends_with_the_image_and_begins_with_the_blurred_one():
    found = curves(patch_brightness, images(), patch_map(1.0), "insertion", steps=4)
    assert found[0, -1] == pytest.approx(240 / 255)
    assert found[0, 0] == pytest.approx(gaussian_filter(images()[0], 2, mode="nearest")[2:6, 2:6].mean() / 255)


def test_ranks_are_those_of_a_sort_and_ties_keep_their_order():
    ranks = pixel_ranks(np.array([[[0.1, 0.9], [0.9, 0.5]]]))
    assert ranks.tolist() == [[[3, 0], [1, 2]]]


@pytest.mark.parametrize(
    ("change", "named"), [({"kind": "removal"}, "kind='removal'"), ({"steps": 0}, "steps=0"), ({}, "maps")]
)
def test_what_makes_no_curve_is_refused_by_name(change, named):
    maps = patch_map(1.0) if change else patch_map(1.0)[:1]
    arguments = {"kind": "deletion", **change}
    with pytest.raises(ValueError, match=named):
        curves(patch_brightness, images(), maps, **arguments)
