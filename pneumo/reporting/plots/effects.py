"""The main comparisons of all chapters in one figure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo.evaluation import Interval
from pneumo.reporting.plots.style import BLUE, DASHED, GREY, INK, PAPER, new_axes, styled

PANELS = {"validation": "Validation images", "stressed": "Perturbed validation images"}
"""Title of each part of `analysis.chapter_effects.chapter_effects`."""

ROW_HEIGHT = 0.21
"""Of a comparison, in inches."""


@styled
def effect_forest(frame: pd.DataFrame) -> np.ndarray:
    """Differences of the AUC with 95 % intervals, a row for each comparison below the name of its chapter.

    frame: columns chapter, comparison, and those of PANELS with `Interval`s; see
    `analysis.chapter_effects.chapter_effects`. Intervals that reach zero are grey. Both panels share one scale, which
    is linear around zero and logarithmic beyond a hundredth. Returns the axes, (2,).
    """
    rows: list[tuple[str, int | None]] = []
    for chapter, members in frame.groupby("chapter", sort=False):
        rows += [(str(chapter), None), *((str(frame["comparison"][row]), row) for row in members.index)]
    axes = new_axes(0.8 + ROW_HEIGHT * len(rows), columns=len(PANELS))[0]
    for ax, (part, title) in zip(axes, PANELS.items(), strict=True):
        ax.axvline(0, color=GREY, linewidth=0.8, linestyle=DASHED)
        intervals: dict[int, Interval] = frame[part].to_dict()
        for height, (_, row) in enumerate(rows):
            if row is None:
                continue
            interval = intervals[row]
            colour = BLUE if interval.low > 0 or interval.high < 0 else GREY
            ax.hlines(height, interval.low, interval.high, color=colour, linewidth=1.6)
            ax.plot(interval.estimate, height, "o", color=colour, markeredgecolor=PAPER, markersize=5.5)
        ax.set_xscale("symlog", linthresh=0.01, linscale=1.2)
        ax.set(title=title, xlabel="difference of the AUC", ylim=(len(rows) - 0.4, -0.6))
        ax.set_yticks(range(len(rows)), [name for name, _ in rows])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="y", visible=False)
    limits = np.array([ax.get_xlim() for ax in axes])
    ticks = [-0.1, -0.01, 0, 0.01, 0.1]
    for ax in axes:
        ax.set_xlim(limits[:, 0].min(), limits[:, 1].max())
        ax.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        ax.minorticks_off()
    for text, (_, row) in zip(axes[0].get_yticklabels(), rows, strict=True):
        if row is None:
            text.set(weight="bold", color=INK)
    axes[1].set_yticklabels([])
    return axes
