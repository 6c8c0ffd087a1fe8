"""Acquisition strata: groups of images that were acquired alike, by what the file's header says and no lung shows.

In the archive of paediatric radiographs, height and aspect ratio of the original files are tied to the class: of the
training images up to 750 pixels high nearly all show pneumonia, of those above 1,300 pixels three in four are normal. A
model can use that. Results within a stratum, where the tie is weaker, tell how far it does.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

StratumField = Literal["height", "aspect"]

STRATUM_EDGES: dict[StratumField, tuple[float, ...]] = {
    "height": (750.0, 900.0, 1100.0, 1300.0),
    "aspect": (1.2, 1.4, 1.6),
}
"""Upper bounds, included, of all strata but the last: height in pixels, aspect ratio as width / height."""


def stratify(values: ArrayLike, field: StratumField = "height") -> pd.Categorical:
    """The acquisition stratum of each image, from one number of its file's header.

    values: (N,) heights of the original files in pixels, or their widths / heights. field: which of the two.
    Returns (N,) ordered categories, "up to 750 px", "751 to 900 px", ..., "above 1,300 px".
    Raises ValueError for an unknown field, and for a value that is not a positive number.

        >>> stratify([700, 750, 751, 2000]).tolist()
        ['up to 750 px', 'up to 750 px', '751 to 900 px', 'above 1,300 px']
    """
    if field not in STRATUM_EDGES:
        raise ValueError(f"field={field!r} is unknown; choose from {', '.join(STRATUM_EDGES)}")
    numbers = np.asarray(values, dtype=float)
    wrong = numbers[~(np.isfinite(numbers) & (numbers > 0))]
    if wrong.size:
        raise ValueError(f"{field} {wrong[0]} is not a positive number; leave out images without a header")
    codes = np.searchsorted(STRATUM_EDGES[field], numbers, side="left")
    return pd.Categorical.from_codes(codes.astype(int), categories=stratum_names(field), ordered=True)


def stratum_names(field: StratumField) -> list[str]:
    """The names of the strata, from the lowest."""
    edges = STRATUM_EDGES[field]
    if field == "height":
        between = [f"{low + 1:,.0f} to {high:,.0f} px" for low, high in pairwise(edges)]
        return [f"up to {edges[0]:,.0f} px", *between, f"above {edges[-1]:,.0f} px"]
    between = [f"above {low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]:g}", *between, f"above {edges[-1]:g}"]


def merged_strata(strata: np.ndarray, labels: np.ndarray, smallest_group: int) -> np.ndarray:
    """The merged stratum of each stratum: neighbours are merged until each holds enough images of each class.

    strata: (N,) codes from 0. labels: (N,) 0 or 1. From the lowest on, a stratum takes in the next while one of its
    classes has fewer than `smallest_group` images; what is left at the top joins the last.
    Returns (number of strata,) codes from 0, ascending: `merged_strata(...)[strata]` are the images' merged strata.

        >>> strata, labels = np.repeat([0, 0, 1, 1, 2, 2], 3), np.tile([0, 1], 9)
        >>> merged_strata(strata, labels, 4).tolist()
        [0, 0, 0]
        >>> merged_strata(strata, labels, 3).tolist()
        [0, 1, 2]
    """
    counts = np.stack([np.bincount(strata[labels == label], minlength=strata.max() + 1) for label in (0, 1)])
    merged = np.zeros(counts.shape[1], dtype=np.int64)
    number, held = 0, np.zeros(2, dtype=np.int64)
    for stratum in range(len(merged)):
        merged[stratum] = number
        held += counts[:, stratum]
        if held.min() >= smallest_group:
            number, held = number + 1, np.zeros(2, dtype=np.int64)
    # The last one was not filled: its strata join the one before.
    merged[merged == number] = max(number - 1, 0)
    return merged
