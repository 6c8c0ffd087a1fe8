"""The tables of the book: records or frames in, `DataFrame` out with plain numbers and `Interval`s in it.

`markdown` turns one into a pipe table, which every output format of the book can set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis.summaries import mean_and_range, measures, same_images, summary
from pneumo.evaluation import Interval
from pneumo.reporting.formatting import Markdown, markdown

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

__all__ = [
    "METRICS",
    "Markdown",
    "auc_by_part",
    "claims",
    "comparison",
    "counts",
    "differences",
    "examples",
    "learning_rates",
    "markdown",
    "measured_on",
    "metrics",
    "results",
]

METRICS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "specificity_at_95_sensitivity": "specificity at 95 % sensitivity",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "brier": "Brier score",
    "expected_calibration_error": "calibration error",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
"""Heading of each metric of `evaluation.summary`."""


def counts(frame: pd.DataFrame, classes: tuple[str, str] = ("normal", "pneumonia")) -> pd.DataFrame:
    """Images and patients by part, class and sub-type, with a row for all of each part.

    frame: one row an image, with the columns of a split file (image, patient, label, subtype, part).
    classes: names of label 0 and label 1. Returns the columns part, class, sub-type, images, patients; patients is
    missing where an image has none.
    """
    rows = []
    for part, images in frame.groupby("part", sort=False):
        for (label, subtype), group in images.groupby(["label", "subtype"]):
            rows.append(_count(group, part, classes[label], subtype if subtype != classes[label] else ""))
        rows.append(_count(images, part, "all", ""))
    return pd.DataFrame(rows).astype({"patients": "Int64"})


def _count(images: pd.DataFrame, part: str, name: str, subtype: str) -> dict[str, Any]:
    known = (images["patient"] != "").all()
    patients = images["patient"].nunique() if known else pd.NA
    return {"part": part, "class": name, "sub-type": subtype, "images": len(images), "patients": patients}


def examples(frame: pd.DataFrame, *, part: str = "train", each: int = 4) -> pd.DataFrame:
    """The first images of each sub-type of a part: normal, then bacterial, then viral. frame: as in `counts`."""
    rows = frame[frame["part"] == part].sort_values(["label", "subtype"], kind="stable")
    return rows.groupby(["label", "subtype"]).head(each).reset_index(drop=True)


def auc_by_part(
    models: Mapping[str, Record], *, parts: Sequence[str] = ("train", "validation", "test"), seed: int = 0
) -> pd.DataFrame:
    """One row a model: its AUC on each part with a 95 % interval over patients. Columns model and the parts.

    seed: of the draws of patients, which are the same for every model.
    """
    rows = []
    for name, record in models.items():
        row: dict[str, Any] = {"model": name.replace("_", " ")}
        for part in parts:
            frame = record.frame(part)
            rng = np.random.default_rng(seed)
            row[part] = evaluation.bootstrap(
                frame["label"], frame["score"], record.patients(part), evaluation.auc, rng=rng
            )
        rows.append(row)
    return pd.DataFrame(rows)


def results(
    models: Mapping[str, Sequence[Record]],
    *,
    part: str = "test",
    metrics: Sequence[str] = ("auc", "sensitivity", "specificity", "accuracy"),
    seed: int = 0,
) -> pd.DataFrame:
    """One row a model: its metrics with 95 % intervals over patients, each record called at its own threshold.

    models: the records (seeds) of each model by its name; a metric is their mean.
    metrics: keys of `METRICS`. seed: of the draws of patients, which are the same for every model.
    Returns the columns model, seeds, and the heading of each metric, cells `Interval`.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise ValueError(f"no metric is called {unknown[0]!r}; there are {', '.join(METRICS)}")
    rows = []
    for name, records in models.items():
        intervals = summary(records, part, seed=seed, names=metrics)
        cells = {METRICS[metric]: intervals[metric] for metric in metrics}
        rows.append({"model": name, "seeds": len(records), **cells})
    return pd.DataFrame(rows)


def comparison(
    named: Mapping[str, Sequence[Record]],
    columns: Sequence[str] = ("validation_loss", "validation_accuracy", "validation_auc", "stressed_auc"),
    *,
    heading: str = "variant",
) -> pd.DataFrame:
    """One row a variant: the mean over its seeds of each measure, with the lowest and the highest.

    named: see `variants`. columns: names from `measures`. Cells are `Interval`s from the lowest to the highest seed.
    """
    rows = []
    for name, records in named.items():
        values = pd.DataFrame([measures(record) for record in records])
        cells = {column.replace("_", " "): mean_and_range(values[column]) for column in columns}
        rows.append({heading: name, "seeds": len(records), **cells})
    return pd.DataFrame(rows)


def differences(
    named: Mapping[str, Sequence[Record]],
    against: str,
    *,
    parts: Sequence[str] = ("validation", "stressed"),
    heading: str = "variant",
    seed: int = 0,
) -> pd.DataFrame:
    """One row a variant: its AUC minus that of the variant `against`, both the mean of their seeds.

    named: see `variants`. Cells are `Interval`s (95 %) from draws of patients, the same for both, so they say what
    chance does in who is examined; what it does in training, the seeds' range in `comparison` says. seed: of the draws.
    Raises ValueError where a variant predicts other images than `against`.
    """
    rows = []
    for name, records in named.items():
        if name != against:
            cells = {f"{part} AUC": _difference(records, named[against], part, seed) for part in parts}
            rows.append({heading: f"{name} − {against}", **cells})
    return pd.DataFrame(rows)


def _difference(records: Sequence[Record], others: Sequence[Record], part: str, seed: int) -> Interval:
    frames = same_images([*records, *others], part)
    first = frames[0]
    probabilities = np.stack([frame["probability"] for frame in frames])
    pair = (probabilities[: len(records)], probabilities[len(records) :])
    return evaluation.paired_bootstrap(
        first["label"], pair, records[0].patients(part), evaluation.auc, rng=np.random.default_rng(seed)
    )


def learning_rates(records: Iterable[Record]) -> pd.DataFrame:
    """One row a run: optimizer, learning_rate, validation_loss of the epoch that was kept."""
    return pd.DataFrame(
        {
            "optimizer": record.experiment.training.optimizer.name,
            "learning_rate": record.experiment.training.optimizer.learning_rate,
            "validation_loss": measures(record)["validation_loss"],
        }
        for record in records
    )


def metrics(records: Sequence[Record], *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """Every usual metric of one model, a row each, columns metric and value (`Interval`); as `results` otherwise."""
    intervals = summary(records, part, seed=seed)
    return pd.DataFrame([{"metric": METRICS[name], "value": interval} for name, interval in intervals.items()])


def claims(frame: pd.DataFrame) -> pd.DataFrame:
    """Measured claims as a reader would read them: what, measured (median and range), target, reached.

    frame: see `benchmarks.results.Results.claims`.
    """

    def measured(row: pd.Series) -> str:
        value = f"{row['value']:.3g} {row['unit']}".rstrip()
        return value if row["low"] == row["high"] else f"{value} ({row['low']:.3g}–{row['high']:.3g})"

    return pd.DataFrame(
        {
            "claim": frame["what"],
            "measured": [measured(row) for _, row in frame.iterrows()],
            "target": frame["target"],
            "reached": ["" if not row["target"] else "yes" if row["reached"] else "no" for _, row in frame.iterrows()],
        }
    )


def measured_on(frame: pd.DataFrame) -> str:
    """Where and when claims were measured, one sentence. frame: as in `claims`."""
    days = sorted({date[:10] for date in frame["date"]})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Measured on {' and '.join(sorted(set(frame['processor'])))}, {when}."
