"""Optimisers and schedules of their learning rate, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from pneumo.training.configuration import OptimizerConfig

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda parameters, **options: torch.optim.SGD(parameters, fused=True, **options),
    "momentum": lambda parameters, **options: torch.optim.SGD(parameters, momentum=0.9, fused=True, **options),
    "nesterov": lambda parameters, **options: torch.optim.SGD(
        parameters, momentum=0.9, nesterov=True, fused=True, **options
    ),
    "rmsprop": lambda parameters, **options: torch.optim.RMSprop(parameters, **options),
    "adam": lambda parameters, **options: torch.optim.Adam(parameters, fused=True, **options),
    "adamw": lambda parameters, **options: torch.optim.AdamW(parameters, fused=True, **options),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "step": lambda progress: 0.1 ** int(3 * min(progress, 0.999)),  # a tenth after each third
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "warmup-cosine": lambda progress: min(progress / 0.1, 1.0) * 0.5 * (1 + math.cos(math.pi * progress)),
    # Smith & Topin (2018, arXiv:1708.07120): up from a 25th in the first three tenths, then down to nothing.
    "one-cycle": lambda progress: (
        0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * progress / 0.3))
        if progress < 0.3
        else 0.5 * (1 + math.cos(math.pi * (progress - 0.3) / 0.7))
    ),
}
"""Learning rate as a factor of the configured one; progress runs from 0 at the first update to 1 after the last."""


def build_optimizer(network: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The optimiser of a configuration for the weights of a network.

    Raises ValueError for a name that is not in OPTIMIZERS.

    >>> from pneumo.training import OptimizerConfig
    >>> build_optimizer(nn.Linear(4, 1), OptimizerConfig(name="sgd", learning_rate=0.1)).param_groups[0]["lr"]
    0.1
    """
    if config.name not in OPTIMIZERS:
        raise ValueError(f"optimizer {config.name!r} is not known; known: {', '.join(OPTIMIZERS)}")
    # Decay is for what multiplies an image: not for biases and normalisation, which are vectors.
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return OPTIMIZERS[config.name]([group for group in groups if group["params"]], lr=config.learning_rate)


def learning_rates(
    optimizer: torch.optim.Optimizer, schedule: str, *, updates: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """The learning rate over a training of `updates` steps, from the rate that the optimiser has.

    Raises ValueError for a schedule that is not in SCHEDULES.

    >>> optimizer = torch.optim.SGD(nn.Linear(4, 1).parameters(), lr=0.1)
    >>> schedule = learning_rates(optimizer, "cosine", updates=10)
    >>> schedule.get_last_lr()
    [0.1]
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule {schedule!r} is not known; known: {', '.join(SCHEDULES)}")
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda update: SCHEDULES[schedule](update / updates))
