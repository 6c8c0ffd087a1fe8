"""Numbers of records: metrics of one record, and of the seeds of a model together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from pneumo import evaluation
from pneumo.evaluation import Interval
from pneumo.experiments.config import HeaderConfig
from pneumo.experiments.wording import in_words

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

MIN_CLASS_IMAGES = 10
"""Images of each class from which on metrics of a user's own images get a bootstrap interval."""

Models: TypeAlias = "Record | Iterable[Record] | Mapping[str, Record] | Mapping[str, Sequence[Record]]"
"""What tables, figures and analyses take: a record, several, or the record or records of each model by its name."""


def records_by_model(models: Models) -> dict[str, list[Record]]:
    """The records (seeds) of each model by the model's name, in the order given.

    models: a mapping keeps its names; records without names are grouped by `Record.variant`, the seeds of one together.
    Raises ValueError where there is no model, or a model without a record.

    >>> records_by_model(map(pneumo.run, experiments.optimizers()))  # doctest: +SKIP
    {"sgd": [seed 0, ..., seed 4], "momentum": [...], ...}
    """
    named: dict[str, list[Record]] = {}
    if isinstance(models, Mapping):
        named = {str(name): list(_several(records)) for name, records in models.items()}
    else:
        for record in _several(models):
            named.setdefault(record.variant, []).append(record)
    empty = [name for name, records in named.items() if not records]
    if empty or not named:
        where = f" for {empty[0]!r}" if empty else ""
        raise ValueError(f"models holds no record{where}; give at least one record for each model")
    return named


def display_name(name: str, records: Sequence[Record]) -> str:
    """What tables and figures call a model: its variant in words, or the name that the caller chose for it."""
    return in_words(name) if records[0].variant == name else name


def one_model(models: Models) -> list[Record]:
    """The records (seeds) of one model: a record, several of one variant, or a mapping with one entry.

    Raises ValueError for several variants or entries, and where there is no record.

    >>> len(one_model([pneumo.records.get(f"first-network/seed-{seed}") for seed in range(5)]))
    5
    """
    if isinstance(models, Mapping):
        named = records_by_model(models)
    else:
        named = {}
        for record in _several(models):
            named.setdefault(record.experiment.variant, []).append(record)
    if len(named) != 1:
        raise ValueError(f"models holds {len(named)} models ({', '.join(named)}); give the records of one")
    return next(iter(named.values()))


def _several(records: Record | Iterable[Record]) -> Iterable[Record]:
    return records if isinstance(records, Iterable) else [records]


def measures(record: Record) -> dict[str, float]:
    """Performance and cost of one trained network as plain numbers, by the names of `reporting.plots.MEASURES`.

    {part}_auc: AUC on each part that the record has scores for. parameters, multiply_adds, minutes: cost. For what was
    trained by epochs also
        validation_loss, validation_accuracy  of the epoch whose weights were kept
        last_loss                             validation loss of the last epoch
        gap                                   training minus validation accuracy, last epoch
        loss_gap                              validation minus training loss, last epoch
        seconds_an_epoch                      median over the epochs
        updates                               of the weights, all epochs

    >>> measures(pneumo.records.get("first-network/seed-0"))["parameters"]
    97521.0
    """
    values: dict[str, float] = {}
    for part in record.scores:
        frame = record.frame(part)
        values[f"{part}_auc"] = float(evaluation.auc(frame["label"], frame["score"]))
    values |= {name: float(value) for name, value in record.provenance.get("network", {}).items()}
    values["minutes"] = record.provenance.get("seconds", math.nan) / 60
    training = record.experiment.training
    if record.history and training is not None:
        last, kept = record.history[-1], record.history[record.selection["epoch"] - 1]
        batches = record.provenance["data"]["training_images"] // training.batch_size
        values |= {
            "validation_loss": kept["validation_loss"],
            "validation_accuracy": kept["validation_accuracy"],
            "last_loss": last["validation_loss"],
            "gap": last["train_accuracy"] - last["validation_accuracy"],
            "loss_gap": last["validation_loss"] - last["train_loss"],
            "seconds_an_epoch": float(np.median([row["seconds"] for row in record.history])),
            "updates": float(len(record.history) * batches),
        }
    return values


def summary(
    records: Sequence[Record], part: str, *, seed: int = 0, names: Sequence[str] | None = None
) -> dict[str, Interval]:
    """Metrics of one model by name, with 95 % intervals over patients; see `evaluation.summary`.

    records: the model's seeds; a metric is their mean, each at its own threshold. names: of the metrics, all by
    default. seed: of the draws of patients. Raises ValueError where the records predict different images.

    >>> list(summary([pneumo.records.get("first-network/seed-0")], "test", names=("auc", "sensitivity")))
    ['auc', 'sensitivity']
    """
    frames = aligned_frames(records, part)
    return evaluation.summary(
        frames[0]["label"],
        np.stack([frame["probability"] for frame in frames]),
        records[0].patients(part),
        [record.threshold for record in records],
        names=names,
        rng=np.random.default_rng(seed),
    )


def few_images(labels: ArrayLike, kind: str = "test") -> str:
    """A sentence for whoever reads metrics of very few images; "" for at least MIN_CLASS_IMAGES of each class.

    labels: (N,) 0 or 1. kind: of images, for the sentence.

    >>> few_images([0, 0, 1])
    '2 + 1 test images (label 0 + label 1) are too few to say how well a model does; give at least 10 of each class'
    """
    negative, positive = (int(np.sum(np.asarray(labels) == label)) for label in (0, 1))
    if min(negative, positive) >= MIN_CLASS_IMAGES:
        return ""
    return (
        f"{negative} + {positive} {kind} images (label 0 + label 1) are too few to say how well a model does; "
        f"give at least {MIN_CLASS_IMAGES} of each class"
    )


def without_bounds(intervals: Mapping[str, Interval]) -> dict[str, Interval]:
    """The estimates alone: draws of a handful of images say nothing of images to come.

    >>> without_bounds({"auc": Interval(0.9, 0.8, 1.0)})["auc"].estimate
    0.9
    """
    return {name: Interval(interval.estimate, math.nan, math.nan) for name, interval in intervals.items()}


def aligned_frames(records: Sequence[Record], part: str) -> list[pd.DataFrame]:
    """`Record.frame(part)` of each record. Raises ValueError where they predict different images.

    >>> records = [pneumo.records.get(f"first-network/seed-{seed}") for seed in range(2)]
    >>> [len(frame) for frame in aligned_frames(records, "test")]
    [624, 624]
    """
    frames = [record.frame(part) for record in records]
    for record, frame in zip(records, frames, strict=True):
        if not frame["image"].equals(frames[0]["image"]):
            raise ValueError(
                f"{record.experiment.name} predicts other images than {records[0].experiment.name}; "
                "compare records of the same data set and split"
            )
    return frames


def header_field(record: Record) -> str:
    """The header field that a record's model uses, "width". Raises TypeError for a record of another model.

    >>> header_field(pneumo.records.get("data-and-shortcuts/headers/width"))
    'width'
    """
    model = record.experiment.model
    if not isinstance(model, HeaderConfig):
        raise TypeError(f"{record.experiment.name} has a {type(model).__name__}; give a record of a HeaderConfig")
    return model.field


def header_values(record: Record) -> pd.DataFrame:
    """The values of a header field, from the record of a model on that field alone: columns part, label, the field.

    Its scores are a logistic regression on one number, so the number follows from them. Raises TypeError for a record
    of another model.

    >>> header_values(pneumo.records.get("data-and-shortcuts/headers/width")).columns.tolist()
    ['part', 'label', 'width']
    """
    field = header_field(record)
    slope, intercept = record.selection["slope"], record.selection["intercept"]
    parts = [record.frame(part).assign(part=part) for part in record.scores]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["part", "label"]].assign(**{field: (frame["score"] - intercept) / slope})


def mean_logits(records: Sequence[Record], part: str) -> np.ndarray:
    """The mean logit of several networks for each image of `part`, (N,).

    >>> mean_logits([pneumo.records.get("first-network/seed-0")], "test").shape
    (624,)
    """
    return np.mean([record.scores[part] for record in records], axis=0)


def ensemble_auc(records: Sequence[Record], part: str = "test") -> float:
    """AUC of the mean logit of several networks.

    >>> ensemble_auc([pneumo.records.get(f"first-network/seed-{seed}") for seed in range(5)]) > 0.9
    True
    """
    labels = records[0].frame(part)["label"]
    return float(evaluation.auc(labels, mean_logits(records, part)))


def auc_difference(records: Sequence[Record], others: Sequence[Record], part: str, *, seed: int = 0) -> Interval:
    """AUC of one model minus that of another, each the mean of its seeds, with a 95 % interval over patients.

    The draws of patients are the same for both; seed: of the draws. Raises ValueError where the records predict
    different images.

    >>> record = pneumo.records.get("first-network/seed-0")
    >>> auc_difference([record], [record], "test").estimate
    0.0
    """
    frames = aligned_frames([*records, *others], part)
    probabilities = np.stack([frame["probability"] for frame in frames])
    pair = (probabilities[: len(records)], probabilities[len(records) :])
    return evaluation.paired_bootstrap(
        frames[0]["label"], pair, records[0].patients(part), evaluation.auc, rng=np.random.default_rng(seed)
    )


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, in [-1, 1].

    >>> rank_correlation([1, 2, 3], [10, 20, 30])
    1.0
    """
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def mean_and_range(values: Iterable[float]) -> Interval | None:
    """The mean of some numbers, from the lowest to the highest; None where one of them is missing.

    One number alone has no range: the bounds are NaN.

    >>> mean_and_range([1.0, 2.0, 6.0])
    Interval(estimate=3.0, low=1.0, high=6.0)
    """
    numbers = np.asarray(list(values), float)
    if np.isnan(numbers).any():
        return None
    if len(numbers) == 1:
        return Interval(float(numbers[0]), math.nan, math.nan)
    return Interval(float(numbers.mean()), float(numbers.min()), float(numbers.max()))
