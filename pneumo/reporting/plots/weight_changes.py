"""Weight changes: how far training moved each layer of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from pneumo.experiments.wording import in_words
from pneumo.reporting.plots.style import PALETTE, new_axes, set_log_scale, shared_legend, styled

if TYPE_CHECKING:
    import pandas as pd

CHANGES = {
    "relative": ("Relative change", "change, relative to\nthe layer's weights"),
    "rms": ("Change of a single weight", "change of a weight\n(root mean square)"),
}
"""Columns that are drawn, with the title and the axis label of their panel."""


@styled
def weight_change(frame: pd.DataFrame) -> np.ndarray:
    """Change of each layer's weights, from the image to the logit: relative (above) and for a single weight (below).

    frame: columns variant, seed, layer, relative, rms; see `analysis.finetuning.weight_changes`. A thin line for each
    seed, a thick one for the mean of each variant. Layers that did not change are left out, since the upper axis is
    logarithmic. Returns the axes, (2,).
    """
    axes = new_axes(5.0, rows=2)[:, 0]
    layers = list(dict.fromkeys(frame["layer"]))
    changed = frame[frame["relative"] > 0].assign(place=lambda rows: rows["layer"].map(layers.index))
    for ax, (column, (title, label)) in zip(axes, CHANGES.items(), strict=True):
        _lines(ax, changed, column)
        ax.set_xticks(range(len(layers)), [])
        ax.set(title=title, ylabel=label)
    set_log_scale(axes[0].yaxis)
    axes[1].set_ylim(bottom=0)
    axes[1].set_xticklabels([layer.replace("last convolution", "last\nconv.") for layer in layers])
    axes[1].set_xlabel("layer, from the image to the logit (numbers: blocks)")
    shared_legend(axes)
    return axes


def _lines(ax: Axes, changed: pd.DataFrame, column: str) -> None:
    for (variant, rows), colour in zip(changed.groupby("variant", sort=False), PALETTE, strict=False):
        values = rows.pivot_table(index="place", columns="seed", values=column)
        ax.plot(values.index, values, color=colour, linewidth=0.6, alpha=0.55)
        ax.plot(values.index, values.mean(axis=1), "o-", color=colour, markersize=3.5, label=in_words(str(variant)))
