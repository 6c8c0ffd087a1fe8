"""The same picture twice: under two labels, or on both sides of a split.

A copy that was saved again, brightened or resized is found too. Two films of one child are not: they differ far more.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pneumo.data.pixel_cache import Pixels
    from pneumo.data.splits import Split

SIDE = 16
"""Side of the thumbnails that are compared."""

SIMILAR = 0.995
"""Correlation of two thumbnails from which they show one picture. Of the 5,232 images of chest-xray to learn from, 28
pairs lie above 0.9999, all of one patient each, and no other pair above 0.99."""

MOST = 20_000
"""Images that are compared; each with each, so the work grows with the square."""

_BLOCK = 1024


def warn_of_copies(table: pd.DataFrame, pixels: Pixels, parts: Split) -> None:
    """Warn where one picture stands under two labels, or in two parts of a split, with the first three by name.

    table: of the data set. pixels: its decoded images. Nothing is left out: which copy is right, no program knows.
    """
    side = np.full(len(table), "", dtype=object)
    for name in ("train", "validation", "test"):
        side[getattr(parts, name)] = name
    rows = np.flatnonzero(side != "")
    first, second = rows[copies(pixels, rows)].T
    labels = table["label"].to_numpy()
    _warn("under two labels; remove the wrong one", table, first, second, labels[first] != labels[second])
    _warn(
        "in two parts of the split, so the result flatters; remove one",
        table,
        first,
        second,
        side[first] != side[second],
    )


def copies(pixels: Pixels, rows: np.ndarray) -> np.ndarray:
    """Pairs of images that show one picture, (P, 2): places in `rows`, the lower one first.

    An image without any contrast is like no other. Empty for more than MOST images.
    """
    if len(rows) > MOST:
        return np.empty((0, 2), dtype=np.int64)
    starts = range(0, len(rows), _BLOCK)
    thumbnails = np.concatenate([_thumbnails(pixels.rows(rows[start : start + _BLOCK])) for start in starts])
    found = []
    for start in starts:
        similarity = thumbnails[start : start + _BLOCK] @ thumbnails[start:].T  # (B, N - start)
        pairs = np.argwhere(np.triu(similarity, k=1) > SIMILAR)
        found.append(pairs + start)
    return np.concatenate(found)


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """Means over SIDE x SIDE fields, as vectors of mean 0 and length 1, (N, fields) float32; 0 without contrast.

    images: (N, H, W) uint8.
    """
    edges = np.unique(np.linspace(0, images.shape[1], SIDE + 1)[:-1].astype(int))
    widths = np.diff(edges, append=images.shape[1])
    sums = np.add.reduceat(np.add.reduceat(images, edges, axis=1, dtype=np.float32), edges, axis=2)
    means = (sums / (widths[:, None] * widths)).reshape(len(images), -1)
    means -= means.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return means / np.where(lengths > 1e-3, lengths, np.inf)


def _warn(where: str, table: pd.DataFrame, first: np.ndarray, second: np.ndarray, chosen: np.ndarray) -> None:
    if not chosen.any():
        return
    names = table["image"].to_numpy()
    pairs = zip(first[chosen][:3], second[chosen][:3], strict=True)
    listed = "; ".join(f"{names[one]} and {names[other]}" for one, other in pairs)
    more = f" and {chosen.sum() - 3} more" if chosen.sum() > 3 else ""
    warnings.warn(f"{chosen.sum()} pair(s) of images show one picture {where}: {listed}{more}", stacklevel=3)
