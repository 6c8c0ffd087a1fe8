"""What a network bears, and what its validation score was worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pneumo.analysis.robustness import UNPERTURBED_LEVELS
from pneumo.analysis.threshold_transfer import rank_correlation
from pneumo.reporting.formatting import format_number
from pneumo.reporting.plots.comparisons import MEASURES
from pneumo.reporting.plots.style import GREY, PALETTE, PAPER, new_axes, styled

PERTURBATIONS = {
    "blur": "blur up to (pixels of 160)",
    "noise": "noise up to (share of the grey range)",
    "contrast": "contrast (factor)",
    "rotation": "rotation up to (degrees)",
    "jpeg": "JPEG quality",
}
"""Axis of each perturbation of `analysis.robustness.robustness`."""

COLUMNS = 3


@styled
def agreement(frame: pd.DataFrame, x: str, y: str = "test_auc", *, ax: Axes | None = None) -> Axes:
    """One dot a trained network, x against y, columns of `pneumo.analysis.threshold_transfer.ranking`; the title gives their rank correlation.

    Networks of the same group of experiments have the same colour, the largest groups first.
    """
    ax = new_axes(3.2)[0, 0] if ax is None else ax
    groups = frame["group"].value_counts().index
    for place, group in enumerate(groups):
        rows = frame[frame["group"] == group]
        colour, filled = PALETTE[place % len(PALETTE)], place < len(PALETTE)
        ax.plot(
            rows[x],
            rows[y],
            "o" if filled else "^",
            color=colour,
            markersize=4.5,
            alpha=0.7,
            markeredgecolor=PAPER,
            label=group,
        )
    ax.set(
        title=f"rank correlation {format_number(rank_correlation(frame, x, y))}",
        xlabel=MEASURES.get(x, x.replace("_", " ")),
        ylabel=MEASURES.get(y, y.replace("_", " ")),
    )
    return ax


@styled
def robustness(frame: pd.DataFrame) -> np.ndarray:
    """AUC on test patients against how far the images were perturbed: a panel for each perturbation, a line a network.

    frame: see `pneumo.analysis.robustness.robustness`. Returns the axes, (2, 3); the last holds the legend.
    """
    axes = new_axes(4.2, rows=2, columns=COLUMNS)
    for ax, (perturbation, label) in zip(axes.flat, PERTURBATIONS.items(), strict=False):
        for (network, rows), colour in zip(
            frame[frame["perturbation"] == perturbation].groupby("network"), PALETTE, strict=False
        ):
            ax.plot(rows["level"], rows["test_auc"], "o-", color=colour, markersize=3.5, label=network)
        ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
        ax.set(xlabel=label, ylim=(0.4, 1.01))
        if UNPERTURBED_LEVELS[perturbation] > 0:
            ax.invert_xaxis()  # from images as they are, on the left, to the most changed
    for ax in axes[:, 0]:
        ax.set_ylabel("AUC on test patients")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[1, 2].axis("off")
    axes[1, 2].legend(handles, labels, loc="center left")
    return axes
