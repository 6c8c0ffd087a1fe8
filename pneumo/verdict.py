"""Several chosen models on the same test images: tests between them, and how each fares with one kind of patient."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import evaluation
from .evaluation import Interval
from .tables import header_values

if TYPE_CHECKING:
    from .records import Record


def pairwise(models: Mapping[str, Record], *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """One row a pair of models: the difference of their AUCs, first minus second, and who calls which image right.

    Columns: models; AUC difference, with the 95 % interval over patients (paired bootstrap); p (DeLong); only first
    right, only second right, images at each model's own threshold; p (McNemar, exact). DeLong's and McNemar's tests
    take images as independent. seed: of the draws of patients.
    """
    return pd.DataFrame([_pair(*pair, part, seed) for pair in combinations(models.items(), 2)])


def _pair(first: tuple[str, Record], second: tuple[str, Record], part: str, seed: int) -> dict[str, Any]:
    (name, a), (other, b) = first, second
    one, two = a.frame(part), b.frame(part)
    if not one["image"].equals(two["image"]):
        raise ValueError(f"{a.experiment.name} and {b.experiment.name} predict different images")
    labels = one["label"].to_numpy()
    difference = evaluation.paired_bootstrap(
        labels,
        (one["score"].to_numpy(), two["score"].to_numpy()),
        one["patient"].to_numpy(),
        evaluation.auc,
        rng=np.random.default_rng(seed),
    )
    right = [
        (frame["probability"] >= record.threshold).to_numpy() == (labels == 1) for frame, record in ((one, a), (two, b))
    ]
    mcnemar = evaluation.mcnemar_exact(*right)
    return {
        "models": f"{name} − {other}",
        "AUC difference": difference,
        "p (DeLong)": evaluation.delong(labels, one["score"], two["score"]).p_value,
        "only first right": mcnemar.only_a,
        "only second right": mcnemar.only_b,
        "p (McNemar)": mcnemar.p_value,
    }


def subgroups(models: Mapping[str, Record], width: Record, *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """One row a kind of image, a column for each model: the share it calls right at its threshold.

    Kinds: each sub-type; and of each class the images narrower and wider than the part's median, which is how they were
    acquired and not what they show. Kinds without images are left out. width: the header record of the files' widths.
    Cells are 95 % intervals over patients. seed: of the draws of patients.
    """
    values = header_values(width)
    widths = values.loc[values["part"] == part, "width"].to_numpy()
    frame = next(iter(models.values())).frame(part)
    wide = widths > np.median(widths)
    kinds = {name: (frame["subtype"] == name).to_numpy() for name in frame["subtype"].unique()}
    for label, name in ((0, "normal"), (1, "pneumonia")):
        of_class = (frame["label"] == label).to_numpy()
        kinds |= {f"{name}, narrow file": of_class & ~wide, f"{name}, wide file": of_class & wide}
    rows = []
    for kind, chosen in kinds.items():
        if not chosen.any():
            continue
        cells = {name: _right(record, part, chosen, seed) for name, record in models.items()}
        rows.append({"kind": kind, "images": int(chosen.sum()), **cells})
    return pd.DataFrame(rows)


def _right(record: Record, part: str, chosen: np.ndarray, seed: int) -> Interval:
    """Share of the chosen images that are called right, with its interval over patients."""
    frame = record.frame(part)[chosen]
    right = ((frame["probability"] >= record.threshold) == (frame["label"] == 1)).to_numpy(float)
    patients, place = np.unique(frame["patient"], return_inverse=True)
    counts = np.bincount(place), np.bincount(place, right)
    draws = np.random.default_rng(seed).multinomial(
        len(patients), np.full(len(patients), 1 / len(patients)), size=2000
    )
    shares = (draws @ counts[1]) / (draws @ counts[0])
    return Interval(float(right.mean()), *(float(bound) for bound in np.quantile(shares, (0.025, 0.975))))
