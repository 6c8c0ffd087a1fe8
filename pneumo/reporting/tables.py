"""The tables of the book: records or frames in, data frames with plain numbers and `Interval`s out.

`models` is a record, several, or the record or records (seeds) of each model by its name; records without names are
grouped by variant, see `analysis.summaries.records_by_model`. `markdown` writes a frame as a pipe table, which every
format of the book can set.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis import comparisons
from pneumo.analysis.summaries import (
    Models,
    aligned_frames,
    display_name,
    mean_and_range,
    measures,
    one_model,
    records_by_model,
    summary,
)
from pneumo.evaluation import Interval
from pneumo.experiments import wording
from pneumo.experiments.wording import difference_in_words
from pneumo.reporting.formatting import NBSP, Markdown, markdown

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

__all__ = [
    "METRICS",
    "Markdown",
    "auc_by_part",
    "beside_libraries",
    "claims",
    "comparison",
    "counts",
    "differences",
    "epoch_seconds",
    "examples",
    "heading_of",
    "in_words",
    "learning_rates",
    "markdown",
    "measured_on",
    "metrics",
    "results",
]


def __dir__() -> list[str]:
    return sorted(__all__)


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

SHORT = 0.1
"""Seconds below which a time is shown in milliseconds."""


def counts(frame: pd.DataFrame, classes: tuple[str, str] = ("normal", "pneumonia")) -> pd.DataFrame:
    """Images and patients by part, class and sub-type, with a row for all of each part.

    frame: one row an image, with the columns of a split file (image, patient, label, subtype, part).
    classes: names of label 0 and label 1. Returns the columns part, class, sub-type, images, patients; patients is
    missing where the patient of an image is unknown.

    >>> frame = counts(pneumo.records.get("first-network/seed-0").split)
    >>> frame.loc[(frame["part"] == "test") & (frame["class"] == "all"), "images"].item()
    624
    """
    rows = []
    for part in frame["part"].unique():
        images = frame.loc[frame["part"] == part]
        kinds = sorted(set(zip(images["label"], images["subtype"], strict=True)))
        for label, subtype in kinds:
            group = images.loc[(images["label"] == label) & (images["subtype"] == subtype)]
            rows.append(_count(group, part, classes[label], subtype if subtype != classes[label] else ""))
        rows.append(_count(images, part, "all", ""))
    return pd.DataFrame(rows).astype({"patients": "Int64"})


def _count(images: pd.DataFrame, part: str, name: str, subtype: str) -> dict[str, object]:
    patients = set(images["patient"])
    number = pd.NA if "" in patients else len(patients)
    return {"part": part, "class": name, "sub-type": subtype, "images": len(images), "patients": number}


def examples(frame: pd.DataFrame, *, part: str = "train", each: int = 4) -> pd.DataFrame:
    """The first `each` images of each sub-type of a part: normal, then bacterial, then viral. frame: as in `counts`.

    >>> len(examples(pneumo.records.get("first-network/seed-0").split, each=2))
    6
    """
    rows = frame.loc[frame["part"] == part].sort_values(by=["label", "subtype"], kind="stable")
    return rows.groupby(["label", "subtype"]).head(each).reset_index(drop=True)


def auc_by_part(
    models: Models,
    *,
    parts: Sequence[str] = ("train", "validation", "test"),
    heading: str = "model",
    seed: int = 0,
) -> pd.DataFrame:
    """AUC of each model on each part, with 95 % intervals over patients.

    heading: of the first column, the models' names. seed: of the draws of patients, which are the same for every model.
    Returns one row a model, columns `heading` and the parts, cells `Interval`. Of several records it is their mean AUC.

    >>> auc_by_part(pneumo.records.get("first-network/seed-0"), parts=("validation", "test")).columns.tolist()
    ['model', 'validation', 'test']
    """
    rows = []
    for name, records in records_by_model(models).items():
        cells = {part: _auc(records, part, seed) for part in parts}
        rows.append({heading: wording.in_words(display_name(name, records)), **cells})
    return pd.DataFrame(rows)


def _auc(records: Sequence[Record], part: str, seed: int) -> Interval:
    frames = aligned_frames(records, part)
    scores = np.stack([frame["score"] for frame in frames])
    rng = np.random.default_rng(seed)
    return evaluation.bootstrap(frames[0]["label"], scores, records[0].patients(part), evaluation.auc, rng=rng)


def results(
    models: Models,
    *,
    part: str = "test",
    metrics: Sequence[str] = ("auc", "sensitivity", "specificity", "accuracy"),
    seed: int = 0,
) -> pd.DataFrame:
    """Metrics of each model with 95 % intervals over patients, each record at its own threshold.

    metrics: keys of `METRICS`; a model's metric is the mean of its records. seed: of the draws of patients, which are
    the same for every model. Returns one row a model, columns model, seeds, and the heading of each metric, cells
    `Interval`. Raises ValueError for an unknown metric and for records of different images.

    >>> results({"CNN": map(pneumo.run, experiments.first_network())})  # doctest: +SKIP
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise ValueError(f"no metric is called {unknown[0]!r}; there are {', '.join(METRICS)}")
    rows = []
    for name, records in records_by_model(models).items():
        intervals = summary(records, part, seed=seed, names=metrics)
        cells = {METRICS[metric]: intervals[metric] for metric in metrics}
        rows.append({"model": display_name(name, records), "seeds": len(records), **cells})
    return pd.DataFrame(rows)


def metrics(records: Models, *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """Every metric of `METRICS` for one model, a row each, columns metric and value; otherwise as `results`.

    >>> metrics(pneumo.records.get("first-network/seed-0"))["metric"][0]
    'AUC'
    """
    intervals = summary(one_model(records), part, seed=seed)
    return pd.DataFrame([{"metric": METRICS[name], "value": interval} for name, interval in intervals.items()])


def comparison(
    models: Models,
    columns: Sequence[str] = ("validation_loss", "validation_accuracy", "validation_auc", "stressed_auc"),
    *,
    heading: str = "variant",
) -> pd.DataFrame:
    """Measures of each model: the mean over its seeds, with the lowest and the highest (`Interval`).

    columns: names from `analysis.summaries.measures`. heading: of the first column, the models' names.
    Returns one row a model, columns `heading`, seeds, and the measures.

    >>> comparison(pneumo.records.get("first-network/seed-0"), ["validation_loss"]).columns.tolist()
    ['variant', 'seeds', 'validation loss']
    """
    rows = []
    for name, records in records_by_model(models).items():
        values = [measures(record) for record in records]
        cells = {heading_of(column): mean_and_range(seed[column] for seed in values) for column in columns}
        rows.append({heading: display_name(name, records), "seeds": len(records), **cells})
    return pd.DataFrame(rows)


def in_words(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with words for names of variants, in its first column and in its headings.

    frame: such as an analysis returns it.

    >>> in_words(pd.DataFrame({"variant": ["no-batch-norm"]}))["variant"][0]
    'no batch normalisation'
    """
    first = str(frame.columns[0])
    worded = frame.assign(**{first: [wording.in_words(str(name)) for name in frame[first]]})
    return worded.rename(columns=wording.in_words)


def heading_of(measure: str) -> str:
    """The column heading of one of `analysis.summaries.measures`.

    >>> heading_of("stressed_auc")
    'perturbed AUC'
    """
    return measure.replace("_", " ").replace("auc", "AUC").replace("stressed", "perturbed")


def differences(
    models: Models,
    against: str,
    *,
    end_points: Sequence[str] = ("loss", "perturbed AUC"),
    heading: str = "variant",
    seed: int = 0,
) -> pd.DataFrame:
    """End points of each model minus those of the model `against`, on the same patients.

    end_points: of `analysis.comparisons.END_POINTS`; the first is the primary one. seed: of the draws.
    Returns one row a model, columns `heading`, the end points, cells `Interval` (95 %, over patients and seeds, see
    `evaluation.hierarchical_difference`), and "corrected p": of the primary end point, corrected for the number of rows
    by Holm's method. Raises ValueError where a model has one seed, or predicts other images than `against`.

    >>> records = [pneumo.run(each) for each in pneumo.experiments.optimizers()[:10]]  # SGD and momentum
    >>> differences(records, "sgd").columns.tolist()
    ['variant', 'validation loss', 'perturbed AUC', 'corrected p']
    """
    named = records_by_model(models)
    others = {name: records for name, records in named.items() if name != against}
    base = display_name(against, named[against])
    found = [
        [comparisons.difference(records, named[against], each, seed=seed) for each in end_points]
        for records in others.values()
    ]
    frame = pd.DataFrame(
        {heading: [difference_in_words(display_name(name, records), base) for name, records in others.items()]}
    )
    for column, end_point in enumerate(end_points):
        name = "validation loss" if end_point == "loss" else end_point
        frame[name] = [row[column].interval for row in found]
    return frame.assign(**{"corrected p": evaluation.holm([row[0].p_value for row in found])})


def learning_rates(models: Models) -> pd.DataFrame:
    """One row a trained network: optimizer, learning_rate, validation_loss of the kept epoch.

    >>> learning_rates(pneumo.records.get("first-network/seed-0"))["learning_rate"].tolist()
    [0.001]
    """
    rows = []
    for record in itertools.chain(*records_by_model(models).values()):
        training = record.experiment.training
        if training is None:
            raise ValueError(f"{record.experiment.name} was not trained by epochs and has no learning rate")
        optimizer = training.optimizer
        rows.append((optimizer.name, optimizer.learning_rate, measures(record)["validation_loss"]))
    return pd.DataFrame(rows, columns=["optimizer", "learning_rate", "validation_loss"])


CHAPTER_FILE = re.compile(r"report/([\w-]+)\.qmd")


def claims(frame: pd.DataFrame) -> pd.DataFrame:
    """Measured claims in words: columns claim, measured (median and range), target, reached.

    frame: see `benchmarks.results.Results.claims`. A chapter that a claim gives as a file is called as readers know it.
    """
    rows = []
    for row in frame.to_dict("records"):
        milliseconds = row["unit"] == "s" and row["high"] < SHORT
        unit, scale = ("ms", 1000) if milliseconds else (row["unit"], 1)
        value, low, high = _alike([scale * row[name] for name in ("value", "low", "high")])
        measured = f"{value}{NBSP}{unit}".rstrip() + (f" ({low}–{high})" if low != high else "")
        verdict = "yes" if row["reached"] else "no"
        target = re.sub(r"(?<=\d) (?=\S)", NBSP, row["target"])
        what = CHAPTER_FILE.sub(lambda file: file[1].replace("-", " "), row["what"])
        rows.append((what, measured, target, verdict if target else ""))
    return pd.DataFrame(rows, columns=["claim", "measured", "target", "reached"])


def epoch_seconds(frame: pd.DataFrame, quantity: str) -> pd.Series:
    """Seconds for an epoch of 1,000 images, measured on an otherwise idle machine: "0.81 (0.78–0.84)" by the amount.

    frame: see `benchmarks.results.Results.scaling`. quantity: what was varied, "images in a batch".
    Raises ValueError for a quantity that was not measured.
    """
    rows = frame.to_dict("records")
    chosen = [row for row in rows if (row["curve"], row["quantity"]) == ("epoch", quantity)]
    if not chosen:
        raise ValueError(f"no epoch was measured for quantity={quantity!r}; there are {set(frame['quantity'])}")
    cells = {}
    for row in chosen:
        value, low, high = _alike([row[name] for name in ("seconds", "low", "high")])
        cells[int(row["amount"])] = f"{value} ({low}–{high})"
    return pd.Series(cells, name="seconds an epoch")


LIBRARY_COLUMNS = {
    "pipeline/idle": "data alone",
    "pipeline/shared": "data alone, one core busy",
    "training/idle": "training",
    "training/shared": "training, one core busy",
}


def beside_libraries(frame: pd.DataFrame) -> pd.DataFrame:
    """Images/s of this package by those of other libraries: one row a library, one column each of LIBRARY_COLUMNS.

    frame: as in `claims`, of which the claims of the benchmark "libraries" are used.
    """
    rows: dict[str, dict[str, str]] = {}
    for row in frame.to_dict("records"):
        if row["benchmark"] != "libraries":
            continue
        _, what, cores, library = row["claim"].split("/")
        value, low, high = _alike([row[name] for name in ("value", "low", "high")])
        rows.setdefault(library, {})[LIBRARY_COLUMNS[f"{what}/{cores}"]] = f"{value} ({low}–{high})"
    return pd.DataFrame([{"library": library, **values} for library, values in sorted(rows.items())])


def _alike(values: Sequence[float]) -> list[str]:
    """Numbers with as many decimals each as the one of them that needs most for three significant digits."""
    decimals = max(len(f"{value:.3g}".partition(".")[2]) for value in values)
    return [f"{value:.{decimals}f}" for value in values]


def measured_on(frame: pd.DataFrame) -> str:
    """One sentence that says where and when claims were measured. frame: as in `claims`."""
    days = sorted({date[:10] for date in frame["date"]})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"Measured on {' and '.join(sorted(set(frame['processor'])))}, {when}."
