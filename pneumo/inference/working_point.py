"""The working point of a model: another threshold, and the third answer, from its predictions for validation images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumo import evaluation
from pneumo.errors import DataError
from pneumo.evaluation.conformal import ConformalAnswer, conformal_answer
from pneumo.experiments import records
from pneumo.experiments.records import Record

CALIBRATION_PART = "validation"
"""The part of a record whose predictions are kept: validation patients, as they are."""

ERROR = 0.1
"""Share of the images of a class for which that class may be ruled out, by default: a coverage of 90 %."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """A model's predictions for validation images, which neither trained it nor judge it.

    labels: (N,) 0 or 1. logits: (N,).
    """

    labels: np.ndarray
    logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """(N,) of pneumonia."""
        return records.probabilities(self.logits)

    def answer(self, error: float = ERROR) -> ConformalAnswer:
        """The bounds of the third answer; see `pneumo.evaluation.conformal`. Raises ValueError for no share."""
        return conformal_answer(self.labels, self.probabilities, error=error)

    def threshold_at(self, sensitivity: float) -> float:
        """The highest threshold that reaches a sensitivity on these images. Raises ValueError for no share."""
        return evaluation.threshold_at_sensitivity(self.labels, self.probabilities, sensitivity)


def calibration_of(record: Record) -> Calibration | None:
    """What a model file keeps of its record; None where that predicts no validation images of both classes."""
    if CALIBRATION_PART not in record.scores:
        return None
    labels = record.frame(CALIBRATION_PART)["label"].to_numpy(int)
    if len(np.unique(labels)) < 2:
        return None
    return Calibration(labels=labels, logits=np.asarray(record.scores[CALIBRATION_PART], float))


def calibration_by_key(key: str) -> Calibration | None:
    """The same of the stored record of this key, for model files written without; None where it is not here."""
    places = dict.fromkeys([*records.folders(), records.published_folder()])
    path = next((file for place in places for file in sorted(place.rglob(f"*-{key}.json"))), None)
    return None if path is None else calibration_of(records.load(path))


def to_json(calibration: Calibration) -> str:
    """For the metadata of a model file. Logits have four decimals, as in a record."""
    values = {"labels": calibration.labels.tolist(), "logits": np.round(calibration.logits, 4).tolist()}
    return json.dumps(values, separators=(",", ":"))


def from_json(text: str) -> Calibration:
    """What `to_json` wrote. Raises ValueError for anything else."""
    values: Any = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("its calibration is no table of labels and logits")
    labels, logits = (np.asarray(values.get(name, []), float) for name in ("labels", "logits"))
    if labels.ndim != 1 or labels.shape != logits.shape or not np.isfinite(logits).all():
        raise ValueError(f"its calibration has {labels.size} labels and {logits.size} logits; they must pair up")
    if set(np.unique(labels)) != {0.0, 1.0}:
        raise ValueError("its calibration must have both classes, as labels 0 and 1")
    return Calibration(labels=labels.astype(int), logits=logits)


def needed(calibration: Calibration | None, name: str) -> Calibration:
    """The calibration, or a DataError that says why it is missing. name: what was asked for."""
    if calibration is None:
        raise DataError(
            f"{name} needs the model's predictions for validation images, which neither its file nor a record here "
            "has; give --threshold, or write the file anew: pneumo pack NAME FILE"
        )
    return calibration
