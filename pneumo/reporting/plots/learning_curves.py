"""Learning curves: loss and accuracy over the epochs, of training and of validation images."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from pneumo.analysis.summaries import Models, display_name, one_model, records_by_model
from pneumo.reporting.plots.style import (
    BLUE,
    GREY,
    PAPER,
    SKY,
    axes_row,
    new_axes,
    set_log_scale,
    shared_legend,
    styled,
)

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

PARTS = {"train": (SKY, (0, (3, 1.5))), "validation": (BLUE, "-")}
"""Colour and line style of each part: training is lighter and dashed."""

PART_LABELS = {"train": "training", "validation": "validation"}

PAIR_HEIGHT = 4.1
"""Of two panels, loss above accuracy, in inches."""

TITLE_LETTERS = {1: 90, 2: 44, 3: 28, 4: 20}
"""Letters in a line above a panel, by the number of columns."""


@styled
def learning_curves(records: Models, *, axes: Sequence[Axes] | None = None) -> np.ndarray:
    """Loss (left) and accuracy (right) over the epochs, of training and of validation images.

    records: of one model. A thin line for each record (seed), a thick one for their mean over the epochs that all of
    them reached, and a dot at the epoch whose weights each kept. axes: two, to draw on. Returns the axes, (2,).
    Raises ValueError for records of several models and for a record without a history.

    >>> loss, accuracy = learning_curves([pneumo.run(each) for each in experiments.first_network()])  # doctest: +SKIP
    """
    seeds = one_model(records)
    panels = axes_row(axes, 3.4, 2)
    loss, accuracy = panels
    for ax, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        _draw(ax, seeds, quantity)
        ax.set_xlabel("epoch")
    loss.set(title="Loss", ylabel="cross-entropy (nats per image)")
    set_log_scale(loss.yaxis)
    accuracy.set(title="Accuracy", ylabel="accuracy (share of images)")
    handles = _legend_handles()
    if len(seeds) > 1:
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="one seed (thick: mean)"))
    if axes is None:
        shared_legend(panels, handles)
    else:
        accuracy.legend(handles=handles, loc="best")
    return panels


@styled
def learning_curves_by_model(models: Models, *, columns: int = 3) -> np.ndarray:
    """Learning curves of each model on the same scales: loss above accuracy, a column of two panels for each.

    models: see `analysis.summaries.records_by_model`; lines and dots as in `learning_curves`. columns: at most.
    Returns the axes, (2 · rows, columns); those past the last model are empty. Raises ValueError for a record without a
    history.

    >>> axes = learning_curves_by_model({"CNN": pneumo.records.get("first-network/seed-0")})
    """
    named = records_by_model(models)
    columns = min(columns, len(named))
    rows = -(-len(named) // columns)
    axes = new_axes(PAIR_HEIGHT * rows, rows=2 * rows, columns=columns)
    pairs = [axes[2 * row : 2 * row + 2, column] for row in range(rows) for column in range(columns)]
    for (loss, accuracy), (name, records) in zip(pairs, named.items(), strict=False):
        set_log_scale(loss.yaxis)
        for ax, quantity in ((loss, "loss"), (accuracy, "accuracy")):
            _draw(ax, records, quantity)
        loss.set_title(fill(display_name(name, records), TITLE_LETTERS[columns]))
        accuracy.set_xlabel("epoch")
    for unused in pairs[len(named) :]:
        for ax in unused:
            ax.axis("off")
    for loss, accuracy in axes[:, 0].reshape(rows, 2):
        loss.set_ylabel("loss (nats)")
        accuracy.set_ylabel("accuracy")
    for quantity in (0, 1):
        _share_limits([pair[quantity] for pair in pairs[: len(named)]])
    shared_legend(axes, _legend_handles())
    return axes


def _draw(ax: Axes, records: Sequence[Record], quantity: str) -> None:
    """quantity: "loss" or "accuracy"."""
    untrained = [record.experiment.name for record in records if not record.history]
    if untrained:
        raise ValueError(f"{untrained[0]}: there is no history of epochs to draw; only networks have one")
    histories = [pd.DataFrame(record.history).set_index("epoch") for record in records]
    for part, (colour, line) in PARTS.items():
        seeds = [history[f"{part}_{quantity}"] for history in histories]
        if len(seeds) > 1:
            for values in seeds:
                ax.plot(values, color=colour, linestyle=line, linewidth=0.6, alpha=0.55)
        # Beyond the first seed to stop early, the mean would jump with every seed that leaves it.
        mean = pd.concat(seeds, axis=1).dropna().mean(axis=1)
        ax.plot(mean, color=colour, linestyle=line, linewidth=2 if len(seeds) > 1 else 1.6)
    kept = [record.selection["epoch"] for record in records]
    values = [
        history[f"validation_{quantity}"].to_dict()[epoch] for history, epoch in zip(histories, kept, strict=True)
    ]
    ax.plot(kept, values, "o", color=BLUE, markeredgecolor=PAPER, markersize=5, zorder=4)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))  # as many epochs as have room side by side


def _legend_handles() -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, linestyle=line, label=PART_LABELS[part]) for part, (colour, line) in PARTS.items()
    ]
    return [*handles, Line2D([], [], color=BLUE, marker="o", linestyle="", markersize=5, label="kept epoch")]


def _share_limits(axes: Sequence[Axes]) -> None:
    across, up = (np.array(limits) for limits in zip(*((ax.get_xlim(), ax.get_ylim()) for ax in axes), strict=True))
    for ax in axes:
        ax.set(xlim=(across[:, 0].min(), across[:, 1].max()), ylim=(up[:, 0].min(), up[:, 1].max()))
