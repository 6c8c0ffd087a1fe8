"""The choice of models on validation patients; then, on the test images, tests between them and kinds of patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import log_expit

from pneumo import evaluation, experiments
from pneumo.analysis.summaries import header_values, measures
from pneumo.evaluation import Interval
from pneumo.evaluation.intervals import resample
from pneumo.experiments import records

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def select_models(root: Path | None = None) -> dict[str, Record]:
    """The chosen record of each of `experiments.families`, by the family's name; `select` is the rule.

    Raises MissingRecord for a candidate without a record.
    """
    return {
        name: select(records.get(experiment, root) for experiment in candidates)
        for name, candidates in experiments.families().items()
    }


def select(candidates: Iterable[Record]) -> Record:
    """The record with the lowest `selection_loss`; the first of equals. Test scores play no part."""
    return min(candidates, key=selection_loss)


def selection_loss(record: Record) -> float:
    """Mean cross-entropy, in nats, on stressed validation images; on plain ones for what never saw a stressed image."""
    return cross_entropy(record, "stressed" if "stressed" in record.scores else "validation")


def cross_entropy(record: Record, part: str) -> float:
    """Mean cross-entropy of a record's logits on "validation", "stressed" or "test" images, in nats."""
    frame = record.frame(part)
    towards = np.where(frame["label"] == 1, frame["score"], -frame["score"])
    return float(-log_expit(towards).mean())


def best_candidates(chosen_from: Iterable[Record], *, best: int = 5) -> pd.DataFrame:
    """The candidates with the lowest `selection_loss`, lowest first: experiment, loss, and AUC on validation images,
    plain and stressed."""
    rows = sorted(chosen_from, key=selection_loss)[:best]
    return pd.DataFrame(
        {
            "experiment": record.experiment.name,
            "selection loss": selection_loss(record),
            **{f"{part} AUC": measures(record).get(f"{part}_auc") for part in ("validation", "stressed")},
        }
        for record in rows
    )


def test_performance(several: Iterable[Record]) -> pd.DataFrame:
    """One row a record, the lowest `selection_loss` first: experiment, that loss, and on test patients the AUC, and
    sensitivity and specificity at its threshold."""
    rows = []
    for record in sorted(several, key=selection_loss):
        test = record.frame("test")
        called = test["label"], test["probability"], record.threshold
        rows.append(
            {
                "experiment": record.variant,
                "selection loss": selection_loss(record),
                "test AUC": measures(record)["test_auc"],
                "sensitivity": float(evaluation.sensitivity(*called)),
                "specificity": float(evaluation.specificity(*called)),
            }
        )
    return pd.DataFrame(rows)


def comparable(several: Iterable[Record]) -> list[Record]:
    """Those of the records whose networks were trained on all images as they are: their test scores say the same."""
    return [
        record
        for record in several
        if record.history
        and record.experiment.data.name == experiments.study_data().name
        and record.experiment.data.fraction == 1
        and not record.experiment.data.distortion.changes_images
    ]


def pairwise(models: Mapping[str, Record], *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """One row a pair of models: the difference of their AUCs, first minus second, and who calls which image right.

    Columns: models; AUC difference, with the 95 % interval over patients (paired bootstrap); p (DeLong); only first
    right, only second right, images at each model's own threshold; p (McNemar, exact). DeLong's and McNemar's tests
    take images as independent. seed: of the draws of patients.
    """
    return pd.DataFrame([_pair(*pair, part, seed) for pair in combinations(models.items(), 2)])


def _pair(first: tuple[str, Record], second: tuple[str, Record], part: str, seed: int) -> dict[str, Any]:
    (name, a), (other, b) = first, second
    one, two = a.frame(part), b.frame(part)
    if not one["image"].equals(two["image"]):
        raise ValueError(f"{a.experiment.name} and {b.experiment.name} predict different images")
    labels = one["label"].to_numpy()
    difference = evaluation.paired_bootstrap(
        labels,
        (one["score"].to_numpy(), two["score"].to_numpy()),
        a.patients(part),
        evaluation.auc,
        rng=np.random.default_rng(seed),
    )
    right = [
        (frame["probability"] >= record.threshold).to_numpy() == (labels == 1) for frame, record in ((one, a), (two, b))
    ]
    mcnemar = evaluation.mcnemar_exact(*right)
    return {
        "models": f"{name} − {other}",
        "AUC difference": difference,
        "p (DeLong)": evaluation.delong(labels, one["score"], two["score"]).p_value,
        "only first right": mcnemar.only_a,
        "only second right": mcnemar.only_b,
        "p (McNemar)": mcnemar.p_value,
    }


def subgroups(models: Mapping[str, Record], width: Record, *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """One row a kind of image, a column for each model: the share it calls right at its threshold.

    Kinds: each sub-type; and of each class the images narrower and wider than the part's median, which is how they were
    acquired and not what they show. Kinds without images are left out. width: the header record of the files' widths.
    Cells are 95 % intervals over patients. seed: of the draws of patients.
    """
    values = header_values(width)
    widths = values.loc[values["part"] == part, "width"].to_numpy()
    frame = next(iter(models.values())).frame(part)
    wide = widths > np.median(widths)
    kinds = {name: (frame["subtype"] == name).to_numpy() for name in frame["subtype"].unique()}
    for label, name in ((0, "normal"), (1, "pneumonia")):
        of_class = (frame["label"] == label).to_numpy()
        kinds |= {f"{name}, narrow file": of_class & ~wide, f"{name}, wide file": of_class & wide}
    rows = []
    for kind, chosen in kinds.items():
        if not chosen.any():
            continue
        cells = {name: _right(record, part, chosen, seed) for name, record in models.items()}
        rows.append({"kind": kind, "images": int(chosen.sum()), **cells})
    return pd.DataFrame(rows)


def _right(record: Record, part: str, chosen: np.ndarray, seed: int) -> Interval:
    """Share of the chosen images that are called right, with its interval over patients."""
    frame = record.frame(part)[chosen]
    right = ((frame["probability"] >= record.threshold) == (frame["label"] == 1)).to_numpy(float)
    patients = frame["patient"] if record.has_patients else None
    counts = resample(frame["label"], patients, rng=np.random.default_rng(seed))
    shares = (counts @ right) / counts.sum(axis=1)
    return Interval(float(right.mean()), *(float(bound) for bound in np.quantile(shares, (0.025, 0.975))))
