"""Several models side by side: performance of each seed, trade-offs, a learning-rate sweep, validation against test.

`models` is a mapping from each model's name to its records (seeds), or records that are grouped by variant; see
`analysis.summaries.records_by_model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from pneumo.analysis.summaries import Models, display_name, measures, rank_correlation, records_by_model
from pneumo.experiments.wording import group_in_words, in_words
from pneumo.reporting.formatting import format_number
from pneumo.reporting.plots.style import BLUE, PALETTE, PAPER, WIDTH, set_log_scale, shared_legend, single_axes, styled

if TYPE_CHECKING:
    import pandas as pd

MEASURES = {
    "validation_loss": "validation loss (nats per image)",
    "last_loss": "validation loss of the last epoch (nats per image)",
    "validation_auc": "AUC on validation patients",
    "stressed_auc": "AUC on perturbed validation images",
    "test_auc": "AUC on test images",
    "seconds_an_epoch": "seconds an epoch",
    "minutes": "minutes of training",
    "parameters": "parameters",
    "multiply_adds": "multiply-adds an image",
    "updates": "updates of the weights",
    "gap": "training accuracy − validation accuracy, last epoch",
    "loss_gap": "validation loss − training loss, last epoch",
}
"""Axis label of each of `analysis.summaries.measures`."""

RATIO_MEASURES = {
    "validation_loss",
    "last_loss",
    "seconds_an_epoch",
    "minutes",
    "parameters",
    "multiply_adds",
    "updates",
}
"""Measures of which ratios matter: on a logarithmic axis where they differ by more than LOG_SCALE_RATIO."""

LOG_SCALE_RATIO = 4

MARKERS = "o^s"
"""One after the other where there are more groups than colours."""


@styled
def dot_plot(models: Models, measure: str, *, ax: Axes | None = None) -> Axes:
    """A measure of each seed (dot) and their mean (bar), one row a model.

    measure: a key of MEASURES. Raises ValueError for another.

    >>> ax = dot_plot(map(pneumo.run, experiments.augmentation()), "stressed_auc")  # doctest: +SKIP
    """
    _check(measure)
    named = records_by_model(models)
    ax = single_axes(ax, 0.34 * len(named) + 0.8)
    rows = [[measures(record)[measure] for record in records] for records in named.values()]
    _set_scale(ax.xaxis, measure, np.concatenate(rows))
    for row, values in enumerate(rows):
        ax.plot(values, [row] * len(values), "o", color=BLUE, markersize=4.5, alpha=0.6, markeredgecolor=PAPER)
        ax.plot([np.mean(values)] * 2, [row - 0.28, row + 0.28], color=BLUE, linewidth=2)
    ax.set_yticks(range(len(named)), [display_name(*each) for each in named.items()])
    ax.set_ylim(len(named) - 0.5, -0.5)
    ax.set_xlabel(MEASURES[measure])
    return ax


@styled
def trade_off(models: Models, x: str, y: str, *, joined: bool = False, title: str = "", ax: Axes | None = None) -> Axes:
    """A measure against another, such as cost against performance: a dot for each seed and a named ring at their mean.

    x, y: keys of MEASURES; ValueError for others. joined: draw a line through the means, in the models' order.

    >>> ax = trade_off(pneumo.records.get("first-network/seed-0"), "parameters", "test_auc")
    """
    _check(x)
    _check(y)
    named = records_by_model(models)
    ax = single_axes(ax, 3.2, width=0.75 * WIDTH)
    points = [np.array([(values[x], values[y]) for values in map(measures, records)]) for records in named.values()]
    seeds = np.concatenate(points)
    _set_scale(ax.xaxis, x, seeds[:, 0])
    _set_scale(ax.yaxis, y, seeds[:, 1])
    ax.plot(*seeds.T, "o", color=BLUE, markersize=3.5, alpha=0.5)
    means = np.array([values.mean(axis=0) for values in points])
    for values, mean in zip(points, means, strict=True):
        for seed in values:
            ax.plot(*np.array([seed, mean]).T, color=BLUE, linewidth=0.6, alpha=0.35, zorder=1)
    ax.plot(*means.T, "o", markerfacecolor="none", markeredgecolor=BLUE, markersize=9)
    if joined:
        ax.plot(*means.T, color=BLUE, linewidth=0.8, zorder=1)
    ax.set(title=title, xlabel=MEASURES[x], ylabel=MEASURES[y])
    ax.margins(x=0.15, y=0.12)
    _name_points(ax, [display_name(*each) for each in named.items()], means, seeds)
    return ax


@styled
def learning_rate_sweep(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Validation loss of the kept epoch against the learning rate: for each optimiser a line through the means over the
    seeds, a dot a seed, a ring at the lowest mean.

    frame: one row a run, columns optimizer, learning_rate, validation_loss; see `tables.learning_rates`.
    """
    given, ax = ax, single_axes(ax, 3.4)
    for (name, rows), colour in zip(frame.groupby("optimizer", sort=False), PALETTE, strict=False):
        every_rate, every_loss = rows[["learning_rate", "validation_loss"]].to_numpy().T
        rates = np.unique(every_rate)
        losses = np.array([every_loss[every_rate == rate].mean() for rate in rates])
        lowest = losses.argmin()
        ax.plot(rates, losses, "-", color=colour, label=in_words(str(name)))
        ax.plot(every_rate, every_loss, "o", color=colour, markersize=3.5)
        ax.plot(rates[lowest], losses[lowest], "o", markerfacecolor="none", markeredgecolor=colour, markersize=10)
    ax.set(xscale="log", xlabel="learning rate", ylabel=MEASURES["validation_loss"])
    set_log_scale(ax.yaxis, labelled=(1, 1.5, 2, 3, 4, 6, 8))  # the best losses lie close together
    if given is None:
        shared_legend([ax])
    else:
        ax.legend(ncols=2)
    return ax


@styled
def correlation_scatter(frame: pd.DataFrame, x: str, y: str = "test_auc", *, ax: Axes | None = None) -> Axes:
    """One measure against another, a mark for each network in the colour and shape of its group; the title has the rank
    correlation (Spearman).

    frame: columns group, x and y, see `analysis.threshold_transfer.validation_and_test_auc`. The largest groups come
    first; for a legend, which several panels may share, call `shared_legend`.
    """
    ax = single_axes(ax, 3.2)
    for place, group in enumerate(frame["group"].value_counts().index):
        values = frame.loc[frame["group"] == group, [x, y]].to_numpy()
        colour, marker = PALETTE[place % len(PALETTE)], MARKERS[place // len(PALETTE) % len(MARKERS)]
        style = {"color": colour, "markersize": 4.5, "alpha": 0.7, "markeredgecolor": PAPER}
        ax.plot(*values.T, marker, label=group_in_words(str(group)), **style)
    ax.set(
        title=f"rank correlation {format_number(rank_correlation(frame[x], frame[y]))}",
        xlabel=MEASURES.get(x, x.replace("_", " ")),
        ylabel=MEASURES.get(y, y.replace("_", " ")),
    )
    return ax


CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Places of a point's name, seen from the point: right or left, above or below; the first is preferred."""


def _name_points(ax: Axes, names: Sequence[str], points: np.ndarray, dots: np.ndarray) -> None:
    """Write each name beside its point, at the first corner where it covers no other name, no other point and no dot.

    points: (n, 2), dots: (m, 2), in data coordinates. Where no corner is free of dots, one is taken that is free of
    names and points; and where there is none either, the first.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None  # axes are made in one
    figure.draw_without_rendering()  # now sizes and places are known
    ring = 7 * figure.dpi / 72  # pixels from a ring's centre to where it is free
    centres = ax.transData.transform(points)
    taken = [Bbox([centre - ring, centre + ring]) for centre in centres]
    small = [Bbox([dot - ring / 3, dot + ring / 3]) for dot in ax.transData.transform(dots)]
    for place, name in enumerate(names):
        labels = [_beside(ax, name, points[place], corner) for corner in CORNERS]
        boxes = [label.get_window_extent() for label in labels]
        others = taken[:place] + taken[place + 1 :]
        apart = [n for n, box in enumerate(boxes) if not any(map(box.overlaps, others))]
        free = next((n for n in apart if not any(map(boxes[n].overlaps, small))), next(iter(apart), 0))
        taken.append(boxes[free])
        for label in labels[:free] + labels[free + 1 :]:
            label.remove()


def _beside(ax: Axes, name: str, point: np.ndarray, corner: tuple[int, int]) -> Annotation:
    right, above = corner
    return ax.annotate(
        name,
        (point[0], point[1]),
        xytext=(7 * right, 6 * above),
        textcoords="offset points",
        ha="left" if right > 0 else "right",
        va="bottom" if above > 0 else "top",
        fontsize=8,
    )


def _set_scale(axis: Axis, measure: str, values: np.ndarray) -> None:
    if measure in RATIO_MEASURES and values.max() > LOG_SCALE_RATIO * values.min() > 0:
        set_log_scale(axis)


def _check(measure: str) -> None:
    if measure not in MEASURES:
        raise ValueError(f"no measure is called {measure!r}; there are {', '.join(MEASURES)}")
