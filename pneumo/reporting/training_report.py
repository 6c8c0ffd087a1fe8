"""A report on a network that was trained on a person's own radiographs, as one HTML file that opens anywhere."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import __version__
from pneumo.analysis.file_audit import header_aucs
from pneumo.analysis.summaries import few_images, summary, without_bounds
from pneumo.data.catalogue import class_names
from pneumo.errors import DataError
from pneumo.experiments.config import to_dict
from pneumo.inference.model import NOTE
from pneumo.io.files import atomic_write, check_replaceable
from pneumo.reporting import plots
from pneumo.reporting.formatting import format_count, format_duration, literal
from pneumo.reporting.html import facts_table, page, picture, table
from pneumo.reporting.tables import METRICS, counts

if TYPE_CHECKING:
    from pneumo.data import Dataset
    from pneumo.experiments.records import Record

ERRORS_LISTED = 10
"""Images of each class that the table of errors holds at most."""

FEW_IMAGES = 100
"""Test images of a class below which the report says that its intervals are wide."""


def write_training_report(
    record: Record, path: str | Path, *, dataset: Dataset | None = None, overwrite: bool = False
) -> Path:
    """Write the report on a trained network; return its path.

    It shows the data by part, the training, the metrics on the test part with 95 % intervals, which test images the
    network gets most wrong, and whether the headers of the files alone tell the classes apart.
    record: with a history. dataset: that it was trained on, for the headers and the names of the classes; None leaves
        the headers out.
    Raises DataError where the file exists and may not be replaced.

    >>> write_training_report(pneumo.records.get("first-network/seed-0"), "report.html")
    PosixPath('report.html')
    """
    path = Path(path)
    check_replaceable(path, overwrite, wanted="file")
    classes = class_names(record.experiment.data.name) if dataset is None else dataset.classes
    parts = [_introduction(record), *_data(record, classes), *_training(record), *_performance(record, classes)]
    if dataset is not None:
        parts += _headers(dataset)
    with atomic_write(path) as temporary:
        title = f"Training of {record.experiment.name}"
        temporary.write_text(page(title, "\n".join(parts)), encoding="utf-8")
    return path


def _introduction(record: Record) -> str:
    data, training = record.experiment.data, record.experiment.training
    epochs = f"{len(record.history)} of at most {training.epochs}" if training else format_count(len(record.history))
    facts = {
        "Record": f"{record.experiment.name}, {record.key}; pneumo {__version__}",
        "Images": f"{data.name}, version {data.version}; {data.image_size} × {data.image_size} pixels ({data.resize})",
        "Network": _settings(to_dict(record.experiment.model)),
        "Epochs": f"{epochs}, kept: {record.selection.get('epoch', '–')}",
        "Threshold": f"{record.threshold:.4f} ({record.selection.get('threshold_chosen_on', '')})",
        "Time": format_duration(record.provenance["seconds"]) if "seconds" in record.provenance else "–",
    }
    return f'<p class="note">{NOTE}</p>{facts_table(facts)}'


def _settings(values: dict[str, object]) -> str:
    return ", ".join(f"{name} = {literal(str(value))}" for name, value in values.items()).replace("`", "")


def _data(record: Record, classes: tuple[str, str]) -> list[str]:
    frame = counts(record.split, classes)
    known = (
        "No patient is in two parts."
        if record.has_patients
        else (
            "The patients are unknown: images of one child may be in two parts, which would flatter the results. Files "
            "named as in chest-xray, or a column patient beside the labels, tell them."
        )
    )
    return ["<h2>Data</h2>", table(frame), f"<p>{known}</p>"]


def _training(record: Record) -> list[str]:
    if not record.history:
        return []
    axes = plots.learning_curves(record)
    return [
        "<h2>Training</h2>",
        picture(axes[0].figure, "Loss and accuracy by epoch, of training and validation images"),
        "<p>Training images are augmented, so their loss may lie above that of the validation images.</p>",
    ]


def _performance(record: Record, classes: tuple[str, str]) -> list[str]:
    metrics = summary([record], "test")
    said = few_images(record.frame("test")["label"])
    if said:
        metrics = without_bounds(metrics)
    frame = pd.DataFrame({"metric": [METRICS[name] for name in metrics], "value": list(metrics.values())})
    axes = plots.new_axes(3.4, columns=2)[0]
    plots.roc(record, classes=classes, ax=axes[0])
    plots.reliability_diagram(record, classes=classes, ax=axes[1])
    matrix = plots.confusion_matrix(record, classes=classes)
    few = int(np.bincount(record.frame("test")["label"], minlength=2).min())
    return [
        "<h2>Test images</h2><p>They were used neither in training nor to choose epoch or threshold. "
        + (f"With {few} images of the smaller class the intervals are wide. " if few < FEW_IMAGES and not said else "")
        + "Images of another hospital may be predicted less well; <code>pneumo evaluate</code> tells.</p>",
        f'<p class="note">{said}.</p>' if said else "",
        picture(axes[0].figure, "ROC curve, and observed share of positives by predicted probability"),
        picture(matrix.figure, "Test images by true and predicted class"),
        table(frame),
        "<h2>Most confident errors</h2>",
        *_errors(record, classes),
    ]


def _errors(record: Record, classes: tuple[str, str]) -> list[str]:
    frame = record.frame("test")
    wrong = frame.loc[(frame["probability"] >= record.threshold) != (frame["label"] == 1)]
    if wrong.empty:
        return ["<p>No test image is on the wrong side of the threshold.</p>"]
    worst = pd.concat(
        [
            wrong.loc[wrong["label"] == label].sort_values(by="probability", ascending=bool(label)).head(ERRORS_LISTED)
            for label in (0, 1)
        ]
    )
    shown = pd.DataFrame(
        {
            "image": worst["image"],
            "class": [classes[label] for label in worst["label"]],
            "probability": worst["probability"],
        }
    )
    return [table(shown)]


def _headers(dataset: Dataset) -> list[str]:
    try:
        frame = header_aucs(dataset)
    except DataError as error:
        return [f"<h2>What the files reveal</h2><p>Not examined: {html.escape(str(error))}</p>"]
    text = (
        "AUC of numbers of the files' headers alone, on all images. One far above 0.5 tells the classes apart without "
        "a look at the lungs, and the network may have learnt it: acquire or save both classes alike."
    )
    return [f"<h2>What the files reveal</h2><p>{text}</p>", table(frame)]
