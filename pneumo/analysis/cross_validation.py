"""The folds of a cross-validation put together: each image with the score of the model that did not see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
from scipy.special import logit

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def pool_folds(records: Iterable[Record]) -> list[Record]:
    """One record a variant and seed, whose test part is every image, scored by the fold that it was held out of.

    records: of experiments with `DataConfig.folds`. A model's threshold is its own, so scores of two folds are compared
    relative to it: each fold's logits have the logit of its threshold taken away, and the pooled threshold is 0.5.
    The images are in the order of their names, the same for every variant.
    Raises ValueError where a fold is missing or is there twice, or where a record has no folds.
    """
    groups: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        groups.setdefault((record.variant, record.experiment.seed), []).append(record)
    return [_pool(group) for group in groups.values()]


def _pool(folds: list[Record]) -> Record:
    first = folds[0]
    wanted = first.experiment.data.folds
    found = sorted(record.experiment.data.fold for record in folds)
    if not wanted or found != list(range(wanted)):
        raise ValueError(
            f"{first.experiment.name}: folds {found} of {wanted}; give each fold of a cross-validation once"
        )
    frames = [
        record.frame("test").assign(score=lambda rows, record=record: rows["score"] - logit(record.threshold))
        for record in folds
    ]
    images = pd.concat(frames).sort_values("image", ignore_index=True)
    return replace(
        first,
        experiment=replace(first.experiment, data=replace(first.experiment.data, fold=0)),
        scores={"test": images["score"].to_numpy(float)},
        split=images[[*first.split.columns.drop("part")]].assign(part="test"),
        selection={"threshold": 0.5, "threshold_chosen_on": "the validation part of each fold"},
        history=[],
        from_weights={},
    )
