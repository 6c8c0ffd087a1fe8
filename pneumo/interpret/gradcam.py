"""Grad-CAM maps, their share inside the lungs, and the pointing game.

    cam = grad_cam(network, images)                       # (N, H, W) uint8 -> (N, H, W) in [0, 1]
    lung_share(cam, lung_field(images.shape[1]))          # (N,): share of the map inside the lungs

Masks are (H, W), one for all images, or (N, H, W), one for each; True inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pneumo.inference import Model


def grad_cam(network: nn.Module, images: np.ndarray, layer: nn.Module | None = None) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) of the positive logit.

    images: (N, H, W) uint8. layer: the maps that enter it are weighed; by default the network's last average over
        places, so the maps of its last convolution, after their activation.
    Returns (N, H, W) float32 in [0, 1], each image's largest value 1; all 0 where no
    place raises the logit.

    A spatial transformer's map is carried back from its window to the image. Changes nothing in the network, not even
    its gradients. Raises ValueError for a network without such an average where no layer is given.

    >>> network = pneumo.models.build(pneumo.models.CNNConfig(width=2, depth=2))
    >>> grad_cam(network, np.zeros((2, 16, 16), np.uint8)).shape
    (2, 16, 16)
    """
    import torch
    from torch.nn import functional as F

    from pneumo.augment import scale
    from pneumo.models import SpatialTransformer
    from pneumo.models.modes import evaluation_mode

    layer = last_pooling_layer(network) if layer is None else layer
    entered = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        # A leaf of its own, so that maps of frozen layers have a gradient too.
        entered.append(inputs[0].detach().requires_grad_())
        return (entered[-1],)

    hook = layer.register_forward_pre_hook(keep)
    try:
        inputs = scale(torch.from_numpy(np.ascontiguousarray(images)).to(next(network.parameters()).device))
        with evaluation_mode(network), torch.enable_grad():
            logits = network(inputs)
        maps = entered[-1]  # (N, C, h, w)
        (gradients,) = torch.autograd.grad(logits.sum(), maps)
    finally:
        hook.remove()
    with torch.no_grad():
        weights = gradients.mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
        cam = (weights * maps).sum(dim=1, keepdim=True).relu()  # (N, 1, h, w)
        cam = F.interpolate(cam, size=images.shape[1:], mode="bilinear", align_corners=False)
        if isinstance(network, SpatialTransformer):
            cam = _back_from_window(cam, network.theta(inputs))
        return normalise_maps(cam.squeeze(1).float().cpu().numpy())


def normalise_maps(cam: np.ndarray) -> np.ndarray:
    """(N, H, W) from 0 up, each image divided by its largest value; an image of zeros stays so.

    >>> normalise_maps(np.array([[[0.0, 2.0], [4.0, 1.0]]])).max()
    np.float64(1.0)
    """
    largest = cam.max(axis=(1, 2), keepdims=True)
    return cam / np.where(largest > 0, largest, 1)


def last_pooling_layer(network: nn.Module) -> nn.Module:
    """The average over places before a network's head. Raises ValueError where it has none.

    >>> isinstance(last_pooling_layer(pneumo.models.build(pneumo.models.CNNConfig())), nn.Module)
    True
    """
    from torch import nn

    averages = [module for module in network.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    if not averages:
        raise ValueError(f"{type(network).__name__} has no AdaptiveAvgPool2d before its head; name the layer")
    return averages[-1]


def _back_from_window(cam: Tensor, theta: Tensor) -> Tensor:
    """(N, 1, H, W) over what a transformer's network saw -> the same over the image; 0 where it did not look."""
    import torch
    from torch.nn import functional as F

    last_row = theta.new_tensor([0.0, 0.0, 1.0]).expand(len(theta), 1, 3)
    inverse = torch.linalg.inv(torch.cat([theta, last_row], dim=1))[:, :2]
    return F.grid_sample(cam, F.affine_grid(inverse, list(cam.shape), align_corners=False), align_corners=False)


def lung_share(cam: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Share of each map's sum that lies inside the mask, (N,) in [0, 1]; NaN for a map of zeros.

    A uniform map has the mask's share of the image, `mask.mean()`.

    >>> mask = lung_field(64)
    >>> lung_share(mask[None].astype(float), mask)
    array([1.])
    """
    total = cam.sum(axis=(1, 2), dtype=float)
    inside = np.where(mask, cam, 0).sum(axis=(1, 2), dtype=float)
    return np.divide(inside, total, out=np.full(len(cam), np.nan), where=total > 0)


class PointingGame(NamedTuple):
    """hits: (N,) bool, whether the map's maximum lies inside the mask. chance: (N,), how often a random place would."""

    hits: np.ndarray
    chance: np.ndarray


def pointing_game(cam: np.ndarray, mask: np.ndarray) -> PointingGame:
    """The pointing game (Zhang et al. 2016, arXiv:1608.00507), without a margin around the mask.

    The random baseline is the mask's share of the image. A map of zeros points nowhere: a miss.

    >>> mask = np.zeros((1, 8, 8), bool)
    >>> mask[0, 2, 3] = True
    >>> pointing_game(mask.astype(float), mask)[0]
    array([ True])
    """
    masks = np.broadcast_to(mask, cam.shape).reshape(len(cam), -1)
    flat = cam.reshape(len(cam), -1)
    hits = masks[np.arange(len(cam)), flat.argmax(axis=1)] & (flat.max(axis=1) > 0)
    return PointingGame(hits=hits, chance=masks.mean(axis=1))


ORANGE = np.array([230, 159, 0])
"""Of Okabe & Ito's palette: told apart from grey by every eye."""


def overlay(images: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """Radiographs with a map laid over them: the more a place counts, the more orange it is.

    images: (N, H, W) uint8. cam: (N, H, W) in [0, 1]. Returns (N, H, W, 3) uint8.

    >>> overlay(np.zeros((2, 16, 16), np.uint8), np.zeros((2, 16, 16))).shape
    (2, 16, 16, 3)
    """
    strength = 0.7 * cam[..., None]
    return np.round(images[..., None] * (1 - strength) + ORANGE * strength).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class GradCamOverlays:
    """Reads images with what a model looks at laid over them, for figures that read images by name.

    model: see `pneumo.load_model`. read: gives the image (H, W) uint8 of a name and sub-type, as `data.Examples` does.
    Calling it gives (size, size, 3) uint8, at the model's own size.
    """

    model: Model
    read: Callable[[str, str], np.ndarray]

    def __call__(self, image: str, subtype: str) -> np.ndarray:
        radiograph = self.model.radiograph(self.read(image, subtype), image)
        return overlay(radiograph.pixels[None], self.model.grad_cam([radiograph]))[0]
