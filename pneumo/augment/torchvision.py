"""The augmentations as a transform of torchvision, for data sets and loaders of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from pneumo.augment.configuration import Augmentation
from pneumo.augment.transforms import Parameters, check_values, parameters, transform

UNCHANGED_TYPES = (tv_tensors.Mask, tv_tensors.BoundingBoxes, tv_tensors.Video)
"""What may lie beside an image and is not moved with it: refused, rather than left where it no longer fits."""

UNREAD_MODES = ("1", "P", "PA")
"""Of Pillow images whose numbers are no grey levels: bits, and places in a palette."""


class RandomAugmentation(v2.Transform):
    """`pneumo.augment.augment` as a transform of `torchvision.transforms.v2`.

    config: such as `GENERATOR`, or an `Augmentation` of one's own.
    generator: on the CPU; by default the random numbers are PyTorch's global ones, as in torchvision's own transforms,
        which a `DataLoader` seeds in each worker.
    Takes a PIL image, or a tensor (C, H, W) or (N, C, H, W), uint8 or float in [0, 1], and gives back the same kind.
    The images of a batch are changed each in its own way, the channels of an image alike; of an RGB image too. Labels
    beside the image pass through. `mixup_alpha` is left to the training loop, since it changes labels.
    Raises ValueError for floats that are not in [0, 1], and TypeError for boxes and masks beside the image, for NumPy
    arrays, for other numbers, and where no input is an image.

    >>> augmentation = RandomAugmentation(pneumo.augment.GENERATOR, torch.Generator().manual_seed(0))
    >>> image, label = augmentation(torch.zeros(1, 64, 64, dtype=torch.uint8), 1)
    >>> image.shape, image.dtype, label
    (torch.Size([1, 64, 64]), torch.uint8, 1)
    """

    def __init__(self, config: Augmentation, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, self.generator = config, generator

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse what would have to move with the image, and a sample without an image that can be changed."""
        for each in flat_inputs:
            if isinstance(each, UNCHANGED_TYPES):
                raise TypeError(f"{type(each).__name__} beside an image is not moved with it; give the image alone")
            if isinstance(each, np.ndarray) and each.ndim > 1:
                raise TypeError(
                    f"a NumPy array of shape {each.shape} would be left as it is; give a tensor (C, H, W), such as "
                    "torch.from_numpy(image)[None] of a grey image, or a Pillow image"
                )
            if isinstance(each, PIL.Image.Image) and each.mode in UNREAD_MODES:
                raise TypeError(f'an image of mode "{each.mode}" holds no grey levels; give image.convert("L")')
        if not any(isinstance(each, (Tensor, PIL.Image.Image)) for each in flat_inputs):
            given = ", ".join(sorted({type(each).__name__ for each in flat_inputs})) or "nothing"
            raise TypeError(f"no input is an image but {given}; give a tensor (C, H, W) or a Pillow image")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the parameters of the images of a sample: a set for each image of a batch."""
        images = [len(each) if isinstance(each, Tensor) and each.ndim == 4 else 1 for each in flat_inputs]
        generator = self.generator or torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        return {"drawn": parameters(max(images, default=0), self.config, generator)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """One image, or one batch, changed by the parameters."""
        drawn: Parameters = params["drawn"]
        if not self.config.changes_images:
            return inpt
        if isinstance(inpt, PIL.Image.Image):
            tensor = functional.pil_to_tensor(inpt)
            return functional.to_pil_image(self._apply(tensor, drawn), mode=inpt.mode)
        changed = self._apply(inpt.as_subclass(Tensor), drawn)
        return tv_tensors.Image(changed) if isinstance(inpt, tv_tensors.Image) else changed

    def _apply(self, images: Tensor, drawn: Parameters) -> Tensor:
        """images: (C, H, W) or (N, C, H, W), uint8 or float."""
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise TypeError(f"images are {images.dtype}; give uint8 or floats in [0, 1]")
        if images.ndim not in (3, 4):
            raise TypeError(f"images have shape {tuple(images.shape)}; give (C, H, W) or (N, C, H, W)")
        if images.is_floating_point():
            check_values(images)
        batch = images if images.ndim == 4 else images[None]
        scaled = batch.float() / 255 if images.dtype == torch.uint8 else batch.float()
        changed = transform(scaled, drawn, fill_mode=self.config.fill_mode, cval=self.config.cval)
        if images.dtype == torch.uint8:
            changed = (changed * 255).round()
        changed = changed.to(images.dtype)
        return changed if images.ndim == 4 else changed[0]

    def extra_repr(self) -> str:
        """What its `repr` shows: the settings that change images."""
        return ", ".join(f"{name}={getattr(self.config, name)}" for name in self.config.changed_settings)
