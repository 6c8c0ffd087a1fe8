"""What the page of a widget is given."""

import base64
import io
import json
import re
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from support.records import make_record

from pneumo.reporting import interactive


def values(text: str) -> dict:
    return json.loads(unquote(re.search(r'data-values="([^"]*)"', text)[1]))


class Pictures:
    """Stands for `data.Examples`. size: in pixels. names: of the images that it has."""

    size = 2

    def __init__(self, names):
        self.names = list(names)

    def __contains__(self, name):
        return name in self.names

    def __call__(self, name, subtype):
        return np.full((2, 2), 40 * self.names.index(name), np.uint8)


MODELS = {
    "a": make_record(scores=[-1.5, 0.25, 2.0], labels=[0, 0, 1], selection={"threshold": 0.25}),
    "b": make_record(scores=[0.5, -1.0, 1.0], labels=[0, 0, 1]),
}


def test_the_threshold_widget_has_the_logits_of_each_record_so_that_its_numbers_are_exact():
    given = values(interactive.threshold(MODELS).text)
    assert given["labels"] == [0, 0, 1]
    assert given["models"] == [
        {"name": "a", "threshold": 0.25, "logits": [-1.5, 0.25, 2.0]},
        {"name": "b", "threshold": 0.5, "logits": [0.5, -1.0, 1.0]},
    ]


def test_pictures_stand_on_one_sheet_in_the_order_of_the_images():
    names = MODELS["a"].frame("test")["image"]
    sheet = values(interactive.threshold(MODELS, images=Pictures(names)).text)["pictures"]
    kind, data = re.fullmatch("data:image/(.*);base64,(.*)", sheet["source"]).groups()
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert (kind, pixels.shape) == ("jpeg", (2, 2 * sheet["columns"]))
    np.testing.assert_allclose(pixels[0, [0, 2, 4]], [0, 40, 80], atol=12)  # compressed


def test_there_are_no_pictures_where_one_would_be_of_something_else():
    names = MODELS["a"].frame("test")["image"][:2]
    assert values(interactive.threshold(MODELS, images=Pictures(names)).text)["pictures"] is None


def test_models_that_predict_other_images_are_refused():
    with pytest.raises(ValueError, match="predicts other images"):
        interactive.threshold({**MODELS, "c": make_record(labels=[0, 1])})


def test_a_widget_is_a_place_on_the_site_alone_that_says_what_to_do_there():
    text = interactive.optimiser().text
    assert text.startswith('::: {.content-visible when-format="html"}\n')
    assert "**Try it.** Choose an optimiser, its learning rate and its momentum.\n" in text
