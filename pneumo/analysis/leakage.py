"""Test images that a network has met before: the same picture stands in the training or the validation part too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import data
from pneumo.analysis.summaries import summary
from pneumo.data.duplicates import duplicate_pairs

if TYPE_CHECKING:
    from pneumo.evaluation import Interval
    from pneumo.experiments.records import Record

COLUMNS = ("image", "part", "label", "copy", "copy_part", "copy_label")


def across_parts(name: str, size: int) -> pd.DataFrame:
    """Pairs of images in different parts of a data set that show one picture: one row a pair, columns COLUMNS.

    name: as in `data.load`. size: side in pixels at which they are compared; what counts as one picture is said in
    `data.duplicates`. The image of the later part stands first: test before validation before train.
    """
    dataset = data.load(name)
    split = data.split(dataset.table)
    rows = dataset.table[["image", "label"]].assign(part="train")
    rows.loc[split.validation, "part"] = "validation"
    rows.loc[split.test, "part"] = "test"
    pixels = data.pixels(dataset, size=size, resize="stretch", progress=False)
    pairs = [sorted(pair, key=lambda row: -_PLACE[rows["part"][row]]) for pair in duplicate_pairs(pixels, rows.index.to_numpy())]
    sides = [rows.loc[[pair[side] for pair in pairs], ["image", "part", "label"]].to_numpy() for side in (0, 1)]
    frame = pd.DataFrame([[*one, *other] for one, other in zip(*sides, strict=True)], columns=COLUMNS)
    return frame[frame["part"] != frame["copy_part"]].sort_values(["part", "image", "copy"]).reset_index(drop=True)


def images_by_name(name: str, images: Sequence[str]) -> list[np.ndarray]:
    """Images of a data set by name, (H, W) uint8; grey squares where the data set is not on this machine."""
    try:
        dataset = data.load(name)
    except data.DataError:
        return [np.full((28, 28), 128, np.uint8) for _ in images]
    rows = pd.Series(dataset.table.index, index=dataset.table["image"])
    return [dataset.source.image(rows[image]) for image in images]


def without(records: Sequence[Record], images: Collection[str], *, part: str = "test") -> list[Record]:
    """The same records as if `images` were no images of `part`; thresholds, chosen on another part, stay."""
    names = frozenset(images)
    return [_kept(record, part, ~record.frame(part)["image"].isin(names)) for record in records]


def only(records: Sequence[Record], images: Collection[str], *, part: str = "test") -> list[Record]:
    """The same records as if `part` held no other images than `images`."""
    names = frozenset(images)
    return [_kept(record, part, record.frame(part)["image"].isin(names)) for record in records]


def specificity(models: Mapping[str, Sequence[Record]], images: Collection[str]) -> pd.DataFrame:
    """One row a model: its specificity on those test images of label 0 that are among `images`, and on the others.

    Columns: model; copied and not copied: `Interval`s (95 %, over patients), or None where either class has no image.
    """
    return pd.DataFrame(
        {
            "model": name,
            "copied": _specificity(only(records, images)),
            "not copied": _specificity(without(records, images)),
        }
        for name, records in models.items()
    )


_PLACE = {"train": 0, "validation": 1, "test": 2}


def _specificity(records: Sequence[Record]) -> Interval | None:
    if records[0].frame("test")["label"].nunique() < 2:
        return None
    return summary(records, "test", names=["specificity"])["specificity"]


def _kept(record: Record, part: str, keep: pd.Series) -> Record:
    """keep: whether each image of `part`, in its order, stays."""
    split = record.split
    dropped = split.index[split["part"] == part][~keep]
    return replace(record, split=split.drop(dropped), scores={**record.scores, part: record.scores[part][keep]})
