"""How far what was selected on validation patients holds on test patients: records in, frames out.

Nothing here selects anything: the selections were made before the test images were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import spearmanr

from pneumo import evaluation
from pneumo.analysis.summaries import mean_and_range, measures

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


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
        called = {
            f"specificity_{part}": _test_rates(record, part)["specificity"] for part in ("validation", "stressed")
        }
        areas = {name: values[name] for name in ("validation_auc", "stressed_auc", "test_auc")}
        rows.append({"group": record.group, "name": record.experiment.name, **areas, **called})
    return pd.DataFrame(rows)


def youden_threshold(record: Record, part: str) -> float:
    """The threshold on the probability that maximises Youden's index on "validation" or "stressed" images."""
    frame = record.frame(part)
    return float(evaluation.youden_threshold(frame["label"], frame["probability"]))


def rank_correlation(frame: pd.DataFrame, x: str, y: str) -> float:
    """Spearman's rank correlation of two columns of `ranking`."""
    return float(spearmanr(frame[x], frame[y]).statistic)


def threshold_transfer(
    models: Mapping[str, Sequence[Record]], parts: Sequence[str] = ("validation", "stressed")
) -> pd.DataFrame:
    """One row a model and way to choose its threshold: the threshold, and on test patients sensitivity, specificity and
    accuracy, each the mean of its records with the lowest and the highest."""
    rows = []
    for name, records in models.items():
        for part in parts:
            values = pd.DataFrame([_test_rates(record, part) for record in records])
            cells = {column: mean_and_range(each) for column, each in values.items()}
            rows.append({"model": name, "threshold from": part, **cells})
    return pd.DataFrame(rows)


def _test_rates(record: Record, part: str) -> dict[str, float]:
    threshold = youden_threshold(record, part)
    test = record.frame("test")
    arguments = test["label"], test["probability"], threshold
    return {
        "threshold": threshold,
        "sensitivity": float(evaluation.sensitivity(*arguments)),
        "specificity": float(evaluation.specificity(*arguments)),
        "accuracy": float(evaluation.accuracy(*arguments)),
    }
