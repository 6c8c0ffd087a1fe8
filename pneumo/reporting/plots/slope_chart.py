"""Slope chart: how each of several models performs on one part of the data and on another."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pneumo.reporting.formatting import format_number
from pneumo.reporting.plots.style import FAINT, GREY, INK, PALETTE, PAPER, PHONE_WIDTH, single_axes, styled

PART_TITLES = {
    "train": "training\npatients",
    "validation": "held-out\nvalidation patients",
    "test": "official\ntest patients",
}
"""What stands below each side of the chart."""

LABEL_GAP = 0.052
"""Least distance of two labels, as a share of the axis."""


@styled
def slope_chart(
    frame: pd.DataFrame,
    *,
    parts: tuple[str, str] = ("validation", "test"),
    label: str = "AUC",
    dashed: Collection[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """A line for each model from its value on one part (left) to that on the other (right), with 95 % intervals.

    frame: columns model and the two parts, cells `Interval`; see `tables.auc_by_part`. label: of the axis, with a unit.
    dashed: models whose lines are dashed, such as those that read no image.

    >>> ax = slope_chart(tables.auc_by_part({"CNN": records}))  # doctest: +SKIP
    """
    ax = single_axes(ax, 3.9, width=PHONE_WIDTH, grid=False)
    columns = [list(frame[part]) for part in parts]
    for name, colour, *ends in zip(frame["model"], PALETTE, *columns, strict=False):
        style = (0, (4, 2)) if name in dashed else "-"
        ax.plot([0, 1], [end.estimate for end in ends], linestyle=style, color=colour, linewidth=2)
        for place, end in enumerate(ends):
            ax.vlines(place, end.low, end.high, color=colour, linewidth=1.2)
            ax.plot(place, end.estimate, "o", color=colour, markersize=6.5, markeredgecolor=PAPER)
    values = np.array([[end.estimate for end in column] for column in columns])
    lowest = np.nanmin([bound for column in columns for end in column for bound in (end.estimate, end.low)])
    ax.set(xlim=(-0.34, 1.9), ylim=(lowest - 0.05, values.max() + 0.06))
    for place, alignment in ((0, "right"), (1, "left")):
        texts = [
            format_number(value) if place == 0 else f"{format_number(value)}  {name}"
            for name, value in zip(frame["model"], values[place], strict=True)
        ]
        heights = spread(values[place], LABEL_GAP * np.diff(ax.get_ylim()).item())
        beside = place + (0.05 if place else -0.05)
        for text, height, value, colour in zip(texts, heights, values[place], PALETTE, strict=False):
            ax.plot([place, beside], [value, height], color=colour, linewidth=0.8)  # to which line a label belongs
            ax.text(beside + (0.01 if place else -0.01), height, text, ha=alignment, va="center", color=INK)
    ax.set_xticks([0, 1], [PART_TITLES.get(part, part) for part in parts], color=INK, weight="bold")
    ax.set_ylabel(label)
    ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.text(1.88, 0.5, "chance", color=GREY, ha="right", va="bottom", fontsize=8)
    for place in (0, 1):
        ax.axvline(place, color=FAINT, linewidth=0.8, zorder=0)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    return ax


def spread(heights: Sequence[float] | np.ndarray, gap: float) -> np.ndarray:
    """Heights moved apart as little as needed, so that neighbours are at least `gap` apart; their order stays.

    >>> spread([0.0, 1.0, 1.0], 0.5).tolist()
    [0.0, 0.75, 1.25]
    """
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, float)[order]
    clusters = [[value] for value in placed]
    while True:
        centres = [float(np.mean(cluster)) for cluster in clusters]
        halves = [gap * (len(cluster) - 1) / 2 for cluster in clusters]
        crowded = next(
            (
                i
                for i in range(len(clusters) - 1)
                if centres[i + 1] - halves[i + 1] - centres[i] - halves[i] < gap * (1 - 1e-9)
            ),
            None,
        )
        if crowded is None:
            break
        clusters[crowded : crowded + 2] = [clusters[crowded] + clusters[crowded + 1]]
    moved = [
        centre - half + gap * i
        for cluster, centre, half in zip(clusters, centres, halves, strict=True)
        for i in range(len(cluster))
    ]
    result = np.empty(len(placed))
    result[order] = moved
    return result
