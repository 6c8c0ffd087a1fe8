"""One builder of records for all tests: a record says what it predicts, and nothing is trained for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, HeaderConfig, TrainingConfig
from pneumo.experiments.records import PARTS, Record

SPLIT_PARTS = {"stressed": "validation"}
"""The part of the split of what is scored under another name."""


def make_record(
    name: str = "test/seed-0",
    *,
    group: str = "",
    variant: str = "",
    scores: ArrayLike | Mapping[str, ArrayLike] | None = None,
    labels: ArrayLike | Mapping[str, ArrayLike] = (0, 0, 1, 1),
    patients: Sequence[str] | None = None,
    model: Any = None,
    training: TrainingConfig | None = None,
    seed: int = 0,
    experiment: Experiment | None = None,
    split: pd.DataFrame | None = None,
    selection: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, float]] = (),
    provenance: Mapping[str, Any] | None = None,
) -> Record:
    """A record of made-up predictions.

    scores: logits by part, or those of the test part alone; by default every test image is right. labels: of each part
    alike, or by part. patients: of all images, part after part; by default each image is of a patient of its own.
    model: a `CNNConfig()` by default. selection: in addition to a threshold of 0.5.
    experiment: in place of one of the name, group, variant, model, training and seed. split: in place of one of the
        labels and patients.
    """
    if scores is None:
        scores = 2.0 * np.asarray(labels) - 1
    logits = {part: np.asarray(values, float) for part, values in _by_part(scores, ["test"]).items()}
    scored = {SPLIT_PARTS.get(part, part) for part in logits}
    parts = _by_part(labels, [part for part in PARTS if part in scored])
    if experiment is None:
        experiment = Experiment(
            name=name,
            group=group,
            variant=variant,
            data=DataConfig(name="phantom", version="0-0"),
            model=CNNConfig() if model is None else model,
            training=training,
            seed=seed,
        )
    return Record(
        experiment=experiment,
        scores=logits,
        split=_split(parts, patients) if split is None else split,
        selection={"threshold": 0.5, **(selection or {})},
        history=[dict(row) for row in history],
        provenance=dict(provenance or {}),
    )


def _by_part(values: ArrayLike | Mapping[str, ArrayLike], parts: Sequence[str]) -> dict[str, np.ndarray]:
    if isinstance(values, Mapping):
        return {part: np.asarray(each) for part, each in values.items()}
    return {part: np.asarray(values) for part in parts}


def _split(labels: Mapping[str, np.ndarray], patients: Sequence[str] | None) -> pd.DataFrame:
    images = [f"{part}/{number}.jpeg" for part, each in labels.items() for number in range(len(each))]
    return pd.DataFrame(
        {
            "image": images,
            "patient": images if patients is None else list(patients),
            "label": np.concatenate(list(labels.values())).astype(np.int8),
            "subtype": "",
            "part": [part for part, each in labels.items() for _ in each],
        }
    )


def header_record(field: str = "width", seed: int = 0, group: str = "headers") -> Record:
    """The record of an experiment on a field of the header, with the provenance that cards and lists show."""
    return make_record(
        f"headers/{field}",
        group=group,
        variant=field,
        model=HeaderConfig(field=field),
        seed=seed,
        provenance={
            "data": {"version": "1"}, "commit": "0123456789ab", "date": "2026-01-02T03:04:05+00:00", "seconds": 61.0,
            "peak_memory_mb": 1234, "versions": {"python": "3.11.7"},
            "machine": {"processor": "P", "cores": 2, "threads": 2, "memory_gb": 8.0, "accelerator": "none"},
        },
    )  # fmt: skip
