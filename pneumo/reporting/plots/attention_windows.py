"""Attention windows of spatial transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from pneumo import evaluation
from pneumo.data.catalogue import DEFAULT_CLASS_NAMES
from pneumo.reporting.formatting import format_number
from pneumo.reporting.plots.gallery import CAPTION_HEIGHT, gallery
from pneumo.reporting.plots.style import (
    BLUE,
    CLASS_COLOURS,
    DASHED,
    GREY,
    ORANGE,
    PAPER,
    WIDTH,
    axes_row,
    new_axes,
    new_panels,
    shared_legend,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd

    from pneumo.analysis.transformer_windows import AttentionWindows

WINDOW_CORNERS = np.array([(-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)])
"""Clockwise from the upper left, in the coordinates of theta."""

MAX_FRAME_DISTANCE = 2.0
"""From the image's centre, in half sides of the image; a frame is cut off there."""

RESAMPLED_TITLE = "within the window"
"""Above what the CNN sees of an image."""

POSE_PANELS = {
    "shift": (("shift_right", "shift_down"), "share of side"),
    "rotation": (("rotation",), "degrees"),
    "size": (("size",), "share of side"),
}
"""Columns of `analysis.transformer_windows.pose_parameters` in each panel, and their unit."""


@styled
def attention_windows(windows: AttentionWindows, titles: Sequence[str] | None = None) -> np.ndarray:
    """Images with the frame of the attention window (above), and what the CNN sees through it, so titled (below).

    windows: see `analysis.transformer_windows.attention_windows`. titles: N captions. A dot marks the corner that
    becomes the upper left one. Returns the axes, (2, N).
    """
    columns = len(windows.images)
    axes = new_axes(2 * (WIDTH / columns + CAPTION_HEIGHT), rows=2, columns=columns, grid=False)
    captions = [*(titles if titles is not None else columns * [""]), *columns * [RESAMPLED_TITLE]]
    gallery([*windows.images, *windows.resampled], captions, axes=axes)
    frames = WINDOW_CORNERS @ windows.theta.transpose(0, 2, 1)  # (N, 4, 2)
    reach = min(max(np.abs(frames).max(), 1) + 0.05, MAX_FRAME_DISTANCE)
    for ax, frame in zip(axes[0], frames, strict=True):
        ax.images[0].set_extent((-1, 1, 1, -1))
        ax.add_patch(Polygon(frame, fill=False, edgecolor=ORANGE, linewidth=1.4))
        ax.plot(*frame[0], "o", color=ORANGE, markersize=4, clip_on=False)
        ax.set(xlim=(-reach, reach), ylim=(reach, -reach))
    return axes


@styled
def window_against_displacement(
    displacement: pd.DataFrame, windows: Sequence[pd.DataFrame], *, axes: Sequence[Axes] | None = None
) -> np.ndarray:
    """Pose of the attention window against the known displacement of the image: shift, rotation and size.

    displacement: one row an image; windows: the same of the windows of each seed; see
    `analysis.transformer_windows.pose_parameters`. A window that undoes the displacement lies on the dashed diagonal,
    but for a constant offset; one that ignores it lies on a horizontal line. A title has the slope of the regression
    line, the mean of the seeds and their range. axes: three, to draw on. Returns the axes, (3,).
    """
    row = axes_row(axes, 2.7, len(POSE_PANELS))
    for ax, (name, (columns, unit)) in zip(row, POSE_PANELS.items(), strict=True):
        x = displacement[list(columns)].to_numpy().ravel()
        seeds = [poses[list(columns)].to_numpy().ravel() for poses in windows]
        slopes = [np.polyfit(x, y, 1)[0] for y in seeds]
        for y in seeds:
            ax.plot(x, y, "o", color=BLUE, markersize=3, alpha=0.4, markeredgecolor=PAPER, markeredgewidth=0.2)
        ax.axline((x.mean(), x.mean()), slope=1, color=GREY, linewidth=0.8, linestyle=DASHED)
        mean, low, high = (f"{round(value, 2) + 0:.2f}" for value in (np.mean(slopes), min(slopes), max(slopes)))
        ax.set_title(f"{name}: slope {mean}\n({low} to {high})".replace("-", "−"))
        ax.set(xlabel=f"{name} of the image ({unit})")
        # The same scale both ways, or a window that hardly moves would look like one that follows.
        limits = min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])
        ax.set(xlim=limits, ylim=limits)
    row[0].set_ylabel("shift, rotation or size of the window")
    return row


@styled
def window_size_histograms(
    windows: Sequence[pd.DataFrame],
    labels: np.ndarray,
    *,
    classes: tuple[str, str] = DEFAULT_CLASS_NAMES,
    axes: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Sizes of the attention windows by class, a histogram for each seed.

    windows: the poses of each seed, see `analysis.transformer_windows.pose_parameters`. labels: (N,) 0 or 1, named by
    `classes`. A title has the AUC of the window's size alone, where smaller windows speak for label 1.
    axes: one for each seed, to draw on. Returns the axes, (seeds,).
    """
    panels = np.ravel(new_panels(len(windows), 3, 2.4) if axes is None else np.asarray(axes))[: len(windows)]
    for seed, (ax, poses) in enumerate(zip(panels, windows, strict=True)):
        sizes = poses["size"].to_numpy()
        bins = np.histogram_bin_edges(sizes, 30)
        for label, (name, colour) in enumerate(zip(classes, CLASS_COLOURS, strict=True)):
            ax.hist(sizes[labels == label], bins, color=colour, alpha=0.6, label=name, density=True)
        ax.set_title(f"seed {seed}: AUC {format_number(float(evaluation.auc(labels, -sizes)))}")
        ax.set_xlabel("size of the window (share of side)")
        ax.set_yticks([])
        if seed % 3 == 0:
            ax.set_ylabel("density in the class")
    shared_legend(panels)
    return panels
