"""Leakage: test images of which a copy stands in the training or the validation part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import data
from pneumo.analysis.summaries import Models, display_name, records_by_model, summary
from pneumo.data.duplicates import duplicate_pairs

if TYPE_CHECKING:
    from pneumo.evaluation import Interval
    from pneumo.experiments.records import Record

PART_WORDS = {"train": "training"}
"""What readers call a part, where it is not its name."""

COLUMNS = ("image", "part", "label", "copy", "copy_part", "copy_label")

PLACEHOLDER = np.full((28, 28), 128, np.uint8)
"""A grey square, shown for an image that is not on this machine."""


def duplicates_across_parts(name: str, size: int) -> pd.DataFrame:
    """Pairs of images in different parts of a data set that show one picture: one row a pair, columns COLUMNS.

    name: as in `data.load`. size: side in pixels at which images are compared; `data.duplicates` says what counts as
    one picture. "image" is the one of the later part: test before validation before train.
    Raises DataError where the data set is not on this machine.
    """
    dataset = data.load(name)
    split = data.split(dataset.table)
    places = np.zeros(len(dataset.table), int)  # in _PARTS
    places[split.validation], places[split.test] = 1, 2
    part = [_PARTS[place] for place in places]
    pixels = data.pixels(dataset, size=size, resize="stretch", progress=False)
    pairs = [
        sorted(pair, key=places.__getitem__, reverse=True)
        for pair in duplicate_pairs(pixels, np.arange(len(dataset.table))).tolist()
    ]
    image, label = dataset.table["image"].to_numpy(), dataset.table["label"].to_numpy()
    rows = [
        (image[later], part[later], label[later], image[earlier], part[earlier], label[earlier])
        for later, earlier in pairs
        if part[later] != part[earlier]
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["part", "image", "copy"], ignore_index=True)


def images_by_name(name: str, images: Sequence[str]) -> list[np.ndarray]:
    """Images of a data set by their names, (H, W) uint8; PLACEHOLDERs where the data set is not on this machine."""
    try:
        dataset = data.load(name)
    except data.DataError:
        return [PLACEHOLDER for _ in images]
    rows = {image: row for row, image in enumerate(dataset.table["image"])}
    return [dataset.source.image(rows[image]) for image in images]


def pair_captions(pairs: pd.DataFrame, classes: tuple[str, str]) -> list[str]:
    """Part and class of the images of some pairs, in two lines: of all the later ones first, then of their copies.

    pairs: as of `duplicates_across_parts`. classes: names of label 0 and label 1.

    >>> pair = ("test/7", "test", 1, "train/18", "train", 0)
    >>> pair_captions(pd.DataFrame([pair], columns=COLUMNS), ("benign", "malignant"))
    ['test\\nmalignant', 'training\\nbenign']
    """
    sides = (("part", "label"), ("copy_part", "copy_label"))
    return [
        f"{PART_WORDS.get(part, part)}\n{classes[label]}"
        for columns in sides
        for part, label in pairs[list(columns)].itertuples(index=False, name=None)
    ]


def exclude_images(records: Sequence[Record], images: Collection[str], *, part: str = "test") -> list[Record]:
    """The records without some images of `part`, given by name. Thresholds, chosen on another part, stay.

    >>> record = pneumo.records.get("first-network/seed-0")
    >>> first = record.frame("test")["image"][0]
    >>> len(exclude_images([record], [first])[0].frame("test"))
    623
    """
    return [_keep(record, part, ~_among(record, part, images)) for record in records]


def restrict_to_images(records: Sequence[Record], images: Collection[str], *, part: str = "test") -> list[Record]:
    """The records with only some images of `part`, given by name. Thresholds, chosen on another part, stay.

    >>> record = pneumo.records.get("first-network/seed-0")
    >>> len(restrict_to_images([record], record.frame("test")["image"][:100])[0].frame("test"))
    100
    """
    return [_keep(record, part, _among(record, part, images)) for record in records]


def specificity_by_duplication(models: Models, duplicated: Collection[str]) -> pd.DataFrame:
    """Specificity of each model on test images that have a duplicate elsewhere, and on those that have none.

    models: see `summaries.records_by_model`. duplicated: names of the test images with a duplicate.
    Returns one row a model, columns model, with duplicate, without duplicate: `Interval`s (95 %, over patients), or
    None where either class has no image.
    """
    return pd.DataFrame(
        [
            {
                "model": display_name(name, records),
                "with duplicate": _specificity(restrict_to_images(records, duplicated)),
                "without duplicate": _specificity(exclude_images(records, duplicated)),
            }
            for name, records in records_by_model(models).items()
        ]
    )


_PARTS = ("train", "validation", "test")


def _specificity(records: Sequence[Record]) -> Interval | None:
    if len(set(records[0].frame("test")["label"])) < 2:
        return None
    return summary(records, "test", names=["specificity"])["specificity"]


def _among(record: Record, part: str, images: Collection[str]) -> np.ndarray:
    """Whether each image of `part` is one of `images`, (N,) bool."""
    return record.frame(part)["image"].isin(list(images)).to_numpy()


def _keep(record: Record, part: str, kept: np.ndarray) -> Record:
    """kept: (N,) bool, whether each image of `part` stays."""
    rows = np.flatnonzero(record.split["part"] == part)
    split = record.split.drop(record.split.index[rows[~kept]])
    return replace(record, split=split, scores={**record.scores, part: record.scores[part][kept]})
