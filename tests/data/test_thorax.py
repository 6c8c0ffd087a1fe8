"""The thorax that a matched filter finds: against the phantom, whose lungs are known."""

import numpy as np
import pytest
from PIL import Image

from pneumo.data import PhantomConfig, phantom
from pneumo.data.thorax import FIELD_WIDTH, WHOLE, Box, find_lungs, thorax_field

SOURCE = phantom(PhantomConfig(patients=40, size=128, seed=11)).source


def known_lungs(row: int) -> Box:
    mask = SOURCE.lungs(row)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    size = len(mask)
    return Box(columns[0] / size, rows[0] / size, (columns[-1] + 1) / size, (rows[-1] + 1) / size)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(across, 0) * max(down, 0)
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    return both / (sum(areas) - both)


def test_the_phantoms_lungs_are_found_with_and_without_opacities():
    overlaps = [overlap(find_lungs(SOURCE.image(row)), known_lungs(row)) for row in range(40)]
    assert np.median(overlaps) > 0.85
    assert min(overlaps) > 0.7


def test_the_field_holds_the_phantoms_lungs_but_for_a_little():
    for row in range(20):
        field, lungs = thorax_field(SOURCE.image(row)), known_lungs(row)
        outside = max(field.left - lungs.left, field.top - lungs.top, lungs.right - field.right)
        assert outside < 0.05
        assert lungs.bottom - field.bottom < 0.05


def test_lungs_that_are_moved_and_smaller_are_found_where_they_are():
    small = Image.fromarray(SOURCE.image(1)).resize((96, 96))
    film = np.full((128, 180), int(np.percentile(small, 2)), dtype=np.uint8)
    film[20:116, 60:156] = np.asarray(small)
    lungs = known_lungs(1)
    expected = Box(
        (60 + 96 * lungs.left) / 180,
        (20 + 96 * lungs.top) / 128,
        (60 + 96 * lungs.right) / 180,
        (20 + 96 * lungs.bottom) / 128,
    )
    assert overlap(find_lungs(film), expected) > 0.6


def test_the_field_of_a_stretched_copy_is_the_same_part_of_the_image():
    original = Image.fromarray(SOURCE.image(2)).crop((0, 10, 128, 110))  # 128 x 100
    stretched = np.asarray(original.resize((224, 224)))
    one, other = thorax_field(np.asarray(original)), thorax_field(stretched, 1.28)
    np.testing.assert_allclose(one, other, atol=0.03)
    assert (one.right - one.left) * 1.28 > one.bottom - one.top  # a field is wider than high, in the original's shape


def test_a_field_lies_inside_the_image_and_is_cut_where_the_image_ends():
    for row in range(10):
        tight = SOURCE.image(row)[16:100, 20:108]
        field = thorax_field(tight)
        assert 0 <= field.left < field.right <= 1
        assert 0 <= field.top < field.bottom <= 1
        lungs = find_lungs(tight)
        assert field.right - field.left == pytest.approx(min(FIELD_WIDTH * (lungs.right - lungs.left), 1))


@pytest.mark.parametrize(
    "image", [np.zeros((50, 60), np.uint8), np.zeros((10, 100), np.uint8), np.eye(8, 80, dtype=np.uint8)]
)
def test_where_nothing_can_be_found_the_field_is_the_whole_image(image):
    assert thorax_field(image) == WHOLE


def test_a_brighter_exposure_of_the_same_chest_gives_the_same_field():
    image = SOURCE.image(4)
    brighter = (40 + image * 0.8).astype(np.uint8)
    np.testing.assert_allclose(thorax_field(image), thorax_field(brighter), atol=0.02)
