"""Where a network looks: Grad-CAM, how much of it lies in the lungs, and images that lack what it should need.

    cam = grad_cam(network, images)                       # (N, H, W) uint8 -> (N, H, W) in [0, 1]
    lung_share(cam, lung_field(images.shape[1]))          # (N,): share of the attention inside the lungs

Masks are (H, W), one for all images, or (N, H, W), one for each; True inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pneumo.prediction import Model

PATCHES = 4
"""Patches along a side into which `shuffle_patches` cuts an image: 16, each smaller than a lung."""

BORDER = 0.1
"""Width of the frame that `borders_only` leaves, as a share of the side."""

LUNGS = ((0.285, 0.50, 0.125, 0.33, 14.0), (0.715, 0.50, 0.115, 0.34, -17.0))
"""The two lungs of `lung_field`: centre x, centre y, half axis across, half axis down, as shares of width and height;
and a turn clockwise in degrees."""


# Grad-CAM ------------------------------------------------------------------------------------------------------------


def grad_cam(network: nn.Module, images: np.ndarray, layer: nn.Module | None = None) -> np.ndarray:
    """What speaks for pneumonia, by place: Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) of the positive logit.

    images: (N, H, W) uint8. layer: the maps that enter it are weighed; by default the network's last average over
        places, so the maps of its last convolution, after their activation.
    Returns (N, H, W) float32 in [0, 1], each image's largest value 1; all 0 where nothing speaks for pneumonia.

    A spatial transformer's map is carried back from its window to the image. Changes nothing in the network, not even
    its gradients. Raises ValueError for a network without such an average where no layer is given.
    """
    import torch
    from torch.nn import functional as F

    from .augment import scale
    from .models import SpatialTransformer

    layer = last_average(network) if layer is None else layer
    entered = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        # A leaf of its own, so that maps of frozen layers have a gradient too.
        entered.append(inputs[0].detach().requires_grad_())
        return (entered[-1],)

    was_training = network.training
    hook = layer.register_forward_pre_hook(keep)
    try:
        network.eval()
        inputs = scale(torch.from_numpy(np.ascontiguousarray(images)).to(next(network.parameters()).device))
        with torch.enable_grad():
            logits = network(inputs)
        maps = entered[-1]                                              # (N, C, h, w)
        (gradients,) = torch.autograd.grad(logits.sum(), maps)
    finally:
        hook.remove()
        network.train(was_training)
    with torch.no_grad():
        weights = gradients.mean(dim=(2, 3), keepdim=True)              # (N, C, 1, 1)
        cam = (weights * maps).sum(dim=1, keepdim=True).relu()          # (N, 1, h, w)
        cam = F.interpolate(cam, size=images.shape[1:], mode="bilinear", align_corners=False)
        if isinstance(network, SpatialTransformer):
            cam = _back_from_window(cam, network.theta(inputs))
        return normalised(cam.squeeze(1).float().cpu().numpy())


def normalised(cam: np.ndarray) -> np.ndarray:
    """(N, H, W) from 0 up, each image divided by its largest value; an image of zeros stays so."""
    largest = cam.max(axis=(1, 2), keepdims=True)
    return cam / np.where(largest > 0, largest, 1)


def last_average(network: nn.Module) -> nn.Module:
    """The average over places before a network's head. Raises ValueError where it has none."""
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


# Measures of a map ---------------------------------------------------------------------------------------------------


def lung_share(cam: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Share of each map's sum that lies inside the mask, (N,) in [0, 1]; NaN for a map of zeros.

    A map that does not care where it is has the mask's share of the image, `mask.mean()`.
    """
    total = cam.sum(axis=(1, 2), dtype=float)
    inside = np.where(mask, cam, 0).sum(axis=(1, 2), dtype=float)
    return np.divide(inside, total, out=np.full(len(cam), np.nan), where=total > 0)


class Pointing(NamedTuple):
    """hits: (N,) bool, whether the map's maximum lies inside the mask. chance: (N,), how often a random place would."""

    hits: np.ndarray
    chance: np.ndarray


def pointing_game(cam: np.ndarray, mask: np.ndarray) -> Pointing:
    """The pointing game (Zhang et al. 2016, arXiv:1608.00507), without a margin around the mask.

    The random baseline is the mask's share of the image. A map of zeros points nowhere: a miss.
    """
    masks = np.broadcast_to(mask, cam.shape).reshape(len(cam), -1)
    flat = cam.reshape(len(cam), -1)
    hits = masks[np.arange(len(cam)), flat.argmax(axis=1)] & (flat.max(axis=1) > 0)
    return Pointing(hits=hits, chance=masks.mean(axis=1))


def lung_field(height: int, width: int | None = None) -> np.ndarray:
    """Where the lungs of a child are as a rule in a frontal radiograph, (height, width) bool: two ellipses.

    No segmentation: the same template for every image, placed on the mean of the study's training images, stretched to
    a square. It covers the heart's left edge and misses the corners of a deep breath. A share inside it is a figure to
    compare networks by, not an area of lung.
    """
    width = height if width is None else width
    y = (np.arange(height)[:, None] + 0.5) / height
    x = (np.arange(width)[None, :] + 0.5) / width
    right, left = (_ellipse(x, y, *lung) for lung in LUNGS)
    return right | left


def _ellipse(
    x: np.ndarray, y: np.ndarray, centre_x: float, centre_y: float, across: float, down: float, turn: float
) -> np.ndarray:
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    u, v = (x - centre_x) * cos + (y - centre_y) * sin, (y - centre_y) * cos - (x - centre_x) * sin
    return (u / across) ** 2 + (v / down) ** 2 <= 1


# Images that lack something ------------------------------------------------------------------------------------------


def occlude_lungs(images: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """(N, H, W) uint8, with the mask's inside (by default `lung_field`) at the mean grey of each image's outside.

    Not black: air is black, and a black lung would look like a clear one. What is left is everything but the lungs.
    """
    mask = lung_field(*images.shape[1:]) if mask is None else mask
    outside = ~np.broadcast_to(mask, images.shape)
    grey = images.sum(axis=(1, 2), where=outside, dtype=float) / np.maximum(outside.sum(axis=(1, 2)), 1)
    return np.where(outside, images, np.round(grey).astype(np.uint8)[:, None, None])


def borders_only(images: np.ndarray, width: float = BORDER) -> np.ndarray:
    """(N, H, W) uint8, black but for a frame: markers, arms, collimation, and no lung.

    width: of the frame as a share of the side, in (0, 0.5).
    """
    if not 0 < width < 0.5:
        raise ValueError(f"width={width} leaves no frame, or the whole image; use a share above 0 and below 0.5")
    height, side = images.shape[1:]
    top, left = max(1, round(width * height)), max(1, round(width * side))
    framed = images.copy()
    framed[:, top:-top, left:-left] = 0
    return framed


def shuffle_patches(images: np.ndarray, random: np.random.Generator, patches: int = PATCHES) -> np.ndarray:
    """(N, H, W) uint8, cut into patches x patches and put together in another order for each image.

    What is left is texture and grey levels; where anything was is gone. A side that `patches` does not divide loses the
    pixels beyond the last whole patch on the right and below: they stay as they are.
    Raises ValueError where a patch would be smaller than a pixel.
    """
    height, width = images.shape[1] // patches, images.shape[2] // patches
    if not (height and width):
        raise ValueError(f"patches={patches} is more than an image of {images.shape[1:]} has pixels along a side")
    inner = images[:, : height * patches, : width * patches]
    cut = inner.reshape(len(images), patches, height, patches, width).swapaxes(2, 3)
    cut = cut.reshape(len(images), patches**2, height, width)           # (N, patches², h, w)
    order = random.permuted(np.tile(np.arange(patches**2), (len(images), 1)), axis=1)
    mixed = cut[np.arange(len(images))[:, None], order]
    shuffled = images.copy()
    shuffled[:, : height * patches, : width * patches] = (
        mixed.reshape(len(images), patches, patches, height, width).swapaxes(2, 3).reshape(inner.shape)
    )
    return shuffled


LOOKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "without-lungs": occlude_lungs,
    "border": borders_only,
    "shuffled": lambda images: shuffle_patches(images, np.random.default_rng(0)),
}
"""By the names that `ReadingConfig.look` has for them; (N, H, W) uint8 in and out, the same each time."""


# Pictures ------------------------------------------------------------------------------------------------------------

ORANGE = np.array([230, 159, 0])
"""Of Okabe & Ito's palette: told apart from grey by every eye."""


def overlay(images: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """Radiographs with a map laid over them: the more a place counts, the more orange it is.

    images: (N, H, W) uint8. cam: (N, H, W) in [0, 1]. Returns (N, H, W, 3) uint8.
    """
    strength = 0.7 * cam[..., None]
    return np.round(images[..., None] * (1 - strength) + ORANGE * strength).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Overlays:
    """Reads images with what a model looks at laid over them, for figures that read images by name.

    model: see `pneumo.load_model`. read: gives the image (H, W) uint8 of a name and sub-type, as `data.Examples` does.
    Calling it gives (size, size, 3) uint8, at the model's own size.
    """

    model: Model
    read: Callable[[str, str], np.ndarray]

    def __call__(self, image: str, subtype: str) -> np.ndarray:
        radiograph = self.model.radiograph(self.read(image, subtype), image)
        return overlay(radiograph.pixels[None], self.model.grad_cam([radiograph]))[0]
