"""Images in rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pneumo.analysis.summaries import Models, one_model
from pneumo.data.catalogue import class_names
from pneumo.reporting.plots.style import CLASS_TEXT_COLOURS, INK, SMALL_TEXT, WIDTH, new_axes, styled

CAPTION_HEIGHT = 0.2
"""Of a line above an image, in inches."""


@styled
def gallery(
    images: Sequence[np.ndarray] | np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 5,
    colours: Sequence[str] | None = None,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Images with a caption above each, row by row.

    images: N of (H, W) uint8, where 0 is black and 255 white, or of (H, W, 3) uint8 in colour. titles: N captions,
    of one line or several. colours: N, of the captions. axes: to draw on, (rows, columns) or (columns,).
    Returns the axes, (rows, columns); those past the last image are empty. Raises ValueError for anything else.

    >>> axes = gallery(np.zeros((2, 8, 8), np.uint8), ["first", "second"])
    """
    if not len(images):
        raise ValueError("there are no images to show")
    wrong = next((image for image in images if not _can_be_shown(image)), None)
    if wrong is not None:
        raise ValueError(f"an image is {wrong.shape} {wrong.dtype}; a gallery shows uint8, (H, W) or (H, W, 3)")
    captions = titles if titles is not None else [""] * len(images)
    lines = 1 + max(caption.count("\n") for caption in captions)
    axes = _panels(images, columns, lines) if axes is None else np.atleast_2d(axes)
    inks = colours if colours is not None else [INK] * len(images)
    for ax in axes.flat:
        ax.axis("off")
    for ax, image, caption, ink in zip(axes.flat, images, captions, inks, strict=False):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
        ax.set_title(caption, fontsize=SMALL_TEXT, weight="normal", pad=3, color=ink)
    return axes


def _can_be_shown(image: np.ndarray) -> bool:
    return image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2:] == (3,))


@styled
def most_confident_errors(
    records: Models,
    read: Callable[[str, str], np.ndarray],
    *,
    part: str = "test",
    columns: int = 5,
    classes: tuple[str, str] | None = None,
) -> np.ndarray:
    """The images a model gets most wrong: above, the negatives with the highest probabilities; below, the positives
    with the lowest.

    records: of one model; the probabilities of its seeds are averaged. read: from an image's name and sub-type to
    (H, W) or (H, W, 3) uint8, see `data.Examples`. classes: names of label 0 and label 1, by default those of the data
    set. A caption is the image's sub-type, or its class where there is none, and its probability.
    Returns the axes, (2, columns). Raises ValueError for records of several models.
    """
    seeds = one_model(records)
    frame = seeds[0].frame(part)
    labels = frame["label"].to_numpy()
    probabilities = np.mean([record.predictions[part] for record in seeds], axis=0)
    negative, positive = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    rows = np.r_[
        negative[np.argsort(-probabilities[negative], kind="stable")][:columns],
        positive[np.argsort(probabilities[positive], kind="stable")][:columns],
    ]
    names = classes or class_names(seeds[0].experiment.data.name)
    image, subtype = frame["image"].tolist(), frame["subtype"].tolist()
    titles = [f"{subtype[row] or names[labels[row]]}: {probabilities[row]:.3f}" for row in rows]
    colours = [CLASS_TEXT_COLOURS[labels[row]] for row in rows]
    return gallery([read(image[row], subtype[row]) for row in rows], titles, columns=columns, colours=colours)


def scale_to_uint8(picture: np.ndarray) -> np.ndarray:
    """A map of any numbers from 0 up as a gallery shows it: uint8, its largest value white.

    >>> scale_to_uint8(np.array([0.0, 0.2, 0.4])).tolist()
    [0, 128, 255]
    """
    return np.round(picture * (255 / max(picture.max(), 1e-12))).astype(np.uint8)


def _panels(images: Sequence[np.ndarray] | np.ndarray, columns: int, lines: int) -> np.ndarray:
    """lines: of the longest caption."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = WIDTH / columns
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    return new_axes(rows * (side * tallest + lines * CAPTION_HEIGHT), rows=rows, columns=columns, grid=False)
