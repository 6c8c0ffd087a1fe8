"""Where spatial transformers look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from pneumo import evaluation
from pneumo.data.catalogue import DEFAULT_CLASS_NAMES
from pneumo.reporting.formatting import format_number
from pneumo.reporting.plots.images import CAPTION, gallery
from pneumo.reporting.plots.style import BLUE, CLASS_COLOURS, GREY, ORANGE, PAPER, WIDTH, new_axes, styled

if TYPE_CHECKING:
    import pandas as pd

    from pneumo.analysis.transformer_windows import Windows

CORNERS = np.array([(-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)])
"""Of a window, clockwise from the upper left, as theta takes them."""

FARTHEST = 1.6
"""Half sides of the image from its centre, beyond which a frame is cut off."""

FOLLOWED = {
    "shift": (("shift_right", "shift_down"), "share of side"),
    "rotation": (("rotation",), "degrees"),
    "size": (("size",), "share of side"),
}
"""Columns of `pneumo.analysis.transformer_windows.poses` in each panel, and their unit."""


@styled
def windows(seen: Windows, titles: Sequence[str] | None = None) -> np.ndarray:
    """Above, each image with a frame around what the transformer reads; below, what its CNN sees. A dot marks the
    corner that becomes the upper left one.

    titles: N captions. Returns the axes, (2, N).
    """
    columns = len(seen.images)
    axes = new_axes(2 * (WIDTH / columns + CAPTION), rows=2, columns=columns, grid=False)
    captions = [*(titles if titles is not None else columns * [""]), *columns * [""]]
    gallery([*seen.images, *seen.seen], captions, axes=axes)
    frames = CORNERS @ seen.theta.transpose(0, 2, 1)  # (N, 4, 2)
    reach = min(max(np.abs(frames).max(), 1) + 0.05, FARTHEST)
    for ax, frame in zip(axes[0], frames, strict=True):
        ax.images[0].set_extent((-1, 1, 1, -1))
        ax.add_patch(Polygon(frame, fill=False, edgecolor=ORANGE, linewidth=1.4))
        ax.plot(*frame[0], "o", color=ORANGE, markersize=4)
        ax.set(xlim=(-reach, reach), ylim=(reach, -reach))
    return axes


@styled
def followed(done: pd.DataFrame, seeds: Sequence[pd.DataFrame], *, axes: Sequence[Axes] | None = None) -> np.ndarray:
    """How far windows follow a displacement: what was done to each image against what its window does.

    done: of the displacements, seeds: of the windows of each seed; see `pneumo.analysis.transformer_windows.poses`. A window that undoes the
    displacement lies on the dashed diagonal, but for what it does to all images alike; one that takes no notice
    lies on a horizontal line. The slope of a straight line is written above: the mean of the seeds and their range.
    Draws on three axes (shift, rotation, size); returns them, (3,).
    """
    axes = new_axes(2.7, columns=len(FOLLOWED))[0] if axes is None else np.asarray(axes)
    for ax, (name, (columns, unit)) in zip(axes, FOLLOWED.items(), strict=True):
        x = done[list(columns)].to_numpy().ravel()
        followers = [poses[list(columns)].to_numpy().ravel() for poses in seeds]
        slopes = [np.polyfit(x, y, 1)[0] for y in followers]
        for y in followers:
            ax.plot(x, y, "o", color=BLUE, markersize=3, alpha=0.4, markeredgecolor=PAPER, markeredgewidth=0.2)
        ax.axline((x.mean(), x.mean()), slope=1, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
        mean, low, high = (f"{round(value, 2) + 0:.2f}" for value in (np.mean(slopes), min(slopes), max(slopes)))
        ax.set_title(f"{name}: slope {mean}\n({low} to {high})".replace("-", "−"), weight="normal")
        ax.set(xlabel=f"image's {name} ({unit})")
        # The same scale both ways, or a window that hardly moves would look like one that follows.
        limits = min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])
        ax.set(xlim=limits, ylim=limits)
    axes[0].set_ylabel("the same of its window")
    return axes


@styled
def window_sizes(
    seeds: Sequence[pd.DataFrame],
    labels: np.ndarray,
    *,
    classes: tuple[str, str] = DEFAULT_CLASS_NAMES,
    axes: Sequence[Axes] | None = None,
) -> np.ndarray:
    """How large the windows are on images of each class: a histogram for each seed, and how well size alone ranks them.

    seeds: of the windows of each seed, see `pneumo.analysis.transformer_windows.poses`. labels: (N,) 0 or 1, named by `classes`. The AUC
    above is that of 1, where smaller windows speak for label 1. Draws on one axis a seed; returns them, (seeds,).
    """
    axes = new_axes(2.5, columns=len(seeds))[0] if axes is None else np.asarray(axes)
    for number, (ax, poses) in enumerate(zip(axes, seeds, strict=True)):
        sizes = poses["size"].to_numpy()
        bins = np.histogram_bin_edges(sizes, 30)
        for label, (name, colour) in enumerate(zip(classes, CLASS_COLOURS, strict=True)):
            ax.hist(sizes[labels == label], bins, color=colour, alpha=0.6, label=name, density=True)
        area = evaluation.auc(labels, -sizes)
        ax.set_title(f"seed {number}: AUC {format_number(float(area))}", weight="normal")
        ax.set_xlabel("window's size (share of side)")
        ax.set_yticks([])
    axes[0].set_ylabel("share of the class")
    axes[0].legend()
    return axes
