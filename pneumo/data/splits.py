"""Training, validation and test parts that share no patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo.data.dataset import has_patients
from pneumo.errors import DataError, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST_FRACTION = 0.2
"""Share of the images of each class that becomes the test part where the publisher has set none apart."""

TEST_SEED = 0
"""The test part never depends on the caller's seed: models trained on different splits meet the same test images."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of a data set's table in three disjoint parts.

    train: fits the model. validation: selects models, epochs and thresholds. test: is evaluated once, at the end.
    Each is (n,) int64, ascending.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split(table: pd.DataFrame, *, validation_fraction: float = 0.15, fraction: float = 1.0, seed: int = 0) -> Split:
    """Split a data set's table by patient, stratified by class.

    - Test is the publisher's test part. Without one, TEST_FRACTION of the images is set apart, the same for every seed.
    - With patients, the publisher's train and val are pooled and regrouped (the val of chest-xray is 16 images);
      no patient falls into two parts. A table where only some rows name a patient counts as having none.
    - Without patients, the publisher's val is the validation part where there is one (MedMNIST: only its authors
      could keep patients apart), whatever `validation_fraction` and `seed` say. Otherwise each image stands for itself.

    validation_fraction: share of the remaining images of each class that goes to validation, in (0, 1). Whole patients
        are moved, so the count is off by at most half the images of one patient; a patient's class is the highest of
        their labels, and every part keeps at least one patient of each class.
    fraction: share of the training images of each class that is kept, in (0, 1]; validation and test stay
        the same, and for one seed a smaller fraction is a subset of a larger one.
    seed: of the draw of patients. The order of the table's rows makes no difference.

    Raises ValueError for a fraction out of range, and DataError for a patient in both train and test, for a class
    missing in a part and for a class with too few patients to be shared out.

        parts = split(dataset.table)
        images = pixels(dataset, size=64).rows(parts.train)

    >>> table = pneumo.data.load("phantom").table
    >>> parts = split(table)
    >>> set(table["patient"].iloc[parts.train]) & set(table["patient"].iloc[parts.test])
    set()
    """
    _check_fractions(validation_fraction, fraction)
    by_patient = has_patients(table)
    official = table["split"].to_numpy()
    labels = table["label"].to_numpy()
    groups, names = pd.factorize(table["patient" if by_patient else "image"], sort=True)

    test = official == "test"
    validation = (official == "val") & (not by_patient)
    if test.any():
        _check_disjoint(groups, test, np.asarray(names))
    else:
        test = _draw(groups, labels, ~validation, share=TEST_FRACTION, seed=TEST_SEED)
    if not validation.any():
        validation = _draw(groups, labels, ~test, share=validation_fraction, seed=seed)
    train = ~test & ~validation
    for part, chosen in (("train", train), ("validation", validation), ("test", test)):
        _check_classes(part, labels[chosen])
    if fraction < 1:
        train = _draw(groups, labels, train, share=fraction, seed=seed, keep_one_back=False)
    return Split(train=np.flatnonzero(train), validation=np.flatnonzero(validation), test=np.flatnonzero(test))


def cross_validation_split(
    table: pd.DataFrame, groups: np.ndarray, *, folds: int, fold: int, fraction: float = 1.0, seed: int = 0
) -> Split:
    """One split of a cross-validation, in which each image is a test image once.

    The publisher's parts are pooled.
    groups: (N,) integers; images of one group, a patient's or copies of one picture, stay in one fold, see
        `duplicates.duplicate_groups`.
    folds: at least 3, about equally large and with about the same share of label 1. fold: from 0; it is the test part,
        the next one (after the last, the first) is the validation part, and the others are the training part.
    fraction: of the training images, as in `split`. seed: of the folds.

    Raises ValueError for a number out of range, and DataError for a class missing in a part.

    >>> table = pneumo.data.load("phantom").table
    >>> first = cross_validation_split(table, np.arange(len(table)), folds=5, fold=0)
    >>> len(first.test) + len(first.validation) + len(first.train) == len(table)
    True
    """
    if folds < 3 or not 0 <= fold < folds:
        raise ValueError(f"fold={fold} of folds={folds}: use 3 folds or more, and count from 0 to one below")
    _check_fractions(0.5, fraction)
    from sklearn.model_selection import StratifiedGroupKFold

    labels = table["label"].to_numpy()
    of_image = np.empty(len(table), dtype=int)
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    for number, (_, rows) in enumerate(parts):
        of_image[rows] = number
    test, validation = of_image == fold, of_image == (fold + 1) % folds
    train = ~test & ~validation
    for part, chosen in (("train", train), ("validation", validation), ("test", test)):
        _check_classes(part, labels[chosen])
    if fraction < 1:
        train = _draw(groups, labels, train, share=fraction, seed=seed, keep_one_back=False)
    return Split(train=np.flatnonzero(train), validation=np.flatnonzero(validation), test=np.flatnonzero(test))


def _draw(
    groups: np.ndarray, labels: np.ndarray, pool: np.ndarray, *, share: float, seed: int, keep_one_back: bool = True
) -> np.ndarray:
    """Rows of whole groups, drawn from the pool, that come nearest to `share` of the pool's images of each class.

    groups: (N,) integer codes. labels: (N,) 0 or 1. pool: (N,) bool, the rows to draw from. Returns (N,) bool.
    One seed gives one order of the groups and a draw is the beginning of it, so a smaller share is nested in a larger.
    keep_one_back: leave at least one group of each class undrawn.
    """
    count = groups.max(initial=-1) + 1
    sizes = np.bincount(groups[pool], minlength=count)
    positive = np.bincount(groups[pool], weights=labels[pool], minlength=count) > 0
    order = np.random.default_rng(seed).permutation(count)
    drawn = np.zeros(count, dtype=bool)
    for label, members in _by_class(order, sizes, positive):
        if len(members) <= keep_one_back:
            raise DataError(
                f"class {label} has {len(members)} patient(s) to share between two parts (each image counts as one "
                f"where patients are unknown); at least {1 + keep_one_back} are needed: add images of that class"
            )
        images = np.cumsum(sizes[members])
        wanted = share * images[-1]
        nearest = int(np.argmin(np.abs(images - wanted))) + 1
        drawn[members[: min(nearest, len(members) - keep_one_back)]] = True
    return pool & drawn[groups]


def _by_class(order: np.ndarray, sizes: np.ndarray, positive: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The groups of each class in the given order; a group without images in the pool belongs to neither."""
    for label in (0, 1):
        yield label, order[(sizes[order] > 0) & (positive[order] == label)]


def _check_fractions(validation_fraction: float, fraction: float) -> None:
    if not 0 < validation_fraction < 1:
        raise ValueError(
            f"validation_fraction={validation_fraction} is not between 0 and 1; 0.15 keeps 15 % for validation"
        )
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction={fraction} is not in (0, 1]; 1.0 trains on every training image")


def _check_disjoint(groups: np.ndarray, test: np.ndarray, names: np.ndarray) -> None:
    shared = np.intersect1d(groups[test], groups[~test])
    if len(shared):
        raise DataError(
            f"{len(shared)} patient(s) have images in the test part and outside it: {listed(names[shared].tolist())}; "
            "a test result would be too good. Move each patient's images into one part"
        )


def _check_classes(part: str, labels: np.ndarray) -> None:
    for label in (0, 1):
        if not (labels == label).any():
            raise DataError(
                f"the {part} part has {len(labels)} image(s) and none of class {label}; "
                "both classes are needed in every part: add images of that class"
            )
