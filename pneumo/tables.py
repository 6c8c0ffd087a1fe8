"""The tables of the book, and how its numbers are written.

Records or frames in, `DataFrame` out with plain numbers and `Interval`s in it; `markdown` turns one into a pipe table,
which every output format of the book can set.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pneumo import config, evaluation
from pneumo.evaluation import Interval

if TYPE_CHECKING:
    from pneumo.config import Experiment
    from pneumo.models.summary import Layer
    from pneumo.records import Record

THIN = "\u202f"
"""Narrow no-break space, between the thousands."""

NOTHING = "–"
"""What stands where there is no number."""

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


# Numbers -------------------------------------------------------------------------------------------------------------


def format_count(value: int) -> str:
    """A whole number in groups of three: 5 856."""
    return f"{value:,}".replace(",", THIN).replace("-", "−")


def format_number(value: Real) -> str:
    """Three decimals, 0.953, and two digits of what is too small for that, 0.0003. A whole number as `format_count`."""
    if isinstance(value, Integral):
        return format_count(int(value))
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}"
    return text.replace(",", THIN).replace("-", "−")


def format_percent(share: float) -> str:
    """A share of 1 as 79.5 %."""
    return f"{100 * share:.1f}{THIN}%"


def format_interval(interval: Interval) -> str:
    """0.953 (0.938–0.967), or −0.012 (−0.030 to 0.006) where a dash beside a minus would confuse."""
    between = " to " if min(interval.low, interval.high) < 0 else "–"
    bounds = format_number(interval.low), format_number(interval.high)
    return f"{format_number(interval.estimate)} ({between.join(bounds)})"


def format_duration(seconds: float) -> str:
    """4.2 s, 45 s, 2 min 31 s, 1 h 05 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def format_shape(shape: Sequence[int]) -> str:
    """(C, H, W) as H × W × C, the way it is drawn: 64 × 64 × 16; (C,) as C."""
    channels, *sides = shape
    return " × ".join(map(str, [*sides, channels]))


# Markdown ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Markdown:
    """Text that a notebook shows as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def literal(text: str) -> str:
    """Other people's text, such as the name of a file, as Markdown that shows it as it is: no tag, link or code in it
    comes to life."""
    return re.sub(r"([\\`*_<>\[\]{}$~^@#&])", r"\\\1", text)


def markdown(frame: pd.DataFrame) -> Markdown:
    """A frame as a pipe table: numbers and intervals written in the style of the book and set flush right.

    Cells may hold Markdown; but images and patients, whose names are other people's, stand there as they are. The index
    is left out; `frame.reset_index()` brings it in.
    """
    frame = frame.assign(**{column: frame[column].map(literal) for column in ("image", "patient") if column in frame})
    cells = frame.astype(object).map(_cell)
    numeric = [len(frame) > 0 and all(_is_number(value) for value in frame[column]) for column in frame]
    return Markdown(
        cells.to_markdown(
            index=False, disable_numparse=True, colalign=["right" if right else "left" for right in numeric]
        )
    )


def _cell(value: Any) -> str:
    if isinstance(value, Interval):
        return format_interval(value)
    if value is None or value is pd.NA:
        return NOTHING
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        return format_number(value)
    return str(value).replace("|", "\\|")


def _is_number(value: Any) -> bool:
    return value is None or value is pd.NA or isinstance(value, Real | Interval)


# Tables --------------------------------------------------------------------------------------------------------------


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


def header_values(record: Record) -> pd.DataFrame:
    """What a header record was made from: columns part, label and the header field, one row an image.

    Its scores are a logistic regression's on that one number, so the number can be had back from them.
    """
    slope, intercept = record.selection["slope"], record.selection["intercept"]
    parts = [record.frame(part).assign(part=part) for part in record.scores]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["part", "label"]].assign(**{record.experiment.model.field: (frame["score"] - intercept) / slope})


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
                frame["label"], frame["score"], _patients(frame), evaluation.auc, rng=rng
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


def variants(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by what they compare: those of "optimizers/adam-seed-0" and its sisters by "adam"; in their order."""
    named: dict[str, list[Record]] = {}
    for record in records:
        named.setdefault(variant(record.experiment), []).append(record)
    return named


def variant(experiment: Experiment) -> str:
    """What an experiment and its sisters of other seeds are called: "adam" for "optimizers/adam-seed-0"."""
    return experiment.name.split("/", 1)[-1].partition("-seed-")[0]


def measures(record: Record) -> dict[str, float]:
    """What one trained network cost and gave, as plain numbers; see `plots.MEASURES` for what each means.

    AUC of what the record has no scores for is missing; so is the time of what was not trained by epochs.
    """
    values: dict[str, float] = {}
    for part in record.scores:
        frame = record.frame(part)
        values[f"{part}_auc"] = float(evaluation.auc(frame["label"], frame["score"]))
    values |= {name: float(value) for name, value in record.provenance.get("network", {}).items()}
    values["minutes"] = record.provenance.get("seconds", math.nan) / 60
    if record.history:
        last, kept = record.history[-1], record.history[record.selection["epoch"] - 1]
        values |= {
            "validation_loss": kept["validation_loss"],
            "validation_accuracy": kept["validation_accuracy"],
            "gap": last["train_accuracy"] - last["validation_accuracy"],
            "seconds_an_epoch": float(np.median([row["seconds"] for row in record.history])),
            "updates": float(len(record.history) * (record.provenance["data"]["training_images"] // _batch(record))),
        }
    return values


def _batch(record: Record) -> int:
    return record.experiment.training.batch_size


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
        cells = {
            column.replace("_", " "): Interval(values[column].mean(), values[column].min(), values[column].max())
            for column in columns
        }
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
    frames = _frames([*records, *others], part)
    first = frames[0]
    probabilities = np.stack([frame["probability"] for frame in frames])
    pair = (probabilities[: len(records)], probabilities[len(records) :])
    return evaluation.paired_bootstrap(
        first["label"], pair, _patients(first), evaluation.auc, rng=np.random.default_rng(seed)
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


def summary(
    records: Sequence[Record], part: str, *, seed: int = 0, names: Sequence[str] | None = None
) -> dict[str, Interval]:
    """`evaluation.summary` of one model: the mean of its records (seeds), each called at its own threshold.

    Raises ValueError where the records predict different images.
    """
    frames = _frames(records, part)
    first = frames[0]
    return evaluation.summary(
        first["label"],
        np.stack([frame["probability"] for frame in frames]),
        _patients(first),
        [record.threshold for record in records],
        names=names,
        rng=np.random.default_rng(seed),
    )


def _frames(records: Sequence[Record], part: str) -> list[pd.DataFrame]:
    """What each record says of a part. Raises ValueError where they predict different images."""
    frames = [record.frame(part) for record in records]
    for record, frame in zip(records, frames, strict=True):
        if not frame["image"].equals(frames[0]["image"]):
            raise ValueError(f"{record.experiment.name} predicts other images than {records[0].experiment.name}")
    return frames


def _patients(frame: pd.DataFrame) -> np.ndarray | None:
    """The patient of each image, or None where the data set names none."""
    patients = frame["patient"].to_numpy()
    return patients if (patients != "").any() else None


def history(record: Record) -> pd.DataFrame:
    """One row an epoch: losses, accuracies, learning rate and time, headed as a reader would read them."""
    frame = pd.DataFrame(record.history)
    frame = frame.assign(seconds=frame["seconds"].map(format_duration)).rename(columns={"seconds": "time"})
    return frame.rename(columns=lambda name: name.replace("_", " "))


def layers(rows: Sequence[Layer]) -> pd.DataFrame:
    """One row a layer and one for all: name, kind, output (H × W × C), parameters, multiply-adds of one image."""
    table = [
        {
            "layer": row.name,
            "kind": row.kind,
            "output": format_shape(row.output_shape),
            "parameters": row.parameters,
            "multiply-adds": row.multiply_adds,
        }
        for row in rows
    ]
    total = {name: sum(row[name] for row in table) for name in ("parameters", "multiply-adds")}
    return pd.DataFrame([*table, {"layer": "all", "kind": "", "output": "", **total}])


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


def provenance(records: Iterable[Record]) -> str:
    """Markdown: one section a group of experiments, with what its records share and a row for each.

    Groups and rows carry the anchors that measured numbers link to.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.group, []).append(record)
    return "\n\n".join(_group(name, members) for name, members in groups.items())


def _group(name: str, records: Sequence[Record]) -> str:
    first = records[0]
    settings = [_settings(record) for record in records]
    shared = {key: value for key, value in settings[0].items() if all(other.get(key) == value for other in settings)}
    rows = [_record_row(record, each, shared) for record, each in zip(records, settings, strict=True)]
    machine = first.provenance["machine"]
    accelerator = "" if machine["accelerator"] == "none" else f", {machine['accelerator']}"
    pixels = first.provenance["data"].get("pixels_sha256", "none read")[:12]
    versions = ", ".join(f"{package} {version}" for package, version in first.provenance["versions"].items())
    configured = ", ".join(f"{key} = {literal(value)}" for key, value in shared.items())
    lines = [
        f"### {name} {{#{first.group_anchor}}}",
        f"Configuration, where it is not the default: {configured}.",
        f"Digest of the pixels: {pixels}. Machine: {machine['processor']}, {machine['cores']} cores, threads for each "
        f"run: {machine['threads']}, {machine['memory_gb']} GB{accelerator}. Versions: {versions}.",
        markdown(pd.DataFrame(rows)).text,
        f": The records of {name}. {{#tbl-{first.group_anchor}}}",
    ]
    return "\n\n".join(lines)


def _settings(record: Record) -> dict[str, str]:
    """The configuration of a record as dotted names and values: {"training.batch_size": "32", ...}."""
    values = config.to_dict(record.experiment, defaults=False)
    flat = pd.json_normalize({key: value for key, value in values.items() if key not in ("name", "minutes", "seed")})
    return {str(key): str(value) for key, value in flat.iloc[0].items() if value is not None}


def _record_row(record: Record, settings: Mapping[str, str], shared: Mapping[str, str]) -> dict[str, Any]:
    facts = record.provenance
    own = [f"{key.split('.')[-1]} = {literal(value)}" for key, value in settings.items() if key not in shared]
    return {
        "experiment": f"[{record.experiment.name.split('/', 1)[-1]}]{{#{record.anchor}}}",
        "its own": ", ".join([*own, f"seed = {record.experiment.seed}"]),
        "key": f"`{record.key[:8]}`",
        "commit": f"`{facts['commit'][:7] or 'unknown'}`",
        "date": facts["date"][:10],
        "time": format_duration(facts["seconds"]),
        "memory": f"{format_count(facts['peak_memory_mb'])} MB",
    }
