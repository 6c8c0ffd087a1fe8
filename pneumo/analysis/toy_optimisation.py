"""Optimisers on a quadratic loss of two weights, whose contours are a long and narrow valley."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from pneumo.training import OPTIMIZERS

Weights = TypeVar("Weights", np.ndarray, torch.Tensor)

CURVATURES = (1.0, 25.0)
"""Of the loss along the first and along the second weight."""

INITIAL_WEIGHTS = (-4.0, 1.2)


def quadratic_loss(weights: Weights) -> Weights:
    """(c₁ w₁² + c₂ w₂²) / 2 with c = CURVATURES, for weights (..., 2). Returns (...).

    >>> float(quadratic_loss(np.array([2.0, 0.0])))
    2.0
    """
    first, second = CURVATURES
    return (first * weights[..., 0] ** 2 + second * weights[..., 1] ** 2) / 2


def optimizer_path(name: str, learning_rate: float, *, steps: int = 40) -> np.ndarray:
    """The weights from INITIAL_WEIGHTS on, as an optimiser with the exact gradient updates them: (steps + 1, 2).

    name: one of `training.OPTIMIZERS`. Raises ValueError for another name.

    >>> optimizer_path("sgd", 0.01, steps=5).shape[1]
    2
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"optimizer {name!r} is not known; known: {', '.join(OPTIMIZERS)}")
    weights = torch.nn.Parameter(torch.tensor(INITIAL_WEIGHTS, dtype=torch.float64))
    optimizer = OPTIMIZERS[name]([weights], lr=learning_rate)
    path = [weights.detach().numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        quadratic_loss(weights).backward()
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    return np.stack(path)
