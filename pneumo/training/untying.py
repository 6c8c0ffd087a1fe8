"""Losses that make class and acquisition stratum independent in training, and that select by stratum.

A group is one class in one stratum, numbered 2 * stratum + class.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pneumo.training.batches import Images
from pneumo.training.configuration import UntyingConfig

SMALLEST_CLASS = 3
"""Images of a class that a batch needs for a correlation to say anything."""


def strata_of(images: Images) -> np.ndarray:
    """The codes of the images' acquisition strata, (N,). Raises ValueError where they are not known."""
    if images.strata is None:
        raise ValueError("images have no strata; give Images(strata=...), or train with untying=UntyingConfig()")
    return images.strata


def independence_weights(labels: np.ndarray, strata: np.ndarray, *, exponent: float, cap: float) -> np.ndarray:
    """Weights of images that make class and stratum less dependent, or independent.

    labels: (N,) 0 or 1. strata: (N,) codes. Returns (N,) float64 with a mean of 1: (n_expected / n)^exponent, at most
    `cap` before it is scaled, where n is the number of images of the class and stratum and n_expected its value if
    class and stratum were independent. With an exponent of 1 and no cap reached, each class has the same share of
    weight in every stratum.

        >>> independence_weights(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), exponent=1, cap=10).round(2).tolist()
        [0.86, 0.86, 1.71, 0.57]
    """
    groups = 2 * strata + labels
    images = np.bincount(groups)[groups]
    expected = np.bincount(labels)[labels] * np.bincount(strata)[strata] / len(labels)
    weights = np.minimum((expected / images) ** exponent, cap)
    return weights / weights.mean()


def log_odds_by_stratum(labels: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Log odds of class 1 in each image's stratum, less the log odds among all images; (N,) float64.

    labels: (N,) 0 or 1; every stratum must hold both classes. strata: (N,) codes.

        >>> log_odds_by_stratum(np.array([0, 1, 1, 1, 0, 1]), np.array([0, 0, 0, 0, 1, 1])).round(2).tolist()
        [0.41, 0.41, 0.41, 0.41, -0.69, -0.69]
    """
    positive = np.bincount(strata, weights=labels)
    negative = np.bincount(strata, weights=1 - labels)
    overall = np.log(labels.sum() / (len(labels) - labels.sum()))
    return np.log(positive[strata] / negative[strata]) - overall


def dependence(logits: Tensor, labels: Tensor, codes: Tensor) -> Tensor:
    """How far the logits of a batch depend on the strata within each class: squared correlations, summed over classes.

    logits: (B,), with gradient. labels: (B,) 0 or 1. codes: (B,) of the strata, in their order. Returns a scalar in
    [0, 2]; a class with fewer than three images, or with one stratum alone, adds nothing.

        >>> codes = torch.tensor([0.0, 1.0, 2.0])
        >>> round(dependence(3 - 2 * codes, torch.ones(3), codes).item(), 4)
        1.0
    """
    total = logits.new_zeros(())
    for label in (0, 1):
        chosen = labels == label
        x, y = logits[chosen], codes[chosen].to(logits)
        if len(x) < SMALLEST_CLASS or bool((y == y[0]).all()):
            continue
        x, y = x - x.mean(), y - y.mean()
        total = total + (x * y).sum() ** 2 / ((x * x).sum() * (y * y).sum() + 1e-8)
    return total


def group_dro_step(losses: Tensor, groups: Tensor, weights: Tensor, step_size: float) -> tuple[Tensor, Tensor]:
    """One step of group DRO (Sagawa et al. 2020, arXiv:1911.08731, algorithm 1) on a batch.

    losses: (B,). groups: (B,) codes. weights: (G,), of the groups, with a sum of 1.
    Each group of the batch multiplies its weight by exp(step_size * its mean loss); absent groups keep theirs, before
    all are scaled to a sum of 1. Returns the mean losses of the groups weighted by the new weights, with gradient, and
    the new weights.
    """
    counts = torch.zeros_like(weights).index_add(0, groups, torch.ones_like(losses))
    means = torch.zeros_like(weights).index_add(0, groups, losses) / counts.clamp_min(1)
    updated = weights * torch.exp(step_size * means.detach())
    updated = updated / updated.sum()
    return (updated * means).sum(), updated


def stratum_loss(losses: np.ndarray, labels: np.ndarray, strata: np.ndarray, *, worst: bool) -> float:
    """The mean over strata of each one's loss, or the largest (`worst`). Classes of a stratum count alike.

    losses: (N,). labels: (N,) 0 or 1. strata: (N,) codes. A stratum of one class has that class's mean loss.
    """
    by_stratum = [
        np.mean([losses[chosen & (labels == label)].mean() for label in np.unique(labels[chosen])])
        for chosen in (strata == stratum for stratum in np.unique(strata))
    ]
    return float(np.max(by_stratum) if worst else np.mean(by_stratum))


class UntiedLoss(nn.Module):
    """The training loss of a batch, corrected as `UntyingConfig` says.

    The weights of the groups in group DRO are a buffer, so that a checkpoint holds them.
    """

    group_weights: Tensor

    def __init__(self, train: Images, merged: np.ndarray, config: UntyingConfig) -> None:
        super().__init__()
        self.config = config
        labels, strata = train.labels.astype(np.int64), merged[strata_of(train)]
        self.weights = independence_weights(labels, strata, exponent=config.weight_exponent, cap=config.weight_cap)
        log_odds = log_odds_by_stratum(labels, strata) if config.bias_balanced else np.zeros(len(labels))
        self.log_odds = config.bias_strength * log_odds
        self.groups = 2 * strata + labels
        self.labels, self.codes = labels, strata_of(train)
        groups = int(self.groups.max()) + 1
        self.register_buffer("group_weights", torch.full((groups,), 1 / groups))

    def forward(self, logits: Tensor, targets: Tensor, chosen: np.ndarray) -> Tensor:
        """logits, targets: (B,), targets in [0, 1]. chosen: (B,) places of the images among the training images."""
        shifted = logits + torch.from_numpy(self.log_odds[chosen]).to(logits)
        losses = F.binary_cross_entropy_with_logits(shifted, targets, reduction="none")
        if self.config.group_dro:
            groups = torch.from_numpy(self.groups[chosen]).to(logits.device)
            loss, self.group_weights = group_dro_step(losses, groups, self.group_weights, self.config.group_dro)
        else:
            loss = (losses * torch.from_numpy(self.weights[chosen]).to(losses)).mean()
        if self.config.independence:
            labels, codes = (torch.from_numpy(each[chosen]).to(logits.device) for each in (self.labels, self.codes))
            loss = loss + self.config.independence * dependence(logits, labels, codes)
        return loss
