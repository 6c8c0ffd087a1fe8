"""JPEG compression of a batch of images, each at its own quality."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pneumo.io.jpeg import quantisation_table


def compress(images: Tensor, quality: Tensor) -> Tensor:
    """Compress images as JPEG and decompress them: `pneumo.io.jpeg.compress` for a batch.

    images: (N, C, H, W) float32 in [0, 1], on any device; each channel is compressed as a grey image of its own.
    quality: (N,) whole numbers from 1 to 100.
    Returns new images at multiples of 1/255. They equal Pillow's but for the rounding of its integer cosine
    transform: now and then a grey level of 255.
    """
    count, channels, height, width = images.shape
    planes = torch.round(255 * images)
    if height % 8 or width % 8:
        planes = functional.pad(planes, (0, -width % 8, 0, -height % 8), mode="replicate")
    transform = _cosine_transform().to(images.device)  # (64, 64)
    divisors = _divisors()[quality.long() - 1].to(images.device)[:, None, :]  # (N, 1, 64)
    blocks = functional.pixel_unshuffle(planes.reshape(count * channels, 1, *planes.shape[2:]), 8)  # (NC, 64, h, w)
    blocks = blocks.flatten(2).mT.reshape(count, -1, 64)  # (N, Chw, 64)
    coefficients = torch.round((blocks - 128) @ transform.T / divisors) * divisors
    restored = (coefficients @ transform + 128).round_().clamp_(0, 255).div_(255)
    restored = restored.view(count * channels, -1, 64).mT.unflatten(2, (planes.shape[2] // 8, -1))
    restored = functional.pixel_shuffle(restored, 8).view(planes.shape)
    return restored[:, :, :height, :width].contiguous()


@lru_cache(maxsize=1)
def _divisors() -> Tensor:
    """The quantisation tables of qualities 1 to 100: (100, 64)."""
    return torch.from_numpy(np.stack([quantisation_table(quality).ravel() for quality in range(1, 101)])).float()


@lru_cache(maxsize=1)
def _cosine_transform() -> Tensor:
    """The two-dimensional cosine transform of an 8 x 8 block in reading order, a row a coefficient: (64, 64).

    Computed in float32: the last digit of SciPy's decides ties the other way, and training images would change.
    """
    frequency, place = torch.arange(8.0)[:, None], torch.arange(8.0)
    rows = torch.cos((2 * place + 1) * frequency * torch.pi / 16) / 2
    rows[0] /= 2**0.5
    return torch.kron(rows, rows)
