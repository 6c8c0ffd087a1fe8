"""How time grows with the amount of work."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator

from pneumo.reporting.plots.curves import logarithmic
from pneumo.reporting.plots.style import BLUE, GREY, WIDTH, new_axes, styled

COLUMNS = 3

WIDE = 100
"""Ratio of the largest to the smallest amount from which only powers of ten find room on an axis."""

TITLE = 26
"""Letters of a line that fit above a panel."""


@styled
def growth(frame: pd.DataFrame) -> np.ndarray:
    """Seconds against the amount of work, a panel for each curve, both axes logarithmic.

    frame: one row a point, columns curve, quantity, amount, seconds, low, high; see `benchmarks.results`. The dotted
    line is proportional growth through the last point: below it, something else than this work takes the time.
    Returns the axes, (rows, 3); those past the last curve are empty. Raises ValueError for a frame without rows.
    """
    if frame.empty:
        raise ValueError("there are no points to draw; run the benchmark: python -m benchmarks growth")
    curves = list(frame.groupby(["curve", "quantity"], sort=False))
    rows = -(-len(curves) // COLUMNS)
    axes = new_axes(2.5 * rows, width=WIDTH, rows=rows, columns=COLUMNS)
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for ax, ((curve, quantity), points) in zip(axes.flat, curves, strict=False):
        points = points.sort_values("amount")
        last = points.iloc[-1]
        ends = points["amount"].iloc[[0, -1]]
        ax.plot(ends, last["seconds"] * ends / last["amount"], color=GREY, linewidth=0.9, linestyle=(0, (1, 2)))
        ax.fill_between(points["amount"], points["low"], points["high"], color=BLUE, alpha=0.2, linewidth=0)
        ax.plot(points["amount"], points["seconds"], "o-", color=BLUE, markersize=3.5)
        for axis in (ax.xaxis, ax.yaxis):
            logarithmic(axis)
        if ends.iloc[-1] > WIDE * ends.iloc[0]:
            ax.xaxis.set_major_locator(LogLocator(subs=(1,)))
        ax.set(title=fill(curve, TITLE), xlabel=quantity)
    for ax in axes[:, 0]:
        ax.set_ylabel("seconds")
    return axes
