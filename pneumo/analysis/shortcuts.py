"""How far a network goes by shortcuts that should not matter, and what it knows beyond them: records in, frames out.

A shortcut is a record too: of a number of the file's header, or of features that see no form. Nothing here chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from pneumo.analysis.summaries import mean_logits
from pneumo.data.catalogue import class_names
from pneumo.evaluation import Interval
from pneumo.evaluation.intervals import resample

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

MAX_RANK_DISTANCE = 0.05
"""Two images are alike in a shortcut when their ranks in it lie at most this share of all images apart."""


def shortcut_correlation(
    models: Mapping[str, Sequence[Record]], shortcuts: Mapping[str, Record], *, part: str = "test"
) -> pd.DataFrame:
    """One row a shortcut and class: how far a model's score rises with the shortcut's, as a rank correlation.

    Columns shortcut, class, and one for each model.
    shortcuts: records of what should not matter. models: the records (seeds) of each, whose logits are averaged.
    Within one class the diagnosis cannot bring both about: what is left says that the model follows the shortcut, or that
    both follow how ill a child is. Cells are `Interval`s that take images as independent; a shortcut that is the same for
    all images of a class has no correlation, None.
    """
    rows = []
    for name, shortcut in shortcuts.items():
        frame = shortcut.frame(part)
        for label, kind in enumerate(class_names(shortcut.experiment.data.name)):
            chosen = (frame["label"] == label).to_numpy()
            cells = {
                model: _rank_interval(mean_logits(records, part)[chosen], frame["score"][chosen])
                for model, records in models.items()
            }
            rows.append({"shortcut": name, "class": kind, **cells})
    return pd.DataFrame(rows)


def matched_pairs(
    models: Mapping[str, Sequence[Record]], shortcuts: Mapping[str, Record], *, part: str = "test", seed: int = 0
) -> pd.DataFrame:
    """One row a shortcut: how well models rank those pairs of a normal and an ill image that the shortcut hardly tells apart.

    Columns shortcut, pairs (how many are alike, see `MAX_RANK_DISTANCE`), shortcut itself, and one for each model: the share of these pairs
    in which the ill image has the higher score, ties counting half, which over all pairs is the AUC. Cells are 95 %
    intervals over patients. seed: of the draws of patients. models, shortcuts: as in `shortcut_correlation`.
    """
    rows = []
    for name, shortcut in shortcuts.items():
        frame = shortcut.frame(part)
        ill = (frame["label"] == 1).to_numpy()
        ranks = (frame["score"].rank() / len(frame)).to_numpy()
        alike = np.abs(ranks[ill][:, None] - ranks[~ill]) <= MAX_RANK_DISTANCE  # (ill, normal)
        scores = {"shortcut itself": frame["score"].to_numpy()}
        scores |= {model: mean_logits(records, part) for model, records in models.items()}
        draws = resample(frame["label"], shortcut.patients(part), rng=np.random.default_rng(seed)).astype(float)
        cells = {model: _pairs_right(values, ill, alike, draws) for model, values in scores.items()}
        rows.append({"shortcut": name, "pairs": int(alike.sum()), **cells})
    return pd.DataFrame(rows)


def _rank_interval(x: np.ndarray, y: np.ndarray) -> Interval | None:
    """Spearman's rank correlation with the 95 % interval of Bonett and Wright 2000 (doi 10.1007/BF02294183)."""
    if len(x) < 4 or min(np.ptp(x), np.ptp(y)) == 0:
        return None
    correlation = float(spearmanr(x, y).statistic)
    half = 1.96 * math.sqrt((1 + correlation**2 / 2) / (len(x) - 3))
    middle = math.atanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    return Interval(correlation, math.tanh(middle - half), math.tanh(middle + half))


def _pairs_right(scores: np.ndarray, ill: np.ndarray, alike: np.ndarray, draws: np.ndarray) -> Interval | None:
    """Share of the pairs in `alike` (ill, normal) that are ranked rightly, with its interval over draws (draws, N)."""
    if not alike.any():
        return None
    right = alike * (0.5 * (1 + np.sign(scores[ill][:, None] - scores[~ill])))
    drawn, counted = ((draws[:, ill] @ pairs * draws[:, ~ill]).sum(axis=1) for pairs in (right, alike))
    low, high = np.nanquantile(drawn[counted > 0] / counted[counted > 0], (0.025, 0.975))
    return Interval(float(right.sum() / alike.sum()), float(low), float(high))
