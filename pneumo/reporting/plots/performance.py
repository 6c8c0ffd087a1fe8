"""Performance of models: ROC and precision-recall curves, confusion matrix, calibration, net benefit, intervals.

`models` is a record, the records (seeds) of one model, or a mapping from each model's name to its record or records,
see `analysis.summaries.records_by_model`. Seeds are thin lines, their mean a thick one. `classes` are the names of
label 0 and label 1, by default those of the data set (`data.class_names`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import NullFormatter
from sklearn.metrics import precision_recall_curve, roc_curve

from pneumo import evaluation
from pneumo.analysis.summaries import Models, display_name, one_model, records_by_model
from pneumo.data.catalogue import class_names
from pneumo.evaluation import Interval
from pneumo.reporting.formatting import format_count, format_interval, format_number, format_percent, interval_decimals
from pneumo.reporting.plots.style import (
    CLASS_COLOURS,
    DASHED,
    DOTTED,
    GREY,
    INK,
    PALETTE,
    PAPER,
    SQUARE,
    axes_row,
    shared_legend,
    single_axes,
    styled,
)

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

CURVE_GRID = np.linspace(0, 1, 501)
"""Where curves are interpolated, so that those of several seeds can be averaged."""


FULL_SHADE = 1.4
"""The share at which a cell of a confusion matrix would have the colour of its class: no cell is too dark for INK."""

THRESHOLDS = 1 / (1 + np.exp(-np.linspace(-7, 7, 281)))
"""Of `threshold_curves`, evenly spaced in the logit."""

TICKS_OF_THRESHOLDS = (0.01, 0.1, 0.5, 0.9, 0.99)


class _Model(NamedTuple):
    """One model of a figure. name: "" where it needs none. classes: names of label 0 and label 1 of its data set."""

    name: str
    records: list[Record]
    colour: str

    @property
    def classes(self) -> tuple[str, str]:
        return class_names(self.records[0].experiment.data.name)


@styled
def roc(
    models: Models,
    *,
    part: str = "test",
    classes: tuple[str, str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """ROC curves: sensitivity over 1 − specificity. A ring marks each record's threshold; the legend has the mean AUC.

    >>> ax = roc({"CNN": records}, part="validation")  # doctest: +SKIP
    """
    ax = single_axes(ax, SQUARE, width=SQUARE)
    _diagonal(ax)
    drawn = _models(models)
    for model in drawn:
        curves = [_roc_curve(record, part) for record in model.records]
        _curves_and_mean(ax, curves, model.colour, _label(model, part, "AUC", evaluation.auc))
        rings = [_operating_point(record, part) for record in model.records]
        ax.plot(*zip(*rings, strict=True), "o", color=model.colour, markerfacecolor=PAPER, markersize=4.5, zorder=4)
    _unit_square(ax)
    negative, _ = classes or drawn[0].classes
    false_positives = textwrap.fill(f"1 − specificity: share of {negative} predicted positive", 55)
    ax.set(title=title, xlabel=false_positives, ylabel="sensitivity")
    ax.legend(loc="lower right")
    return ax


@styled
def precision_recall(models: Models, *, part: str = "test", title: str = "", ax: Axes | None = None) -> Axes:
    """Precision over recall. The dotted line is the prevalence, the precision of a random score; the legend has the
    mean average precision (AP).

    >>> ax = precision_recall(pneumo.records.get("first-network/seed-0"))
    """
    ax = single_axes(ax, SQUARE, width=SQUARE)
    drawn = _models(models)
    for model in drawn:
        curves = [_precision_recall_curve(record, part) for record in model.records]
        label = _label(model, part, "AP", evaluation.average_precision)
        _curves_and_mean(ax, curves, model.colour, label)
    prevalence = drawn[0].records[0].frame(part)["label"].to_numpy().mean()
    ax.axhline(float(prevalence), color=GREY, linewidth=0.8, linestyle=DOTTED)
    _unit_square(ax)
    ax.set(title=title, xlabel="recall (sensitivity)", ylabel="precision (positive predictive value)")
    ax.legend(loc="lower left")
    return ax


@styled
def confusion_matrix(
    record: Models,
    *,
    part: str = "test",
    classes: tuple[str, str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Images by true (rows) and predicted class (columns) at the record's threshold.

    record: one record; counts of several cannot be shown in one matrix. A cell has its count and, shaded, its share of
    the true class. Raises ValueError for several records.

    >>> ax = confusion_matrix(pneumo.records.get("first-network/seed-0"))
    """
    records = one_model(record)
    if len(records) != 1:
        raise ValueError(f"a confusion matrix shows one record, not {len(records)}; draw one for each")
    ax = single_axes(ax, 2.9, width=3.4, grid=False)
    frame = records[0].frame(part)
    cells = evaluation.confusion(frame["label"], frame["probability"], records[0].threshold)
    shares = cells / cells.sum(axis=1, keepdims=True)
    shade = LinearSegmentedColormap.from_list("shade", [PAPER, CLASS_COLOURS[0]])
    edges = (-0.5, 0.5, 1.5)
    ax.pcolormesh(edges, edges, shares, cmap=shade, vmin=0, vmax=FULL_SHADE)
    ax.set(xlim=edges[::2], ylim=edges[::-2])
    for (row, column), count in np.ndenumerate(cells):
        count_text, share_text = format_count(count), format_percent(float(shares[row, column]))
        ax.text(column, row - 0.06, count_text, size=13, weight="bold", color=INK, ha="center", va="center")
        ax.text(column, row + 0.2, share_text, size=8, color=INK, ha="center", va="center")
    names = classes or class_names(records[0].experiment.data.name)
    totals = cells.sum(axis=1)
    ax.set_xticks([0, 1], ["predicted\n" + textwrap.fill(name, 16, break_on_hyphens=False) for name in names])
    wrapped = [textwrap.fill(name, 12, break_on_hyphens=False) for name in names]
    ax.set_yticks([0, 1], [f"{name}\n(n = {format_count(total)})" for name, total in zip(wrapped, totals, strict=True)])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.set_title(title)
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
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Observed share of positives over the mean probability of each bin; a calibrated model lies on the diagonal.

    The thick line pools the records of a model. Bars are Wilson's 95 % intervals, drawn for a single record only, since
    the seeds of a model predict the same images.

    >>> ax = reliability_diagram(pneumo.records.get("first-network/seed-0"))
    """
    ax = single_axes(ax, SQUARE, width=SQUARE)
    _diagonal(ax)
    drawn = _models(models)
    for model in drawn:
        frames = [record.frame(part) for record in model.records]
        for frame in frames if len(frames) > 1 else []:
            curve = evaluation.reliability_curve(frame["label"], frame["probability"], bins)
            ax.plot(curve.mean_probability, curve.observed_share, color=model.colour, linewidth=0.6, alpha=0.5)
        pooled = pd.concat(frames)
        curve = evaluation.reliability_curve(pooled["label"], pooled["probability"], bins)
        label = _label(model, part, "Brier score", evaluation.brier)
        ax.plot(curve.mean_probability, curve.observed_share, "o-", color=model.colour, markersize=4, label=label)
        if len(frames) == 1:
            ax.vlines(curve.mean_probability, curve.low, curve.high, color=model.colour, linewidth=0.8)
    _unit_square(ax)
    _, positive = classes or drawn[0].classes
    ax.set(title=title, xlabel="mean probability in the bin", ylabel=f"observed share of {positive}")
    ax.legend(loc="best")
    return ax


@styled
def threshold_curves(models: Models, *, part: str = "test", axes: Sequence[Axes] | None = None) -> np.ndarray:
    """Sensitivity and specificity at every threshold, a panel for each model; a dashed line at its own threshold.

    models: one record each; the threshold's axis is that of the logit. axes: one for each model, to draw on.
    Returns the axes, (models,). Raises ValueError for several records of one model.

    >>> axes = threshold_curves(pneumo.records.get("first-network/seed-0"))
    """
    drawn = _models(models)
    several = next((model for model in drawn if len(model.records) > 1), None)
    if several is not None:
        name, count = several.name or "the model", len(several.records)
        raise ValueError(f"{name} has {count} records, each with a threshold of its own; give one")
    row = axes_row(axes, 2.9, len(drawn))
    for ax, model in zip(row, drawn, strict=True):
        (record,) = model.records
        frame = record.frame(part)
        for metric, colour in zip((evaluation.specificity, evaluation.sensitivity), CLASS_COLOURS, strict=True):
            values = [float(metric(frame["label"], frame["probability"], each)) for each in THRESHOLDS]
            ax.plot(THRESHOLDS, values, color=colour, label=metric.__name__)
        ax.axvline(record.threshold, color=GREY, linewidth=0.9, linestyle=DASHED, label="own threshold")
        ax.set_xscale("logit")
        ax.set_xticks(TICKS_OF_THRESHOLDS, [f"{tick:g}" for tick in TICKS_OF_THRESHOLDS])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(title=model.name, xlabel="threshold", ylim=(-0.015, 1.015))
    row[0].set_ylabel("share of the class's images")
    shared_legend(row)
    return row


@styled
def decision_curve(
    models: Models,
    *,
    part: str = "test",
    highest_threshold: float = 0.8,
    prevalence: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Net benefit over the decision threshold, beside treating all and treating none (Vickers & Elkin 2006).

    highest_threshold: end of the axis, in (0, 1). prevalence: of the population; None takes that of the images.

    >>> ax = decision_curve(pneumo.records.get("first-network/seed-0"))
    """
    ax = single_axes(ax, 3.0)
    thresholds = np.linspace(0.01, highest_threshold, 200)
    top, treat_all = 0.0, np.zeros_like(thresholds)
    for model in _models(models):
        curves = []
        for record in model.records:
            frame = record.frame(part)
            curve = evaluation.net_benefit(frame["label"], frame["probability"], thresholds, prevalence)
            curves.append((thresholds, curve.model))
            treat_all = curve.treat_all
        _curves_and_mean(ax, curves, model.colour, model.name or "model")
        top = max(top, *(benefit.max() for _, benefit in curves))
    ax.plot(thresholds, treat_all, color=GREY, linewidth=1, label="treat all")
    ax.axhline(0, color=INK, linewidth=1, linestyle=DASHED, label="treat none")
    ax.set(xlim=(0, highest_threshold), ylim=(-0.15 * top, 1.1 * top))
    ax.set_xlabel("threshold probability")
    ax.set_ylabel("net benefit (per patient)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


@styled
def forest_plot(
    intervals: Mapping[str, Interval], *, label: str, reference: float | None = None, ax: Axes | None = None
) -> Axes:
    """An estimate and its 95 % interval for each name, from top to bottom, with the numbers at the right.

    label: of the axis, with a unit. reference: a value to compare with, drawn as a dashed line.

    >>> ax = forest_plot({"CNN": Interval(0.93, 0.91, 0.95)}, label="AUC", reference=0.9)
    """
    ax = single_axes(ax, 0.75 + 0.27 * len(intervals))
    if reference is not None:
        ax.axvline(reference, color=GREY, linewidth=0.8, linestyle=DASHED)
    decimals = interval_decimals(intervals.values())
    for row, interval in enumerate(intervals.values()):
        ax.hlines(row, interval.low, interval.high, color=PALETTE[0], linewidth=1.6)
        ax.plot(interval.estimate, row, "o", color=PALETTE[0], markeredgecolor=PAPER, markersize=6.5)
        ax.text(
            1.02, row, format_interval(interval, decimals), transform=ax.get_yaxis_transform(), va="center", fontsize=8
        )
    ax.set_yticks(range(len(intervals)), list(intervals))
    ax.set(ylim=(len(intervals) - 0.4, -0.6), xlabel=f"{label}, with 95 % interval")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", visible=False)
    return ax


def _models(models: Models) -> list[_Model]:
    """Each model with its colour. A single one that the caller did not name has no name."""
    named = records_by_model(models)
    if len(named) > len(PALETTE):
        raise ValueError(f"{len(named)} models in one plot cannot be told apart; draw at most {len(PALETTE)}")
    if len(named) == 1 and not isinstance(models, Mapping):
        named = {"": next(iter(named.values()))}
    return [
        _Model(name and display_name(name, records), records, colour)
        for (name, records), colour in zip(named.items(), PALETTE, strict=False)
    ]


def _label(model: _Model, part: str, heading: str, metric: Callable[..., np.ndarray]) -> str:
    """E.g. "baseline CNN: AUC 0.953", the mean over the records."""
    frames = [record.frame(part) for record in model.records]
    value = float(np.mean([metric(frame["label"], frame["probability"]) for frame in frames]))
    return f"{model.name}: {heading} {format_number(value)}" if model.name else f"{heading} {format_number(value)}"


def _curves_and_mean(ax: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], colour: str, label: str) -> None:
    """Draw curves (x, y) that share their x: thin, and their mean thick; a single one just thick."""
    if len(curves) > 1:
        for x, y in curves:
            ax.plot(x, y, color=colour, linewidth=0.6, alpha=0.5)
    ax.plot(curves[0][0], np.mean([y for _, y in curves], axis=0), color=colour, label=label)


def _roc_curve(record: Record, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Sensitivity on a grid of 1 − specificity."""
    frame = record.frame(part)
    false_positive_rate, true_positive_rate, _ = roc_curve(frame["label"], frame["probability"])
    # The grid starts twice at 0, so that the curve rises from the origin.
    sensitivity = np.interp(CURVE_GRID, false_positive_rate, true_positive_rate)
    return np.r_[0, CURVE_GRID], np.r_[0, sensitivity]


def _precision_recall_curve(record: Record, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Precision on a grid of recall, at the highest threshold that reaches it."""
    frame = record.frame(part)
    precision, recall, _ = precision_recall_curve(frame["label"], frame["probability"])
    reached = np.searchsorted(recall[::-1], CURVE_GRID)
    return CURVE_GRID, precision[::-1][np.minimum(reached, len(recall) - 1)]


def _operating_point(record: Record, part: str) -> tuple[float, float]:
    """(1 − specificity, sensitivity) at the record's threshold."""
    frame = record.frame(part)
    at_threshold = frame["label"], frame["probability"], record.threshold
    return 1 - float(evaluation.specificity(*at_threshold)), float(evaluation.sensitivity(*at_threshold))


def _diagonal(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=DOTTED)


def _unit_square(ax: Axes) -> None:
    ax.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    ticks = np.linspace(0, 1, 6)
    ax.set_xticks(ticks)
    ax.set_yticks(ticks)
