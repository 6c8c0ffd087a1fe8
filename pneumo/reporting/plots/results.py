"""What came out: curves over the threshold, calibration, comparison.

Where a plot takes `models`, that is the records of one model (its seeds), or a mapping from a model's name to its
records. Seeds are thin lines, their mean a thick one. Where a plot names the classes, `classes` are the names of
label 0 and label 1, by default those of the records' data set (`pneumo.data.class_names`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from sklearn.metrics import precision_recall_curve, roc_curve

from pneumo import evaluation
from pneumo.data.catalogue import class_names
from pneumo.evaluation import Interval
from pneumo.reporting.formatting import format_count, format_interval, format_number, format_percent
from pneumo.reporting.plots.style import CLASS_COLOURS, GREY, INK, PALETTE, PAPER, WIDTH, new_axes, styled

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

    Models = Sequence[Record] | Mapping[str, Sequence[Record]]

SQUARE = 3.7
"""Inches on a side of a plot whose axes share one scale."""

GRID = np.linspace(0, 1, 501)


@styled
def roc(models: Models, *, part: str = "test", classes: tuple[str, str] | None = None, ax: Axes | None = None) -> Axes:
    """ROC curves: sensitivity over 1 - specificity as the threshold falls. A ring marks each record's own threshold."""
    ax = new_axes(SQUARE, width=SQUARE)[0, 0] if ax is None else ax
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    named = _by_name(models)
    for name, records, colour in named:
        _seeds(ax, [_roc_curve(record, part) for record in records], colour, _legend(name, records, part, "AUC"))
        rings = [_operating_point(record, part) for record in records]
        ax.plot(*zip(*rings, strict=True), "o", color=colour, markerfacecolor=PAPER, markersize=4.5, zorder=4)
    _unit_square(ax)
    negative, _ = classes or _class_names(named)
    specificity = textwrap.fill(f"1 − specificity: share of the {negative} called positive", 55)
    ax.set(xlabel=specificity, ylabel="sensitivity: share of the ill found")
    ax.legend(loc="lower right")
    return ax


@styled
def precision_recall(models: Models, *, part: str = "test", ax: Axes | None = None) -> Axes:
    """Precision over recall as the threshold falls; the dotted line is the prevalence, what guessing gets."""
    ax = new_axes(SQUARE, width=SQUARE)[0, 0] if ax is None else ax
    named = _by_name(models)
    for name, records, colour in named:
        label = _legend(name, records, part, "average precision")
        _seeds(ax, [_precision_recall_curve(record, part) for record in records], colour, label)
    prevalence = named[0][1][0].frame(part)["label"].mean()
    ax.axhline(prevalence, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    _unit_square(ax)
    ax.set(xlabel="recall (sensitivity)", ylabel="precision (positive predictive value)")
    ax.legend(loc="lower left")
    return ax


@styled
def confusion_matrix(
    record: Record, *, part: str = "test", classes: tuple[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """Images by true and by called class at the record's threshold: counts, shares of the true class, shading."""
    ax = new_axes(2.9, width=3.4, grid=False)[0, 0] if ax is None else ax
    frame = record.frame(part)
    cells = evaluation.confusion(frame["label"], frame["probability"], record.threshold)
    shares = cells / cells.sum(axis=1, keepdims=True)
    shade = LinearSegmentedColormap.from_list("shade", [PAPER, CLASS_COLOURS[0]])
    ax.imshow(shares, cmap=shade, vmin=0, vmax=1.1, aspect="auto")
    for (row, column), count in np.ndenumerate(cells):
        colour = PAPER if shares[row, column] > 0.55 else INK
        centred = {"color": colour, "ha": "center", "va": "center"}
        ax.text(column, row - 0.06, format_count(count), fontsize=13, weight="bold", **centred)
        ax.text(column, row + 0.2, format_percent(shares[row, column]), fontsize=8, **centred)
    classes = classes or class_names(record.experiment.data.name)
    totals = cells.sum(axis=1)
    ax.set_xticks([0, 1], [textwrap.fill(f"called {name}", 16, break_on_hyphens=False) for name in classes])
    names = [textwrap.fill(name, 12, break_on_hyphens=False) for name in classes]
    ax.set_yticks([0, 1], [f"{name}\n(n = {format_count(total)})" for name, total in zip(names, totals, strict=True)])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.axhline(0.5, color=PAPER, linewidth=3)
    ax.axvline(0.5, color=PAPER, linewidth=3)
    return ax


@styled
def reliability_diagram(
    models: Models,
    *,
    part: str = "test",
    bins: int = 10,
    classes: tuple[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Observed share of the finding over the mean probability of each bin; on the diagonal, both agree.

    The thick line pools the records of a model. Bars are Wilson's 95 % intervals, drawn for a single record only, since
    the seeds of a model predict the same images.
    """
    ax = new_axes(SQUARE, width=SQUARE)[0, 0] if ax is None else ax
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    named = _by_name(models)
    for name, records, colour in named:
        label = _legend(name, records, part, "Brier score")
        frames = [record.frame(part) for record in records]
        for frame in frames if len(frames) > 1 else []:
            curve = evaluation.reliability_curve(frame["label"], frame["probability"], bins)
            ax.plot(curve.mean_probability, curve.observed_share, color=colour, linewidth=0.6, alpha=0.5)
        pooled = pd.concat(frames)
        curve = evaluation.reliability_curve(pooled["label"], pooled["probability"], bins)
        ax.plot(curve.mean_probability, curve.observed_share, "o-", color=colour, markersize=4, label=label)
        if len(frames) == 1:
            ax.vlines(curve.mean_probability, curve.low, curve.high, color=colour, linewidth=0.8)
    _unit_square(ax)
    _, positive = classes or _class_names(named)
    ax.set(xlabel="mean probability in the bin", ylabel=f"observed share that is {positive}")
    ax.legend(loc="upper left")
    return ax


@styled
def decision_curve(
    models: Models,
    *,
    part: str = "test",
    highest_threshold: float = 0.8,
    prevalence: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Net benefit over the threshold, beside treating everybody and nobody (Vickers & Elkin 2006).

    prevalence: of the patients it is to speak of; None takes that of the images.
    """
    ax = new_axes(3.0, width=6.4)[0, 0] if ax is None else ax
    thresholds = np.linspace(0.01, highest_threshold, 200)
    top = 0.0
    for name, records, colour in _by_name(models):
        curves = []
        for record in records:
            frame = record.frame(part)
            curve = evaluation.net_benefit(frame["label"], frame["probability"], thresholds, prevalence)
            curves.append((thresholds, curve.model))
        _seeds(ax, curves, colour, name or "model")
        top = max(top, *(benefit.max() for _, benefit in curves))
    ax.plot(thresholds, curve.treat_all, color=GREY, linewidth=1, label="treat everybody")
    ax.axhline(0, color=INK, linewidth=1, linestyle=(0, (4, 2)), label="treat nobody")
    ax.set(xlim=(0, highest_threshold), ylim=(-0.15 * top, 1.1 * top))
    ax.set_xlabel("threshold: probability from which one would treat")
    ax.set_ylabel("net benefit (rightly treated per patient)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


@styled
def forest(
    intervals: Mapping[str, Interval], *, label: str, reference: float | None = None, ax: Axes | None = None
) -> Axes:
    """A dot and its interval for each name, from top to bottom, with the numbers at the right.

    label: what is measured, with its unit. reference: a value to compare with, such as 0 for differences.
    """
    ax = new_axes(0.75 + 0.27 * len(intervals), width=WIDTH)[0, 0] if ax is None else ax
    if reference is not None:
        ax.axvline(reference, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    for row, interval in enumerate(intervals.values()):
        ax.hlines(row, interval.low, interval.high, color=PALETTE[0], linewidth=1.6)
        ax.plot(interval.estimate, row, "o", color=PALETTE[0], markeredgecolor=PAPER, markersize=6.5)
        ax.text(1.02, row, format_interval(interval), transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.set_yticks(range(len(intervals)), list(intervals))
    ax.set(ylim=(len(intervals) - 0.4, -0.6), xlabel=f"{label}, with 95 % interval")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", visible=False)
    return ax


def _by_name(models: Models) -> list[tuple[str, Sequence[Record], str]]:
    """(name, records, colour) of each model; the name is empty where only records were given."""
    named = models if isinstance(models, Mapping) else {"": models}
    if not named or not all(named.values()):
        raise ValueError("there is no record to draw; give one record or more for each model")
    if len(named) > len(PALETTE):
        raise ValueError(f"{len(named)} models in one plot cannot be told apart; draw at most {len(PALETTE)}")
    return [(name, records, colour) for (name, records), colour in zip(named.items(), PALETTE, strict=False)]


def _class_names(named: list[tuple[str, Sequence[Record], str]]) -> tuple[str, str]:
    return class_names(named[0][1][0].experiment.data.name)


def _legend(name: str, records: Sequence[Record], part: str, metric: str) -> str:
    """E.g. "baseline CNN: AUC 0.953", the mean over the records."""
    measures: dict[str, Callable] = {
        "AUC": evaluation.auc,
        "average precision": evaluation.average_precision,
        "Brier score": evaluation.brier,
    }
    frames = [record.frame(part) for record in records]
    value = np.mean([measures[metric](frame["label"], frame["probability"]) for frame in frames])
    return f"{name}: {metric} {format_number(value)}" if name else f"{metric} {format_number(value)}"


def _seeds(ax: Axes, curves: list[tuple[np.ndarray, np.ndarray]], colour: str, label: str) -> None:
    """Draw curves (x, y) that share their x: thin, and their mean thick; a single one just thick."""
    if len(curves) > 1:
        for x, y in curves:
            ax.plot(x, y, color=colour, linewidth=0.6, alpha=0.5)
    ax.plot(curves[0][0], np.mean([y for _, y in curves], axis=0), color=colour, label=label)


def _roc_curve(record: Record, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity on a grid of 1 - specificity."""
    frame = record.frame(part)
    false_positive_rate, true_positive_rate, _ = roc_curve(frame["label"], frame["probability"])
    # The grid starts twice at 0, so that the curve rises from the origin.
    sensitivity = np.interp(GRID, false_positive_rate, true_positive_rate)
    return np.r_[0, GRID], np.r_[0, sensitivity]


def _precision_recall_curve(record: Record, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Precision on a grid of recall, at the highest threshold that reaches it."""
    frame = record.frame(part)
    precision, recall, _ = precision_recall_curve(frame["label"], frame["probability"])
    reached = np.searchsorted(recall[::-1], GRID)
    return GRID, precision[::-1][np.minimum(reached, len(recall) - 1)]


def _operating_point(record: Record, part: str) -> tuple[float, float]:
    frame = record.frame(part)
    at_threshold = frame["label"], frame["probability"], record.threshold
    return 1 - evaluation.specificity(*at_threshold), evaluation.sensitivity(*at_threshold)


def _unit_square(ax: Axes) -> None:
    ax.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    ticks = np.linspace(0, 1, 6)
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
