"""Optimisers at work where it can be drawn: two weights, and a loss that is a long and narrow valley."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from pneumo.training import OPTIMIZERS

Weights = TypeVar("Weights", np.ndarray, torch.Tensor)

FLAT, STEEP = 1.0, 25.0
"""Curvatures of the valley along the first weight and along the second."""

START = (-4.0, 1.2)


def loss(weights: Weights) -> Weights:
    """(FLAT · w₁² + STEEP · w₂²) / 2 for weights (..., 2). Returns (...)."""
    return (FLAT * weights[..., 0] ** 2 + STEEP * weights[..., 1] ** 2) / 2


def descend(name: str, learning_rate: float, *, steps: int = 40) -> np.ndarray:
    """The weights from START on, as an optimiser moves them that sees the exact gradient: (steps + 1, 2).

    Raises ValueError for a name that is not in `training.OPTIMIZERS`.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer {name!r} is not known; known: {', '.join(OPTIMIZERS)}")
    weights = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer = OPTIMIZERS[name]([weights], lr=learning_rate)
    path = [weights.detach().numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss(weights).backward()
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    return np.stack(path)
