"""Shortcuts: how closely scores follow acquisition features, and how they rank images that are alike in those.

A shortcut is a record too: of a model on a number of the file's header, or on features that see no shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo.analysis.summaries import Models, mean_logits, rank_correlation, records_by_model
from pneumo.data.catalogue import class_names
from pneumo.evaluation import Interval
from pneumo.evaluation.intervals import resample

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

MAX_RANK_DISTANCE = 0.05
"""Two images are alike in a shortcut if their ranks in it lie at most this share of all images apart."""


def shortcut_correlation(models: Models, shortcuts: Mapping[str, Record], *, part: str = "test") -> pd.DataFrame:
    """Rank correlation of each model's score with each shortcut's, within each class.

    models: see `summaries.records_by_model`; the logits of a model's records are averaged. shortcuts: records by name.
    Returns one row a shortcut and class, columns shortcut, class, and one for each model: `Interval`s (95 %, images
    taken as independent), or None where the shortcut is the same for all images of the class. Within one class the
    diagnosis cannot bring a correlation about: the model follows the shortcut, or both follow the severity.

    >>> width = pneumo.records.get("data-and-shortcuts/headers/width")
    >>> len(shortcut_correlation(pneumo.records.get("first-network/seed-0"), {"width": width}))  # one row a class
    2
    """
    rows = []
    named = records_by_model(models)
    for name, shortcut in shortcuts.items():
        frame = shortcut.frame(part)
        for label, class_name in enumerate(class_names(shortcut.experiment.data.name)):
            chosen = (frame["label"] == label).to_numpy()
            shortcut_scores = frame["score"].to_numpy()[chosen]
            cells = {
                model: _rank_interval(mean_logits(records, part)[chosen], shortcut_scores)
                for model, records in named.items()
            }
            rows.append({"shortcut": name, "class": class_name, **cells})
    return pd.DataFrame(rows)


def matched_pairs(
    models: Models,
    shortcuts: Mapping[str, Record],
    *,
    difference: tuple[str, str] | None = None,
    part: str = "test",
    seed: int = 0,
) -> pd.DataFrame:
    """AUC over those pairs of a positive and a negative image that are alike in a shortcut.

    models, shortcuts: as in `shortcut_correlation`. Returns one row a shortcut, columns shortcut, pairs (how many are
    alike, see MAX_RANK_DISTANCE), shortcut itself, and one for each model: share of these pairs in which the positive
    image has the higher score, ties counting half; over all pairs this would be the AUC. difference: two of the models
    by name; a last column, difference, has the share of the first minus that of the second, on the same draws. Cells
    are `Interval`s (95 %, over patients), or None where no pair is alike. seed: of the draws of patients.
    Raises ValueError for a difference of models that are not there.

    >>> width = pneumo.records.get("data-and-shortcuts/headers/width")
    >>> frame = matched_pairs(pneumo.records.get("first-network/seed-0"), {"width": width})
    >>> frame.columns[0]
    'shortcut'
    """
    rows = []
    named = records_by_model(models)
    if unknown := [name for name in difference or () if name not in named]:
        raise ValueError(f"difference={difference}: there is no model {unknown[0]!r}, only {', '.join(named)}")
    for name, shortcut in shortcuts.items():
        frame = shortcut.frame(part)
        positive = (frame["label"] == 1).to_numpy()
        ranks = (frame["score"].rank() / len(frame)).to_numpy()
        alike = np.abs(ranks[positive][:, None] - ranks[~positive]) <= MAX_RANK_DISTANCE  # (positive, negative)
        scores = {"shortcut itself": frame["score"].to_numpy()}
        scores |= {model: mean_logits(records, part) for model, records in named.items()}
        draws = resample(frame["label"], shortcut.patients(part), rng=np.random.default_rng(seed)).astype(float)
        shares = {model: _concordances(values, positive, alike, draws) for model, values in scores.items()}
        cells = {model: _interval(each) for model, each in shares.items()}
        if difference:
            first, second = (shares[model] for model in difference)
            cells["difference"] = _interval(first - second)
        rows.append({"shortcut": name, "pairs": int(alike.sum()), **cells})
    return pd.DataFrame(rows)


def _rank_interval(x: np.ndarray, y: np.ndarray) -> Interval | None:
    """Spearman's rank correlation with the 95 % interval of Bonett and Wright 2000 (doi 10.1007/BF02294183)."""
    if len(x) < 4 or min(np.ptp(x), np.ptp(y)) == 0:
        return None
    correlation = rank_correlation(x, y)
    half = 1.96 * math.sqrt((1 + correlation**2 / 2) / (len(x) - 3))
    middle = math.atanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))
    return Interval(correlation, math.tanh(middle - half), math.tanh(middle + half))


def _concordances(scores: np.ndarray, positive: np.ndarray, alike: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Share of the pairs in `alike` (positive, negative) that scores rank correctly, of all images and then of each of
    the draws (draws, N): (1 + draws,), NaN where no pair is alike."""
    concordant = alike * (0.5 * (1 + np.sign(scores[positive][:, None] - scores[~positive])))
    counts = np.vstack([np.ones(draws.shape[1]), draws])
    drawn, counted = ((counts[:, positive] @ pairs * counts[:, ~positive]).sum(axis=1) for pairs in (concordant, alike))
    return np.divide(drawn, counted, out=np.full(len(counts), np.nan), where=counted > 0)


def _interval(shares: np.ndarray) -> Interval | None:
    """Of a share of all images, followed by those of draws; None where there is none."""
    if np.isnan(shares[0]):
        return None
    low, high = np.nanquantile(shares[1:], (0.025, 0.975))
    return Interval(float(shares[0]), float(low), float(high))
