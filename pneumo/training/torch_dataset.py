"""One part of a data set for a plain `torch.utils.data.DataLoader` and a training loop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pneumo import data

Part = Literal["train", "validation", "test"]


class RadiographDataset(Dataset[tuple[Tensor, int]]):
    """The images of one part of a data set, with their labels.

    name: of a data set, or its path, as in `pneumo.data.load`. part: "train", "validation" or "test" of
    `pneumo.data.split`, which keeps patients whole. image_size: side in pixels. resize: as in `DataConfig`.
    transform: called with each image, (1, H, W) float32 in [0, 1], such as `pneumo.augment.RandomAugmentation`.
    An item is (image, label): what `transform` returns, and 0 or 1. A `DataLoader` gets (N, 1, H, W) and (N,).
    The images are decoded once, into the cache that experiments use too. Raises DataError as `load` and `split` do.

    >>> dataset = RadiographDataset("phantom", "validation", image_size=32)
    >>> images, labels = next(iter(torch.utils.data.DataLoader(dataset, batch_size=8)))
    >>> images.shape, labels.shape
    (torch.Size([8, 1, 32, 32]), torch.Size([8]))
    """

    def __init__(
        self,
        name: str | Path,
        part: Part,
        *,
        image_size: int = 64,
        resize: Literal["stretch", "letterbox", "crop"] = "stretch",
        transform: Callable[[Tensor], Tensor] | None = None,
        progress: bool = False,
    ) -> None:
        dataset = data.load(name)
        parts = data.split(dataset.table)
        if part not in ("train", "validation", "test"):
            raise ValueError(f'part={part!r} is unknown; use "train", "validation" or "test"')
        self.rows: np.ndarray = getattr(parts, part)
        self.labels = dataset.table["label"].to_numpy()[self.rows]
        self.classes = dataset.classes
        self.transform = transform
        self._pixels = data.pixels(dataset, size=image_size, resize=resize, progress=progress)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        """The items of a batch, read at once, which is what a `DataLoader` asks for."""
        chosen = np.asarray(indices)
        images = torch.from_numpy(self._pixels.rows(self.rows[chosen])).unsqueeze(1).float().div_(255)
        labels = self.labels[chosen].tolist()
        change = self.transform or (lambda image: image)
        return [(change(image), label) for image, label in zip(images, labels, strict=True)]
