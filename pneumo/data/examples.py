"""Example radiographs for figures."""

from __future__ import annotations

import zlib

import numpy as np

from pneumo.data.catalogue import find, load
from pneumo.data.decode import resize_to_square


class Examples:
    """Images of a data set by name, or phantoms of the same subtype where the data set is not on this machine.

    size: side in pixels. name: of the data set, by default that of `load`.
    synthetic: whether phantoms are shown; a caption must then say so.

        image = Examples(224)("test/NORMAL/IM-0001-0001.jpeg", "normal")      # (224, 224) uint8
    """

    def __init__(self, size: int = 224, name: str | None = None) -> None:
        self.size = size
        self.dataset = load(name if name is None or find(name) else "phantom")
        self.synthetic = self.dataset.name == "phantom"
        self._rows = {image: row for row, image in enumerate(self.dataset.table["image"])}

    def __contains__(self, image: str) -> bool:
        """Whether it is this image that is shown, not a phantom in its place."""
        return not self.synthetic and image in self._rows

    def __call__(self, image: str, subtype: str) -> np.ndarray:
        """The image of that name, or a phantom of `subtype` where the data set lacks it. (size, size) uint8."""
        row = self._rows.get(image)
        if row is None:
            alike = np.flatnonzero(self.dataset.table["subtype"] == subtype)
            alike = alike if len(alike) else np.arange(len(self.dataset))
            row = int(alike[zlib.crc32(image.encode()) % len(alike)])  # always the same phantom for the same name
        return resize_to_square(self.dataset.source.image(row, self.size), self.size, "stretch")
