"""How much of a saliency map lies inside a region."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from pneumo.evaluation import Interval
from pneumo.interpret.gradcam import lung_share, pointing_game


def saliency_in_mask(maps: Mapping[str, np.ndarray], mask: np.ndarray) -> pd.DataFrame:
    """How much of each set of saliency maps lies inside a mask, and how much would by chance.

    maps: (N, H, W) from 0 up by name, see `interpret.grad_cam`. mask: bool, (H, W), or (N, H, W) for sets of the same
    images. Returns one row a set, columns
        maps            name of the set
        images          N
        inside          mean share of a map's sum inside the mask; maps of zeros are left out
        maximum inside  share of the maps whose largest value lies inside (the pointing game)
        area            the mask's share of the image: what both would be by chance
    "inside" and "maximum inside" are 95 % intervals over images, of a mean (normal) and of a share (Wilson).

    >>> saliency_in_mask({"corner": np.eye(2)[None]}, np.array([[True, False], [False, False]]))["area"].tolist()
    [0.25]
    """
    rows = []
    for name, saliency in maps.items():
        shares = lung_share(saliency, mask)
        game = pointing_game(saliency, mask)
        cells = {"inside": _mean_interval(shares[np.isfinite(shares)]), "maximum inside": _share_interval(game.hits)}
        rows.append({"maps": name, "images": len(saliency), **cells, "area": float(game.chance.mean())})
    return pd.DataFrame(rows)


def centre_prior(shape: tuple[int, int, int], deviation: float = 0.15) -> np.ndarray:
    """Saliency maps that mark the centre of every image alike, a baseline for maps of a network.

    shape: (N, H, W). deviation: standard deviation of the Gaussian, as a share of the side. Returns `shape` in [0, 1].

    >>> centre_prior((1, 9, 9))[0].argmax()  # the middle of 81 pixels
    np.int64(40)
    """
    y, x = (np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / deviation) ** 2) for side in shape[1:])
    gaussian = y[:, None] * x
    return np.broadcast_to(gaussian / gaussian.max(), shape)


def _mean_interval(values: np.ndarray) -> Interval | None:
    if len(values) < 2:
        return None
    mean, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _share_interval(hits: np.ndarray) -> Interval:
    bounds = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return Interval(float(hits.mean()), float(bounds.low), float(bounds.high))
