"""Augmented images: the range of each setting, random samples, and the ways to fill what lies outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

import numpy as np

from pneumo.reporting.plots.gallery import gallery
from pneumo.reporting.plots.style import styled

if TYPE_CHECKING:
    import torch

    from pneumo.augment import Augmentation


@styled
def augmentation_ranges(image: np.ndarray, config: Augmentation, *, columns: int = 4) -> np.ndarray:
    """An image at the low and the high end of the range of each setting of `config`, one setting at a time.

    image: (H, W) uint8. Returns the axes, (rows, columns). Raises ValueError for a `config` that changes no image.

    >>> axes = augmentation_ranges(np.zeros((32, 32), np.uint8), pneumo.augment.MILD)
    """
    from pneumo.augment import scale, transform  # PyTorch: only where images are changed
    from pneumo.augment.ranges import range_limits, single_settings

    settings = single_settings(config)
    if not settings:
        raise ValueError("the augmentation changes no image; give one with a setting that does, rotation_range=20")
    pair = scale(_copies(image, 2))
    changed = [
        transform(pair, range_limits(alone), fill_mode=alone.fill_mode, cval=alone.cval) for alone in settings.values()
    ]
    titles = [f"{name}: {value}" for name in settings for value in _range_text(getattr(config, name), name)]
    return gallery([image for both in changed for image in batch_to_uint8(both)], titles, columns=columns)


@styled
def augmentation_samples(
    image: np.ndarray, configs: Mapping[str, Augmentation], generator: torch.Generator, *, columns: int = 6
) -> np.ndarray:
    """Random augmentations of one image: a row for each of `configs`, named above its first image.

    image: (H, W) uint8. generator: draws the augmentations. columns: samples of each.
    Returns the axes, (len(configs), columns).

    >>> generator = torch.Generator().manual_seed(0)
    >>> axes = augmentation_samples(np.zeros((32, 32), np.uint8), {"mild": pneumo.augment.MILD}, generator)
    """
    from pneumo.augment import augment, scale

    copies = scale(_copies(image, columns))
    rows = [batch_to_uint8(augment(copies, config, generator)) for config in configs.values()]
    titles = [title for name in configs for title in [name, *[""] * (columns - 1)]]
    return gallery([image for row in rows for image in row], titles, columns=columns)


@styled
def fill_modes(image: np.ndarray, config: Augmentation) -> np.ndarray:
    """An image at the high end of every setting of `config`, with each fill mode for what lies outside the image.

    image: (H, W) uint8. Returns the axes, (1, number of fill modes).

    >>> axes = fill_modes(np.zeros((32, 32), np.uint8), pneumo.augment.GENERATOR)
    """
    from pneumo.augment import FillMode, scale, transform
    from pneumo.augment.ranges import range_limits

    pair, drawn, modes = scale(_copies(image, 2)), range_limits(config), get_args(FillMode)
    changed = [batch_to_uint8(transform(pair, drawn, fill_mode=mode, cval=config.cval))[1] for mode in modes]
    return gallery(changed, [f'fill_mode="{mode}"' for mode in modes], columns=len(modes))


def batch_to_uint8(images: torch.Tensor) -> np.ndarray:
    """A training batch as a gallery shows it: from (N, 1, H, W) float in [0, 1] to (N, H, W) uint8.

    >>> batch_to_uint8(torch.ones(2, 1, 4, 4)).max()
    np.uint8(255)
    """
    return (255 * images[:, 0]).round().byte().numpy()


def _copies(image: np.ndarray, count: int) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.stack([image] * count))


def _range_text(value: float | bool | tuple[float, float], name: str) -> tuple[str, str]:
    """The low and the high end of a setting, for a title."""
    if isinstance(value, bool):
        return "no", "yes"
    if isinstance(value, tuple):
        return f"{value[0]:g}", f"{value[1]:g}"
    return ("0" if name.startswith("gaussian") else f"−{value:g}"), f"{value:g}"
