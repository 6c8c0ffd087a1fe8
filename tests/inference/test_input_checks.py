import numpy as np
import pytest
from support.chests import SIDE, chests, png

from pneumo.inference import fit_input_statistics
from pneumo.inference.input_checks import THUMBNAIL_SIZE, image_statistics
from pneumo.inference.radiograph import Radiograph, from_array, from_bytes

FAMILIAR = fit_input_statistics(chests(300), np.linspace(0.9, 2.0, 300))


def warning(pixels: np.ndarray, aspect: float = 1.3, colour: float = 0.0) -> str:
    return FAMILIAR.warning(Radiograph(pixels=np.ascontiguousarray(pixels), aspect=aspect, colour=colour))


def test_hardly_an_image_that_was_learnt_from_is_warned_of():
    assert np.mean([warning(image) != "" for image in chests(300)]) < 0.03


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda image: 255 - image, "unlike a frontal chest radiograph"),
        (np.rot90, "unlike a frontal chest radiograph"),
        (lambda image: image // 8, "unusually dark"),
        (lambda image: 255 - (255 - image) // 8, "unusually bright"),
        (lambda image: np.full_like(image, 120), "little contrast"),
        (lambda image: np.hstack([image[:, : SIDE // 2], image[:, : SIDE // 2] // 4]), "left and right differ"),
    ],
)
def test_what_is_unlike_the_training_images_is_said(change, words):
    assert words in warning(change(chests(1)[0]))


def test_shape_and_colour_are_judged_too():
    image = chests(1)[0]
    assert warning(image, aspect=3) == "unusually wide"
    assert warning(image, aspect=0.5) == "unusually narrow"
    assert warning(image, colour=0.3) == "in colour"
    assert warning(image, aspect=3, colour=0.3) == "in colour; unusually wide"


def test_where_no_shapes_are_known_any_shape_is_familiar():
    image = Radiograph(pixels=chests(1)[0], aspect=9, colour=0)
    assert fit_input_statistics(chests(300)).warning(image) == ""


def test_measures_are_what_numpy_says_they_are():
    thumbnails = np.random.default_rng(0).integers(0, 256, (3, THUMBNAIL_SIZE, THUMBNAIL_SIZE), dtype=np.uint8)
    mean = np.random.default_rng(1).integers(0, 256, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    values = image_statistics(thumbnails, mean)
    one = thumbnails[1] / 255
    assert values["brightness"][1] == pytest.approx(one.mean())
    assert values["contrast"][1] == pytest.approx(one.std())
    assert values["symmetry"][1] == pytest.approx(np.corrcoef(one.ravel(), one[:, ::-1].ravel())[0, 1])
    assert values["chest"][1] == pytest.approx(np.corrcoef(one.ravel(), mean.ravel())[0, 1])


def test_an_even_grey_correlates_with_nothing():
    values = image_statistics(
        np.full((1, THUMBNAIL_SIZE, THUMBNAIL_SIZE), 9, np.uint8),
        np.arange(THUMBNAIL_SIZE**2).reshape(THUMBNAIL_SIZE, -1),
    )
    assert values["symmetry"][0] == 0
    assert values["chest"][0] == 0


def test_the_aspect_is_width_by_height_and_red_is_coloured():
    red = np.zeros((10, 30, 3), np.uint8)
    red[..., 0] = 255
    radiograph = from_array(red, "x", size=8, resize="stretch")
    assert radiograph.aspect == 3
    assert radiograph.colour == 1
    assert radiograph.pixels.shape == (8, 8)


def test_a_file_is_as_coloured_as_the_array_it_holds():
    array = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    from_file = from_bytes(png(array), "x.png", size=8, resize="stretch")
    assert from_file.colour == pytest.approx(from_array(array, "x", size=8, resize="stretch").colour)
    assert from_file.colour > 0.2
