"""The baseline: blocks of convolution, batch normalisation, ReLU and pooling, then one number."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn

from pneumo.models.configuration import CNNConfig


class CNN(nn.Module):
    """A convolutional network for images of any size: its last average runs over what is left.

    Block i has width · 2^i channels and halves the side. Kaiming initialisation (He et al. 2015),
    since every convolution is followed by a ReLU.

    >>> CNN(CNNConfig(width=8, depth=3))(torch.zeros(2, 1, 32, 32)).shape
    torch.Size([2])
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        channels = [1, *(config.width * 2**i for i in range(config.depth))]
        blocks = (conv_block(*pair, batch_norm=config.batch_norm) for pair in pairwise(channels))
        self.blocks = nn.Sequential(*blocks)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(channels[-1], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """images: (N, 1, H, W) float in [0, 1]. Returns (N,) logits of the positive class."""
        x = self.blocks(images)  # (N, C, H / 2^depth, W / 2^depth)
        x = self.average(x).flatten(1)  # (N, C)
        return self.head(self.dropout(x)).squeeze(1)  # (N,)


def conv_block(c_in: int, c_out: int, *, batch_norm: bool) -> nn.Sequential:
    """(N, c_in, H, W) -> (N, c_out, H/2, W/2)."""
    # A bias before batch normalisation would be subtracted again.
    convolution = nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, bias=not batch_norm)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    layers: OrderedDict[str, nn.Module] = OrderedDict(convolution=convolution)
    if batch_norm:
        layers["norm"] = nn.BatchNorm2d(c_out)
    # The maximum and ReLU commute; in this order ReLU has a quarter of the work.
    layers["pool"] = nn.MaxPool2d(2)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
