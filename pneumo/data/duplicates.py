"""Near-duplicate images: under two labels, or in two parts of a split.

A copy that was saved again, brightened or resized is found too. Two radiographs of one child are not duplicates.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pneumo.data.dataset import Dataset
    from pneumo.data.pixel_cache import Pixels
    from pneumo.data.splits import Split

THUMBNAIL_SIDE = 16
"""Side of the thumbnails that are compared, in pixels."""

MIN_CORRELATION = 0.995
"""Correlation of two thumbnails above which the images are duplicates. Of the 5,232 images of chest-xray outside its
test part, 28 pairs lie above 0.9999, all of one patient each, and no other pair above 0.99."""

MAX_IMAGES_COMPARED = 20_000
"""Beyond this many no images are compared: each is with each, so the work grows with the square."""

COMPARED_SIZE = 32
"""Side in pixels at which `duplicate_groups` compares images, whatever size a network reads."""

_BLOCK_IMAGES = 1024


def warn_of_duplicates(table: pd.DataFrame, pixels: Pixels, parts: Split) -> None:
    """Warn of duplicates under two labels, or in two parts of a split, with the first three by name.

    table: of the data set. pixels: its decoded images. No image is removed, since either copy may be the wrong one.
    """
    side = np.full(len(table), "", dtype=object)
    for name in ("train", "validation", "test"):
        side[getattr(parts, name)] = name
    rows = np.flatnonzero(side != "")
    first, second = rows[duplicate_pairs(pixels, rows)].T
    labels = table["label"].to_numpy()
    _warn("under two labels; remove the wrong one", table, first, second, labels[first] != labels[second])
    _warn(
        "in two parts of the split, so the result flatters; remove one",
        table,
        first,
        second,
        side[first] != side[second],
    )


def duplicate_pairs(pixels: Pixels, rows: np.ndarray) -> np.ndarray:
    """Pairs of near-duplicate images.

    rows: (n,) of `pixels`. Returns (P, 2) indices into `rows`, the lower one first; none for more than
    MAX_IMAGES_COMPARED rows. An image without any contrast has no duplicates.
    """
    if len(rows) > MAX_IMAGES_COMPARED:
        return np.empty((0, 2), dtype=np.int64)
    starts = range(0, len(rows), _BLOCK_IMAGES)
    thumbnails = np.concatenate([_thumbnails(pixels.rows(rows[start : start + _BLOCK_IMAGES])) for start in starts])
    found = []
    for start in starts:
        similarity = thumbnails[start : start + _BLOCK_IMAGES] @ thumbnails[start:].T  # (B, N - start)
        pairs = np.argwhere(np.triu(similarity, k=1) > MIN_CORRELATION)
        found.append(pairs + start)
    return np.concatenate(found)


def duplicate_groups(dataset: Dataset) -> np.ndarray:
    """Numbers of groups of images that belong together, (N,): of one patient, or near-duplicates, in any chain.

    The images are compared as they are decoded for `COMPARED_SIZE` pixels. For a split that keeps copies together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from pneumo.data.pixel_cache import pixels

    count = len(dataset.table)
    first, second = duplicate_pairs(
        pixels(dataset, size=COMPARED_SIZE, resize="stretch", progress=False), np.arange(count)
    ).T
    if dataset.has_patients:
        patients = dataset.table["patient"].to_numpy()
        order = np.argsort(patients, kind="stable")
        same = patients[order[1:]] == patients[order[:-1]]
        first, second = np.r_[first, order[:-1][same]], np.r_[second, order[1:][same]]
    linked = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(linked, directed=False)[1]


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """Means over THUMBNAIL_SIDE x THUMBNAIL_SIDE fields, as vectors of mean 0 and length 1 (0 without contrast).

    images: (N, H, W) uint8. Returns (N, fields) float32.
    """
    edges = np.unique(np.linspace(0, images.shape[1], THUMBNAIL_SIDE + 1)[:-1].astype(int))
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
