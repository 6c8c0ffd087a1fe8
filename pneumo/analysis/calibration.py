"""Calibration of models before and after temperature scaling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis.summaries import Models, display_name, mean_and_range, records_by_model

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def temperature_scaled(record: Record, part: str = "validation") -> Record:
    """The record with all logits divided by the temperature fitted on `part` (Guo et al. 2017, arXiv:1706.04599).

    The threshold is rescaled alike, so every image keeps its predicted class. `selection` gains "temperature".
    Raises ValueError where no temperature is best, see `evaluation.temperature`.

    >>> record = pneumo.records.get("first-network/seed-0")
    >>> len(temperature_scaled(record).scores["test"]) == len(record.scores["test"])
    True
    """
    frame = record.frame(part)
    temperature = evaluation.temperature(frame["label"], frame["probability"])
    threshold = float(evaluation.recalibrate(record.threshold, temperature))
    return replace(
        record,
        scores={name: np.asarray(scores) / temperature for name, scores in record.scores.items()},
        selection={**record.selection, "threshold": threshold, "temperature": temperature},
    )


def calibration_errors(
    models: Models, *, fitted_on: str = "validation", parts: Sequence[str] = ("validation", "test")
) -> pd.DataFrame:
    """Expected calibration error of each model on each part, before and after temperature scaling.

    models: see `summaries.records_by_model`. fitted_on: the part that the temperature is fitted on.
    Returns one row a model and part, columns
        model, images                        name of the model, and of the part
        temperature                          fitted on `fitted_on`
        calibration error, after scaling     expected calibration error in [0, 1]
        intercept                            logits still to be added after scaling, which no temperature can do
    Cells are the mean over the records with the lowest and the highest (`Interval`). Where a record has no best
    temperature, all but the calibration error are None.

    >>> len(calibration_errors(pneumo.records.get("first-network/seed-0"))) > 0
    True
    """
    rows = []
    for name, records in records_by_model(models).items():
        for part in parts:
            values = pd.DataFrame([_errors(record, fitted_on, part) for record in records])
            cells = {column: mean_and_range(values[column]) for column in values}
            rows.append({"model": display_name(name, records), "images": part, **cells})
    return pd.DataFrame(rows)


def _errors(record: Record, fitted_on: str, part: str) -> dict[str, float]:
    try:
        scaled = temperature_scaled(record, fitted_on)
    except ValueError:  # of a few images, all may be on the right side of one half
        scaled = None
    before = record.frame(part)
    values = {
        "temperature": math.nan,
        "calibration error": float(evaluation.expected_calibration_error(before["label"], before["probability"])),
        "after scaling": math.nan,
        "intercept": math.nan,
    }
    if scaled is None:
        return values
    after = scaled.frame(part)
    return values | {
        "temperature": scaled.selection["temperature"],
        "after scaling": float(evaluation.expected_calibration_error(after["label"], after["probability"])),
        "intercept": float(evaluation.calibration_intercept(after["label"], after["probability"])),
    }
