"""A report on a model and a user's own images, as one HTML file that opens anywhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import __version__
from pneumo.analysis import external_validation
from pneumo.errors import DataError
from pneumo.inference.model import NOTE
from pneumo.io.files import atomic_write, check_replaceable
from pneumo.reporting import plots
from pneumo.reporting.formatting import format_count
from pneumo.reporting.html import facts_table, page, picture, table
from pneumo.reporting.plots.style import CLASS_COLOURS, GREY
from pneumo.reporting.tables import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pneumo.evaluation import Interval
    from pneumo.inference.evaluate import Evaluation

    Metrics = Mapping[str, Interval]

LISTED_SLICES = 12
"""Slices that the report lists, of all that were looked at."""


def write_report(evaluation: Evaluation, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the report on an evaluation; return its path.

    With labels of both classes: every usual metric with its 95 % interval, ROC and calibration, results by the height
    of the files, the slices with the most errors, and the threshold that these images would choose beside the model's.
    Without: what can be said, which is how the predictions are distributed, and how many images are unlike those that
    the model learnt from.
    Raises DataError where the file exists and may not be replaced, and for an evaluation without images.
    """
    path = Path(path)
    check_replaceable(path, overwrite, wanted="file")
    if evaluation.predictions.empty:
        raise DataError(f"{evaluation.source}: no image could be read, so there is nothing to report")
    title = f"Evaluation of {evaluation.source.name}"
    metrics = external_validation.metrics(evaluation) if evaluation.has_both_classes else None
    body = "\n".join([*_introduction(evaluation, metrics), *_results(evaluation, metrics), *_distributions(evaluation)])
    with atomic_write(path) as temporary:
        temporary.write_text(page(title, body), encoding="utf-8")
    return path


def _introduction(evaluation: Evaluation, metrics: Metrics | None) -> list[str]:
    model, labelled = evaluation.model, evaluation.labelled
    notices = [*evaluation.notices, *(external_validation.notices(evaluation, metrics) if metrics else [])]
    positives = int((labelled["label"].to_numpy(int) == 1).sum())
    patients = labelled.loc[labelled["patient"] != "", "patient"].nunique()
    facts = {
        "Model": f"record {model.record}, threshold {model.threshold:.4f}, pneumo {__version__}",
        "Images": f"{format_count(len(evaluation.predictions))} predicted, "
        f"{format_count(len(evaluation.unreadable))} could not be read",
        "Labels": f"{format_count(positives)} positive, {format_count(len(labelled) - positives)} negative, "
        f"{format_count(len(evaluation.predictions) - len(labelled))} without a label",
        "Patients": format_count(patients) if patients else "unknown: intervals take images as independent",
    }
    problems = "".join(f"<li>{html.escape(each)}</li>" for each in evaluation.unreadable)
    return [
        f'<p class="note">{NOTE} {html.escape(_independence(evaluation))}</p>',
        "".join(f'<p class="note">{html.escape(each[:1].upper() + each[1:])}.</p>' for each in notices),
        facts_table(facts),
        f"<details><summary>Files that could not be read</summary><ul>{problems}</ul></details>" if problems else "",
    ]


def _independence(evaluation: Evaluation) -> str:
    """Whether these images are new to the model, as far as its file tells."""
    if evaluation.model.images is None:
        return "The model's file does not tell which images it was trained on, so they may be among these."
    if evaluation.own_images:
        return "This is no independent test."
    return (
        "The model and its threshold were fixed before it saw these images: none of them has the pixels of one of its "
        "training or validation images."
    )


def _results(evaluation: Evaluation, metrics: Metrics | None) -> list[str]:
    if metrics is None:
        return ["<h2>Performance</h2><p>Without labels of both classes nothing can be said of right and wrong.</p>"]
    record = evaluation.record()
    frame = pd.DataFrame({"metric": [METRICS[name] for name in metrics], "value": list(metrics.values())})
    axes = plots.new_axes(3.4, columns=2)[0]
    plots.roc([record], classes=external_validation.CLASSES, ax=axes[0])
    plots.reliability_diagram([record], classes=external_validation.CLASSES, ax=axes[1])
    return [
        "<h2>Performance</h2>",
        picture(axes[0].figure, "ROC curve, and observed share of positives by predicted probability"),
        table(frame),
        "<h2>Threshold</h2><p>The second row is chosen and judged on the same images, which flatters the model: it "
        "says how much of the error is the threshold's.</p>",
        table(external_validation.thresholds(evaluation)),
        "<h2>By height of the files</h2><p>How an image was acquired should not decide. Intervals of rates take images "
        "as independent.</p>",
        table(external_validation.by_stratum(evaluation)),
        "<h2>Where the model fails</h2><p>The slices with the most errors, beside the other images of the same class. "
        "A corrected p below 0.05 is a place to look at. Images are taken as independent.</p>",
        table(external_validation.failures(evaluation).head(LISTED_SLICES)),
    ]


def _distributions(evaluation: Evaluation) -> list[str]:
    ax = plots.new_axes(2.4)[0, 0]
    _histogram(ax, evaluation)
    drift = external_validation.score_drift(evaluation, external_validation.find_record(evaluation))
    return [
        "<h2>Predictions</h2>",
        picture(ax.figure, "Histogram of the predicted probabilities"),
        table(drift),
        "<p>An image is unlike the training images where its colour, shape, brightness, contrast or symmetry lies "
        "outside their range, or where it does not resemble a frontal radiograph of a child's chest.</p>",
    ]


def _histogram(ax: Axes, evaluation: Evaluation) -> None:
    frame = evaluation.predictions
    bins = np.linspace(0, 1, 41).tolist()
    for label, (name, colour) in enumerate(zip(external_validation.CLASSES, CLASS_COLOURS, strict=True)):
        chosen = frame.loc[(frame["label"] == label).fillna(False), "probability"]
        if len(chosen):
            ax.hist(chosen, bins, color=colour, alpha=0.6, label=name)
    without = frame.loc[frame["label"].isna(), "probability"]
    if len(without):
        ax.hist(without, bins, color=GREY, alpha=0.6, label="without a label")
    ax.axvline(evaluation.model.threshold, color=GREY, linestyle=(0, (4, 2)), label="threshold")
    ax.set(xlabel="predicted probability of pneumonia", ylabel="images", xlim=(0, 1))
    ax.legend()
