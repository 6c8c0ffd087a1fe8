"""How the training went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from pneumo.reporting.plots.style import BLUE, GREY, PAPER, SKY, new_axes, styled

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

PARTS = {"train": (SKY, (0, (3, 1.5))), "validation": (BLUE, "-")}
"""Colour and line of each part: training is lighter and dashed."""


@styled
def learning_curves(records: Sequence[Record], *, axes: Sequence[Axes] | None = None) -> np.ndarray:
    """Loss and accuracy over the epochs, of the training and the validation images.

    A thin line for each record (seed) and a thick one for their mean, as far as all of them trained. A dot marks the
    epoch whose weights each record kept. Draws on two axes; returns them, (2,).
    Raises ValueError for a record without a history.
    """
    axes = new_axes(2.9, columns=2)[0] if axes is None else np.asarray(axes)
    for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        curves(ax, records, quantity)
        kept_epochs(ax, records, quantity)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _label(axes, several=len(records) > 1)
    return axes


def curves(ax: Axes, records: Sequence[Record], quantity: str) -> None:
    """Training and validation: a thin line for each record and a thick one for their mean.

    quantity: "loss" or "accuracy". Raises ValueError for a record without a history.
    """
    untrained = [record.experiment.name for record in records if not record.history]
    if untrained or not records:
        raise ValueError(f"{untrained[0] if untrained else 'no record'}: there is no history of epochs to draw")
    for part in PARTS:
        _curves(ax, [_history(record)[f"{part}_{quantity}"] for record in records], part)


def kept_epochs(ax: Axes, records: Sequence[Record], quantity: str) -> None:
    """A dot at the epoch whose weights each record kept."""
    kept = [record.selection["epoch"] for record in records]
    values = [
        _history(record).loc[epoch, f"validation_{quantity}"] for epoch, record in zip(kept, records, strict=True)
    ]
    ax.plot(kept, values, "o", color=BLUE, markeredgecolor=PAPER, markersize=5, zorder=4)


def logarithmic(axis: Axis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5, from a million on in millions."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(LogLocator(subs="all"))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 1e6 else f"{value / 1e6:g} M"))
    axis.set_minor_formatter(NullFormatter())


def _history(record: Record) -> pd.DataFrame:
    return pd.DataFrame(record.history).set_index("epoch")


def _curves(ax: Axes, seeds: list[pd.Series], part: str) -> None:
    colour, line = PARTS[part]
    if len(seeds) == 1:
        ax.plot(seeds[0], color=colour, linestyle=line)
        return
    for values in seeds:
        ax.plot(values, color=colour, linestyle=line, linewidth=0.6, alpha=0.55)
    # Beyond the first seed to stop early, the mean would jump with every seed that leaves it.
    ax.plot(pd.concat(seeds, axis=1).dropna().mean(axis=1), color=colour, linestyle=line, linewidth=2)


def _label(axes: np.ndarray, *, several: bool) -> None:
    loss, accuracy = axes
    loss.set(title="Loss", ylabel="cross-entropy (nats per image)")
    logarithmic(loss.yaxis)
    accuracy.set(title="Accuracy", ylabel="share of images called right")
    handles = [Line2D([], [], color=colour, linestyle=line, label=part) for part, (colour, line) in PARTS.items()]
    handles.append(Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=5, label="epoch that was kept"))
    if several:
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="one seed (thick: mean)"))
    accuracy.legend(handles=handles, loc="lower right")
