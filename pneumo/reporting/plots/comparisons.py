"""Several ways of doing one thing, side by side. `variants` are the records (seeds) of each, by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from pneumo.analysis.summaries import measures
from pneumo.reporting.plots.curves import PARTS, curves, kept_epochs, logarithmic
from pneumo.reporting.plots.style import BLUE, GREY, PALETTE, PAPER, WIDTH, new_axes, styled

if TYPE_CHECKING:
    import pandas as pd

    from pneumo.experiments.records import Record

Variants = Mapping[str, Sequence["Record"]]

MEASURES = {
    "validation_loss": "validation loss (nats per image)",
    "validation_auc": "AUC on validation patients",
    "stressed_auc": "AUC on stressed validation images",
    "test_auc": "AUC on test images",
    "seconds_an_epoch": "seconds an epoch",
    "minutes": "minutes of training",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds an image",
    "updates": "updates of the weights",
    "gap": "training accuracy − validation accuracy, last epoch",
}
"""What `summaries.measures` gives for each record, as an axis says it."""

LOGARITHMIC = {"validation_loss", "seconds_an_epoch", "minutes", "parameters", "multiply_adds", "updates"}
"""Measures whose ratios count: on a logarithmic axis where the values differ by more than WIDE."""

WIDE = 4


@styled
def compared_curves(variants: Variants, *, columns: int = 3) -> np.ndarray:
    """Learning curves of each variant on the same scales: loss above, accuracy below, training and validation.

    A thin line for each seed, a thick one for their mean; a dot marks the epoch whose weights were kept.
    Returns the axes, (2 · rows, columns); those past the last variant are empty.
    Raises ValueError for a record without a history.
    """
    columns = min(columns, len(variants))
    rows = -(-len(variants) // columns)
    axes = new_axes(3.4 * rows, rows=2 * rows, columns=columns)
    for place, (name, records) in enumerate(variants.items()):
        row, column = divmod(place, columns)
        pair = axes[2 * row : 2 * row + 2, column]
        logarithmic(pair[0].yaxis)
        for ax, quantity in zip(pair, ("loss", "accuracy"), strict=True):
            curves(ax, records, quantity)
            kept_epochs(ax, records, quantity)
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        pair[0].set_title(name)
        pair[1].set_xlabel("epoch")
    for row in range(rows):
        axes[2 * row, 0].set_ylabel("loss (nats)")
        axes[2 * row + 1, 0].set_ylabel("accuracy")
    used = np.zeros(axes.shape, bool)
    for place in range(len(variants)):
        row, column = divmod(place, columns)
        used[2 * row : 2 * row + 2, column] = True
    for quantity in (0, 1):
        _same_scale([ax for ax in axes[quantity::2].flat if ax.has_data()])
    for ax in axes[~used]:
        ax.axis("off")
    handles = [Line2D([], [], color=colour, linestyle=line, label=part) for part, (colour, line) in PARTS.items()]
    handles.append(Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=5, label="epoch that was kept"))
    axes[0, 0].figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return axes


def _same_scale(axes: Sequence[Axes]) -> None:
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


@styled
def spread(variants: Variants, measure: str, *, ax: Axes | None = None) -> Axes:
    """One row a variant: a dot for each seed and a bar at their mean. measure: a key of MEASURES.

    Raises ValueError for another measure.
    """
    _check(measure)
    ax = new_axes(0.34 * len(variants) + 0.8)[0, 0] if ax is None else ax
    rows = [[measures(record)[measure] for record in records] for records in variants.values()]
    _scale(ax.xaxis, measure, np.concatenate(rows))
    for row, values in enumerate(rows):
        ax.plot(values, [row] * len(values), "o", color=BLUE, markersize=4.5, alpha=0.6, markeredgecolor=PAPER)
        ax.plot([np.mean(values)] * 2, [row - 0.28, row + 0.28], color=BLUE, linewidth=2)
    ax.set_yticks(range(len(variants)), list(variants))
    ax.set_ylim(len(variants) - 0.5, -0.5)
    ax.set_xlabel(MEASURES[measure])
    return ax


@styled
def trade(variants: Variants, x: str, y: str, *, joined: bool = False, ax: Axes | None = None) -> Axes:
    """What is paid, x, against what is got, y: a dot for each seed, a ring at each variant's mean, with its name.

    x, y: keys of MEASURES. joined: draw a line through the means, in the variants' order.
    """
    _check(x)
    _check(y)
    ax = new_axes(3.2, width=0.75 * WIDTH)[0, 0] if ax is None else ax
    points = [np.array([(values[x], values[y]) for values in map(measures, records)]) for records in variants.values()]
    together = np.concatenate(points)
    _scale(ax.xaxis, x, together[:, 0])
    _scale(ax.yaxis, y, together[:, 1])
    ax.plot(*together.T, "o", color=BLUE, markersize=3.5, alpha=0.5)
    means = np.array([seeds.mean(axis=0) for seeds in points])
    ax.plot(*means.T, "o", markerfacecolor="none", markeredgecolor=BLUE, markersize=9)
    if joined:
        ax.plot(*means.T, color=BLUE, linewidth=0.8, zorder=1)
    ax.set(xlabel=MEASURES[x], ylabel=MEASURES[y])
    ax.margins(x=0.15, y=0.12)
    _name_points(ax, list(variants), means)
    return ax


CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Where the name of a point may stand, seen from the point: to the right or left, above or below; the first is best."""


def _name_points(ax: Axes, names: Sequence[str], points: np.ndarray) -> None:
    """Write each name beside its point, at the first corner where it covers no other name and no other point.

    points: (n, 2), in data coordinates. Where no corner is free, the first is taken.
    """
    ax.figure.draw_without_rendering()  # now sizes and places are known
    ring = 7 * ax.figure.dpi / 72  # pixels from a ring's centre to where it is free
    centres = ax.transData.transform(points)
    taken = [Bbox([centre - ring, centre + ring]) for centre in centres]
    for place, name in enumerate(names):
        labels = [_beside(ax, name, points[place], corner) for corner in CORNERS]
        boxes = [label.get_window_extent() for label in labels]
        others = taken[:place] + taken[place + 1 :]
        free = next((n for n, box in enumerate(boxes) if not any(map(box.overlaps, others))), 0)
        taken.append(boxes[free])
        for label in labels[:free] + labels[free + 1 :]:
            label.remove()


def _beside(ax: Axes, name: str, point: np.ndarray, corner: tuple[int, int]) -> Annotation:
    right, above = corner
    return ax.annotate(
        name,
        point,
        xytext=(7 * right, 6 * above),
        textcoords="offset points",
        ha="left" if right > 0 else "right",
        va="bottom" if above > 0 else "top",
        fontsize=8,
    )


@styled
def sensitivity_to_learning_rate(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Validation loss of the kept epoch against the learning rate, a line for each optimiser, a ring at its best.

    frame: one row a run, columns optimizer, learning_rate, validation_loss; see `tables.learning_rates`.
    """
    ax = new_axes(3.4)[0, 0] if ax is None else ax
    for (name, rows), colour in zip(frame.groupby("optimizer", sort=False), PALETTE, strict=False):
        rows = rows.sort_values("learning_rate")
        ax.plot(rows["learning_rate"], rows["validation_loss"], "o-", color=colour, markersize=3.5, label=name)
        best = rows.loc[rows["validation_loss"].idxmin()]
        ax.plot(
            best["learning_rate"],
            best["validation_loss"],
            "o",
            markerfacecolor="none",
            markeredgecolor=colour,
            markersize=10,
        )
    ax.set(xscale="log", xlabel="learning rate", ylabel=MEASURES["validation_loss"])
    logarithmic(ax.yaxis)
    ax.legend(ncols=2, labelcolor=GREY)
    return ax


def _scale(axis: Axis, measure: str, values: np.ndarray) -> None:
    if measure in LOGARITHMIC and values.max() > WIDE * values.min() > 0:
        logarithmic(axis)


def _check(measure: str) -> None:
    if measure not in MEASURES:
        raise ValueError(f"no measure is called {measure!r}; there are {', '.join(MEASURES)}")
