"""Networks: each takes (N, 1, H, W) float images in [0, 1] and returns (N,) logits of the positive class."""

from __future__ import annotations

import torch
from torch import nn

from pneumo.config import CNNConfig, Model

from .cnn import CNN
from .summary import Layer, layers, size

__all__ = ["CNN", "Layer", "build", "layers", "size"]


def build(config: Model, generator: torch.Generator | None = None) -> nn.Module:
    """The network of a configuration, its weights drawn from `generator` (PyTorch's global one by default).

    Raises TypeError for a model that is no network.
    """
    if not isinstance(config, CNNConfig):
        raise TypeError(f"{type(config).__name__} is not a network; networks: CNNConfig")
    if generator is None:
        return CNN(config)
    # Layers draw their first weights from the global generator and take no other: lend it the state, then restore it.
    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(generator.get_state())
        return CNN(config)
