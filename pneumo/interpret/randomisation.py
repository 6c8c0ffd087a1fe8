"""The weight-randomisation check of saliency maps (Adebayo et al. 2018, arXiv:1810.03292).

A map that explains what a network has learnt must change when the weights are replaced by random ones. From the head
down, more and more layers are drawn anew, and each map is compared with that of the trained network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

if TYPE_CHECKING:
    from torch import nn

RANDOMISATION_STEPS = 6
"""Steps in which the layers are drawn anew, by default."""


def randomisation_check(
    network: nn.Module,
    images: np.ndarray,
    saliency: Callable[[nn.Module, np.ndarray], np.ndarray],
    *,
    seed: int,
    steps: int = RANDOMISATION_STEPS,
) -> pd.DataFrame:
    """How alike the maps of a network and of its partly random copies are, one row a step.

    images: (N, H, W) uint8. saliency: gives the maps (N, H, W) of a network, such as `grad_cam`. seed: of the new
    weights. steps: from the head to all layers; at most as many as there are layers with weights.
    Columns randomised (share of the layers with weights that were drawn anew, from the head down) and rank correlation
    (Spearman's, between the pixels of the two maps, the mean over images; NaN where a map is the same everywhere).
    The network is not changed, nor is the global random state.
    """
    import torch

    changed = copy.deepcopy(network)
    layers = [module for module in changed.modules() if has_own_weights(module)]
    original = saliency(network, images)
    rows = [{"randomised": 0.0, "rank correlation": _rank_correlation(original, original)}]
    cuts = np.unique(np.rint(np.linspace(0, len(layers), min(steps, len(layers)) + 1)).astype(int))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for done, upto in pairwise(cuts):
            for layer in layers[::-1][done:upto]:
                layer.reset_parameters()  # pyright: ignore[reportCallIssue]  `has_own_weights` sees to it
            maps = saliency(changed, images)
            rows.append({"randomised": upto / len(layers), "rank correlation": _rank_correlation(original, maps)})
    return pd.DataFrame(rows)


def has_own_weights(module: nn.Module) -> bool:
    """Whether a module is a layer with weights that it can draw anew: convolutions, linear layers, normalisations."""
    own = next(iter(module.parameters(recurse=False)), None)
    return own is not None and callable(getattr(module, "reset_parameters", None))


def _rank_correlation(maps: np.ndarray, others: np.ndarray) -> float:
    """The mean over images; an image with a map of one value does not count, and NaN where none is left."""
    values = [
        float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
        for one, other in zip(maps, others, strict=True)
        if np.ptp(one) > 0 and np.ptp(other) > 0
    ]
    return float(np.mean(values)) if values else float("nan")
