"""What a network is made of: every layer with its shape, its parameters and its multiply-adds, counted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from pneumo.models.modes import evaluation_mode


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer as it acts on one image.

    output_shape: (C, H, W), or (C,) once there is no image left.
    multiply_adds: of one image's forward pass; PyTorch's counter counts convolutions and matrix products.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layers(network: nn.Module, image_size: int) -> list[Layer]:
    """Every layer without children, in the order in which one image of `image_size` pixels passes them.

    Dropout with probability 0 does nothing and is left out.

    The network keeps its weights, statistics and modes.

    >>> from pneumo.models import CNNConfig, build
    >>> layers(build(CNNConfig(width=4, depth=1)), 64)[0].output_shape
    (4, 64, 64)
    """
    from torch.utils.flop_counter import FlopCounterMode  # with a compiler, which a prediction does not need

    passed: list[Layer] = []
    flops = [0]

    def note(name: str):
        def hook(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            total = counter.get_total_flops()
            passed.append(
                Layer(
                    name=name,
                    kind=type(module).__name__,
                    output_shape=tuple(output.shape[1:]),
                    parameters=sum(p.numel() for p in module.parameters()),
                    multiply_adds=(total - flops[0]) // 2,  # the counter counts a multiplication and an addition as two
                )
            )
            flops[0] = total

        return hook

    leaves = [
        (name, module)
        for name, module in network.named_modules()
        if not list(module.children()) and not (isinstance(module, nn.Dropout) and module.p == 0)
    ]
    handles = [module.register_forward_hook(note(name)) for name, module in leaves]
    try:
        with torch.no_grad(), evaluation_mode(network), FlopCounterMode(display=False) as counter:
            device = next(network.parameters()).device
            network(torch.zeros(1, 1, image_size, image_size, device=device))
    finally:
        for handle in handles:
            handle.remove()
    return passed
