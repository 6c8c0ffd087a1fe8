"""A network of the study as a scikit-learn classifier, for people's own pipelines.

classifier = PneumoniaClassifier(training=TrainingConfig(epochs=5))
cross_val_score(classifier, images, labels, groups=patients, cv=GroupKFold(5))
GridSearchCV(classifier, {"model__width": [8, 16], "training__optimizer__learning_rate": [1e-3, 3e-3]})
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Tags, assert_all_finite, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from pneumo.experiments.config import CNNConfig, TrainingConfig
from pneumo.models.configuration import NetworkConfig

SEED_LIMIT = 2**31 - 1
"""Seeds are drawn below this."""

CONFIGURATIONS: Mapping[str, Callable[[], Any]] = {"model": CNNConfig, "training": TrainingConfig}
"""The parameters that are configurations, and what None stands for."""


class PneumoniaClassifier(ClassifierMixin, BaseEstimator):
    """Trains a network on grey images with two labels.

    model: the network; `CNNConfig()` by default. training: how it learns; `TrainingConfig()` by default. Their fields
        are parameters too, for `set_params` and searches: `model__width`, `training__optimizer__learning_rate`.
    validation_fraction: of the images (of the groups, where they are given), held out to choose the epoch; at most 0.5.
    random_state: as everywhere in scikit-learn; with a whole number, the same fit each time.

    Images are (N, H, W), (N, 1, H, W), or (N, H * W) of square ones; uint8, 0 black, or floats in [0, 1], which are
    rounded to 256 grey levels. `predict_proba` and `predict` return what `pneumo.Model`'s do.

    Fitted: classes_ (2,), the second of which is the positive one; network_; history_, a dictionary for each epoch with
    epoch, train_loss, train_accuracy, validation_loss, validation_accuracy, learning_rate and seconds, a table by
    `pd.DataFrame(classifier.history_)`; n_features_in_, the number of pixels of an image.

    >>> images = np.random.default_rng(0).random((40, 16, 16))
    >>> training = TrainingConfig(epochs=1, batch_size=8)
    >>> classifier = PneumoniaClassifier(CNNConfig(width=2, depth=2), training, random_state=0)
    >>> classifier.fit(images, np.arange(40) % 2).predict_proba(images).shape
    (40, 2)
    """

    def __init__(
        self,
        model: NetworkConfig | None = None,
        training: TrainingConfig | None = None,
        validation_fraction: float = 0.15,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.model = model
        self.training = training
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> PneumoniaClassifier:
        """X: images, see the class. y: (N,), two labels. groups: (N,), the patients.

        Raises ValueError for other images, images too small for the network, more or fewer than two labels, and fewer
        than two groups of either. Warns of labels as a column, (N, 1), which are taken as (N,).
        """
        from pneumo import models, training

        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y", estimator_name=type(self).__name__)
        check_classification_targets(labels)
        images = self._images(X, reset=True)
        models.check_image_size(self.model or CNNConfig(), *images.shape[1:])
        check_consistent_length(images, labels, groups)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(
                f"y has {len(self.classes_)} class(es): {self.classes_.tolist()[:5]}; this classifier tells two apart. "
                "Only binary classification is supported."
            )
        random = check_random_state(self.random_state)
        seed = int(random.randint(SEED_LIMIT))
        train, validation = self._split(numbers, groups, seed)
        pixels = training.InMemory(array=images)
        network = models.build(self.model or CNNConfig(), training.make_generator(seed, 0, "weights"))
        with tempfile.TemporaryDirectory() as folder:
            fit = training.fit(
                network,
                training.Images(pixels=pixels, rows=train, labels=numbers[train]),
                training.Images(pixels=pixels, rows=validation, labels=numbers[validation]),
                self.training or TrainingConfig(),
                seed=seed,
                checkpoint=Path(folder) / "fit.ckpt",
                progress=False,
            )
        self.network_, self.history_ = network, fit.history
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """(N, 2): the probabilities of the classes in `classes_`. X: as in `fit`, images of the same size."""
        from pneumo import training
        from pneumo.experiments import records

        check_is_fitted(self)
        images = self._images(X, reset=False)
        part = training.Images(
            pixels=training.InMemory(array=images), rows=np.arange(len(images)), labels=np.zeros(len(images))
        )
        positive = records.probabilities(training.predict(self.network_, part))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(N,): of `classes_`, the more probable one."""
        positive = self.predict_proba(X)[:, 1] >= 0.5
        return self.classes_[positive.astype(int)]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. deep: also the fields of `model` and `training`, as "training__epochs"."""
        parameters = super().get_params(deep=False)
        nested = {f"{name}__{field}": value for name in CONFIGURATIONS for field, value in _nested(self._config(name))}
        return parameters | nested if deep else parameters

    def set_params(self, **parameters: Any) -> PneumoniaClassifier:
        """Set parameters by the names of `get_params`; a field, "training__epochs", in a copy of its configuration.

        Raises ValueError for a name that there is not.
        """
        known = self.get_params(deep=True)
        for name in parameters:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {list(known)}."
                )
        # Whole configurations first, so that a field may be set with its configuration.
        for name, value in sorted(parameters.items(), key=lambda item: item[0].count("__")):
            whole, _, path = name.partition("__")
            setattr(self, whole, _replaced(self._config(whole), path, value) if path else value)
        return self

    def _config(self, name: str) -> Any:
        value = getattr(self, name)
        return CONFIGURATIONS[name]() if value is None else value

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.three_d_array = True
        return tags

    def _split(self, labels: np.ndarray, groups: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows to choose the epoch on, with like shares of the classes, whole groups in each."""
        if not 0 < self.validation_fraction <= 0.5:
            raise ValueError(f"validation_fraction={self.validation_fraction} is not above 0 and at most 0.5")
        groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
        fewest = min(len(np.unique(groups[labels == label])) for label in (0, 1))
        if fewest < 2:
            raise ValueError(f"one class has {fewest} image or group; at least 2 are needed, one to validate on")
        folds = StratifiedGroupKFold(min(fewest, round(1 / self.validation_fraction)), shuffle=True, random_state=seed)
        return next(folds.split(labels, labels, groups))

    def _images(self, X: np.ndarray, *, reset: bool) -> np.ndarray:
        """(N, H, W) uint8. reset: whether the number of pixels is learnt from these images, or has to be as learnt."""
        _check_no_names(X)
        check: Callable[..., np.ndarray] = check_array  # whose published types do not allow dtype=None
        images = _grey_levels(check(X, dtype=None, allow_nd=True))
        if images.ndim == 4 and images.shape[1] == 1:
            images = images[:, 0]
        if images.ndim == 2:
            side = math.isqrt(images.shape[1])
            if side**2 != images.shape[1]:
                raise ValueError(f"X has {images.shape[1]} pixels an image, which is no square; give (N, H, W)")
            images = images.reshape(-1, side, side)
        if images.ndim != 3:
            raise ValueError(f"X has shape {images.shape}; give (N, H, W), (N, 1, H, W) or (N, H * W)")
        pixels = images.shape[1] * images.shape[2]
        if reset:
            self.n_features_in_ = pixels
        elif pixels != self.n_features_in_:
            raise ValueError(
                f"X has {pixels} features, but PneumoniaClassifier is expecting {self.n_features_in_} features as input"
            )
        return images


def _check_no_names(X: Any) -> None:
    """Raises ValueError for names of files in place of images."""
    if isinstance(X, list | tuple | np.ndarray) and len(X):
        first = X[0].flat[0] if isinstance(X[0], np.ndarray) and X[0].size else X[0]
    else:
        first = X
    if isinstance(first, str | bytes | PurePath):
        raise ValueError(
            f"X holds names of files, first {str(first)!r}, and not images; give their grey levels, (N, H, W). Of a "
            "folder of labelled images these are pneumo.data.pixels(pneumo.data.load(FOLDER), size=64).array; of one "
            'file, pneumo.inference.from_bytes(path.read_bytes(), path.name, size=64, resize="stretch").pixels. '
            "pneumo.define_experiment(FOLDER) trains on a folder without an estimator"
        )


def _grey_levels(images: np.ndarray) -> np.ndarray:
    """Images of uint8, or floats in [0, 1], as uint8."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise ValueError(f"X is {images.dtype}; give grey levels as uint8 (0 to 255) or as floats in [0, 1]")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise ValueError(f"X has values from {low:g} to {high:g}; give floats in [0, 1], or uint8")
    return np.round(images * 255).astype(np.uint8)


def _nested(config: Any) -> list[tuple[str, Any]]:
    """The fields of a configuration and of those in it, "optimizer__learning_rate", with their values."""
    found = []
    for field in fields(config) if is_dataclass(config) else ():
        value = getattr(config, field.name)
        found += [(field.name, value), *((f"{field.name}__{name}", below) for name, below in _nested(value))]
    return found


def _replaced(config: Any, path: str, value: Any) -> Any:
    """A configuration with another value of one of the fields that `_nested` names."""
    name, _, below = path.partition("__")
    return replace(config, **{name: _replaced(getattr(config, name), below, value) if below else value})
