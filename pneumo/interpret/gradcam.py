"""Grad-CAM maps, their share inside the lungs, and the pointing game.

    cam = grad_cam(network, images)                       # (N, H, W) uint8 -> (N, H, W) in [0, 1]
    cam = grad_cam(resnet, photographs, "layer4", target=3)    # any network: (N, 3, H, W) float32, a class of many
    lung_share(cam, lung_field(images.shape[1]))          # (N,): share of the map inside the lungs

Masks are (H, W), one for all images, or (N, H, W), one for each; True inside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pneumo.inference import Model


Target = int | Sequence[int] | Callable[[Any], "Tensor"]
"""A class, one for each image, or a function of the network's output that gives a score for each image, (N,)."""


def grad_cam(
    network: nn.Module,
    images: np.ndarray | Tensor,
    layer: nn.Module | str | None = None,
    *,
    target: Target | None = None,
) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) of one logit.

    network: any module. images: radiographs (N, H, W) uint8, which it gets as (N, 1, H, W) in [0, 1]; or its own input
        as it is, (N, C, H, W) float.
    layer: whose output maps are weighed, (N, c, h, w): a module of the network, or its name in `named_modules()`. By
        default the maps that enter the last average over places, so those of the last convolution, after their
        activation.
    target: the class whose logit is differentiated; of a network with one logit, 1 means that logit, which is the
        default, and 0 its negative. Where there are several logits it has no default. Also one class for each image, or
        a function of the network's output that gives a score for each image, (N,).
    Returns (N, H, W) float32 in [0, 1], each image's largest value 1; all 0 where no place raises the logit.

    A spatial transformer's map is carried back from its window to the image. Changes nothing in the network, not even
    its gradients; works under `torch.no_grad` and `torch.inference_mode`, and in several threads at once.
    Raises ValueError for images of another shape, a layer that is not there or is not used once, and a target that is
    missing or none of the network's.

    >>> import numpy as np
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    >>> grad_cam(network, np.zeros((5, 16, 16), np.uint8), target=1).shape
    (5, 16, 16)
    """
    import torch
    from torch.nn import functional as F

    from pneumo.models import SpatialTransformer
    from pneumo.models.modes import evaluation_mode

    if any(parameter.is_inference() for parameter in network.parameters()):
        raise ValueError("the network was made under torch.inference_mode, which allows no gradient; make it outside")
    chosen = _layer(network, layer)
    with torch.inference_mode(False), torch.enable_grad(), evaluation_mode(network):
        inputs = _inputs(network, images)
        with _maps_kept(chosen, of_input=layer is None) as kept:
            output = network(inputs)
        maps = _only(kept, chosen)  # (N, c, h, w)
        score = _score(output, target, len(inputs)).sum()
        gradients = torch.autograd.grad(score, maps, allow_unused=True)[0] if score.requires_grad else None
        if gradients is None:
            raise ValueError(f"the logit does not depend on what {type(chosen).__name__} gives; name another layer")
        with torch.no_grad():
            weights = gradients.mean(dim=(2, 3), keepdim=True)  # (N, c, 1, 1)
            cam = (weights * maps).sum(dim=1, keepdim=True).relu()  # (N, 1, h, w)
            cam = F.interpolate(cam, size=inputs.shape[2:], mode="bilinear", align_corners=False)
            if isinstance(network, SpatialTransformer) and any(chosen is each for each in network.network.modules()):
                cam = _back_from_window(cam, network.theta(inputs))
            return normalise_maps(cam.squeeze(1).float().cpu().numpy())


def _layer(network: nn.Module, layer: nn.Module | str | None) -> nn.Module:
    if layer is None:
        return last_pooling_layer(network)
    if isinstance(layer, str):
        modules = dict(network.named_modules())
        if layer not in modules:
            raise ValueError(f"layer={layer!r} is no module of {type(network).__name__}; see its named_modules()")
        return modules[layer]
    if not any(layer is module for module in network.modules()):
        raise ValueError(f"layer, a {type(layer).__name__}, is no module of this {type(network).__name__}")
    return layer


def _inputs(network: nn.Module, images: np.ndarray | Tensor) -> Tensor:
    """What the network gets, (N, C, H, W), on its device."""
    import torch

    from pneumo.augment import scale

    given = images if isinstance(images, torch.Tensor) else torch.from_numpy(np.ascontiguousarray(images))
    weights = next(network.parameters(), torch.zeros(()))
    if given.dtype == torch.uint8 and given.ndim == 3:
        return scale(given.to(weights.device)).to(weights.dtype)
    if given.is_floating_point() and given.ndim == 4:
        return given.detach().to(weights.device, copy=True)  # a tensor made under inference_mode has no gradient
    raise ValueError(
        f"images are {given.dtype} of shape {tuple(given.shape)}; give radiographs (N, H, W) uint8, or what the "
        "network takes, (N, C, H, W) float"
    )


@contextmanager
def _maps_kept(layer: nn.Module, *, of_input: bool) -> Iterator[list[Any]]:
    """Yields the list of what enters the layer, or leaves it, each time it is called by this thread.

    Other threads may use the same network meanwhile, each with a hook of its own.
    """
    import torch

    thread, kept = threading.get_ident(), []

    def keep(values: Any) -> Any:
        """What the network goes on with: not a leaf, which must not be changed in place."""
        if not isinstance(values, torch.Tensor):
            kept.append(values)
            return values
        kept.append(values.detach().requires_grad_())  # a leaf, so that maps of frozen layers have a gradient too
        return kept[-1].clone()

    def before(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (keep(inputs[0]), *inputs[1:]) if threading.get_ident() == thread else None

    def after(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> Any:
        return keep(output) if threading.get_ident() == thread else None

    hook = layer.register_forward_pre_hook(before) if of_input else layer.register_forward_hook(after)
    try:
        yield kept
    finally:
        hook.remove()


def _only(kept: Sequence[Any], layer: nn.Module) -> Tensor:
    """The maps of a layer that was called once."""
    import torch

    name = type(layer).__name__
    if len(kept) != 1:
        raise ValueError(f"the network calls {name} {len(kept)} times for a batch; name a layer that it calls once")
    (maps,) = kept
    if not isinstance(maps, torch.Tensor) or maps.ndim != 4:
        found = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
        raise ValueError(f"{name} has no maps (N, c, h, w) but {found}; name a convolution or what follows one")
    return maps


def _score(output: Any, target: Target | None, count: int) -> Tensor:
    """The logit of each image that is explained, (N,)."""
    import torch

    if callable(target):
        score = target(output)
        if not isinstance(score, torch.Tensor) or score.shape != (count,):
            raise ValueError(
                f"target gives {getattr(score, 'shape', score)}; it has to give a score an image, ({count},)"
            )
        return score
    if not isinstance(output, torch.Tensor) or output.ndim not in (1, 2) or len(output) != count:
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ValueError(f"the network gives {found}, not logits (N,) or (N, classes); give target a function of that")
    logits = output.reshape(count, -1)  # (N, classes)
    classes = 2 if logits.shape[1] == 1 else logits.shape[1]
    if target is None and logits.shape[1] > 1:
        raise ValueError(f"the network gives {classes} logits an image; name the class to explain, such as target=1")
    chosen = torch.as_tensor(1 if target is None else target, device=logits.device)
    known = not chosen.is_floating_point() and bool(((chosen >= 0) & (chosen < classes)).all())
    if not known or chosen.shape not in ((), (count,)):
        raise ValueError(
            f"target={target} is no class from 0 to {classes - 1}, and no list of one for each of {count} images"
        )
    if logits.shape[1] == 1:  # the logit of class 0 against class 1 is the negative of that of class 1 against class 0
        return logits[:, 0] * (2 * chosen - 1)
    return logits.gather(1, chosen.expand(count)[:, None])[:, 0]


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
        convolutions = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
        example = f", such as layer={convolutions[-1]!r}, its last convolution" if convolutions else ""
        raise ValueError(f"{type(network).__name__} has no AdaptiveAvgPool2d before its head; name the layer{example}")
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

    >>> mask = pneumo.interpret.lung_field(64)
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
