"""Images on their way into a network: parts of a split, batches of them, and what a network says of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pneumo.augment import Augmentation, augment, scale

PREDICTION_BATCH = 256
PREDICTION_PIXELS = PREDICTION_BATCH * 224**2
"""At most so many images, and of images so many pixels, at a time where nothing is learnt."""


class Rows(Protocol):
    """Where images are read from: `pneumo.data.Pixels`, or `InMemory`."""

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """(n,) integers -> (n, H, W) uint8."""


@dataclass(frozen=True, kw_only=True, eq=False)
class InMemory:
    """Images that are not on disk: (N, H, W) uint8."""

    array: np.ndarray

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices]


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The images of one part of a split: rows of an array of pixels, and their labels (N,) in {0, 1}."""

    pixels: Rows
    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, batch_size: int, shuffle: torch.Generator | None = None) -> Batches:
        return Batches(self, batch_size, shuffle)


def changed(images: Images, change: Augmentation, generator: torch.Generator) -> Images:
    """Copies in memory, each changed once; the images themselves where `change` does nothing."""
    if not change.changes_images:
        return images
    copies = [augment(scale(batch), change, generator) for batch, _ in images.batches(PREDICTION_BATCH)]
    array = torch.cat([(copy * 255).round().to(torch.uint8).squeeze(1) for copy in copies]).numpy()
    return Images(pixels=InMemory(array=array), rows=np.arange(len(images)), labels=images.labels)


class Batches:
    """One pass over images: (B, H, W) uint8 images and (B,) float32 labels.

    shuffle: draws the order; without it, the order is kept. A shuffled pass leaves out the incomplete last batch, since
    batch normalisation over two or three images would disturb the running averages; the next pass leaves out others.
    """

    def __init__(self, images: Images, batch_size: int, shuffle: torch.Generator | None = None) -> None:
        self.images, self.batch_size = images, batch_size
        self.order = np.arange(len(images))
        if shuffle is not None:
            self.order = torch.randperm(len(images), generator=shuffle).numpy()
            whole = len(images) // batch_size * batch_size
            self.order = self.order[: whole or len(images)]

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.order), self.batch_size):
            chosen = self.order[start : start + self.batch_size]
            images = torch.from_numpy(self.images.pixels.rows(self.images.rows[chosen]))
            labels = torch.from_numpy(self.images.labels[chosen].astype(np.float32))
            # Pinned memory lets the copy to an accelerator run beside the computation.
            yield (images.pin_memory(), labels.pin_memory()) if torch.cuda.is_available() else (images, labels)


def stream(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator that depends on its arguments alone: the random numbers of one purpose in one epoch."""
    entropy = [seed, epoch, *purpose.encode()]
    state = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(state)


@torch.inference_mode()
def predict(network: nn.Module, images: Images) -> np.ndarray:
    """Logits of the positive class, (N,) float32, in the order of `images`."""
    network = network.eval().to(memory_format=torch.channels_last)
    device = next(network.parameters()).device
    batches = (network(scale(batch.to(device))) for batch, _ in images.batches(prediction_batch(images)))
    return torch.cat([logits.float().cpu() for logits in batches]).numpy()


def prediction_batch(images: Images) -> int:
    """Images that a network looks at together where it does not learn: fewer of large ones, for memory's sake."""
    pixels = images.pixels.rows(images.rows[:1])[0].size
    return min(PREDICTION_BATCH, max(1, PREDICTION_PIXELS // pixels))
