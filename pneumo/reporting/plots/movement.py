"""Which layers moved while a network learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from pneumo.reporting.plots.curves import logarithmic
from pneumo.reporting.plots.style import GREY, PALETTE, new_axes, styled

if TYPE_CHECKING:
    import pandas as pd

NOT_HERE = "Not drawn: the trained weights are not on the machine that rendered this."

CHANGES = {"relative": "change, relative to\nthe layer's weights", "each": "change of a weight\n(root mean square)"}
"""Columns that are drawn, as their axes say it."""


@styled
def movement(frame: pd.DataFrame) -> np.ndarray:
    """How far each layer went, from the image to the logit: relative to its weights above, weight by weight below.

    frame: columns variant, seed, layer, and those of CHANGES; see `pneumo.analysis.finetuning.moved`. A line for each variant:
    thin ones for its seeds, a thick one for their mean. Layers that did not move are left out, for the upper axis is
    logarithmic. Returns the axes, (2,); for an empty frame one, (1,), that says why there is nothing.
    """
    if frame.empty:
        ax = new_axes(0.6)[0, 0]
        ax.axis("off")
        ax.text(0.5, 0.5, NOT_HERE, ha="center", va="center", color=GREY, transform=ax.transAxes)
        return np.array([ax])
    axes = new_axes(4.6, rows=2)[:, 0]
    layers = list(dict.fromkeys(frame["layer"]))
    moved = frame[frame["relative"] > 0].assign(place=lambda rows: rows["layer"].map(layers.index))
    for ax, column in zip(axes, CHANGES, strict=True):
        _lines(ax, moved, column)
        ax.set_xticks(range(len(layers)), [])
        ax.set_ylabel(CHANGES[column])
    logarithmic(axes[0].yaxis)
    axes[1].set_ylim(bottom=0)
    axes[1].set_xticklabels([layer.replace(" ", "\n") for layer in layers])
    axes[1].set_xlabel("layer, from the image to the logit (numbers: blocks)")
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(PALETTE))
    return axes


def _lines(ax: Axes, moved: pd.DataFrame, column: str) -> None:
    for (variant, rows), colour in zip(moved.groupby("variant", sort=False), PALETTE, strict=False):
        for _, seed in rows.groupby("seed"):
            ax.plot(seed["place"], seed[column], color=colour, linewidth=0.6, alpha=0.55)
        mean = rows.groupby("place")[column].mean()
        ax.plot(mean.index, mean, "o-", color=colour, markersize=3.5, label=variant)
