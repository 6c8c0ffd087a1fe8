"""Configuration of a classical learner: its features and its tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pneumo.features.configuration import FeatureConfig

Learner = Literal["logistic", "svm", "forest", "xgboost"]
Grid = Literal["small", "wide"]


@dataclass(frozen=True, kw_only=True)
class ClassicalConfig:
    """A learner on hand-crafted features, see `pneumo.classical.fit`.

    learner: "logistic" regression, "svm" (support vector machine, radial basis functions), random "forest", or
        "xgboost" (gradient-boosted trees).
    grid: the hyper-parameters that are searched: the "small" one of four to seven combinations, or the "wide" one of
        up to twenty-eight. See `pneumo.classical.learners.HYPERPARAMETER_GRIDS` and `WIDE_GRIDS`.
    components: principal components that the features are reduced to first, or None for the features themselves.
    folds: of the cross-validation that chooses hyper-parameters. Each patient is in one fold.

    >>> from pneumo.features import HOGConfig
    >>> ClassicalConfig(learner="svm", features=HOGConfig()).learner
    'svm'
    """

    learner: Learner
    features: FeatureConfig
    components: int | None = None
    folds: int = 4
    grid: Grid = "small"

    def __post_init__(self) -> None:
        if self.learner not in get_args(Learner):
            raise ValueError(f"learner={self.learner!r} is unknown; choose from {', '.join(get_args(Learner))}")
        if self.components is not None and self.components < 1:
            raise ValueError(f"components={self.components} must be at least 1, or None for the features themselves")
        if self.grid not in get_args(Grid):
            raise ValueError(f"grid={self.grid!r} is unknown; choose from {', '.join(get_args(Grid))}")
        if self.folds < 2:
            raise ValueError(f"folds={self.folds} leave nothing to validate on; use at least 2")
