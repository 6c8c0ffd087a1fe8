"""Configuration of a classical learner: its features and its tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pneumo.features.configuration import FeatureConfig

Learner = Literal["logistic", "svm", "forest", "xgboost"]


@dataclass(frozen=True, kw_only=True)
class ClassicalConfig:
    """A learner on hand-crafted features, see `pneumo.classical.fit`.

    learner: "logistic" regression, "svm" (support vector machine, radial basis functions), random "forest", or
        "xgboost" (gradient-boosted trees). `pneumo.classical.learners.HYPERPARAMETER_GRIDS` is searched.
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

    def __post_init__(self) -> None:
        if self.learner not in get_args(Learner):
            raise ValueError(f"learner={self.learner!r} is unknown; choose from {', '.join(get_args(Learner))}")
        if self.components is not None and self.components < 1:
            raise ValueError(f"components={self.components} must be at least 1, or None for the features themselves")
        if self.folds < 2:
            raise ValueError(f"folds={self.folds} leave nothing to validate on; use at least 2")
