"""One style for all figures: a palette for colour-blind readers, text that is readable at a width of 7 inches.

The background is a warm near-white, so that a figure does not glare on a dark page.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")

WIDTH = 7.0
"""Width of the book's text column, in inches."""

PHONE_WIDTH = 4.2
"""Inches of a figure that a phone shows whole, with text that can be read."""

SQUARE = 3.7
"""Side in inches of a plot whose axes share one scale."""

SMALL_TEXT = 7.5
"""Size in points of captions of small images and of labels that stand close together."""

DOTTED, DASHED = (0, (1, 2)), (0, (4, 2))
"""Line styles of references, such as a diagonal, and of thresholds."""

# Okabe & Ito 2008, "Color Universal Design".
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY = "#E69F00", "#56B4E9"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

CHARACTERS_AN_INCH, CHARACTERS_OF_A_KEY = 15, 6
"""Of a legend's text, and what its line and the gap after it take."""

INK, GREY, FAINT, PAPER = "#26292c", "#6b7075", "#dcdcd6", "#fdfdfb"

CLASS_COLOURS = (BLUE, VERMILLION)
"""Colour of label 0 and of label 1, the finding, wherever a figure tells classes apart."""

CLASS_TEXT_COLOURS = (BLUE, "#AD4C00")
"""The same for text, dark enough for small letters."""

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
    "axes.prop_cycle": cycler(color=PALETTE),
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


def styled(plot: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
    """Decorate a plot: what it draws has the style of the book; matplotlib's own settings stay as they were."""

    @functools.wraps(plot)
    def in_style(*arguments: Arguments.args, **options: Arguments.kwargs) -> Returned:
        # A notebook's backend is loaded by the first figure and then makes the notebook show figures, by a setting that
        # the end of the style would undo. This loads it beforehand; without a figure it does nothing else.
        plt.draw_if_interactive()
        with matplotlib.style.context(STYLE):
            return plot(*arguments, **options)

    return in_style


@styled
def new_axes(height: float, *, width: float = WIDTH, rows: int = 1, columns: int = 1, grid: bool = True) -> np.ndarray:
    """Axes of a new figure of `width` x `height` inches, (rows, columns).

    >>> axes = new_axes(3.4, columns=2)[0]
    """
    _, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for ax in axes.flat:
        # Ticks are made when the figure is drawn, by then outside the style, so they are told here.
        ax.tick_params(which="both", labelsize=8, color=GREY, labelcolor=INK, width=0.6, length=3)
        if grid:
            ax.grid(color=FAINT, linewidth=0.6)
            ax.set_axisbelow(True)
    return axes


def single_axes(ax: Axes | None, height: float, *, width: float = WIDTH, grid: bool = True) -> Axes:
    """`ax`, or without one the axes of a new figure of `width` x `height` inches."""
    return new_axes(height, width=width, grid=grid)[0, 0] if ax is None else ax


def axes_row(axes: Sequence[Axes] | np.ndarray | None, height: float, columns: int) -> np.ndarray:
    """`axes` as an array (columns,), or without them new ones in a figure `height` inches high."""
    return new_axes(height, columns=columns)[0] if axes is None else np.asarray(axes)


def new_panels(panels: int, columns: int, height: float, *, grid: bool = True) -> np.ndarray:
    """Axes of a new figure for a number of panels, (rows, columns), each row `height` inches high.

    columns: at most. The axes past the last panel are empty.
    """
    columns = min(columns, panels)
    rows = -(-panels // columns)
    axes = new_axes(height * rows, rows=rows, columns=columns, grid=grid)
    for ax in axes.flat[panels:]:
        ax.axis("off")
    return axes


@styled
def shared_legend(axes: Sequence[Axes] | np.ndarray, handles: Sequence[Artist] | None = None) -> None:
    """One legend above all panels of a figure, where it covers none.

    handles: what it explains, by default all labelled lines of the first axes.

    >>> axes = new_axes(3.0)
    >>> lines = axes[0, 0].plot([0, 1], label="a line")
    >>> shared_legend(axes)
    """
    first = np.ravel(np.asarray(axes))[0]
    shown = first.get_legend_handles_labels()[0] if handles is None else handles
    labels = [str(handle.get_label()) for handle in shown]
    figure = first.get_figure(root=True)
    room = CHARACTERS_AN_INCH * figure.get_figwidth()
    fitting = (columns for columns in range(len(PALETTE), 1, -1) if _legend_width(labels, columns) <= room)
    figure.legend(handles=shown, loc="outside upper center", ncols=next(fitting, 1))


def _legend_width(labels: Sequence[str], columns: int) -> int:
    """Characters across a legend that is filled column by column, each with its key."""
    parts = np.array_split(np.array([len(label) for label in labels]), columns)
    return sum(int(part.max()) + CHARACTERS_OF_A_KEY for part in parts if part.size)


def set_log_scale(axis: Axis, *, labelled: Sequence[float] = (1, 2, 5)) -> None:
    """Make an axis logarithmic, with plain numbers at multiples of powers of ten, and from a million on in millions."""
    set_scale = axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale
    set_scale("log")
    axis.set_major_locator(LogLocator(subs=labelled))
    axis.set_minor_locator(LogLocator(subs="all"))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 1e6 else f"{value / 1e6:g} M"))
    axis.set_minor_formatter(NullFormatter())
