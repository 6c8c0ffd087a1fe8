"""What the search for hyper-parameters of classical learners found, and whether it looked far enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

NATURAL_BOUNDS = {"min_samples_leaf": 1, "max_depth": 1}
"""Smallest values that there are: a best value there is no sign of a grid that ends too early."""

SYMBOLS = {
    "C": "C",
    "gamma": "γ",
    "max_features": "features a split",
    "min_samples_leaf": "images a leaf",
    "max_depth": "depth",
    "learning_rate": "learning rate",
}
"""What tables call a hyper-parameter."""


def chosen_hyperparameters(learners: Mapping[str, Record]) -> pd.DataFrame:
    """One row a learner: what was chosen, out of what, and how much it mattered.

    learners: records of classical learners by name, each with its candidates. Columns
        model         the name
        chosen        the hyper-parameters with the best mean AUC over the folds
        tried         combinations in the grid
        best AUC      mean over the folds of the cross-validation over training patients
        worst AUC     of the worst combination
        at an edge    hyper-parameters whose chosen value is the first or the last of those tried, see `at_edge`
    Raises ValueError for a record that does not say what was tried.

    >>> frame = chosen_hyperparameters({"SVM": pneumo.records.get("classical/svm-hog")})
    >>> frame["tried"][0]
    np.int64(28)
    """
    rows = []
    for name, record in learners.items():
        found = candidates(record)
        chosen = record.selection["parameters"]
        rows.append(
            {
                "model": name,
                "chosen": ", ".join(f"{SYMBOLS.get(key, key)}\u00a0{_short(value)}" for key, value in chosen.items()),
                "tried": len(found),
                "best AUC": max(found["auc"].tolist()),
                "worst AUC": min(found["auc"].tolist()),
                "at an edge": ", ".join(SYMBOLS.get(key, key) for key in at_edge(record)),
            }
        )
    return pd.DataFrame(rows)


def candidates(record: Record) -> pd.DataFrame:
    """The combinations that were tried: a column for each hyper-parameter, auc and auc_sd over the folds.

    Raises ValueError where the record does not hold them.

    >>> list(candidates(pneumo.records.get("classical/svm-hog")))
    ['C', 'gamma', 'auc', 'auc_sd']
    """
    if not record.selection.get("candidates"):
        raise ValueError(
            f"{record.experiment.name} does not say which hyper-parameters were tried; run it again with this version"
        )
    return pd.DataFrame(record.selection["candidates"])


def at_edge(record: Record) -> list[str]:
    """The hyper-parameters whose chosen value is the smallest or the largest that was tried, so that a better one may
    lie beyond; not where nothing lies beyond (NATURAL_BOUNDS), nor where one value alone was tried.

    Raises ValueError where the record does not hold what was tried.

    >>> at_edge(pneumo.records.get("classical/svm-hog"))
    []
    """
    found, chosen = candidates(record), record.selection["parameters"]
    edges = []
    for name, value in chosen.items():
        tried = sorted(set(found[name].tolist()))
        if len(tried) > 1 and value in (tried[0], tried[-1]) and value != NATURAL_BOUNDS.get(name):
            edges.append(name)
    return edges


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
