"""Histograms of acquisition features that stand in the files' headers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from pneumo import evaluation
from pneumo.data.catalogue import DEFAULT_CLASS_NAMES
from pneumo.reporting.formatting import THIN, format_number
from pneumo.reporting.plots.learning_curves import PART_LABELS
from pneumo.reporting.plots.style import CLASS_COLOURS, axes_row, styled

FIELDS = {
    "width": ("width of the original image (pixels)", 1),
    "height": ("height of the original image (pixels)", 1),
    "aspect": ("width / height of the original image", 1),
    "jpeg_quality": ("JPEG quality of the original file (1 to 100)", 1),
    "file_size": ("size of the original file (kilobytes)", 1000),
    "bytes_per_megapixel": ("original file, kilobytes per megapixel", 1000),
}
"""Axis label of each header field, and what to divide its values by for the label's unit."""


@styled
def header_histograms(
    frame: pd.DataFrame,
    field: str,
    *,
    parts: Sequence[str] = ("train", "test"),
    bins: int = 40,
    classes: tuple[str, str] = DEFAULT_CLASS_NAMES,
    axes: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Histograms of one header field by class, a panel for each part.

    frame: one row an image, columns part, label and `field`, which is one of FIELDS; see
    `analysis.summaries.header_values`. classes: names of label 0 and label 1. axes: one for each part, to draw on.
    A title has the AUC of the field alone; its direction, whether larger values mean label 1, is that of the first
    part. Returns the axes, (parts,).
    Raises ValueError for another field, a missing value, and a part without images of both classes.

    >>> frame = pneumo.analysis.summaries.header_values(pneumo.records.get("data-and-shortcuts/headers/width"))
    >>> axes = header_histograms(frame, "width")
    """
    label, unit = FIELDS[_checked(frame, field)]
    panels = []
    for part in parts:
        labels, values = frame.loc[frame["part"] == part, ["label", field]].to_numpy().T
        panels.append((labels, values / unit))
    edges = np.histogram_bin_edges(np.concatenate([values for _, values in panels]), bins)
    sign = 1 if evaluation.auc(*panels[0]) >= 0.5 else -1
    row = axes_row(axes, 2.6, len(parts))
    for ax, part, (labels, values) in zip(row, parts, panels, strict=True):
        _class_histograms(ax, labels, values, edges, classes)
        area = float(evaluation.auc(labels, sign * values))
        ax.set(title=f"{PART_LABELS.get(part, part)}: AUC {format_number(area)}", xlabel=label)
    highest = max(ax.get_ylim()[1] for ax in row)
    for ax in row:
        ax.set_ylim(0, highest)
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=f"{THIN}%"))
    row[0].set_ylabel("share of the class's images")
    row[-1].legend(loc="upper right")
    return row


def _class_histograms(
    ax: Axes, labels: np.ndarray, values: np.ndarray, edges: np.ndarray, classes: tuple[str, str]
) -> None:
    """The share of each class's images in each bin."""
    for label, colour in enumerate(CLASS_COLOURS):
        of_class = values[labels == label]
        shares = np.histogram(of_class, edges)[0] / len(of_class)
        ax.stairs(shares, edges, fill=True, color=colour, alpha=0.35)
        ax.stairs(shares, edges, color=colour, linewidth=1.2, label=classes[label])


def _checked(frame: pd.DataFrame, field: str) -> str:
    if field not in FIELDS:
        raise ValueError(f"field={field!r} is no field of a file's header; choose from {', '.join(FIELDS)}")
    missing = np.count_nonzero(frame[field].isna())
    if missing:
        raise ValueError(f"{missing} of {len(frame)} images have no {field}; leave them out")
    return field
