"""Results by acquisition stratum: records in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from pneumo import evaluation
from pneumo.analysis.summaries import header_values
from pneumo.data.catalogue import class_names
from pneumo.data.strata import StratumField, stratify, stratum_names
from pneumo.evaluation import Interval
from pneumo.experiments.wording import in_words

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def strata_of(header: Record, part: str) -> pd.Categorical:
    """The acquisition stratum of each image of a part, (N,), in the order of its predictions.

    header: the record of the files' heights or of their aspect ratios, see `experiments.headers`.
    Raises ValueError for the record of another field.
    """
    values = header_values(header)
    field = _field(header)
    # The field's numbers come back from rounded scores; whole pixels are whole again.
    numbers = values.loc[values["part"] == part, field]
    return stratify(numbers.round() if field == "height" else numbers, field)


def _strata_of_predictions(record: Record, header: Record, part: str) -> pd.Categorical:
    """The stratum of each image that a record predicts. Raises ValueError where the header record has other images."""
    if not record.frame(part)["image"].equals(header.frame(part)["image"]):
        raise ValueError(f"{record.experiment.name} predicts other images than {header.experiment.name}")
    return strata_of(header, part)


def class_by_stratum(header: Record, parts: tuple[str, ...] = ("train", "validation")) -> pd.DataFrame:
    """How class and acquisition are tied: one row a stratum, with the number of images of each class in some parts.

    Columns: the field (height or aspect ratio), one for each class, and the share of the positive class (in [0, 1];
    None where the stratum is empty).
    """
    negative, positive = class_names(header.experiment.data.name)
    frame = pd.concat(
        [header.frame(part)[["label"]].assign(stratum=strata_of(header, part)) for part in parts], ignore_index=True
    )
    names = stratum_names(_field(header))
    strata, labels = frame["stratum"].to_numpy(str), frame["label"].to_numpy(int)
    negatives, positives = ([int(((strata == name) & (labels == label)).sum()) for name in names] for label in (0, 1))
    pairs = zip(negatives, positives, strict=True)
    return pd.DataFrame(
        {
            in_words(_field(header)): names,
            negative: negatives,
            positive: positives,
            f"share of {positive}": [ill / (well + ill) if well + ill else None for well, ill in pairs],
        }
    )


def results_by_stratum(
    models: Mapping[str, Record], header: Record, *, part: str = "test", seed: int = 0
) -> pd.DataFrame:
    """One row a model and stratum that has images: how many of each class, and AUC, specificity and sensitivity.

    Specificity and sensitivity are at the model's own threshold, None where the stratum has no image of that class,
    with Wilson's 95 % intervals, which hold for a handful of images too but take images as independent. The AUC is None
    unless both classes are there; its 95 % interval is over draws of patients. seed: of these draws.
    Raises ValueError where a model predicts other images than the header record.
    """
    negative, positive = class_names(header.experiment.data.name)
    rows = []
    for name, record in models.items():
        strata = _strata_of_predictions(record, header, part)
        by_stratum = rates_by_stratum(
            record.frame(part),
            strata,
            record.threshold,
            classes=(negative, positive),
            grouped=record.has_patients,
            seed=seed,
        )
        by_stratum.insert(0, "model", name)
        rows.append(by_stratum.rename(columns={"stratum": in_words(_field(header))}))
    return pd.concat(rows, ignore_index=True)


def rates_by_stratum(
    frame: pd.DataFrame,
    strata: pd.Categorical,
    threshold: float,
    *,
    classes: tuple[str, str],
    grouped: bool,
    seed: int = 0,
) -> pd.DataFrame:
    """One row a stratum that has images; see `results_by_stratum`.

    frame: one row an image, with the columns label, probability and, if `grouped`, patient. strata: (N,), of each.
    Columns: stratum, one for each class, AUC, specificity, sensitivity.
    """
    rows = []
    for stratum in strata.categories:
        chosen = frame.loc[np.asarray(strata == stratum)]
        if not chosen.empty:
            labels = chosen["label"].to_numpy(int)
            counts = {name: int((labels == label).sum()) for label, name in enumerate(classes)}
            rows.append({"stratum": stratum, **counts, **_cells(chosen, threshold, grouped=grouped, seed=seed)})
    return pd.DataFrame(rows)


def within_strata(
    model: Record, other: Record, header: Record, *, part: str = "test", seed: int = 0
) -> dict[str, tuple[Interval, Interval, Interval]]:
    """Whether two models differ in what an acquisition stratum tells, or beyond it.

    Returns the AUC of each and their difference, model minus other, on the same draws of patients: over "all images",
    as always, and "within strata", see `evaluation.auc_within_groups`. What a model gains by separating the strata is
    in the first alone. header: see `strata_of`. seed: of the draws. Raises ValueError where a model predicts other
    images than the header record, or than the other model.
    """
    codes, _ = (_strata_of_predictions(record, header, part).codes for record in (model, other))
    frames = [record.frame(part) for record in (model, other)]
    labels, patients = frames[0]["label"].to_numpy(int), model.patients(part)
    first, second = (frame["probability"].to_numpy(float) for frame in frames)
    statistics = {
        "all images": evaluation.auc,
        "within strata": partial(evaluation.auc_within_groups, image_groups=codes),
    }
    return {
        name: (
            evaluation.bootstrap(labels, first, patients, statistic, rng=np.random.default_rng(seed)),
            evaluation.bootstrap(labels, second, patients, statistic, rng=np.random.default_rng(seed)),
            evaluation.paired_bootstrap(labels, (first, second), patients, statistic, rng=np.random.default_rng(seed)),
        )
        for name, statistic in statistics.items()
    }


def failures(record: Record, headers: Sequence[Record], *, part: str = "test") -> pd.DataFrame:
    """Where a recorded model fails: see `evaluation.failures_by_slice`, at the record's own threshold.

    headers: records of the files' heights and aspect ratios, whose strata are slices. Subtypes and runs of file numbers
    are slices too. Raises ValueError where the model predicts other images than a header record.
    """
    frame = record.frame(part)
    slices: dict[str, Sequence[object] | np.ndarray] = {}
    for header in headers:
        slices[in_words(_field(header))] = np.asarray(_strata_of_predictions(record, header, part), object)
    slices["kind"] = frame["subtype"].where(frame["subtype"] != "", None).to_numpy(object)
    slices["files"] = evaluation.file_number_runs(frame["image"].tolist())
    predicted = (frame["probability"] >= record.threshold).to_numpy()
    classes = class_names(record.experiment.data.name)
    return evaluation.failures_by_slice(frame["label"].to_numpy(int), predicted, slices, classes=classes)


def _cells(frame: pd.DataFrame, threshold: float, *, grouped: bool, seed: int) -> dict[str, Interval | None]:
    """AUC, specificity and sensitivity of one model in one stratum."""
    labels, predicted = frame["label"].to_numpy(), (frame["probability"] >= threshold).to_numpy()
    area = None
    if 0 < labels.sum() < len(labels):
        groups = frame["patient"].to_numpy() if grouped else None
        rng = np.random.default_rng(seed)
        area = evaluation.bootstrap(labels, frame["probability"], groups, evaluation.auc, rng=rng)
    return {
        "AUC": area,
        "specificity": _share(~predicted[labels == 0]),
        "sensitivity": _share(predicted[labels == 1]),
    }


def _share(right: np.ndarray) -> Interval | None:
    """Share of True with Wilson's 95 % interval; None of nothing."""
    if not right.size:
        return None
    bounds = binomtest(int(right.sum()), right.size).proportion_ci(method="wilson")
    return Interval(float(right.mean()), float(bounds.low), float(bounds.high))


def _field(header: Record) -> StratumField:
    field = getattr(header.experiment.model, "field", None)
    if field not in ("height", "aspect"):
        raise ValueError(f"{header.experiment.name} is not the record of a height or an aspect ratio; strata need one")
    return field
