"""Radiographs in rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pneumo.data.catalogue import class_names
from pneumo.reporting.plots.style import CLASS_COLOURS, INK, WIDTH, new_axes, styled

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

CAPTION = 0.2
"""Inches for the line above an image."""


@styled
def gallery(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    columns: int = 5,
    colours: Sequence[str] | None = None,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Images with a small caption above each, row by row.

    images: (N, H, W) uint8, or N arrays (H, W) uint8; 0 is black and 255 white in all of them; or (H, W, 3) for colour,
        as `explain.overlay` gives. titles: N captions.
    colours: N, of the captions. Returns the axes, (rows, columns); those past the last image are empty.
    """
    if not len(images):
        raise ValueError("there are no images to show")
    wrong = next((image for image in images if not _can_be_shown(image)), None)
    if wrong is not None:
        raise ValueError(f"an image is {wrong.shape} {wrong.dtype}; a gallery shows uint8, (H, W) or (H, W, 3)")
    axes = _panels(images, columns) if axes is None else np.atleast_2d(axes)
    captions = titles if titles is not None else [""] * len(images)
    inks = colours if colours is not None else [INK] * len(images)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption, ink in zip(axes.flat, images, captions, inks, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
        ax.set_title(caption, fontsize=7.5, weight="normal", pad=3, color=ink)
    return axes


def _can_be_shown(image: np.ndarray) -> bool:
    return image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2:] == (3,))


@styled
def worst(
    records: Sequence[Record],
    read: Callable[[str, str], np.ndarray],
    *,
    part: str = "test",
    columns: int = 5,
    classes: tuple[str, str] | None = None,
) -> np.ndarray:
    """The images a model gets most wrong: above, the normal it is surest are ill; below, the ill it is surest are not.

    records: the seeds of the model, whose probabilities are averaged. read: gives the image (H, W) uint8 of a name and
    sub-type, see `pneumo.data.Examples`. classes: names of label 0 and label 1; by default those of the records' data
    set, see `pneumo.data.class_names`. Each caption says what kind the image is (its sub-type, or its class where there
    is none) and the probability of the finding it was given. Returns the axes, (2, columns).
    """
    frame = records[0].frame(part)
    probabilities = np.mean([record.predictions[part] for record in records], axis=0)
    normal, ill = np.flatnonzero(frame["label"] == 0), np.flatnonzero(frame["label"] == 1)
    rows = np.r_[
        normal[np.argsort(-probabilities[normal], kind="stable")][:columns],
        ill[np.argsort(probabilities[ill], kind="stable")][:columns],
    ]
    classes = classes or class_names(records[0].experiment.data.name)
    kinds = frame["subtype"].where(frame["subtype"] != "", frame["label"].map(dict(enumerate(classes))))
    titles = [f"{kinds[row]}, given {probabilities[row]:.3f}" for row in rows]
    colours = [CLASS_COLOURS[label] for label in frame["label"].iloc[rows]]
    images = [read(frame["image"][row], frame["subtype"][row]) for row in rows]
    return gallery(images, titles, columns=columns, colours=colours)


def grey_levels(picture: np.ndarray) -> np.ndarray:
    """A picture of any numbers from 0 up as a gallery shows it: uint8, its largest value white."""
    return np.round(picture * (255 / max(picture.max(), 1e-12))).astype(np.uint8)


def _panels(images: Sequence[np.ndarray], columns: int) -> np.ndarray:
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = WIDTH / columns
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    return new_axes(rows * (side * tallest + CAPTION), rows=rows, columns=columns, grid=False)
