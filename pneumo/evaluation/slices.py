"""Where a model fails: the error rate in every slice of the images, beside the rate in all others.

A slice is one value of one attribute: a stratum of acquisition, a run of file numbers, images with a burnt-in mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest, fisher_exact

from pneumo.evaluation.hierarchical import holm
from pneumo.evaluation.intervals import Interval

SMALLEST_SLICE = 10
"""Images of a class that a slice needs to be listed."""

RUN_LENGTH = 50
"""Images of a run of file numbers, about."""


def failures_by_slice(
    labels: Sequence[int] | np.ndarray,
    predicted: Sequence[bool] | np.ndarray,
    slices: Mapping[str, Sequence[object] | np.ndarray],
    *,
    classes: tuple[str, str] = ("negative", "positive"),
    smallest: int = SMALLEST_SLICE,
) -> pd.DataFrame:
    """The error rate of each slice, within one class, beside that of the class's other images; the worst first.

    labels: (N,) 0 or 1. predicted: (N,), whether each image is called positive.
    slices: for each attribute its value for every image, (N,); images whose value is None or missing are in no slice.
    classes: names of label 0 and 1. smallest: images of the class that a slice needs, and its complement too.
    Columns: attribute, slice, class, images, errors, error rate (with Wilson's 95 % interval), others (the error rate
    of the class's other images), p (Fisher's exact test, one-sided: more errors here), and corrected p (Holm, over all
    rows). Images are taken as independent, which those of one patient are not: a slice with a corrected p below 0.05 is
    a place to look at, not a proof. Raises ValueError for lengths that differ.

    >>> table = failures_by_slice(
    ...     [0] * 40, [True] * 8 + [False] * 32, {"site": ["a"] * 10 + ["b"] * 30}, classes=("normal", "pneumonia")
    ... )
    >>> print(*table.loc[0, ["slice", "images", "errors", "others"]])
    a 10 8 0.0
    """
    label, called = np.asarray(labels, int), np.asarray(predicted, bool)
    if any(len(values) != len(label) for values in (called, *slices.values())):
        raise ValueError(f"{len(label)} labels, but other lengths of predictions or of {', '.join(slices)}")
    wrong = called != (label == 1)
    rows = []
    for attribute, values in slices.items():
        column = pd.Series(np.asarray(values, object))
        for value in sorted(column.dropna().unique(), key=str):
            inside = (column == value).to_numpy(bool)
            for number, name in enumerate(classes):
                here, there = wrong[inside & (label == number)], wrong[~inside & (label == number)]
                if min(len(here), len(there)) >= smallest:
                    rows.append({"attribute": attribute, "slice": str(value), "class": name, **_compared(here, there)})
    columns = ["attribute", "slice", "class", "images", "errors", "error rate", "others", "p"]
    table = pd.DataFrame(rows, columns=columns).astype({"p": float})
    table["corrected p"] = holm(table["p"].tolist())
    return table.sort_values(["p", "attribute", "slice"], ignore_index=True)


def _compared(here: np.ndarray, there: np.ndarray) -> dict[str, object]:
    errors, others = int(here.sum()), int(there.sum())
    bounds = binomtest(errors, len(here)).proportion_ci(method="wilson")
    table = [[errors, len(here) - errors], [others, len(there) - others]]
    return {
        "images": len(here),
        "errors": errors,
        "error rate": Interval(errors / len(here), float(bounds.low), float(bounds.high)),
        "others": others / len(there),
        "p": float(fisher_exact(table, alternative="greater")[1]),  # pyright: ignore[reportArgumentType]
    }


def file_number_runs(names: Sequence[str], *, length: int = RUN_LENGTH) -> list[str | None]:
    """The run of file numbers that each image is in: files numbered one after another were often acquired together.

    names: paths or names of files; folders and endings are left out. Names that differ in digits alone are a series; a
    series is sorted by its numbers and cut into runs of about `length` images. A run is called by its first and last
    name, without what both begin with. None for a name without digits, and for a series of fewer than half as many
    images as a run has.

    >>> file_number_runs(["a/IM-2.jpeg", "b/IM-1.jpeg", "IM-4.png", "IM-10.png", "front.png"], length=2)
    ['IM-1 to 2', 'IM-1 to 2', 'IM-4 to 10', 'IM-4 to 10', None]
    """
    stems = [re.sub(r"\.\w{1,8}$", "", re.split(r"[/\\]", name)[-1]) for name in names]
    series: dict[str, list[int]] = {}
    for place, stem in enumerate(stems):
        if re.search(r"\d", stem):
            series.setdefault(re.sub(r"\d+", "#", stem), []).append(place)
    runs: list[str | None] = [None] * len(stems)
    for places in series.values():
        if len(places) < length / 2:
            continue
        places.sort(key=lambda place: [int(digits) for digits in re.findall(r"\d+", stems[place])])
        for run in np.array_split(np.array(places), max(1, round(len(places) / length))):
            name = _run_name(stems[run[0]], stems[run[-1]])
            for place in run:
                runs[place] = name
    return runs


def _run_name(first: str, last: str) -> str:
    """Two names that differ in digits alone as "IM-0206-0001 to 0311-0001"; one where they are the same."""
    names = [re.split(r"(\d+)", name) for name in (first, last)]
    differ = next((place for place, (one, other) in enumerate(zip(*names, strict=True)) if one != other), None)
    return first if differ is None else f"{first} to {''.join(names[1][differ:])}"
