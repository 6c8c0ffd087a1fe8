"""Spatial transformer network (Jaderberg et al. 2015, arXiv:1506.02025).

A small localisation network regresses six numbers from an image: theta, an affine transformation. It places a sampling
grid over the image; the image sampled there is the CNN's input. Every step has a gradient, so the transformation is
learnt from the labels alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.models.cnn import CNN, conv_block
from pneumo.models.configuration import Transformation, TransformerConfig

LOCALISATION_SIZE = 32
"""Side in pixels to which images are averaged for the localisation network; the position of the chest shows at that."""

LOCALISATION_FEATURES = 32
"""Features of the localisation network, before the regression of theta."""

IDENTITY_PARAMETERS = {
    "affine": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    "attention": [1.0, 0.0, 0.0],
}
"""The free parameters of the identity transformation."""

THETA_BASIS = {
    "affine": torch.eye(6).tolist(),
    "attention": [
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],  # the scale stands twice on the diagonal
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ],
}
"""What each free parameter adds to theta, row by row: (free, 6)."""


class SpatialTransformerLayer(nn.Module):
    """A spatial transformer to put before any network: each image in, what its attention window shows out.

    channels: of the images. transformation: "affine" (six free numbers an image) or "attention" (three: an isotropic
    scale and a shift). localisation_width: channels of the localisation network's first block.
    Images are (N, channels, H, W) float, of any size, on any device. It starts at the identity and learns with the
    network behind it, from that network's loss alone.

    It starts there because its regression's weights are 0 and its bias says "as it is". With random weights the first
    crops would be noise, many beyond the image, and where the whole window lies outside there is no gradient that
    could bring it back.

    >>> network = nn.Sequential(SpatialTransformerLayer(channels=3), nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    >>> network(torch.rand(4, 3, 64, 64)).shape
    torch.Size([4, 2])
    """

    def __init__(
        self, *, channels: int = 1, transformation: Transformation = "affine", localisation_width: int = 8
    ) -> None:
        super().__init__()
        self._add_localisation(channels, transformation, localisation_width)

    def _add_localisation(self, channels: int, transformation: Transformation, width: int) -> None:
        if transformation not in THETA_BASIS:
            raise ValueError(f"transformation={transformation!r} is unknown; choose from {', '.join(THETA_BASIS)}")
        self.localisation = localisation_network(width, channels)
        identity = torch.tensor(IDENTITY_PARAMETERS[transformation])
        self.regression = nn.Linear(LOCALISATION_FEATURES, len(identity))
        nn.init.zeros_(self.regression.weight)
        self.regression.bias.data.copy_(identity)
        self.register_buffer("basis", torch.tensor(THETA_BASIS[transformation]), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W): see `transform`."""
        return self.transform(images)

    def theta(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2, 3): where in the image each point of the window is read.

        Coordinates run from -1 to 1 between the outer edges of the image, x to the right and y down: the window's
        point (x, y) is read at theta @ (x, y, 1). A scale below 1 magnifies; a shift of 1 is half an image.
        """
        features = self.localisation(F.adaptive_avg_pool2d(images, LOCALISATION_SIZE))  # (N, 32)
        with full_precision(images):
            free = self.regression(features.float())  # (N, 6) or (N, 3)
            return (free @ self.basis).unflatten(1, (2, 3))

    def transform(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W): what the network behind it sees, read bilinearly; black beyond the image."""
        theta = self.theta(images)
        with full_precision(images):
            grid = F.affine_grid(theta, list(images.shape), align_corners=False)  # (N, H, W, 2)
            return GridSample.apply(images.float(), grid)


class SpatialTransformer(SpatialTransformerLayer):
    """A CNN that reads each image through an affine window, placed by a localisation network.

    >>> network = SpatialTransformer(TransformerConfig(transformation="attention"))
    >>> network(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2])
    """

    def __init__(self, config: TransformerConfig) -> None:
        nn.Module.__init__(self)
        # Built first, so that a seed gives it the weights that it gives the CNN alone.
        self.network = CNN(config.network)
        self._add_localisation(1, config.transformation, config.localisation_width)

    def forward(self, images: Tensor) -> Tensor:
        """images: (N, 1, H, W) float in [0, 1]. Returns (N,) logits of the positive class."""
        return self.network(self.transform(images))


def localisation_network(width: int, channels: int = 1) -> nn.Sequential:
    """(N, channels, 32, 32) -> (N, 32). Positions are kept; a spatial average would lose them."""
    widths = (channels, width, 2 * width, 4 * width)
    side = LOCALISATION_SIZE // 2 ** (len(widths) - 1)
    return nn.Sequential(
        *(conv_block(c_in, c_out, batch_norm=True) for c_in, c_out in pairwise(widths)),
        nn.Flatten(),
        nn.Linear(widths[-1] * side**2, LOCALISATION_FEATURES, bias=False),
        # What is wrong with theta is wrong for all images at first; without this, it turns
        # every feature off for good.
        nn.BatchNorm1d(LOCALISATION_FEATURES),
        nn.ReLU(inplace=True),
    )


def full_precision(images: Tensor) -> AbstractContextManager[object]:
    """No mixed precision: near 1, bfloat16 moves in steps of 0.008, which is a pixel at 256 pixels."""
    device = images.device.type
    # "meta", where layers are only counted, knows no mixed precision to switch off.
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


class GridSample(torch.autograd.Function):
    """`grid_sample`, bilinear and black outside, with a gradient that is the same each time on an accelerator too.

    PyTorch refuses the backward pass of `grid_sample` where results must be reproducible, because the gradient of the
    images is summed in any order. The gradient of the grid is not, and in training it is the only one wanted.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, images: Tensor, grid: Tensor) -> Tensor:
        """images: (N, C, H, W). grid: (N, H, W, 2), x and y from -1 to 1. Returns (N, C, H, W)."""
        ctx.save_for_backward(images, grid)
        return F.grid_sample(images, grid, align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        images, grid = ctx.saved_tensors
        of_images, of_grid = ctx.needs_input_grad
        refuses = torch.are_deterministic_algorithms_enabled()
        warns = torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(refuses and of_images, warn_only=warns)
        try:
            bilinear, zeros, align_corners = 0, 0, False
            return torch.ops.aten.grid_sampler_2d_backward(
                gradient, images, grid, bilinear, zeros, align_corners, [of_images, of_grid]
            )
        finally:
            torch.use_deterministic_algorithms(refuses, warn_only=warns)
