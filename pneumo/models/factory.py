"""From a configuration to its network, and that network's parameters and multiply-adds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from pneumo.errors import DataError
from pneumo.io.locks import GLOBAL_STATE
from pneumo.models.cnn import CNN
from pneumo.models.configuration import (
    CNNConfig,
    EfficientNetConfig,
    NetworkConfig,
    PretrainedConfig,
    TransformerConfig,
)
from pneumo.models.efficientnet import EfficientNet
from pneumo.models.pretrained import Pretrained
from pneumo.models.spatial_transformer import SpatialTransformer
from pneumo.models.summary import layers

NETWORKS: dict[type, type[nn.Module]] = {
    CNNConfig: CNN,
    TransformerConfig: SpatialTransformer,
    EfficientNetConfig: EfficientNet,
    PretrainedConfig: Pretrained,
}


class Cost(NamedTuple):
    """What a network costs.

    parameters: of the network. multiply_adds: of one image's forward pass.
    """

    parameters: int
    multiply_adds: int


def build(config: NetworkConfig, generator: torch.Generator | None = None) -> nn.Module:
    """The network of a configuration, its weights drawn from `generator` (PyTorch's global one by default).

    Raises TypeError for a model that is no network.

    >>> network = build(CNNConfig(), torch.Generator().manual_seed(0))
    >>> network(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2])
    """
    network = NETWORKS.get(type(config))
    if network is None:
        known = ", ".join(known.__name__ for known in NETWORKS)
        raise TypeError(f"{type(config).__name__} is not a network; networks: {known}")
    if generator is None:
        return network(config)
    # Layers draw their first weights from the global generator and take no other: lend it the state, then restore it.
    with GLOBAL_STATE, torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(generator.get_state())
        return network(config)


def build_untrained(config: NetworkConfig) -> nn.Module:
    """The network of a configuration to load weights into: draws from no random generator, needs no published weights.

    Its weights are whatever lay in memory. Raises TypeError for a model that is no network.

    >>> build_untrained(CNNConfig())(torch.zeros(2, 1, 64, 64)).shape
    torch.Size([2])
    """
    if isinstance(config, PretrainedConfig):
        config = replace(config, train="scratch")
    with _WithoutFirstWeights():
        return build(config, torch.Generator().manual_seed(0))


class _WithoutFirstWeights(TorchFunctionMode):
    """Leaves tensors as they are where `torch.nn.init` would fill them, which is a third of building a network."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def check_image_size(config: NetworkConfig, height: int, width: int) -> None:
    """Check that a network can take images of this size.

    Raises DataError, with the smallest side, for images that are too small.

    >>> check_image_size(CNNConfig(depth=4), 8, 64)
    Traceback (most recent call last):
    pneumo.errors.DataError: images of 8 x 64 pixels are too small for CNNConfig; use at least 16 x 16
    """
    with torch.device("meta"):  # shapes alone
        network = build_untrained(config).eval()
        if _fits(network, height, width):
            return
        side = next(side for side in (2**power for power in range(1, 12)) if _fits(network, side, side))
    raise DataError(
        f"images of {height} x {width} pixels are too small for {type(config).__name__}; use at least {side} x {side}"
    )


def _fits(network: nn.Module, height: int, width: int) -> bool:
    try:
        network(torch.zeros(2, 1, height, width))
    except RuntimeError:  # "output size is too small", in one way or another
        return False
    return True


def cost(config: NetworkConfig, image_size: int) -> Cost:
    """Parameters and multiply-adds for images of `image_size` pixels: counted on shapes alone, nothing is computed.

    >>> cost(CNNConfig(), image_size=64).parameters
    97521
    """
    with torch.device("meta"):
        network = build_untrained(config)
        multiply_adds = sum(layer.multiply_adds for layer in layers(network, image_size))
    return Cost(parameters=sum(p.numel() for p in network.parameters()), multiply_adds=multiply_adds)
