"""Radiographs to look at, for figures that show some."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pneumo.data.catalogue import find, load
from pneumo.data.decode import square

if TYPE_CHECKING:
    import numpy as np


class Examples:
    """Images of a data set by name, or phantoms of the same sub-type where the data set is not at hand.

    size: side in pixels. name: of the data set, by default the study's.
    synthetic: whether phantoms are shown; a caption must then say so.
    """

    def __init__(self, size: int = 224, name: str | None = None) -> None:
        self.size = size
        self.dataset = load(name if name is None or find(name) else "phantom")
        self.synthetic = self.dataset.name == "phantom"
        self._rows = {image: row for row, image in enumerate(self.dataset.table["image"])}

    def __call__(self, image: str, subtype: str) -> np.ndarray:
        """The image of that name as a figure shows it, (size, size) uint8; a phantom of `subtype` if it is not here."""
        row = self._rows.get(image)
        if row is None:
            alike = self.dataset.table.index[self.dataset.table["subtype"] == subtype]
            alike = alike if len(alike) else self.dataset.table.index
            row = alike[zlib.crc32(image.encode()) % len(alike)]  # the same phantom for the same name, always
        return square(self.dataset.source.image(row, self.size), self.size, "stretch")
