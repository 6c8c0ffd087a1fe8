"""A report on a model and a user's own images, as one HTML file that opens anywhere."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pneumo import __version__
from pneumo.analysis import external_validation
from pneumo.errors import DataError
from pneumo.evaluation import Interval
from pneumo.inference.model import NOTE
from pneumo.io.files import atomic_write
from pneumo.reporting import plots
from pneumo.reporting.formatting import format_count, format_interval, format_number
from pneumo.reporting.plots.style import CLASS_COLOURS, GREY
from pneumo.reporting.tables import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pneumo.inference.evaluate import Evaluation

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #8884; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
.note { border-left: 4px solid #c77d00; padding: 0.5rem 1rem; background: #c77d0018; }
"""


def write_report(evaluation: Evaluation, path: Path, *, overwrite: bool = False) -> Path:
    """Write the report on an evaluation; return its path.

    With labels of both classes: every usual metric with its 95 % interval, ROC and calibration, results by the height
    of the files, and the threshold that these images would choose beside the model's. Without: what can be said, which
    is how the predictions are distributed and how many images are unlike those that the model learnt from.
    Raises DataError where the file exists and may not be replaced, and for an evaluation without images.
    """
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists; name another file, or add --overwrite")
    if evaluation.predictions.empty:
        raise DataError(f"{evaluation.source}: no image could be read, so there is nothing to report")
    title = f"Evaluation of {evaluation.source.name}"
    body = "\n".join([*_introduction(evaluation), *_results(evaluation), *_distributions(evaluation)])
    text = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _introduction(evaluation: Evaluation) -> list[str]:
    model, labelled = evaluation.model, evaluation.labelled
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
    rows = "".join(f"<tr><td>{name}</td><td>{html.escape(value)}</td></tr>" for name, value in facts.items())
    problems = "".join(f"<li>{html.escape(each)}</li>" for each in evaluation.unreadable)
    return [
        f'<p class="note">{NOTE} The model and its threshold were fixed before it saw these images.</p>',
        f"<table>{rows}</table>",
        f"<details><summary>Files that could not be read</summary><ul>{problems}</ul></details>" if problems else "",
    ]


def _results(evaluation: Evaluation) -> list[str]:
    if not evaluation.has_both_classes:
        return ["<h2>Performance</h2><p>Without labels of both classes nothing can be said of right and wrong.</p>"]
    record = evaluation.record()
    metrics = external_validation.metrics(evaluation)
    table = pd.DataFrame({"metric": [METRICS[name] for name in metrics], "value": list(metrics.values())})
    axes = plots.new_axes(3.4, columns=2)[0]
    plots.roc([record], classes=external_validation.CLASSES, ax=axes[0])
    plots.reliability_diagram([record], classes=external_validation.CLASSES, ax=axes[1])
    return [
        "<h2>Performance</h2>",
        _figure(axes[0].figure, "ROC curve, and observed share of positives by predicted probability"),
        _table(table),
        "<h2>Threshold</h2><p>The second row is chosen and judged on the same images, which flatters the model: it "
        "says how much of the error is the threshold's.</p>",
        _table(external_validation.thresholds(evaluation)),
        "<h2>By height of the files</h2><p>How an image was acquired should not decide. Intervals of rates take images "
        "as independent.</p>",
        _table(external_validation.by_stratum(evaluation)),
    ]


def _distributions(evaluation: Evaluation) -> list[str]:
    ax = plots.new_axes(2.4)[0, 0]
    _histogram(ax, evaluation)
    drift = external_validation.score_drift(evaluation, external_validation.find_record(evaluation))
    return [
        "<h2>Predictions</h2>",
        _figure(ax.figure, "Histogram of the predicted probabilities"),
        _table(drift),
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


def _figure(figure: Figure, alternative: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    plt.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{picture}">'


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(METRICS.get(str(name), str(name)))}</th>" for name in frame)
    rows = ["".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) for row in frame.itertuples(index=False)]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, Interval):
        return format_interval(value)
    if value is None or value is pd.NA:
        return "–"
    if isinstance(value, float | np.floating):
        return format_number(float(value))
    return format_count(int(value)) if isinstance(value, int | np.integer) else str(value)
