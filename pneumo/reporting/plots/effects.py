"""The main comparisons of all chapters in one figure."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pneumo.evaluation import Interval
from pneumo.reporting.plots.style import (
    BLUE,
    DASHED,
    GREY,
    INK,
    PAPER,
    PHONE_WIDTH,
    VERMILLION,
    shared_legend,
    single_axes,
    styled,
)

PARTS = {
    "validation": ("validation images", BLUE, "o", -0.17),
    "stressed": ("perturbed validation images", VERMILLION, "D", 0.17),
}
"""Words, colour, marker and offset within a row, of each part of `analysis.chapter_effects.chapter_effects`."""

ROW_HEIGHT = 0.28
"""Of a comparison, in inches: room for two lines of text."""

NAME_LETTERS = 27
"""Letters in a line beside a row."""

TICKS = (-0.1, -0.01, 0, 0.01, 0.1)


@styled
def effect_forest(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Differences of the AUC with 95 % intervals, a row for each comparison below the name of its chapter.

    frame: columns chapter, comparison, and those of PARTS with `Interval`s; see
    `analysis.chapter_effects.chapter_effects`. Each row has an interval for each part; those that reach zero are grey.
    The scale is linear around zero and logarithmic beyond a hundredth. As narrow as a phone shows it whole.
    """
    rows: list[tuple[str, int | None]] = []
    for chapter, members in frame.groupby("chapter", sort=False):
        rows += [(str(chapter), None), *((str(frame["comparison"][row]), row) for row in members.index)]
    given, ax = ax, single_axes(ax, 1.0 + ROW_HEIGHT * len(rows), width=PHONE_WIDTH)
    ax.axvline(0, color=GREY, linewidth=0.8, linestyle=DASHED)
    for part, (_, part_colour, marker, offset) in PARTS.items():
        intervals: dict[int, Interval] = frame[part].to_dict()
        for height, (_, row) in enumerate(rows):
            if row is None:
                continue
            interval = intervals[row]
            colour = part_colour if interval.low > 0 or interval.high < 0 else GREY
            ax.hlines(height + offset, interval.low, interval.high, color=colour, linewidth=1.4)
            ax.plot(interval.estimate, height + offset, marker, color=colour, markeredgecolor=PAPER, markersize=4.5)
    ax.set_xscale("symlog", linthresh=0.01, linscale=1.2)
    ax.set(xlabel="difference of the AUC", ylim=(len(rows) - 0.4, -0.6))
    ax.set_xticks(TICKS, [f"{tick:g}".replace("-", "−") for tick in TICKS])
    ax.minorticks_off()
    _name_rows(ax, rows)
    if given is None:
        shared_legend(np.array([ax]), _legend_handles())
    else:
        ax.legend(handles=_legend_handles(), loc="best")
    return ax


def _name_rows(ax: Axes, rows: list[tuple[str, int | None]]) -> None:
    """Chapters in bold, comparisons below them."""
    ax.set_yticks(range(len(rows)), [fill(name, NAME_LETTERS, break_on_hyphens=False) for name, _ in rows])
    for text, (_, row) in zip(ax.get_yticklabels(), rows, strict=True):
        if row is None:
            text.set(weight="bold", color=INK)
        text.set_linespacing(1.0)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", visible=False)


def _legend_handles() -> list[Line2D]:
    parts = [
        Line2D([], [], color=colour, marker=marker, markersize=4.5, linewidth=1.4, label=words)
        for words, colour, marker, _ in PARTS.values()
    ]
    return [*parts, Line2D([], [], color=GREY, linewidth=1.4, label="reaches zero")]
