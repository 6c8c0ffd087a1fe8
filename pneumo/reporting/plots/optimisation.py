"""Optimisation: paths of optimisers over a loss of two weights, and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import fill

import numpy as np

from pneumo.experiments.wording import in_words
from pneumo.reporting.plots.style import BLUE, GREY, VERMILLION, new_axes, new_panels, styled

TITLE_LETTERS = 12
"""Letters in a line above the panel of a schedule."""

CONTOUR_LEVELS = 2.0 ** np.arange(-4, 7)
"""Losses that have a contour, each twice the one before."""


@styled
def optimizer_paths(
    paths: Mapping[str, np.ndarray], loss: Callable[[np.ndarray], np.ndarray], *, columns: int = 3
) -> np.ndarray:
    """Paths of optimisers over the contours of a loss of two weights, a panel for each; a cross marks the minimum.

    paths: (steps + 1, 2) by title, see `analysis.toy_optimisation.optimizer_path`. loss: from weights (..., 2) to
    (...), with its minimum at zero. All panels show the same range of weights; a path that leaves it is cut off.
    Returns the axes, (rows, columns); those past the last path are empty.
    """
    axes = new_panels(len(paths), columns, 1.9, grid=False)
    starts = np.abs([path[0] for path in paths.values()]).max(axis=0)
    across, up = (1.15 * start * np.linspace(-1, 1, 121) for start in starts)
    heights = loss(np.stack(np.meshgrid(across, up), axis=-1))
    for ax, (caption, path) in zip(axes.flat, paths.items(), strict=False):
        ax.contour(across, up, heights, CONTOUR_LEVELS, colors=GREY, linewidths=0.6, alpha=0.6)
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
def learning_rate_schedules(factors: Mapping[str, Callable[[float], float]]) -> np.ndarray:
    """Learning rate over a training, as a share of the configured one, a panel for each schedule.

    factors: by name, from progress in [0, 1] to the factor, see `training.SCHEDULES`. Returns the axes, (N,).

    >>> axes = learning_rate_schedules(pneumo.training.SCHEDULES)
    """
    axes = new_axes(1.9, columns=len(factors))[0]
    progress = np.linspace(0, 1, 501)
    for ax, (name, factor) in zip(axes, factors.items(), strict=True):
        ax.plot(100 * progress, [factor(share) for share in progress], color=BLUE)
        ax.set(
            title=fill(in_words(name), TITLE_LETTERS),
            xlabel="updates done (%)",
            ylim=(-0.05, 1.08),
            xticks=(0, 50, 100),
            yticks=(0, 0.5, 1),
        )
        ax.label_outer()
    axes[0].set_ylabel("learning rate (share)")
    return axes
