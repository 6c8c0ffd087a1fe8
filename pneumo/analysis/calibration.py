"""Calibration of models before and after temperature scaling: records in, frames out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis.summaries import mean_and_range

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def rescaled(record: Record, part: str = "validation") -> Record:
    """The record with all its logits divided by the temperature that suits `part` best (Guo et al. 2017).

    Its threshold moves along, so that every call stays what it was. The selection says the temperature.
    Raises ValueError where no temperature is best, see `evaluation.temperature`.
    """
    frame = record.frame(part)
    temperature = evaluation.temperature(frame["label"], frame["probability"])
    threshold = float(evaluation.recalibrate(record.threshold, temperature))
    return replace(
        record,
        scores={name: np.asarray(scores) / temperature for name, scores in record.scores.items()},
        selection={**record.selection, "threshold": threshold, "temperature": temperature},
    )


def calibration(
    models: Mapping[str, Sequence[Record]],
    *,
    fitted_on: str = "validation",
    parts: Sequence[str] = ("validation", "test"),
) -> pd.DataFrame:
    """One row a model and part: the expected calibration error as it is and at the temperature fitted on one part.

    Columns model, images (the part), temperature, calibration error, rescaled, and intercept: what would have to be
    added to every rescaled logit, which no temperature can do. Cells are the mean of the records with the lowest and
    the highest; a model with a record that no temperature suits has None in all but the error as it is.
    """
    rows = []
    for name, records in models.items():
        for part in parts:
            values = pd.DataFrame([_calibration(record, fitted_on, part) for record in records])
            cells = {column: mean_and_range(each) for column, each in values.items()}
            rows.append({"model": name, "images": part, **cells})
    return pd.DataFrame(rows)


def _calibration(record: Record, fitted_on: str, part: str) -> dict[str, float]:
    try:
        scaled = rescaled(record, fitted_on)
    except ValueError:  # of a few images, all may be on the right side of one half
        scaled = None
    before = record.frame(part)
    values = {
        "temperature": math.nan,
        "calibration error": float(evaluation.expected_calibration_error(before["label"], before["probability"])),
        "rescaled": math.nan,
        "intercept": math.nan,
    }
    if scaled is None:
        return values
    after = scaled.frame(part)
    return values | {
        "temperature": scaled.selection["temperature"],
        "rescaled": float(evaluation.expected_calibration_error(after["label"], after["probability"])),
        "intercept": float(evaluation.calibration_intercept(after["label"], after["probability"])),
    }
