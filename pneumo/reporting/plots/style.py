"""One look for all figures: colours that colour-blind readers tell apart, text that is readable 7 inches wide.

The paper is a warm near-white rather than white, so that a figure is no lamp on a dark page.
"""

from __future__ import annotations

import matplotlib
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np

# A notebook's backend is loaded with the first figure, and turns the notebook's figures on. Inside `styled` that would
# be undone with the style, so it is loaded now.
plt.switch_backend(matplotlib.get_backend())

WIDTH = 7.0
"""Inches across the text column of the book."""

# Okabe & Ito 2008, "Color Universal Design".
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY = "#E69F00", "#56B4E9"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

INK, GREY, FAINT, PAPER = "#26292c", "#6b7075", "#dcdcd6", "#fdfdfb"

CLASS_COLOURS = (BLUE, VERMILLION)
"""Colour of label 0 and of label 1, the finding, wherever a figure tells classes apart."""

STYLE = {
    "figure.facecolor": PAPER,
    "figure.dpi": 144,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.07,
    "figure.constrained_layout.h_pad": 0.07,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same on every machine
    "font.size": 8.5,
    "text.color": INK,
    "axes.facecolor": PAPER,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}

styled = matplotlib.style.context(STYLE)
"""Decorates a plot: everything it draws has the look of the book, and what others draw is left alone."""


@styled
def new_axes(height: float, *, width: float = WIDTH, rows: int = 1, columns: int = 1, grid: bool = True) -> np.ndarray:
    """Axes of a new figure of `width` x `height` inches, (rows, columns), with quiet ticks and grid."""
    _, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for ax in axes.flat:
        # Ticks are made when the figure is drawn, by then outside the style, so they are told here.
        ax.tick_params(which="both", labelsize=8, color=GREY, labelcolor=INK, width=0.6, length=3)
        if grid:
            ax.grid(color=FAINT, linewidth=0.6)
            ax.set_axisbelow(True)
    return axes
