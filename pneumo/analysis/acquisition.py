"""What fields of view and untied training bring and cost: records of the variants in, one row a variant out.

Everything but the columns that name the test part is on validation patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis.choosing import merged_validation_strata
from pneumo.analysis.summaries import header_values, mean_and_range, measures, rank_correlation
from pneumo.evaluation import Interval
from pneumo.experiments import records

if TYPE_CHECKING:
    from pneumo.experiments.config import Experiment
    from pneumo.experiments.records import Record

SENSITIVITY = 0.97
"""At which specificities are compared, on all validation images together."""

FIRST_STRATA = 2
"""The lowest populated strata, whose specificity is compared with the others'."""


def recorded(wanted: Iterable[Experiment], root: Path | None = None) -> list[Record]:
    """The records of those experiments that have one: a comparison may be shown before the last of its runs is done."""
    found = (records.find(experiment, root) for experiment in wanted)
    return [record for record in found if record is not None]


def recorded_looks(
    wanted: Mapping[tuple[str, ...], Experiment], root: Path | None = None
) -> dict[tuple[str, str], list[Record]]:
    """The records of those occluded evaluations that have one, by variant and what is left of the images.

    wanted: experiments by (variant, look) or (variant, look, seed).
    """
    found: dict[tuple[str, str], list[Record]] = {}
    for (variant, look, *_), experiment in wanted.items():
        found.setdefault((variant, look), []).extend(recorded([experiment], root))
    return found


def by_variant(several: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by variant, in the order in which the variants come."""
    named: dict[str, list[Record]] = {}
    for record in several:
        named.setdefault(record.variant, []).append(record)
    return named


def variant_results(variants: Mapping[str, Sequence[Record]], header: Record) -> pd.DataFrame:
    """What each variant reaches: one row each, cells the mean of its seeds with the lowest and the highest.

    header: the record of the files' heights. Columns variant, seeds, AUC and perturbed AUC (validation images), then,
    at the threshold with a sensitivity of SENSITIVITY on these images, the specificity in the FIRST_STRATA lowest
    populated strata and in the others, and test AUC.
    """
    rows = []
    for name, several in variants.items():
        rates = [stratum_specificities(record, header) for record in several]
        measured = [measures(record) for record in several]
        rows.append(
            {
                "variant": name.replace("-", " "),
                "seeds": len(several),
                "AUC": mean_and_range(row["validation_auc"] for row in measured),
                "perturbed AUC": mean_and_range(row["stressed_auc"] for row in measured),
                "specificity, low files": mean_and_range(low for low, _ in rates),
                "specificity, others": mean_and_range(rest for _, rest in rates),
                "test AUC": mean_and_range(row["test_auc"] for row in measured),
            }
        )
    columns = [
        "variant",
        "seeds",
        "AUC",
        "perturbed AUC",
        "specificity, low files",
        "specificity, others",
        "test AUC",
    ]
    return pd.DataFrame(rows, columns=columns)


def stratum_specificities(record: Record, header: Record, part: str = "validation") -> tuple[float, float]:
    """Specificity in the FIRST_STRATA lowest populated strata, and in all others, at a sensitivity of SENSITIVITY.

    part: "validation" or "stressed", on which the threshold is set too.
    """
    frame = record.frame(part)
    labels, probabilities = frame["label"].to_numpy(int), frame["probability"].to_numpy(float)
    threshold = evaluation.threshold_at_sensitivity(labels, probabilities, SENSITIVITY)
    strata = merged_validation_strata(record, header)
    negative = probabilities < threshold
    low = strata < FIRST_STRATA
    return tuple(float(negative[(labels == 0) & chosen].mean()) for chosen in (low, ~low))  # pyright: ignore[reportReturnType]


def variant_evidence(
    variants: Mapping[str, Sequence[Record]], occluded: Mapping[tuple[str, str], Sequence[Record]], width: Record
) -> pd.DataFrame:
    """What each variant looks at, on validation images: one row each, cells as in `variant_results`.

    occluded: records by variant and what is left of the images, see `recorded_looks`; None stands where there is none.
    width: the record of the files' widths. Columns variant, border alone and without lungs (AUC), and the rank
    correlation of the score with the width among normal images and among pneumonias.
    """
    values = header_values(width)
    widths = values.loc[values["part"] == "validation", "width"].to_numpy(float)
    rows = []
    for name, several in variants.items():
        row: dict[str, object] = {"variant": name.replace("-", " ")}
        for look, heading in (("border", "border alone"), ("without-lungs", "without lungs")):
            found = [measures(record)["validation_auc"] for record in occluded.get((name, look), ())]
            row[heading] = mean_and_range(found) if found else None
        for label, heading in ((0, "width, normal"), (1, "width, pneumonia")):
            row[heading] = mean_and_range(_correlation(record, widths, label) for record in several)
        rows.append(row)
    columns = ["variant", "border alone", "without lungs", "width, normal", "width, pneumonia"]
    return pd.DataFrame(rows, columns=columns)


def _correlation(record: Record, widths: np.ndarray, label: int) -> float:
    frame = record.frame("validation")
    chosen = (frame["label"] == label).to_numpy()
    return rank_correlation(frame["score"].to_numpy()[chosen], widths[chosen])


def external_results(models: Mapping[str, Record], *, seed: int = 0) -> pd.DataFrame:
    """How frozen models do on images from elsewhere, at their frozen thresholds: one row a model.

    Columns model, images, patients, AUC, sensitivity and specificity with 95 % intervals over patients. seed: of the
    draws.
    """
    rows = []
    for name, record in models.items():
        frame = record.frame("test")
        patients = record.patients("test")
        intervals: dict[str, Interval] = evaluation.summary(
            frame["label"],
            frame["probability"],
            patients,
            record.threshold,
            names=("auc", "sensitivity", "specificity"),
            rng=np.random.default_rng(seed),
        )
        rows.append(
            {
                "model": name,
                "images": len(frame),
                "patients": None if patients is None else len(set(patients)),
                "AUC": intervals["auc"],
                "sensitivity": intervals["sensitivity"],
                "specificity": intervals["specificity"],
            }
        )
    return pd.DataFrame(rows)
