"""A data set: a table of images, and a source that reads each one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pneumo.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["DataError", "Dataset", "Source", "has_patients"]


class Source(Protocol):
    """Where the pixels of a data set come from. Picklable, safe to read from several threads."""

    @property
    def signature(self) -> str:
        """Digest of the content, cheap to compute: it keys the cache of decoded pixels."""
        ...

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """Row `row` of the table as (H, W) uint8 grey levels, in its original size.

        size: a hint that no more than about twice `size` pixels are needed on a side; a JPEG decoder may use it to
        decode at a fraction of the resolution. Raises DataError for an image that cannot be read.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled radiographs, not yet decoded.

    name: "chest-xray", "phantom", or the name of a folder.
    classes: names of label 0 and label 1; label 1 is the finding (pneumonia, malignant).
    table: one row an image, index 0..N-1, columns
        image    str, unique, e.g. "train/NORMAL/IM-0115-0001.jpeg"
        split    "train", "val" or "test": the publisher's split
        label    int8, 0 or 1
        subtype  str: "normal", "bacteria", "virus", or "" where unknown
        patient  str, or "" in every row where the publisher gives no patients
    source: reads the pixels of a row.
    passed_over: (path, why) of the other files that lie there.
    from_catalogue: whether it was opened by a name of the catalogue, and not by a path: only then may what is published
        of that data set beside its images (`pneumo.data.headers`) be taken for it.
    """

    name: str
    classes: tuple[str, str]
    table: pd.DataFrame
    source: Source
    passed_over: tuple[tuple[str, str], ...] = ()
    from_catalogue: bool = False

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        """One line: name, images of each class, patients."""
        labels = self.table["label"].tolist()
        counts = ", ".join(f"{labels.count(label):,} {name}" for label, name in enumerate(self.classes))
        patients = f"{self.table['patient'].nunique():,} patients" if self.has_patients else "patients unknown"
        return f"Dataset({self.name}: {len(self):,} images, {counts}, {patients})"

    @property
    def has_patients(self) -> bool:
        """Whether images can be grouped by patient."""
        return has_patients(self.table)

    @property
    def version(self) -> str:
        """The number of images and a digest of their names, splits and labels, e.g. "5856-3fa2b1c9".

        Pixels do not count: the same radiographs saved at another size are the same data set.
        """
        rows = sorted(zip(self.table["image"], self.table["split"], self.table["label"], strict=True))
        text = "\n".join(f"{image}\t{split}\t{label}" for image, split, label in rows)
        return f"{len(rows)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def has_patients(table: pd.DataFrame) -> bool:
    """Whether every row of a data set's table names its patient, so that images can be grouped by patient."""
    return bool((table["patient"] != "").all())
