"""How weights move: the paths of optimisers through a valley, and the schedules of the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pneumo.reporting.plots.style import BLUE, FAINT, VERMILLION, new_axes, styled

LEVELS = 2.0 ** np.arange(-4, 7)
"""Losses at which a valley has a contour, each twice the one before."""


@styled
def descents(
    paths: Mapping[str, np.ndarray], loss: Callable[[np.ndarray], np.ndarray], *, columns: int = 3
) -> np.ndarray:
    """Paths over the contours of a loss of two weights, a panel for each; a cross marks the lowest point, at zero.

    paths: (steps + 1, 2) by caption. loss: from weights (..., 2) to (...). What leaves the panel is cut off there; all
    panels show the same part. Returns the axes, (rows, columns); those past the last path are empty.
    """
    columns = min(columns, len(paths))
    rows = -(-len(paths) // columns)
    axes = new_axes(1.9 * rows, rows=rows, columns=columns, grid=False)
    starts = np.abs([path[0] for path in paths.values()]).max(axis=0)
    across, up = (1.15 * start * np.linspace(-1, 1, 121) for start in starts)
    heights = loss(np.stack(np.meshgrid(across, up), axis=-1))
    for ax in axes.flat[len(paths) :]:
        ax.axis("off")
    for ax, (caption, path) in zip(axes.flat, paths.items(), strict=False):
        ax.contour(across, up, heights, LEVELS, colors=FAINT, linewidths=0.8)
        ax.plot(*path.T, "o-", color=BLUE, markersize=2.2, linewidth=0.9)
        ax.plot(*path[0], "o", color=BLUE, markersize=5)
        ax.plot(0, 0, "x", color=VERMILLION, markersize=6)
        ax.set(xlim=across[[0, -1]], ylim=up[[0, -1]], title=caption)
    for ax in axes[:, 0]:
        ax.set_ylabel("second weight")
    for ax in axes[-1]:
        ax.set_xlabel("first weight")
    return axes


@styled
def schedules(factors: Mapping[str, Callable[[float], float]]) -> np.ndarray:
    """Learning rate over a training, as a share of the configured one; a panel for each schedule.

    factors: from progress, 0 at the first update and 1 after the last, to the factor; see `training.SCHEDULES`.
    Returns the axes, (len(factors),).
    """
    axes = new_axes(1.7, columns=len(factors))[0]
    progress = np.linspace(0, 1, 501)
    for ax, (name, factor) in zip(axes, factors.items(), strict=True):
        ax.plot(100 * progress, [factor(share) for share in progress], color=BLUE)
        ax.set(title=name, xlabel="updates done (%)", ylim=(-0.05, 1.08), xticks=(0, 50, 100), yticks=(0, 0.5, 1))
        ax.label_outer()
    axes[0].set_ylabel("learning rate (share)")
    return axes
