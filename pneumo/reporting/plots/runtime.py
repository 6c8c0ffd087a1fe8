"""Runtime: how the time grows with the amount of work."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator

from pneumo.reporting.plots.style import BLUE, DOTTED, GREY, new_panels, set_log_scale, styled

PANEL_COLUMNS = 3

MAX_RATIO_OF_FINE_TICKS = 100
"""Above this ratio of the largest to the smallest amount, only powers of ten have room on the axis."""

TITLE_LETTERS = 26
"""Letters in a line above a panel."""


@styled
def runtime_scaling(frame: pd.DataFrame) -> np.ndarray:
    """Seconds against the amount of work, a panel for each curve, both axes logarithmic.

    frame: one row a point, columns curve, quantity, amount, seconds, low, high; see `benchmarks.results`. The dotted
    line is time in proportion to the amount, through the last point; the band is the range of the repetitions.
    Returns the axes, (rows, columns); those past the last curve are empty. Raises ValueError for a frame without rows.
    """
    if frame.empty:
        raise ValueError("there are no points to draw; run the benchmark: python -m benchmarks scaling")
    curves = list(frame[["curve", "quantity"]].drop_duplicates().itertuples(index=False, name=None))
    axes = new_panels(len(curves), PANEL_COLUMNS, 2.5)
    for ax, (curve, quantity) in zip(axes.flat, curves, strict=False):
        of_curve = (frame["curve"] == curve) & (frame["quantity"] == quantity)
        points = frame.loc[of_curve, ["amount", "seconds", "low", "high"]].to_numpy(float)
        amount, seconds, low, high = points[points[:, 0].argsort()].T
        ends = amount[[0, -1]]
        ax.plot(ends, seconds[-1] * ends / amount[-1], color=GREY, linewidth=0.9, linestyle=DOTTED)
        ax.fill_between(amount, low, high, color=BLUE, alpha=0.2, linewidth=0)
        ax.plot(amount, seconds, "o-", color=BLUE, markersize=3.5)
        for axis in (ax.xaxis, ax.yaxis):
            set_log_scale(axis)
        if ends[1] > MAX_RATIO_OF_FINE_TICKS * ends[0]:
            ax.xaxis.set_major_locator(LogLocator(subs=(1,)))
        ax.set(title=fill(str(curve), TITLE_LETTERS), xlabel=str(quantity))
    for ax in axes[:, 0]:
        ax.set_ylabel("seconds")
    return axes
