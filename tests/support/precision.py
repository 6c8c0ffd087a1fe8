"""How near a network's loss in training comes to the one worked out by hand in 32 bits."""

from __future__ import annotations

import torch


def of_training(exact: float) -> float:
    """The relative tolerance: `exact` on a processor; on an accelerator `fit` computes in bfloat16, to three digits."""
    return 2e-2 if torch.cuda.is_available() else exact
