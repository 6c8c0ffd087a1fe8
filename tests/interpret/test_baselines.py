"""Maps that know nothing: as smooth as Grad-CAM, another for each image."""

import numpy as np
import pytest

from pneumo.interpret import random_maps


def test_random_maps_are_interpolated_between_the_numbers_of_a_coarse_grid():
    maps = random_maps((3, 20, 20), np.random.default_rng(0))
    grids = np.random.default_rng(0).random((3, 5, 5))
    # The middle of a place lies between pixels 4 k + 1 and 4 k + 2, each an eighth of the way to the next place.
    around = maps.reshape(3, 5, 4, 5, 4)[:, :, 1:3, :, 1:3].mean(axis=(2, 4))[:, 1:4, 1:4]
    rows = grids[:, 1:4] * 7 / 8 + (grids[:, :3] + grids[:, 2:]) / 16
    np.testing.assert_allclose(around, rows[:, :, 1:4] * 7 / 8 + (rows[:, :, :3] + rows[:, :, 2:]) / 16)
    np.testing.assert_allclose(maps[:, 0, 0], grids[:, 0, 0])
    assert maps.min() >= 0
    assert maps.max() <= 1
    steps = np.abs(np.diff(maps, axis=1))
    assert steps.max() <= 0.25 + 1e-9  # at most the whole range over the four pixels from place to place
    assert not np.array_equal(maps[0], maps[1])


@pytest.mark.parametrize("places", [0, 21])
def test_a_grid_finer_than_the_image_is_refused(places):
    with pytest.raises(
        ValueError, match=f"places={places} makes no grid over images of \\(20, 20\\); use from 1 to 20"
    ):
        random_maps((1, 20, 20), np.random.default_rng(0), places)
