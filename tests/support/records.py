"""One builder for the records of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pneumo.experiments.config import DataConfig, Experiment, HeaderConfig
from pneumo.experiments.records import SCORED_PARTS, Record

EXPERIMENT = Experiment(
    name="group/a", data=DataConfig(name="phantom", version="6-abc"), model=HeaderConfig(field="width")
)


def make_split(
    labels: Mapping[str, Sequence[int]],
    patients: Mapping[str, Sequence[str]] | None = None,
    subtypes: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """A split of images "PART/0.png", "PART/1.png" and so on.

    labels: of the images of each part. patients: by default every image has a patient of its own; "" is unknown.
    subtypes: by default none.
    """
    frames = [
        pd.DataFrame(
            {
                "image": [f"{part}/{i}.png" for i in range(len(values))],
                "patient": list(patients[part]) if patients else [f"{part}-{i}" for i in range(len(values))],
                "label": np.array(values, np.int8),
                "subtype": list(subtypes[part]) if subtypes else [""] * len(values),
                "part": part,
            }
        )
        for part, values in labels.items()
    ]
    return pd.concat(frames, ignore_index=True)


def make_record(
    scores: Mapping[str, Sequence[float] | np.ndarray],
    *,
    experiment: Experiment = EXPERIMENT,
    split: pd.DataFrame | None = None,
    threshold: float = 0.5,
    selection: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> Record:
    """A record of these logits by part.

    split: by default the first half of each part's images is negative and the rest positive, each a patient of its own.
    threshold: on the probability. selection: what else was chosen.
    """
    if split is None:
        images = {SCORED_PARTS.get(part, part): len(values) for part, values in scores.items()}
        split = make_split({part: [0] * (n // 2) + [1] * (n - n // 2) for part, n in images.items()})
    return Record(
        experiment=experiment,
        scores={part: np.asarray(values, float) for part, values in scores.items()},
        split=split,
        selection={"threshold": threshold, **(selection or {})},
        provenance=dict(provenance or {}),
        history=[dict(row) for row in history],
    )
