"""What a reader can set in the page: each function gives Markdown that `report/interactive/` turns into controls.

The place of a widget is a div with the widget's name and its values as JSON, on the site alone; for the PDF the chapter
has a figure of the same beside it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from pneumo.analysis import toy_optimisation
from pneumo.analysis.summaries import aligned_frames
from pneumo.data.catalogue import class_names
from pneumo.inference.input_checks import RANGE_WARNINGS
from pneumo.reporting.formatting import Markdown

if TYPE_CHECKING:
    from pneumo.data.examples import Examples
    from pneumo.experiments.records import Record

SHEET_COLUMNS = 26
"""Pictures in a row of the sheet of thumbnails."""

SHEET_QUALITY = 70
"""Of the sheet's JPEG compression."""

OPTIMISER_STEPS = 40

OPTIMISER_RATES = {"sgd": 0.02, "momentum": 0.02, "nesterov": 0.02, "rmsprop": 0.2, "adam": 0.4, "adamw": 0.4}
"""The learning rate with which each optimiser starts."""


def threshold(models: Mapping[str, Record], *, part: str = "test", images: Examples | None = None) -> Markdown:
    """A slider over the threshold of models, with all that follows from it on the images of `part`.

    models: one record each by name, of the same images; the last is shown first. images: reads small pictures of those
    that change sides; none are shown where it would read phantoms in their place.
    Raises ValueError where the records predict different images.

    >>> threshold({"CNN": record}).text.startswith("::: ")  # doctest: +SKIP
    True
    """
    frames = aligned_frames(list(models.values()), part)
    frame = frames[0]
    kinds = list(dict.fromkeys(frame["subtype"]))
    first = next(iter(models.values()))
    values = {
        "classes": class_names(first.experiment.data.name),
        "labels": frame["label"].tolist(),
        "kinds": [kinds.index(kind) for kind in frame["subtype"]],
        "kindNames": kinds,
        "models": [
            {"name": name, "threshold": record.threshold, "logits": scored["score"].tolist()}
            for (name, record), scored in zip(models.items(), frames, strict=True)
        ],
        "pictures": _pictures(frame["image"].tolist(), frame["subtype"].tolist(), images),
    }
    return _widget(
        "threshold", values, "Choose a threshold, and a prevalence: how many of the patients have the disease."
    )


def optimiser() -> Markdown:
    """The valley of `analysis.toy_optimisation`, with optimiser, learning rate and momentum to set."""
    values = {
        "names": list(OPTIMISER_RATES),
        "rates": OPTIMISER_RATES,
        "start": toy_optimisation.INITIAL_WEIGHTS,
        "curvatures": toy_optimisation.CURVATURES,
        "steps": OPTIMISER_STEPS,
    }
    return _widget("optimiser", values, "Choose an optimiser, its learning rate and its momentum.")


def augmentation(image: np.ndarray) -> Markdown:
    """An example with sliders for the amounts of `augment.given_parameters`. image: (H, W) uint8."""
    values = {"image": _data_address(image, "png"), "height": image.shape[0], "width": image.shape[1]}
    return _widget("augmentation", values, "Change the image, and read which call does the same.")


def model(examples: Mapping[str, np.ndarray]) -> Markdown:
    """The model that comes with the package, on a reader's own radiograph or an example; run in the page.

    examples: (H, W) uint8 by the name that a button has.
    """
    values = {
        "warnings": RANGE_WARNINGS,
        "examples": [{"name": name, "image": _data_address(image, "png")} for name, image in examples.items()],
    }
    return _widget("model", values, "Have the selected model read a radiograph.")


def record_search() -> Markdown:
    """A field that searches all records; see `reporting.provenance`."""
    return _widget("records", {}, "Find a record, and see what it holds.")


def _widget(name: str, values: Mapping[str, Any], invitation: str) -> Markdown:
    """The place of a widget. invitation: what a reader can do there, in a sentence."""
    packed = quote(json.dumps(values, separators=(",", ":"), allow_nan=False), safe=":,;/+=[]")
    return Markdown(
        '::: {.content-visible when-format="html"}\n'
        f':::: {{.interactive data-widget="{name}" data-values="{packed}"}}\n'
        f"**Try it.** {invitation}\n"
        "::::\n"
        ":::"
    )


def _pictures(names: Sequence[str], subtypes: Sequence[str], images: Examples | None) -> dict[str, Any] | None:
    """All images on one sheet, row by row; None where one of them is not at hand."""
    if images is None or not all(name in images for name in names):
        return None
    side, rows = images.size, -(-len(names) // SHEET_COLUMNS)
    sheet = np.zeros((rows * side, SHEET_COLUMNS * side), np.uint8)
    for index, (name, subtype) in enumerate(zip(names, subtypes, strict=True)):
        row, column = divmod(index, SHEET_COLUMNS)
        sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] = images(name, subtype)
    return {"side": side, "columns": SHEET_COLUMNS, "source": _data_address(sheet, "jpeg", quality=SHEET_QUALITY)}


def _data_address(image: np.ndarray, kind: str, **options: Any) -> str:
    """Grey levels (H, W) uint8 as a file inside an address."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
