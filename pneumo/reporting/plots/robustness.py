"""Robustness: performance as images are perturbed more and more."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo.analysis.robustness import UNPERTURBED_LEVELS
from pneumo.experiments.wording import in_words
from pneumo.reporting.plots.style import DOTTED, GREY, PALETTE, new_axes, styled

PERTURBATIONS = {
    "blur": ("Blur", "σ up to (pixels of 160)"),
    "noise": ("Noise", "up to (share of the grey range)"),
    "contrast": ("Contrast", "factor"),
    "rotation": ("Rotation", "up to (degrees)"),
    "jpeg": ("JPEG compression", "quality (1 to 100)"),
}
"""Title and axis label of each perturbation of `analysis.robustness.auc_by_perturbation`."""

PANEL_COLUMNS = 3


@styled
def robustness_curves(frame: pd.DataFrame) -> np.ndarray:
    """AUC on test images against the strength of each perturbation, a panel each; a line for each network.

    frame: see `analysis.robustness.auc_by_perturbation`. From left to right the images are perturbed more and more; the
    dotted line is a random score. Returns the axes, (2, 3); the last holds the legend.
    """
    axes = new_axes(4.4, rows=2, columns=PANEL_COLUMNS)
    for ax, (perturbation, (title, label)) in zip(axes.flat, PERTURBATIONS.items(), strict=False):
        networks = frame.loc[frame["perturbation"] == perturbation].groupby("network")
        for (network, rows), colour in zip(networks, PALETTE, strict=False):
            levels, areas = rows[["level", "test_auc"]].to_numpy().T
            ax.plot(levels, areas, "o-", color=colour, markersize=3.5, label=in_words(str(network)))
        ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle=DOTTED)
        ax.set(title=title, xlabel=label, ylim=(0.4, 1.01))
        if UNPERTURBED_LEVELS[perturbation] > 0:
            ax.invert_xaxis()
    for ax in axes[:, 0]:
        ax.set_ylabel("AUC on test images")
    axes[-1, -1].axis("off")
    axes[-1, -1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center left")
    return axes
