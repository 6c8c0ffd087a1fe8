"""How much of a saliency map lies where it should."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from pneumo.evaluation import Interval
from pneumo.interpret import lung_share, pointing_game


def attention(maps: Mapping[str, np.ndarray], mask: np.ndarray) -> pd.DataFrame:
    """One row a set of maps: how much of them lies inside a mask, and how much would by chance.

    maps: by name (N, H, W) from 0 up, see `explain.grad_cam`. mask: (H, W), or (N, H, W) for sets of the same images.
    Columns maps, images, inside (mean share of a map's sum; maps of zeros have none), maximum inside (share of the maps
    whose largest value lies there, the pointing game) and area (the mask's share of the image, which is what both
    would be by chance). Cells are 95 % intervals over images: of a mean, and Wilson's.
    """
    rows = []
    for name, cam in maps.items():
        shares = lung_share(cam, mask)
        game = pointing_game(cam, mask)
        cells = {"inside": _mean_interval(shares[np.isfinite(shares)]), "maximum inside": _share_interval(game.hits)}
        rows.append({"maps": name, "images": len(cam), **cells, "area": float(game.chance.mean())})
    return pd.DataFrame(rows)


def middle(shape: tuple[int, int, int], spread: float = 0.15) -> np.ndarray:
    """Maps that look at the middle of every image alike: what one has to beat to have looked at anything.

    shape: (N, H, W). spread: of the round blob, its standard deviation as a share of the side. Returns (N, H, W) in
    [0, 1].
    """
    y, x = (np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / spread) ** 2) for side in shape[1:])
    blob = y[:, None] * x
    return np.broadcast_to(blob / blob.max(), shape)


def _mean_interval(values: np.ndarray) -> Interval | None:
    if len(values) < 2:
        return None
    mean, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def _share_interval(hits: np.ndarray) -> Interval:
    bounds = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return Interval(float(hits.mean()), float(bounds.low), float(bounds.high))
