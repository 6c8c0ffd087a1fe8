"""The third answer: class-conditional conformal prediction calibrated on validation patients, and what it reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo.analysis.strata import strata_of
from pneumo.data.catalogue import class_names
from pneumo.evaluation.conformal import CANNOT_TELL, ConformalAnswer, conformal_answer

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

SMALLEST_CALIBRATION_GROUP = 20
"""Images of a class below which a stratum is not calibrated by itself, but with all strata together."""


def calibrated(record: Record, *, error: float, part: str = "validation") -> ConformalAnswer:
    """The bounds of a model from its scores on validation images. part: "validation" or "stressed".

    The same images chose epoch and threshold, so the coverage on images to come is a little below what is promised.
    Raises ValueError for the test part, which calibrates nothing.
    """
    _check_part(part)
    frame = record.frame(part)
    return conformal_answer(frame["label"], frame["probability"], error=error)


def calibrated_by_stratum(
    record: Record, header: Record, *, error: float, part: str = "validation"
) -> dict[str, ConformalAnswer]:
    """The bounds for each acquisition stratum: of its own validation images where there are enough, else of all.

    header: see `strata.strata_of`. A class with fewer than SMALLEST_CALIBRATION_GROUP images in a stratum takes its
    bound from all strata. Raises ValueError for the test part.
    """
    _check_part(part)
    pooled = calibrated(record, error=error, part=part)
    frame, strata = record.frame(part), strata_of(header, "validation")
    answers = {}
    for name in strata.categories:
        chosen = frame.loc[np.asarray(strata == name)]
        counts = np.bincount(chosen["label"], minlength=2)
        own = conformal_answer(chosen["label"], chosen["probability"], error=error) if counts.min() > 0 else pooled
        enough = counts >= SMALLEST_CALIBRATION_GROUP
        answers[name] = ConformalAnswer(
            error=error,
            normal_up_to=own.normal_up_to if enough[0] else pooled.normal_up_to,
            pneumonia_from=own.pneumonia_from if enough[1] else pooled.pneumonia_from,
        )
    return answers


def coverage(
    models: Mapping[str, Record], *, error: float, calibrate_on: str = "validation", parts: Iterable[str] = ("test",)
) -> pd.DataFrame:
    """What the third answer reaches: one row a model, part and class.

    models: by name. calibrate_on: "validation" or "stressed". parts: on which it is judged.
    Columns model, part, class, images, covered (share of them for which their class stays possible; 1 - error is
    promised where images are drawn as the calibration images), answered (share with one possible class), right (share
    of the answered), and cannot tell (share left to a person). Shares are in [0, 1], "right" None where none is
    answered.
    """
    rows = []
    for name, record in models.items():
        bounds = calibrated(record, error=error, part=calibrate_on)
        classes = class_names(record.experiment.data.name)
        for part in parts:
            frame = record.frame(part)
            labels, probabilities = frame["label"].to_numpy(int), frame["probability"].to_numpy(float)
            for label, class_name in enumerate(classes):
                row = reached(labels[labels == label], probabilities[labels == label], bounds)
                rows.append({"model": name, "part": part, "class": class_name, **row})
    return pd.DataFrame(rows)


def coverage_by_stratum(
    record: Record, header: Record, *, error: float, calibrate_on: str = "validation", part: str = "test"
) -> pd.DataFrame:
    """`coverage` of one model in each stratum that has images, with each stratum's own bounds where there are any."""
    bounds = calibrated_by_stratum(record, header, error=error, part=calibrate_on)
    strata = strata_of(header, part)
    frame = record.frame(part)
    rows = []
    for name in strata.categories:
        for label, class_name in enumerate(class_names(record.experiment.data.name)):
            chosen = frame.loc[np.asarray(strata == name) & (frame["label"] == label).to_numpy()]
            if not chosen.empty:
                row = reached(chosen["label"].to_numpy(int), chosen["probability"].to_numpy(float), bounds[name])
                rows.append({"stratum": name, "class": class_name, **row})
    return pd.DataFrame(rows)


def reached(labels: np.ndarray, probabilities: np.ndarray, bounds: ConformalAnswer) -> dict[str, float | int | None]:
    """What bounds reach on some images: the last columns of `coverage`. labels: (N,) 0 or 1. probabilities: (N,)."""
    normal, pneumonia = bounds.possible(probabilities)
    covered = np.where(labels == 1, pneumonia, normal)
    answered = bounds.answers(probabilities) != CANNOT_TELL
    return {
        "images": len(labels),
        "covered": float(covered.mean()),
        "answered": float(answered.mean()),
        "right": float(covered[answered].mean()) if answered.any() else None,
        "cannot tell": float(1 - answered.mean()),
    }


def _check_part(part: str) -> None:
    if part not in ("validation", "stressed"):
        raise ValueError(f"part={part!r} calibrates nothing; use the validation images, plain or perturbed")
