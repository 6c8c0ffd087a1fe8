"""How far a network goes by clues that should not matter, and what it knows beyond them: records in, frames out.

A clue is a record too: of a number of the file's header, or of features that see no form. Nothing here chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from .data.catalogue import class_names
from .evaluation import Interval
from .evaluation.intervals import resample
from .evidence import mean_logits

if TYPE_CHECKING:
    from .records import Record

NEAR = 0.05
"""Two images are alike in a clue when their ranks in it lie at most this share of all images apart."""


def followed(
    models: Mapping[str, Sequence[Record]], clues: Mapping[str, Record], *, part: str = "test"
) -> pd.DataFrame:
    """One row a clue and class: how far a model's score rises with the clue's, as a rank correlation.

    Columns clue, class, and one for each model.
    clues: records of what should not matter. models: the records (seeds) of each, whose logits are averaged.
    Within one class the diagnosis cannot bring both about: what is left says that the model follows the clue, or that
    both follow how ill a child is. Cells are `Interval`s that take images as independent; a clue that is the same for
    all images of a class has no correlation, None.
    """
    rows = []
    for name, clue in clues.items():
        frame = clue.frame(part)
        for label, kind in enumerate(class_names(clue.experiment.data.name)):
            chosen = (frame["label"] == label).to_numpy()
            cells = {
                model: _rank_interval(mean_logits(records, part)[chosen], frame["score"][chosen])
                for model, records in models.items()
            }
            rows.append({"clue": name, "class": kind, **cells})
    return pd.DataFrame(rows)


def matched(
    models: Mapping[str, Sequence[Record]], clues: Mapping[str, Record], *, part: str = "test", seed: int = 0
) -> pd.DataFrame:
    """One row a clue: how well models rank those pairs of a normal and an ill image that the clue hardly tells apart.

    Columns clue, pairs (how many are alike, see `NEAR`), clue itself, and one for each model: the share of these pairs
    in which the ill image has the higher score, ties counting half, which over all pairs is the AUC. Cells are 95 %
    intervals over patients. seed: of the draws of patients. models, clues: as in `followed`.
    """
    rows = []
    for name, clue in clues.items():
        frame = clue.frame(part)
        ill = (frame["label"] == 1).to_numpy()
        ranks = (frame["score"].rank() / len(frame)).to_numpy()
        alike = np.abs(ranks[ill][:, None] - ranks[~ill]) <= NEAR                        # (ill, normal)
        scores = {"clue itself": frame["score"].to_numpy()}
        scores |= {model: mean_logits(records, part) for model, records in models.items()}
        patients = frame["patient"].to_numpy() if (frame["patient"] != "").all() else None
        draws = resample(frame["label"], patients, rng=np.random.default_rng(seed)).astype(float)
        cells = {model: _pairs_right(values, ill, alike, draws) for model, values in scores.items()}
        rows.append({"clue": name, "pairs": int(alike.sum()), **cells})
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
