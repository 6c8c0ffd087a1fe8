"""Burnt-in letters, found beside the chest."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pneumo import data
from pneumo.data.marks import has_mark


def chest(side: int = 160) -> np.ndarray:
    """A bright trunk with two dark lungs on a dark ground, without noise."""
    y, x = np.mgrid[0:side, 0:side] / side
    image = np.where(np.abs(x - 0.5) < 0.35, 170.0, 10.0)
    for centre in (0.35, 0.65):
        image[((x - centre) / 0.11) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1] = 60
    return image.astype(np.uint8)


def lettered(image: np.ndarray, place: tuple[int, int], letter: str = "R") -> np.ndarray:
    picture = Image.fromarray(image)
    size = round(0.09 * image.shape[0])
    ImageDraw.Draw(picture).text(place, letter, fill=255, font=ImageFont.load_default(size))
    return np.array(picture)


@pytest.mark.parametrize("side", [160, 224, 400])
@pytest.mark.parametrize("letter", ["R", "L", "P"])
@pytest.mark.parametrize("across", [0.03, 0.88])
def test_a_letter_beside_the_chest_is_seen(side, letter, across):
    assert has_mark(lettered(chest(side), (round(across * side), round(0.1 * side)), letter))


def test_a_chest_without_a_letter_has_none():
    assert not has_mark(chest())


def test_what_is_no_letter_is_no_mark():
    image = chest()
    y, x = np.mgrid[0:160, 0:160]
    image[(x - 12) ** 2 + (y - 20) ** 2 < 25] = 255  # an electrode
    image[:, 5:7] = 255  # the edge of the collimator
    image[100:103, 0:40] = 255  # a tube
    assert not has_mark(image)


def test_a_letter_in_the_middle_is_a_part_of_the_anatomy():
    assert not has_mark(lettered(chest(), (75, 60)))


def test_letters_too_small_to_be_shapes_are_not_looked_for():
    assert not has_mark(lettered(chest(48), (2, 5)))


def test_other_arrays_are_refused():
    with pytest.raises(ValueError, match="float64 of shape"):
        has_mark(np.zeros((160, 160)))


def test_phantoms_are_looked_at_without_an_error():
    pixels = data.pixels(data.load("phantom"), size=96, progress=False)
    assert {has_mark(image) for image in pixels.array[:20]} <= {True, False}
