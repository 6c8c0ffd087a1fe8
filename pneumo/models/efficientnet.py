"""EfficientNets of any width and depth (Tan & Le 2019, arXiv:1905.11946), built with `efficientnet-pytorch`.

The library gives the blocks; the bases, their scaling, and what makes the library quicker are here.
A stage of a base reads: r2 two blocks, k5 a kernel of 5, s22 the first halves the image, e6 six times the channels
inside the block, i24 and o40 channels in and out, se0.25 squeeze-and-excitation to a quarter of them.
"""

from __future__ import annotations

import torch
from efficientnet_pytorch import EfficientNet as LibraryEfficientNet
from efficientnet_pytorch.utils import (
    BlockArgs,
    BlockDecoder,
    Conv2dDynamicSamePadding,
    Conv2dStaticSamePadding,
    GlobalParams,
    round_filters,
    round_repeats,
)
from torch import Tensor, nn

from pneumo.models.configuration import EfficientNetConfig

B0_STAGES = BlockDecoder.decode(
    [
        "r1_k3_s11_e1_i32_o16_se0.25",
        "r2_k3_s22_e6_i16_o24_se0.25",
        "r2_k5_s22_e6_i24_o40_se0.25",
        "r3_k3_s22_e6_i40_o80_se0.25",
        "r3_k5_s11_e6_i80_o112_se0.25",
        "r4_k5_s22_e6_i112_o192_se0.25",
        "r1_k3_s11_e6_i192_o320_se0.25",
    ]
)
"""The paper's table 1."""

SMALL_STAGES = B0_STAGES[:5]
"""B0 before its last halving, 1/16 of the side: at 64 pixels a map of 4 × 4 is left, where B0 would leave 2 × 2."""

BASES = {"b0": (B0_STAGES, 1.0), "small": (SMALL_STAGES, 0.5)}
"""Stages, and the factor of their channels: "small" has half of them, 7 million multiply-adds at 64 pixels."""


class EfficientNet(nn.Module):
    """An EfficientNet for grey images, from random weights."""

    def __init__(self, config: EfficientNetConfig) -> None:
        super().__init__()
        stages, base_width = BASES[config.base]
        self.network = library_network(
            stages,
            width=base_width * config.width,
            depth=config.depth,
            dropout=config.dropout,
            stochastic_depth=config.stochastic_depth,
            classes=1,
        )
        stem = self.network._conv_stem
        self.network._conv_stem = Conv2dDynamicSamePadding(1, stem.out_channels, 3, stride=2, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """images: (N, 1, H, W) float in [0, 1]. Returns (N,) logits of the positive class."""
        return self.network(images).squeeze(1)


def library_network(
    stages: list[BlockArgs],
    *,
    width: float | None,
    depth: float | None,
    dropout: float,
    stochastic_depth: float,
    classes: int,
) -> LibraryEfficientNet:
    """The library's network: (N, 3, H, W) of any size -> (N, classes).

    width, depth: factors of the stages' channels and blocks; None for stages that are to be taken as they are.
    """
    network = LibraryEfficientNet(
        stages,
        GlobalParams(
            width_coefficient=width,
            depth_coefficient=depth,
            min_depth=None,
            image_size=None,  # any: the padding is computed as images pass
            dropout_rate=dropout,
            drop_connect_rate=stochastic_depth,
            num_classes=classes,
            # Of the running average, PyTorch's own. The paper's 0.99 takes hundreds of updates to forget its start:
            # more than an epoch has here, and the first epochs would be judged by the statistics of random weights.
            batch_norm_momentum=0.9,
            batch_norm_epsilon=1e-3,
            depth_divisor=8,
            include_top=True,
        ),
    )
    network.set_swish(memory_efficient=False)  # PyTorch's own SiLU needs no more memory and is quicker
    pad_in_convolution(network)
    return network


def lite_network(
    *, width: float, depth: float, dropout: float, stochastic_depth: float, classes: int
) -> LibraryEfficientNet:
    """EfficientNet-Lite: B0 for telephones, scaled otherwise. (N, 3, H, W) -> (N, classes).

    No squeeze-and-excitation, ReLU6 for SiLU; the first and last stage keep their depth, stem and head their width.
    """
    unset = GlobalParams._make([None] * len(GlobalParams._fields))
    scaling = unset._replace(width_coefficient=width, depth_coefficient=depth, depth_divisor=8)
    stages = [
        stage._replace(
            se_ratio=None,
            num_repeat=round_repeats(stage.num_repeat, scaling) if 0 < i < len(B0_STAGES) - 1 else stage.num_repeat,
            input_filters=round_filters(stage.input_filters, scaling),
            output_filters=round_filters(stage.output_filters, scaling),
        )
        for i, stage in enumerate(B0_STAGES)
    ]
    network = library_network(
        stages, width=None, depth=None, dropout=dropout, stochastic_depth=stochastic_depth, classes=classes
    )
    with_activation: list[nn.Module] = [network, *network._blocks]
    for module in with_activation:
        module._swish = nn.ReLU6(inplace=True)  # batch normalisation, before it, needs its input and not its output
    return network


def pad_in_convolution(network: nn.Module) -> None:
    """Let each convolution of stride 1 pad its input itself, in place; its result stays the same.

    The library pads as TensorFlow does: by one more on the right than on the left where the stride is 2 and the side
    is even, which a convolution cannot, so it copies the image into a larger one. At stride 1 both sides are equal.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            padded = isinstance(child, Conv2dDynamicSamePadding | Conv2dStaticSamePadding)
            if padded and tuple(child.stride) == (1, 1):
                setattr(parent, name, _padding_itself(child))


def _padding_itself(convolution: nn.Conv2d) -> nn.Conv2d:
    with torch.device("meta"):  # no weights of its own
        replacement = nn.Conv2d(
            convolution.in_channels,
            convolution.out_channels,
            (convolution.kernel_size[0], convolution.kernel_size[1]),
            padding=convolution.kernel_size[0] // 2,
            groups=convolution.groups,
            bias=convolution.bias is not None,
        )
    replacement.weight, replacement.bias = convolution.weight, convolution.bias
    return replacement
