"""Fit, tune and calibrate a classical learner; its scores and feature importances.

The classes are not weighted: weights would only move the threshold, which is chosen on validation patients anyway, and
the probabilities would refer to another prevalence than that of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo.classical.configuration import ClassicalConfig, Learner

Folds = list[tuple[np.ndarray, np.ndarray]]

FOREST_TREES = 200
"""Trees of the random forest. Not searched: more trees are never worse, and cost in proportion."""

BOOSTING_ROUNDS = 300
"""Trees of gradient boosting. Not searched: the learning rate is."""

HYPERPARAMETER_GRIDS = {
    "logistic": {"C": (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)},
    "svm": {"C": (1.0, 10.0), "gamma": (0.1, 0.3, 1.0)},
    "forest": {"max_features": ("log2", "sqrt"), "min_samples_leaf": (4, 1)},
    "xgboost": {"max_depth": (2, 4), "learning_rate": (0.1, 0.3)},
}
"""Hyper-parameters of each learner, all combinations of which are tried; of equal results the first is taken. gamma is
divided by the number of features: the squared distance of standardised images grows with that number."""

WIDE_GRIDS = {
    "logistic": HYPERPARAMETER_GRIDS["logistic"],
    "svm": {"C": (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0), "gamma": (0.1, 0.3, 1.0, 3.0)},
    "forest": {"max_features": (0.125, 0.5, 2.0, 8.0), "min_samples_leaf": (9, 3, 1)},
    "xgboost": {"max_depth": (1, 2, 4, 6, 8), "learning_rate": (0.02, 0.05, 0.1, 0.3, 0.6)},
}
"""As HYPERPARAMETER_GRIDS, wide enough that the best values of the study's learners on pixels, HOG and LBP features lie
inside, or where there is nothing beyond: one image a leaf, trees of one split.
max_features is multiplied by the square root of the number of features, the usual value."""

IMPORTANCE_MEASURES = {
    "logistic": "absolute coefficient of the standardised feature",
    "forest": "mean decrease in impurity",
    "xgboost": "mean gain of a split",
}
"""What `importances` measures, for each learner that has importances."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedLearner:
    """A fitted pipeline, and the calibration of its margins to logits.

    pipeline: standardisation, principal components where asked for, learner; fitted on all training images.
    slope, intercept: logit = slope * margin + intercept (Platt scaling), fitted on margins of images held out; the
        slope is not negative.
    parameters: the hyper-parameters that were chosen.
    candidates: a row for each combination that was tried: its hyper-parameters, auc (mean over the folds), auc_sd
        (standard deviation between them) and seconds (of one fit and its scoring).
    """

    pipeline: Pipeline
    slope: float
    intercept: float
    parameters: dict[str, float | int | str]
    candidates: pd.DataFrame


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    config: ClassicalConfig,
    *,
    seed: int,
    jobs: int | None = None,
) -> FittedLearner:
    """Choose hyper-parameters by cross-validated AUC over patients, fit on all images, and calibrate.

    features: (N, D) float, of training images only. labels: (N,) 0 or 1. groups: (N,) the patient of each
        image; where patients are unknown, a value of its own for each image.
    seed: of the folds and of the learner. jobs: processes; by default as many as there are processors for this one.

    Everything that is fitted, standardisation and principal components included, is fitted without the fold that
    evaluates it. For the calibration, the chosen pipeline is fitted once more without each fold, and Platt scaling uses
    the margins of the held-out folds.
    Raises ValueError for a class with fewer patients than folds.

        model = fit(features[train], labels[train], patients[train], config, seed=0)
    """
    _check_groups(labels, groups, config.folds)
    jobs = jobs or joblib.cpu_count()
    folds = list(StratifiedGroupKFold(config.folds, shuffle=True, random_state=seed).split(features, labels, groups))
    search = GridSearchCV(
        _pipeline(config, seed),
        _grid(config, features.shape[1]),
        scoring="roc_auc",
        cv=folds,
        n_jobs=jobs,
        error_score="raise",  # pyright: ignore[reportArgumentType]  its documented value
    ).fit(features, labels)
    margins = _margins_held_out(search.best_estimator_, features, labels, folds, jobs)
    slope, intercept = _platt(margins, labels)
    return FittedLearner(
        pipeline=search.best_estimator_,
        slope=slope,
        intercept=intercept,
        parameters=_without_step_names(search.best_params_),
        candidates=_candidates(search.cv_results_),
    )


def scores(model: FittedLearner, features: np.ndarray) -> np.ndarray:
    """Logits of the positive class: their sigmoid is the probability. (N, D) float to (N,) float64."""
    return model.slope * _margins(model.pipeline, features) + model.intercept


def importances(model: FittedLearner, names: Sequence[str]) -> pd.DataFrame:
    """The importance of each feature to the fitted learner.

    names: of the D features. Returns D rows in their order: feature, importance (not negative, sum 1), measure (see
    `IMPORTANCE_MEASURES`). Redundant features share their importance, or one of them has it all: compare sums over
    related features rather than single ones.
    Raises ValueError for a support vector machine and after principal components, where no feature has a weight.
    """
    *before, (kind, learner) = model.pipeline.steps
    if kind not in IMPORTANCE_MEASURES or "components" in dict(before):
        raise ValueError(
            f"a pipeline of {', '.join(model.pipeline.named_steps)} gives single features no weight; "
            f"use {', '.join(IMPORTANCE_MEASURES)} without components"
        )
    weights = np.abs(learner.coef_[0]) if kind == "logistic" else learner.feature_importances_.astype(float)
    if len(weights) != len(names):
        raise ValueError(f"{len(names)} names for {len(weights)} features; see pneumo.features.feature_names")
    return pd.DataFrame({"feature": names, "importance": weights / weights.sum(), "measure": IMPORTANCE_MEASURES[kind]})


def _check_groups(labels: np.ndarray, groups: np.ndarray, folds: int) -> None:
    for label in (0, 1):
        patients = len(np.unique(groups[labels == label]))
        if patients < folds:
            raise ValueError(f"class {label} has {patients} patients, too few for folds={folds}; take fewer")


def _pipeline(config: ClassicalConfig, seed: int) -> Pipeline:
    """An unfitted pipeline of "scale" and "components", where they are needed, and the learner under its own name."""
    steps: list[tuple[str, Any]] = []
    if config.learner in ("logistic", "svm") or config.components:
        steps.append(("scale", StandardScaler()))
    if config.components:
        steps.append(("components", PCA(config.components, svd_solver="randomized", random_state=seed)))
    return Pipeline([*steps, (config.learner, _learner(config.learner, seed))])


def _learner(name: Learner, seed: int) -> LogisticRegression | SVC | RandomForestClassifier | XGBClassifier:
    match name:
        case "logistic":
            return LogisticRegression(max_iter=5000)
        case "svm":
            return SVC(cache_size=500)  # MB of kernel
        case "forest":
            return RandomForestClassifier(FOREST_TREES, random_state=seed)
        case "xgboost":
            return XGBClassifier(
                n_estimators=BOOSTING_ROUNDS,
                subsample=0.8,
                colsample_bytree=0.2,
                max_bin=64,  # of 256: no worse on HOG, in a third of the time
                n_jobs=1,
                random_state=seed,
            )


def _grid(config: ClassicalConfig, width: int) -> dict[str, list[float | int | str]]:
    """What `GridSearchCV` tries, for `width` features."""
    grids = WIDE_GRIDS if config.grid == "wide" else HYPERPARAMETER_GRIDS
    grid: dict[str, list[Any]] = {name: [*values] for name, values in grids[config.learner].items()}
    if "gamma" in grid:
        grid["gamma"] = [gamma / width for gamma in grid["gamma"]]
    if "max_features" in grid and config.grid == "wide":
        features = config.components or width
        numbers = (min(features, max(1, round(factor * features**0.5))) for factor in grid["max_features"])
        grid["max_features"] = list(dict.fromkeys(numbers))  # of few features all are fewer than 8 times their root
    return {f"{config.learner}__{name}": values for name, values in grid.items()}


def _without_step_names(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters without the name of their pipeline step."""
    return {name.rpartition("__")[2]: value for name, value in parameters.items()}


def _candidates(results: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([_without_step_names(parameters) for parameters in results["params"]]).assign(
        auc=results["mean_test_score"],
        auc_sd=results["std_test_score"],
        seconds=results["mean_fit_time"] + results["mean_score_time"],
    )


def _margins_held_out(
    pipeline: Pipeline, features: np.ndarray, labels: np.ndarray, folds: Folds, jobs: int
) -> np.ndarray:
    """The margin of each image from a pipeline fitted without its fold, (N,)."""

    def of_fold(train: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        unfitted: Pipeline = clone(pipeline)  # pyright: ignore[reportAssignmentType]  of what it was given
        return _margins(unfitted.fit(features[train], labels[train]), features[held_out])

    margins = np.empty(len(labels))
    parts = joblib.Parallel(n_jobs=jobs)(joblib.delayed(of_fold)(*fold) for fold in folds)
    for (_, held_out), part in zip(folds, parts, strict=True):
        margins[held_out] = part
    return margins


def _platt(margins: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the most likely logits (Platt 1999, Advances in Large Margin Classifiers, pp. 61-74).

    The targets are Platt's, a little inside 0 and 1, so that the slope stays finite where margins separate the classes.
    The slope is 0, and every probability the share of positives, where held-out margins do not rise with the label.
    """
    positives, negatives = labels.sum(), (1 - labels).sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    spread = margins.std() or 1.0  # the solver's tolerance wants numbers near 1
    regression = LogisticRegression(C=np.inf).fit(
        np.tile(margins / spread, 2)[:, None],
        np.repeat([1, 0], len(labels)),
        sample_weight=np.concatenate([targets, 1 - targets]),  # each image is both, by its target
    )
    slope = float(regression.coef_[0, 0] / spread)
    return (slope, float(regression.intercept_[0])) if slope > 0 else (0.0, float(np.log(positives / negatives)))


def _margins(pipeline: Pipeline, features: np.ndarray) -> np.ndarray:
    """The learner's own score of the positive class: the share of trees for a forest, a logit or distance otherwise."""
    match pipeline.steps[-1][0]:
        case "forest":
            return pipeline.predict_proba(features)[:, 1]
        case "xgboost":
            return pipeline.predict(features, output_margin=True).astype(float)
        case _:
            return pipeline.decision_function(features)
