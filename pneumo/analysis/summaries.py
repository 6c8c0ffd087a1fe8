"""What records say in numbers: metrics of one record, and of the seeds of a variant together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.evaluation import Interval

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def variants(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by variant, all seeds of one together, in their order."""
    named: dict[str, list[Record]] = {}
    for record in records:
        named.setdefault(record.variant, []).append(record)
    return named


def measures(record: Record) -> dict[str, float]:
    """What one trained network cost and gave, as plain numbers; see `pneumo.reporting.plots.MEASURES` for what each means.

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


def summary(
    records: Sequence[Record], part: str, *, seed: int = 0, names: Sequence[str] | None = None
) -> dict[str, Interval]:
    """`evaluation.summary` of one model: the mean of its records (seeds), each called at its own threshold.

    Raises ValueError where the records predict different images.
    """
    frames = same_images(records, part)
    return evaluation.summary(
        frames[0]["label"],
        np.stack([frame["probability"] for frame in frames]),
        records[0].patients(part),
        [record.threshold for record in records],
        names=names,
        rng=np.random.default_rng(seed),
    )


def same_images(records: Sequence[Record], part: str) -> list[pd.DataFrame]:
    """The frame of each record for one part. Raises ValueError where they predict different images."""
    frames = [record.frame(part) for record in records]
    for record, frame in zip(records, frames, strict=True):
        if not frame["image"].equals(frames[0]["image"]):
            raise ValueError(f"{record.experiment.name} predicts other images than {records[0].experiment.name}")
    return frames


def header_values(record: Record) -> pd.DataFrame:
    """What a header record was made from: columns part, label and the header field, one row an image.

    Its scores are a logistic regression's on that one number, so the number can be had back from them.
    """
    slope, intercept = record.selection["slope"], record.selection["intercept"]
    parts = [record.frame(part).assign(part=part) for part in record.scores]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["part", "label"]].assign(**{record.experiment.model.field: (frame["score"] - intercept) / slope})


def mean_logits(records: Sequence[Record], part: str) -> np.ndarray:
    """The mean logit of several networks, (N,)."""
    return np.mean([record.scores[part] for record in records], axis=0)


def ensemble_auc(records: Sequence[Record], part: str = "test") -> float:
    """AUC of the mean logit of several networks."""
    labels = records[0].frame(part)["label"]
    return float(evaluation.auc(labels, mean_logits(records, part)))


def mean_and_range(values: pd.Series) -> Interval | None:
    """The mean of some numbers, from the lowest to the highest; None where one of them is missing."""
    return None if values.isna().any() else Interval(values.mean(), values.min(), values.max())
