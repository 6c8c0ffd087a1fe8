"""How far what was chosen on training patients holds elsewhere: records in, frames out.

Nothing here chooses anything. It looks back, after the choices were made, at what they would have been worth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binomtest, spearmanr

from . import evaluation
from .evaluation import Interval
from .explain import lung_share, pointing_game
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
        called = {
            f"specificity_{part}": _called(record, part)["specificity"] for part in ("validation", "stressed")
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
    return float(evaluation.auc(labels, mean_logits(records, part)))


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


def mean_logits(records: Sequence[Record], part: str) -> np.ndarray:
    """The mean logit of several networks, (N,)."""
    return np.mean([record.scores[part] for record in records], axis=0)


def attention(maps: Mapping[str, np.ndarray], mask: np.ndarray) -> pd.DataFrame:
    """One row a set of maps: how much of them lies inside a mask, and how much would by chance.

    maps: by name (N, H, W) from 0 up, see `explain.grad_cam`. mask: (H, W), or (N, H, W) for sets of the same images.
    Columns maps, images, inside (mean share of a map's sum; maps of zeros have none), maximum inside (share of the maps
    whose largest value lies there, the pointing game) and area (the mask's share of the image, which is what both
    would be by chance). Cells are 95 % intervals over images: of a mean, and Wilson's.
    """
    rows = []
    for name, cam in maps.items():
        shares = lung_share(cam, mask)
        game = pointing_game(cam, mask)
        cells = {"inside": _mean_interval(shares[np.isfinite(shares)]), "maximum inside": _share_interval(game.hits)}
        rows.append({"maps": name, "images": len(cam), **cells, "area": float(game.chance.mean())})
    return pd.DataFrame(rows)


def middle(shape: tuple[int, int, int], spread: float = 0.15) -> np.ndarray:
    """Maps that look at the middle of every image alike: what one has to beat to have looked at anything.

    shape: (N, H, W). spread: of the round blob, its standard deviation as a share of the side. Returns (N, H, W) in
    [0, 1].
    """
    y, x = (np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / spread) ** 2) for side in shape[1:])
    blob = y[:, None] * x
    return np.broadcast_to(blob / blob.max(), shape)


def _mean_interval(values: np.ndarray) -> Interval | None:
    if len(values) < 2:
        return None
    mean, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _share_interval(hits: np.ndarray) -> Interval:
    bounds = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return Interval(float(hits.mean()), float(bounds.low), float(bounds.high))


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
            cells = {
                column: None if each.isna().any() else Interval(each.mean(), each.min(), each.max())
                for column, each in values.items()
            }
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
