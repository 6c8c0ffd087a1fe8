"""Images of a split's parts, batches of them, and a network's predictions for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pneumo.augment import Augmentation, augment, scale
from pneumo.data.grey import GreyRule, standardise
from pneumo.models.modes import evaluation_mode
from pneumo.models.spatial_transformer import SpatialTransformer

PREDICTION_BATCH_SIZE = 256
PREDICTION_BATCH_PIXELS = PREDICTION_BATCH_SIZE * 224**2
"""Limits of a batch where nothing is trained."""


class Rows(Protocol):
    """Where images are read from: `pneumo.data.Pixels`, or `InMemory`."""

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """(n,) integers -> (n, H, W) uint8."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class InMemory:
    """Images that are not on disk: (N, H, W) uint8.

    >>> InMemory(array=np.zeros((5, 8, 8), np.uint8)).rows(np.array([0, 3])).shape
    (2, 8, 8)
    """

    array: np.ndarray

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices]


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The images of one part of a split: rows of an array of pixels, and their labels (N,) in {0, 1}.

    strata: (N,) codes of their acquisition strata, from 0; None where nothing depends on them.
    aspects: (N,) width / height of the originals of images that were stretched to a square; None for other images.

    >>> array = np.zeros((5, 8, 8), np.uint8)
    >>> len(Images(pixels=InMemory(array=array), rows=np.arange(5), labels=np.array([0, 1, 0, 1, 0])))
    5
    """

    pixels: Rows
    rows: np.ndarray
    labels: np.ndarray
    strata: np.ndarray | None = None
    aspects: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, batch_size: int, shuffle: torch.Generator | None = None) -> Batches:
        return Batches(self, batch_size, shuffle)


def perturb_once(images: Images, change: Augmentation, generator: torch.Generator) -> Images:
    """Perturbed copies in memory, drawn once for each image; the images themselves where `change` does nothing.

    >>> images = Images(pixels=InMemory(array=np.zeros((3, 8, 8), np.uint8)), rows=np.arange(3), labels=np.zeros(3))
    >>> len(perturb_once(images, pneumo.augment.MILD, torch.Generator().manual_seed(0)))
    3
    """
    if not change.changes_images:
        return images
    copies = [augment(scale(batch), change, generator) for batch, _ in images.batches(PREDICTION_BATCH_SIZE)]
    array = torch.cat([(copy * 255).round().to(torch.uint8).squeeze(1) for copy in copies]).numpy()
    return replace(images, pixels=InMemory(array=array), rows=np.arange(len(images)))


def joined(first: Images, second: Images) -> Images:
    """The images of both, in memory, one after the other. Strata are kept where both have them, aspects are not."""
    array = np.concatenate([images.pixels.rows(images.rows) for images in (first, second)])
    strata = None
    if first.strata is not None and second.strata is not None:
        strata = np.concatenate([first.strata, second.strata])
    return Images(
        pixels=InMemory(array=array),
        rows=np.arange(len(array)),
        labels=np.concatenate([first.labels, second.labels]),
        strata=strata,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class StandardisedRows:
    """Images whose grey levels are standardised when they are read: see `pneumo.data.grey.standardise`."""

    pixels: Rows
    rule: GreyRule

    def rows(self, indices: np.ndarray) -> np.ndarray:
        return standardise(self.pixels.rows(indices), self.rule)


def standardised(images: Images, rule: GreyRule) -> Images:
    """Images with standardised grey levels, see `pneumo.data.grey`; the images themselves for "as-is"."""
    return images if rule == "as-is" else replace(images, pixels=StandardisedRows(pixels=images.pixels, rule=rule))


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

    def indices(self, number: int) -> np.ndarray:
        """The places in `Images` of the images of batch `number`, from 0."""
        return self.order[number * self.batch_size : (number + 1) * self.batch_size]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for number in range(len(self)):
            chosen = self.indices(number)
            images = torch.from_numpy(self.images.pixels.rows(self.images.rows[chosen]))
            labels = torch.from_numpy(self.images.labels[chosen].astype(np.float32))
            # Pinned memory lets the copy to an accelerator run beside the computation.
            yield (images.pin_memory(), labels.pin_memory()) if torch.cuda.is_available() else (images, labels)


def make_generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """A generator that depends on its arguments alone: the random numbers of one purpose in one epoch.

    >>> one, same = (torch.rand(1, generator=make_generator(0, 3, "shuffle")) for _ in range(2))
    >>> torch.equal(one, same)
    True
    """
    entropy = [seed, epoch, *purpose.encode()]
    state = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator().manual_seed(state)


def predict(network: nn.Module, images: Images) -> np.ndarray:
    """Logits of the positive class, (N,) float32, in the order of `images`.

    Computed in evaluation mode; the network's modes are afterwards as they were. Its weights are stored channels-last.

    >>> images = Images(pixels=InMemory(array=np.zeros((3, 16, 16), np.uint8)), rows=np.arange(3), labels=np.zeros(3))
    >>> predict(pneumo.models.build(pneumo.models.CNNConfig(width=2, depth=2)), images).shape
    (3,)
    """
    return _outputs(network, images, network)


def sampling_grids(network: SpatialTransformer, images: Images) -> np.ndarray:
    """`SpatialTransformer.theta` of each image, (N, 2, 3) float32, in the order of `images`; computed as `predict`.

    >>> images = Images(pixels=InMemory(array=np.zeros((3, 32, 32), np.uint8)), rows=np.arange(3), labels=np.zeros(3))
    >>> sampling_grids(pneumo.models.build(pneumo.models.TransformerConfig()), images).shape
    (3, 2, 3)
    """
    return _outputs(network, images, network.theta)


def _outputs(network: nn.Module, images: Images, function: Callable[[Tensor], Tensor]) -> np.ndarray:
    """What `function`, of the network, gives for each image, in evaluation mode."""
    network.to(memory_format=torch.channels_last)
    device = next(network.parameters()).device
    with torch.inference_mode(), evaluation_mode(network):
        batches = (function(scale(batch.to(device))) for batch, _ in images.batches(prediction_batch_size(images)))
        return torch.cat([outputs.float().cpu() for outputs in batches]).numpy()


def prediction_batch_size(images: Images) -> int:
    """Batch size for prediction: at most PREDICTION_BATCH_SIZE images and PREDICTION_BATCH_PIXELS pixels.

    >>> images = Images(pixels=InMemory(array=np.zeros((3, 64, 64), np.uint8)), rows=np.arange(3), labels=np.zeros(3))
    >>> prediction_batch_size(images)
    256
    """
    pixels = images.pixels.rows(images.rows[:1])[0].size
    return min(PREDICTION_BATCH_SIZE, max(1, PREDICTION_BATCH_PIXELS // pixels))
