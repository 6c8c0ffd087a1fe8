"""The ends of what an augmentation may draw, so that one can look at them."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor

from pneumo.augment.configuration import NONE, Augmentation
from pneumo.augment.transforms import Parameters

HOW = {"crop_aspect_range", "fill_mode", "cval", "mixup_alpha"}
"""Settings that by themselves change no single image."""


def ends(config: Augmentation) -> Parameters:
    """The parameters at the low and at the high end of every range of `config`: of two images, as `transform` takes.

    The low end is no flip, no blur and no noise; a crop lies in the centre and keeps the proportions of the image.
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


def one_at_a_time(config: Augmentation) -> dict[str, Augmentation]:
    """Each setting of `config` that changes images, by its name, alone; filled outside the image as `config` says."""
    bare = replace(NONE, fill_mode=config.fill_mode, cval=config.cval)
    return {
        field.name: replace(bare, **{field.name: getattr(config, field.name)})
        for field in fields(config)
        if field.name not in HOW and getattr(config, field.name) != field.default
    }


def _pair(low: float, high: float) -> Tensor:
    return torch.tensor([low, high], dtype=torch.float32)


def _central(area: float) -> Tensor:
    """The crop of this area about the centre of the image, (4,); see `Parameters.crop`."""
    side = area**0.5
    return torch.tensor([(1 - side) / 2, (1 - side) / 2, side, side])
