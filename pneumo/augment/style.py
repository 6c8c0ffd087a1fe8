"""Exchange of style and frame between images of different classes, so that neither says anything of the class."""

from __future__ import annotations

import torch
from torch import Tensor

from pneumo.augment.transforms import sampling_grid

LOW_FREQUENCIES = 0.05
"""Share of the side below which a spatial frequency, in cycles per image, counts as low: 6 of 128 pixels."""

LARGEST_FRAME = 0.2
"""Largest width of an edge that `exchange_frames` exchanges, as a share of the side."""


def exchange_styles(
    images: Tensor,
    labels: Tensor,
    probability: float,
    generator: torch.Generator,
    *,
    aspects: Tensor | None = None,
) -> Tensor:
    """Give images the style of another image of the batch that has the other label.

    images: (N, 1, H, W) float32 in [0, 1]. labels: (N,) 0 or 1. probability: that an image's style is exchanged, in
        [0, 1]. generator: on the CPU. aspects: (N,) width / height of the originals, where images were stretched.
    Of the style, three parts are exchanged, each with probability one half: the amplitudes of low frequencies (Yang and
    Soatto 2020, arXiv:2004.05498), the grey levels (the histogram), and the aspect ratio. The labels stay.
    Returns new images, or `images` where nothing is exchanged: a batch of one class has no partner.
    """
    count = len(images)
    uniform = torch.rand(5, count, generator=generator)
    partner = _partners(labels, generator)
    if partner is None:
        return images
    chosen = uniform[0] < probability
    amplitude, grey, shape = (chosen & (uniform[row] < 0.5) for row in (1, 2, 3))
    strength = uniform[4]
    changed = images
    if aspects is not None:
        ratio = torch.where(shape, aspects[partner] / aspects, 1.0).to(torch.float32)
        changed = stretch(changed, ratio**strength)
    changed = _where(amplitude, low_frequency_exchange(changed, images[partner.to(images.device)], strength), changed)
    return _where(grey, histogram_exchange(changed, images[partner.to(images.device)], strength), changed)


def exchange_frames(images: Tensor, labels: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Give images the frame of another image of the batch that has the other label: burnt-in letters, collimator edges
    and what else lies beside the chest then say nothing of the class.

    images: (N, 1, H, W) float32 in [0, 1]. labels: (N,) 0 or 1. probability: that an image's frame is exchanged, in
        [0, 1]; with one half a frame is as often of the one class as of the other.
    generator: on the CPU. Each edge has a width of its own, drawn up to LARGEST_FRAME of the side. The labels stay.
    Returns new images, or `images` where nothing is exchanged: a batch of one class has no partner.

    >>> images = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
    >>> changed = exchange_frames(images, torch.tensor([0, 1]), 1.0, torch.Generator().manual_seed(0))
    >>> changed[0, 0, 4, 4].item(), changed[1, 0, 4, 4].item()
    (0.0, 1.0)
    """
    count, (height, width) = len(images), images.shape[2:]
    uniform = torch.rand(5, count, generator=generator)
    partner = _partners(labels, generator)
    if partner is None:
        return images
    top, bottom, left, right = (LARGEST_FRAME * edge[:, None, None] for edge in uniform[1:])
    y = ((torch.arange(height) + 0.5) / height)[None, :, None]
    x = ((torch.arange(width) + 0.5) / width)[None, None, :]
    frame = (y < top) | (y > 1 - bottom) | (x < left) | (x > 1 - right)  # (N, H, W)
    exchanged = frame & (uniform[0] < probability)[:, None, None]
    return torch.where(exchanged[:, None].to(images.device), images[partner.to(images.device)], images)


def _partners(labels: Tensor, generator: torch.Generator) -> Tensor | None:
    """For each image the number of one with the other label, drawn at random, (N,); None where all have one label."""
    labels = labels.cpu()
    other = labels[:, None] != labels
    if not other.any():
        return None
    # Of those with the other label, the one with the highest of N random numbers.
    draws = torch.rand(len(labels), len(labels), generator=generator)
    return draws.masked_fill(~other, -1).argmax(dim=1)


def stretch(images: Tensor, ratio: Tensor) -> Tensor:
    """Images as if their originals' width / height were `ratio` times as large, and then stretched to a square again.

    images: (N, 1, H, W). ratio: (N,), above 1 for wider originals: their content becomes narrower, and the columns of
    the border are continued; below 1 columns at both sides are cut off.
    """
    matrices = torch.zeros(len(images), 2, 3)
    matrices[:, 0, 0], matrices[:, 1, 1] = ratio, 1
    grid = sampling_grid(matrices.to(images.device), *images.shape[2:])
    return torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def low_frequency_exchange(images: Tensor, styles: Tensor, strength: Tensor) -> Tensor:
    """Images whose amplitudes of low frequencies go towards those of other images; their phases stay.

    images, styles: (N, 1, H, W) in [0, 1]. strength: (N,) in [0, 1]; 1 takes the other's amplitudes.
    """
    height, width = images.shape[2:]
    spectra, others = torch.fft.rfft2(images), torch.fft.rfft2(styles)
    rows = torch.fft.fftfreq(height, device=images.device).abs()[:, None] <= LOW_FREQUENCIES
    columns = torch.fft.rfftfreq(width, device=images.device) <= LOW_FREQUENCIES
    amplitude = spectra.abs()
    mixed = torch.lerp(amplitude, others.abs(), strength.to(images.device)[:, None, None, None])
    wanted = torch.where(rows & columns, mixed, amplitude)
    return torch.fft.irfft2(torch.polar(wanted, spectra.angle()), s=(height, width)).clamp_(0, 1)


def histogram_exchange(images: Tensor, styles: Tensor, strength: Tensor) -> Tensor:
    """Images whose grey levels go towards those of other images, in the order of the images' own.

    images, styles: (N, 1, H, W) in [0, 1]. strength: (N,) in [0, 1]; 1 takes the other's histogram.
    """
    flat = images.flatten(1)
    order = flat.argsort(dim=1, stable=True)
    matched = torch.empty_like(flat).scatter_(1, order, styles.flatten(1).sort(dim=1).values)
    return torch.lerp(flat, matched, strength.to(images.device)[:, None]).view(images.shape)


def _where(chosen: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(chosen.to(images.device)[:, None, None, None], changed, images)
