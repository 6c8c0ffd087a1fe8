"""Tests of saliency maps: deletion and insertion curves, and the check with random weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pneumo.experiments.wording import in_words
from pneumo.reporting.plots.style import DASHED, DOTTED, GREY, INK, PALETTE, new_axes, styled

MAP_LINES = {"Grad-CAM": "-", "centre": DASHED, "random": DOTTED}
"""Line style of each map of `analysis.saliency.deletion_and_insertion`."""

CURVES = {"deletion": "pixels blurred (share)", "insertion": "pixels sharp (share)"}
"""The curves, with the label of their axis."""


@styled
def saliency_tests(curves: pd.DataFrame, checks: pd.DataFrame) -> np.ndarray:
    """Deletion and insertion curves, a row of panels for each class, and the check with random weights beside them.

    curves: see `analysis.saliency.deletion_and_insertion`, of two classes. checks: see
    `analysis.saliency.weight_randomisation`; a thin line for each seed, a thick one for their mean. Colours are models,
    line styles are maps. Returns the axes, (2, 3); the last holds the legend.

    >>> models = {"selected-model": pneumo.records.get("acquisition/acquisition-saliency/selected-model")}
    >>> saliency = pneumo.analysis.saliency
    >>> axes = saliency_tests(saliency.deletion_and_insertion(models), saliency.weight_randomisation(models))
    """
    axes = new_axes(5.0, rows=2, columns=3)
    colours: dict[str, str] = dict(zip(dict.fromkeys(curves["model"]), PALETTE, strict=False))
    for row, (class_name, of_class) in zip(axes, curves.groupby("class", sort=False), strict=True):
        for ax, (curve, label) in zip(row, CURVES.items(), strict=False):
            _lines(ax, of_class.loc[of_class["curve"] == curve], colours)
            ax.set(title=f"{curve.capitalize()},\n{class_name}", xlabel=label, xlim=(0, 1), ylim=(-0.03, 1.03))
        row[0].set_ylabel("probability\nof the own class")
    _check(axes[0, 2], checks, colours)
    legend = [Line2D([], [], color=colour, linewidth=2.5, label=in_words(name)) for name, colour in colours.items()]
    legend += [Line2D([], [], color=INK, linestyle=line, label=name) for name, line in MAP_LINES.items()]
    axes[1, 2].axis("off")
    axes[1, 2].legend(handles=legend, loc="center left")
    return axes


def _lines(ax: Axes, curves: pd.DataFrame, colours: dict[str, str]) -> None:
    for model, colour in colours.items():
        for name, style in MAP_LINES.items():
            line = curves.loc[(curves["model"] == model) & (curves["map"] == name)]
            ax.plot(line["replaced"], line["probability"], color=colour, linestyle=style)


def _check(ax: Axes, checks: pd.DataFrame, colours: dict[str, str]) -> None:
    for model, rows in checks.groupby("model", sort=False):
        values = rows.pivot_table(index="randomised", columns="seed", values="rank correlation")
        ax.plot(values.index, values, color=colours[str(model)], linewidth=0.6, alpha=0.55)
        ax.plot(values.index, values.mean(axis=1), "o-", color=colours[str(model)], markersize=3.5)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set(title="Random weights,\nall images", xlabel="layers drawn anew (share)", ylabel="rank correlation")
    ax.set(xlim=(0, 1.03), ylim=(-0.5, 1.05))
