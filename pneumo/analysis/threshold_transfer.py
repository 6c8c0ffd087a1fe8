"""How well scores and thresholds from validation images hold on test images.

Nothing here selects anything: models and thresholds were fixed before the test images were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pneumo import evaluation
from pneumo.analysis.summaries import Models, display_name, mean_and_range, measures, records_by_model

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def validation_and_test_auc(records: Iterable[Record]) -> pd.DataFrame:
    """AUC of each network on plain and on perturbed validation images and on test images.

    Returns one row a network, columns group, validation_auc, stressed_auc, test_auc. Records without scores of
    perturbed images are left out.

    >>> len(validation_and_test_auc(pneumo.records.load_all())) > 20
    True
    """
    columns = ["validation_auc", "stressed_auc", "test_auc"]
    scored = [record for record in records if "stressed" in record.scores]
    rows = []
    for record in scored:
        values = measures(record)
        rows.append((record.group, *(values[column] for column in columns)))
    return pd.DataFrame(rows, columns=["group", *columns])


def threshold_transfer(models: Models, parts: Sequence[str] = ("validation", "stressed")) -> pd.DataFrame:
    """Performance on test images at thresholds that maximise Youden's index on validation images.

    models: see `summaries.records_by_model`. parts: whose images choose the threshold. Returns one row a model and
    part, columns model, threshold from (the part), threshold, sensitivity, specificity, accuracy: the mean of the
    model's records with the lowest and the highest (`Interval`).

    >>> len(threshold_transfer(pneumo.records.get("first-network/seed-0"), ["validation"]))
    1
    """
    rows = []
    for name, records in records_by_model(models).items():
        for part in parts:
            values = pd.DataFrame([_test_rates(record, part) for record in records])
            cells = {column: mean_and_range(values[column]) for column in values}
            rows.append({"model": display_name(name, records), "threshold from": part, **cells})
    return pd.DataFrame(rows)


def _test_rates(record: Record, part: str) -> dict[str, float]:
    """On test images, at the threshold from `part`."""
    chooses = record.frame(part)
    threshold = float(evaluation.youden_threshold(chooses["label"], chooses["probability"]))
    test = record.frame("test")
    predicted = test["label"], test["probability"], threshold
    return {
        "threshold": threshold,
        "sensitivity": float(evaluation.sensitivity(*predicted)),
        "specificity": float(evaluation.specificity(*predicted)),
        "accuracy": float(evaluation.accuracy(*predicted)),
    }
