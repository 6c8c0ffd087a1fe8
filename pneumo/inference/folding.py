"""Batch normalisation folded into the convolution before it, which makes inference faster and changes no prediction."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Fold each batch normalisation that follows a convolution into the convolution's weights, in place.

    network: in evaluation mode, with running averages, where a normalisation that is registered right after a
        convolution of as many channels is also applied right after it; so it is in the networks of `pneumo.models`.
    Returns the network, whose outputs are the same up to rounding. It is not to be trained on.

    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    >>> fold_batch_norm(network)[1]
    Identity()
    """
    for module in list(network.modules()):
        for (name, convolution), (next_name, normalisation) in pairwise(list(module.named_children())):
            if (
                isinstance(convolution, nn.Conv2d)
                and isinstance(normalisation, nn.BatchNorm2d)
                and convolution.out_channels == normalisation.num_features
            ):
                setattr(module, name, fuse_conv_bn_eval(convolution, normalisation))
                setattr(module, next_name, nn.Identity())
    return network
