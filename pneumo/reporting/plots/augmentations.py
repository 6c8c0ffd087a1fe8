"""What augmentation does to an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

import numpy as np

from pneumo.reporting.plots.images import gallery
from pneumo.reporting.plots.style import styled

if TYPE_CHECKING:
    import torch

    from pneumo.augment import Augmentation


@styled
def extremes(image: np.ndarray, config: Augmentation, *, columns: int = 4) -> np.ndarray:
    """An image at the low and the high end of each setting of `config`, one setting at a time.

    image: (H, W) uint8. Returns the axes of a gallery. Raises ValueError where `config` changes nothing.
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
    titles = [f"{name}: {end}" for name in settings for end in _ends_said(getattr(config, name), name)]
    return gallery([grey for both in changed for grey in to_grey_levels(both)], titles, columns=columns)


@styled
def draws(
    image: np.ndarray, configs: Mapping[str, Augmentation], generator: torch.Generator, *, columns: int = 6
) -> np.ndarray:
    """An image as training might draw it: a row for each augmentation, named above its first image.

    image: (H, W) uint8. Returns the axes of a gallery, (len(configs), columns).
    """
    from pneumo.augment import augment, scale

    copies = scale(_copies(image, columns))
    rows = [to_grey_levels(augment(copies, config, generator)) for config in configs.values()]
    titles = [title for name in configs for title in [name, *[""] * (columns - 1)]]
    return gallery([image for row in rows for image in row], titles, columns=columns)


@styled
def fillings(image: np.ndarray, config: Augmentation) -> np.ndarray:
    """An image at the high end of every setting of `config`, what lies outside it filled in each of the ways there are.

    image: (H, W) uint8. Returns the axes of a gallery, (1, number of fill modes).
    """
    from pneumo.augment import FillMode, scale, transform
    from pneumo.augment.ranges import range_limits

    pair, drawn, modes = scale(_copies(image, 2)), range_limits(config), get_args(FillMode)
    changed = [to_grey_levels(transform(pair, drawn, fill_mode=mode, cval=config.cval))[1] for mode in modes]
    return gallery(changed, [f'fill_mode="{mode}"' for mode in modes], columns=len(modes))


def to_grey_levels(images: torch.Tensor) -> np.ndarray:
    """Images of a training batch as a gallery shows them: from (N, 1, H, W) in [0, 1] to (N, H, W) uint8."""
    return (255 * images[:, 0]).round().byte().numpy()


def _copies(image: np.ndarray, count: int) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.stack([image] * count))


def _ends_said(value: float | bool | tuple[float, float], name: str) -> tuple[str, str]:
    """How the title says the low and the high end of a setting."""
    if isinstance(value, bool):
        return "no", "yes"
    if isinstance(value, tuple):
        return f"{value[0]:g}", f"{value[1]:g}"
    return ("0" if name.startswith("gaussian") else f"−{value:g}"), f"{value:g}"
