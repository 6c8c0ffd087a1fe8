"""How far what was chosen on training patients holds elsewhere: records in, frames out.

Nothing here chooses anything. It looks back, after the choices were made, at what they would have been worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from . import evaluation
from .evaluation import Interval
from .tables import measures

if TYPE_CHECKING:
    from .records import Record

PLAIN_LEVELS = {"blur": 0.0, "noise": 0.0, "contrast": 1.0, "rotation": 0.0, "jpeg": 100.0}
"""The level of each of `experiments.CHANGES` at which an image is as it was."""


def ranking(records: Iterable[Record]) -> pd.DataFrame:
    """One row a trained network: group, validation_auc, stressed_auc, test_auc, and specificity on test patients at the
    threshold that Youden's index chooses on plain and on stressed validation images.

    Records without stressed scores are left out.
    """
    rows = []
    for record in records:
        if "stressed" not in record.scores:
            continue
        values = measures(record)
        test = record.frame("test")
        called = {
            f"specificity_{part}": evaluation.specificity(test["label"], test["probability"], threshold(record, part))
            for part in ("validation", "stressed")
        }
        areas = {name: values[name] for name in ("validation_auc", "stressed_auc", "test_auc")}
        rows.append({"group": record.group, "name": record.experiment.name, **areas, **called})
    return pd.DataFrame(rows)


def threshold(record: Record, part: str) -> float:
    """The threshold on the probability that maximises Youden's index on "validation" or "stressed" images."""
    frame = record.frame(part)
    return float(evaluation.youden_threshold(frame["label"], frame["probability"]))


def rank_correlation(frame: pd.DataFrame, x: str, y: str) -> float:
    """Spearman's rank correlation of two columns of `ranking`."""
    return float(spearmanr(frame[x], frame[y]).statistic)


def called(
    models: Mapping[str, Sequence[Record]], parts: Sequence[str] = ("validation", "stressed")
) -> pd.DataFrame:
    """One row a model and way to choose its threshold: the threshold, and on test patients sensitivity, specificity and
    accuracy, each the mean of its records with the lowest and the highest."""
    rows = []
    for name, records in models.items():
        for part in parts:
            values = pd.DataFrame([_called(record, part) for record in records])
            cells = {column: Interval(each.mean(), each.min(), each.max()) for column, each in values.items()}
            rows.append({"model": name, "threshold from": part, **cells})
    return pd.DataFrame(rows)


def _called(record: Record, part: str) -> dict[str, float]:
    chosen = threshold(record, part)
    test = record.frame("test")
    arguments = test["label"], test["probability"], chosen
    return {
        "threshold": chosen,
        "sensitivity": float(evaluation.sensitivity(*arguments)),
        "specificity": float(evaluation.specificity(*arguments)),
        "accuracy": float(evaluation.accuracy(*arguments)),
    }


def robustness(changed: Iterable[Record], plain: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """One row a subject, change and level: columns subject, change, level, test_auc.

    changed: records named "evidence/SUBJECT-CHANGE-LEVEL"; others are left out. plain: the records of each subject on
    images as they are; their logits are averaged, as those of the changed ones were.
    """
    rows = []
    for record in changed:
        subject, change, *level = record.experiment.name.split("/")[1].split("-")
        if change in PLAIN_LEVELS:
            rows.append((subject, change, float(level[0]), measures(record)["test_auc"]))
    rows += [
        (subject, change, level, area_together(records))
        for subject, records in plain.items()
        for change, level in PLAIN_LEVELS.items()
    ]
    frame = pd.DataFrame(rows, columns=["subject", "change", "level", "test_auc"])
    return frame.sort_values(["subject", "change", "level"], ignore_index=True)


def area_together(records: Sequence[Record], part: str = "test") -> float:
    """AUC of the mean logit of several networks."""
    labels = records[0].frame(part)["label"]
    return float(evaluation.auc(labels, np.mean([record.scores[part] for record in records], axis=0)))


def looks(changed: Iterable[Record], plain: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """One row a subject, columns subject, whole, without-lungs, border, shuffled: AUC on test patients.

    Arguments as in `robustness`.
    """
    named = {record.experiment.name.split("/")[1]: measures(record)["test_auc"] for record in changed}
    return pd.DataFrame(
        {
            "subject": subject,
            "whole": area_together(records),
            **{look: named[f"{subject}-{look}"] for look in ("without-lungs", "border", "shuffled")},
        }
        for subject, records in plain.items()
    )
