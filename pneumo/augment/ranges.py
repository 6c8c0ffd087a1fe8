"""Given amounts instead of random ones: the limits of what an augmentation draws, and amounts that somebody sets."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pneumo.augment.configuration import NONE, Augmentation
from pneumo.augment.transforms import Parameters


def range_limits(config: Augmentation) -> Parameters:
    """Parameters of two images for `transform`: the lower and the upper limit of every range of `config`.

    The lower limit is no flip, no blur and no noise. A crop is central and keeps the aspect ratio of the image.
    """
    return Parameters(
        rotation=_pair(-config.rotation_range, config.rotation_range),
        shear=_pair(-config.shear_range, config.shear_range),
        shift_x=_pair(-config.width_shift_range, config.width_shift_range),
        shift_y=_pair(-config.height_shift_range, config.height_shift_range),
        zoom_x=_pair(*config.zoom_range),
        zoom_y=_pair(*config.zoom_range),
        flip_x=torch.tensor([False, config.horizontal_flip]),
        flip_y=torch.tensor([False, config.vertical_flip]),
        crop=torch.stack([_central(area) for area in config.random_resized_crop or (1.0, 1.0)]),
        brightness=_pair(*config.brightness_range),
        contrast=_pair(*config.contrast_range),
        blur=_pair(0, config.gaussian_blur),
        noise=_pair(0, config.gaussian_noise),
        noise_seed=0,
        jpeg_quality=None if config.jpeg_quality is None else _pair(*config.jpeg_quality).round(),
    )


def given_parameters(
    *,
    rotation: float = 0.0,
    shear: float = 0.0,
    shift_x: float = 0.0,
    shift_y: float = 0.0,
    zoom_x: float = 1.0,
    zoom_y: float = 1.0,
    brightness: float = 1.0,
    contrast: float = 1.0,
) -> Parameters:
    """Parameters of one image for `transform`, with these amounts; units and signs as in `Parameters`.

    >>> from pneumo.augment import transform
    >>> image = torch.arange(9.0).view(1, 1, 3, 3) / 8
    >>> transform(image, given_parameters(shift_x=1 / 3))[0, 0, 0].mul(8).round().tolist()
    [0.0, 0.0, 1.0]
    """
    one = torch.ones(1)
    return Parameters(
        rotation=rotation * one,
        shear=shear * one,
        shift_x=shift_x * one,
        shift_y=shift_y * one,
        zoom_x=zoom_x * one,
        zoom_y=zoom_y * one,
        flip_x=one < 0,
        flip_y=one < 0,
        crop=torch.tensor([[0.0, 0.0, 1.0, 1.0]]),
        brightness=brightness * one,
        contrast=contrast * one,
        blur=0 * one,
        noise=0 * one,
        noise_seed=0,
    )


def single_settings(config: Augmentation) -> dict[str, Augmentation]:
    """For each setting of `config` that changes images, an augmentation with it alone; fill_mode and cval are kept."""
    bare = replace(NONE, fill_mode=config.fill_mode, cval=config.cval)
    return {name: replace(bare, **{name: getattr(config, name)}) for name in config.changed_settings}


def _pair(low: float, high: float) -> Tensor:
    return torch.tensor([low, high], dtype=torch.float32)


def _central(area: float) -> Tensor:
    """The central crop of this area, (4,); see `Parameters.crop`."""
    side = area**0.5
    return torch.tensor([(1 - side) / 2, (1 - side) / 2, side, side])
