"""The augmentation with sliders: the geometry of pneumo.augment, and a call that does the same."""

import json

import numpy as np
import pytest
import torch
from support.pages import write_page

from pneumo import augment
from pneumo.reporting import interactive

NEUTRAL = {"rotation": 0, "shear": 0, "shift_x": 0, "shift_y": 0, "zoom_x": 1, "zoom_y": 1}
IMAGE = np.random.default_rng(0).integers(0, 256, (20, 28), dtype=np.uint8)


@pytest.mark.parametrize("fill", ["nearest", "constant", "reflect"])
@pytest.mark.parametrize(
    "amounts",
    [
        {"rotation": 25},
        {"shift_x": 0.3, "shift_y": -0.2},
        {"zoom_x": 0.5, "zoom_y": 1.7},
        {"shear": -20},
        {"rotation": -13, "shear": 9, "shift_x": -0.1, "shift_y": 0.25, "zoom_x": 0.6, "zoom_y": 0.8},
    ],
)
def test_a_warped_image_is_that_of_the_package(call, amounts, fill):
    height, width = IMAGE.shape
    arguments = f"{height}, {width}"
    matrix = f"samplingMatrix({json.dumps(NEUTRAL | amounts)}, {arguments})"
    pixels = json.dumps((IMAGE / 255).ravel().tolist())
    result = call("warp.js", f'[...sampled({pixels}, {arguments}, {matrix}, "{fill}")]')
    images = torch.from_numpy(IMAGE / 255).float()[None, None]
    expected = augment.transform(images, augment.given_parameters(**amounts), fill_mode=fill)
    np.testing.assert_allclose(np.reshape(result, IMAGE.shape), expected[0, 0].numpy(), atol=2e-4)


@pytest.fixture
def opened(browser, tmp_path):
    browser.open(write_page(tmp_path, f"# A chapter\n\n{interactive.augmentation(IMAGE).text}\n"))
    browser.wait("document.querySelector('[data-started]') !== null")
    return browser


def canvas(browser) -> np.ndarray:
    """The grey levels that the page shows."""
    data = browser.run(
        "[...document.querySelector('canvas').getContext('2d')"
        f".getImageData(0, 0, {IMAGE.shape[1]}, {IMAGE.shape[0]}).data]"
    )
    return np.array(data, np.uint8).reshape(*IMAGE.shape, 4)[..., 0]


def test_the_image_is_first_shown_as_it_is(opened):
    assert (canvas(opened) == IMAGE).all()


def test_the_call_on_the_page_gives_the_image_on_the_page(opened):
    for number, value in ((0, 12), (1, 0.1), (4, 0.75), (6, 1.35)):
        opened.run(
            f"(() => {{ const slider = document.querySelectorAll('input[type=range]')[{number}];"
            f" slider.value = {value}; slider.dispatchEvent(new Event('input')); }})()"
        )
    code = opened.run("document.querySelector('[data-widget] code').textContent")
    assert "given_parameters(rotation=12, shift_x=0.1, zoom_y=0.75, brightness=1.35)" in code
    names = {"pixels": torch.from_numpy(IMAGE[None])}
    exec(code, names)
    expected = (255 * names["images"][0, 0].numpy()).round()
    assert np.abs(canvas(opened) - expected).max() <= 1


def test_the_call_names_another_way_to_fill(opened):
    opened.run("document.querySelector('input[value=reflect]').click()")
    assert 'fill_mode="reflect")' in opened.run("document.querySelector('[data-widget] code').textContent")
