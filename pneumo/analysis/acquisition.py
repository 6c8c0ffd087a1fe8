"""What fields of view and untied training bring and cost: records of the variants in, one row a variant out.

Everything but the columns that name the test part is on validation patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.analysis.choosing import merged_validation_strata
from pneumo.analysis.summaries import header_values, mean_and_range, measures, rank_correlation
from pneumo.experiments import records
from pneumo.experiments.wording import in_words

if TYPE_CHECKING:
    from pneumo.experiments.config import Experiment
    from pneumo.experiments.records import Record

SENSITIVITY = 0.97
"""At which specificities are compared, on all validation images together."""

FIRST_STRATA = 2
"""The lowest populated strata, whose specificity is compared with the others'."""

GAP, BORDER = 0.05, 0.70
"""Goals on validation images: the largest gap in specificity between low files and others, and the largest AUC of the
border alone. The correlation with the width is to be at most half of the selected model's."""

TEST_AUC, TEST_ACCURACY, TEST_SPECIFICITY = 0.993, 0.960, 0.92
"""Goals on test images, the specificity at a sensitivity of SENSITIVITY."""

GAP_ROW, BORDER_ROW = "specificity, others minus low files", "AUC of the border alone"
CORRELATION_ROWS = ("correlation with the width, normal", "correlation with the width, pneumonia")
SPECIFICITY_ROW = f"specificity at a sensitivity of {SENSITIVITY:.0%}".replace("%", " %")
"""Rows of `goals`."""


def occluded_records(wanted: Mapping[tuple[str, ...], Experiment]) -> dict[tuple[str, str], list[Record]]:
    """The records of evaluations on occluded images, by variant and what is left of the images; the seeds together.

    wanted: experiments by (variant, look) or (variant, look, seed). Raises MissingRecord, see `records.get`.
    """
    found: dict[tuple[str, str], list[Record]] = {}
    for (variant, look, *_), experiment in wanted.items():
        found.setdefault((variant, look), []).append(records.get(experiment))
    return found


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
                "variant": in_words(name),
                "seeds": len(several),
                "AUC": mean_and_range(row["validation_auc"] for row in measured),
                "perturbed AUC": mean_and_range(row["stressed_auc"] for row in measured),
                "specificity, low files": mean_and_range(low for low, _ in rates),
                "specificity, others": mean_and_range(rest for _, rest in rates),
                "test AUC": mean_and_range(row["test_auc"] for row in measured),
            }
        )
    return pd.DataFrame(rows)


def stratum_specificities(record: Record, header: Record, part: str = "validation") -> tuple[float, float]:
    """Specificity in the FIRST_STRATA lowest populated strata, and in all others, at a sensitivity of SENSITIVITY.

    part: "validation" or "stressed", on which the threshold is set too. NaN where there is no normal image.
    """
    frame = record.frame(part)
    labels, probabilities = frame["label"].to_numpy(int), frame["probability"].to_numpy(float)
    threshold = evaluation.threshold_at_sensitivity(labels, probabilities, SENSITIVITY)
    strata = merged_validation_strata(record, header)
    negative = probabilities < threshold
    low = strata < FIRST_STRATA
    return _share(negative[(labels == 0) & low]), _share(negative[(labels == 0) & ~low])


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if flags.size else math.nan


def variant_evidence(
    variants: Mapping[str, Sequence[Record]], occluded: Mapping[tuple[str, str], Sequence[Record]], width: Record
) -> pd.DataFrame:
    """What each variant looks at, on validation images: one row each, cells as in `variant_results`.

    occluded: records by variant and what is left of the images, see `occluded_records`; where there is none, None
    stands. width: the record of the files' widths. Columns variant, border alone and without lungs (AUC), and the rank
    correlation of the score with the width among normal images and among pneumonias.
    """
    rows = []
    for name, several in variants.items():
        correlations = [width_correlations(record, width) for record in several]
        row: dict[str, object] = {"variant": in_words(name)}
        for look, heading in (("border", "border alone"), ("without-lungs", "without lungs")):
            found = [measures(record)["validation_auc"] for record in occluded.get((name, look), ())]
            row[heading] = mean_and_range(found) if found else None
        for label, heading in ((0, "width, normal"), (1, "width, pneumonia")):
            row[heading] = mean_and_range(both[label] for both in correlations)
        rows.append(row)
    return pd.DataFrame(rows)


def goals(
    selected: Record,
    independent: Record,
    occluded: Mapping[tuple[str, str], Sequence[Record]],
    *,
    height: Record,
    width: Record,
) -> pd.DataFrame:
    """What a model that depends less on acquisition was to reach, set before it was trained, and what was reached.

    selected, independent: records of the two models. occluded: see `variant_evidence`; it holds both models' border.
    height, width: header records.
    Columns: part (validation or test), measure, wanted, and one for each model. Correlations are absolute values. The
    test rows choose nothing.
    """
    reached = {
        name: _reached(record, occluded[name, "border"][0], height, width)
        for name, record in {"selected-model": selected, "independent-model": independent}.items()
    }
    before = reached["selected-model"]
    wanted = {
        ("validation", GAP_ROW): f"at most {GAP:.3f}",
        ("validation", BORDER_ROW): f"at most {BORDER:.3f}",
        **{("validation", row): f"at most {before['validation', row] / 2:.3f}" for row in CORRELATION_ROWS},
        ("test", "AUC"): f"at least {TEST_AUC:.3f}",
        ("test", "accuracy"): f"at least {TEST_ACCURACY:.3f}",
        ("test", SPECIFICITY_ROW): f"at least {TEST_SPECIFICITY:.3f}",
    }
    rows = [
        {"part": part, "measure": measure, "wanted": text}
        | {in_words(name): values[part, measure] for name, values in reached.items()}
        for (part, measure), text in wanted.items()
    ]
    return pd.DataFrame(rows)


def _reached(record: Record, border: Record, height: Record, width: Record) -> dict[tuple[str, str], float]:
    """What a model reaches of each row of `goals`. border: its record on the border alone."""
    low, others = stratum_specificities(record, height)
    frame = record.frame("test")
    labels, probabilities = frame["label"].to_numpy(int), frame["probability"].to_numpy(float)
    correlations = map(abs, width_correlations(record, width))
    return {
        ("validation", GAP_ROW): others - low,
        ("validation", BORDER_ROW): measures(border)["validation_auc"],
        **{("validation", row): value for row, value in zip(CORRELATION_ROWS, correlations, strict=True)},
        ("test", "AUC"): float(evaluation.auc(labels, probabilities)),
        ("test", "accuracy"): float(evaluation.accuracy(labels, probabilities, record.threshold)),
        ("test", SPECIFICITY_ROW): float(evaluation.specificity_at_sensitivity(labels, probabilities, SENSITIVITY)),
    }


def width_correlations(record: Record, width: Record) -> tuple[float, float]:
    """Rank correlation of a record's validation scores with the width of the file, among normal images and among
    pneumonias. width: the record of the files' widths."""
    values = header_values(width)
    widths = values.loc[values["part"] == "validation", "width"].to_numpy(float)
    return _correlation(record, widths, 0), _correlation(record, widths, 1)


def _correlation(record: Record, widths: np.ndarray, label: int) -> float:
    frame = record.frame("validation")
    chosen = (frame["label"] == label).to_numpy()
    return rank_correlation(frame["score"].to_numpy()[chosen], widths[chosen])
