"""A network of the study as a scikit-learn classifier, for people's own pipelines.

classifier = PneumoniaClassifier(training=TrainingConfig(epochs=5))
cross_val_score(classifier, images.reshape(len(images), -1), labels, groups=patients, cv=GroupKFold(5))
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d
from torch import nn

from pneumo.experiments.config import CNNConfig, TrainingConfig
from pneumo.models.configuration import NetworkConfig

SEED_LIMIT = 2**31 - 1
"""Seeds are drawn below this."""

SIDES_TRIED = (1, 2, 4, 8, 16, 32, 64)
"""Sides of images in pixels, of which an error names the smallest that a network takes."""


class PneumoniaClassifier(ClassifierMixin, BaseEstimator):
    """Trains a network on grey images with two labels.

    model: the network; `CNNConfig()` by default. training: how it learns; `TrainingConfig()` by default.
    validation_fraction: of the images (of the groups, where they are given), held out to choose the epoch; at most 0.5.
    random_state: as everywhere in scikit-learn; with a whole number, the same fit each time.

    Fitted: classes_ (2,), the second of which is the positive one; network_; history_, one row an epoch;
    n_features_in_, the number of pixels of an image.
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
        """X: (N, H, W) uint8, or (N, H * W) uint8 of square images. y: (N,), two labels. groups: (N,), the patients.

        Raises ValueError for other images, images smaller than the network takes, more or fewer than two labels, and
        fewer than two groups of either. Warns of labels as a column, (N, 1), which are taken as (N,).
        """
        from pneumo import models, training

        images = self._images(X, reset=True)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
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
        _check_size(network, images.shape[1:])
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
        check: Callable[..., np.ndarray] = check_array  # whose published types do not allow dtype=None
        images = check(X, dtype=None, allow_nd=True)
        if images.dtype != np.uint8:
            raise ValueError(f"X is {images.dtype}; give grey levels from 0 to 255 as uint8")
        if images.ndim == 2:
            side = math.isqrt(images.shape[1])
            if side**2 != images.shape[1]:
                raise ValueError(f"X has {images.shape[1]} pixels an image, which is no square; give (N, H, W)")
            images = images.reshape(-1, side, side)
        if images.ndim != 3:
            raise ValueError(f"X has shape {images.shape}; give (N, H, W) or (N, H * W)")
        pixels = images.shape[1] * images.shape[2]
        if reset:
            self.n_features_in_ = pixels
        elif pixels != self.n_features_in_:
            raise ValueError(
                f"X has {pixels} features, but PneumoniaClassifier is expecting {self.n_features_in_} features as input"
            )
        return images


def _check_size(network: nn.Module, size: tuple[int, ...]) -> None:
    """Raises ValueError for images that are smaller than a network takes. size: height and width."""
    if not _takes(network, size):
        smallest = next((side for side in SIDES_TRIED if _takes(network, (side, side))), SIDES_TRIED[-1])
        raise ValueError(
            f"X has images of {size[0]} x {size[1]} pixels, too small for this network; give {smallest} x {smallest} "
            "or more, or a network of less depth"
        )


def _takes(network: nn.Module, size: tuple[int, ...]) -> bool:
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 1, *size))
    except RuntimeError:  # PyTorch has no other error for a pooling that leaves no pixel
        return False
    finally:
        network.train(training)
    return True
