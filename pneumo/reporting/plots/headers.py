"""What the files give away before a pixel is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from pneumo import evaluation
from pneumo.data.catalogue import DEFAULT_CLASS_NAMES
from pneumo.reporting.formatting import THIN, format_number
from pneumo.reporting.plots.style import CLASS_COLOURS, new_axes, styled

HEADERS = {
    "width": ("width of the original image (pixels)", 1),
    "height": ("height of the original image (pixels)", 1),
    "aspect": ("width / height of the original image", 1),
    "jpeg_quality": ("JPEG quality of the original file (1 to 100)", 1),
    "file_size": ("size of the original file (kilobytes)", 1000),
    "bytes_per_megapixel": ("original file, kilobytes per megapixel", 1000),
}
"""Label of each number of a file's header, and what to divide it by for the label's unit."""


@styled
def header_distributions(
    frame: pd.DataFrame,
    column: str,
    *,
    parts: Sequence[str] = ("train", "test"),
    bins: int = 40,
    classes: tuple[str, str] = DEFAULT_CLASS_NAMES,
    axes: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Histograms of one number of the file header by class, a panel for each part beside the others.

    frame: one row an image, columns part, label and `column`, which must be one of `HEADERS`. classes: names of label 0
    and label 1.
    Each title tells how well the number alone separates the classes, as an AUC whose direction (is the larger number
    the ill one?) is that of the first part. Returns the axes, (parts,).
    Raises ValueError for another column, for a missing number and for a part without images of both classes.
    """
    label, unit = HEADERS[_checked(frame, column)]
    panels = [frame[frame["part"] == part].assign(value=lambda rows: rows[column] / unit) for part in parts]
    axes = new_axes(2.6, columns=len(parts))[0] if axes is None else np.asarray(axes)
    edges = np.histogram_bin_edges(pd.concat(panels)["value"], bins)
    sign = 1 if evaluation.auc(panels[0]["label"], panels[0]["value"]) >= 0.5 else -1
    for ax, part, rows in zip(axes, parts, panels, strict=True):
        _class_histograms(ax, rows, edges, classes)
        area = evaluation.auc(rows["label"], sign * rows["value"])
        ax.set(title=f"{part}: AUC {format_number(area)} on its own", xlabel=label)
    highest = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, highest)
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=f"{THIN}%"))
    axes[0].set_ylabel("share of the class's images")
    axes[-1].legend(loc="upper right")
    return axes


def _class_histograms(ax: Axes, rows: pd.DataFrame, edges: np.ndarray, classes: tuple[str, str]) -> None:
    """The share of each class's images in each bin of `value`."""
    for label, colour in enumerate(CLASS_COLOURS):
        values = rows.loc[rows["label"] == label, "value"]
        shares = np.histogram(values, edges)[0] / len(values)
        ax.stairs(shares, edges, fill=True, color=colour, alpha=0.35)
        ax.stairs(shares, edges, color=colour, linewidth=1.2, label=classes[label])


def _checked(frame: pd.DataFrame, column: str) -> str:
    if column not in HEADERS:
        raise ValueError(f"column={column!r} is no number of a file's header; there are {', '.join(HEADERS)}")
    missing = int(frame[column].isna().sum())
    if missing:
        raise ValueError(f"{missing} of {len(frame)} images have no {column}; leave them out")
    return column
