"""EfficientNet: resolution, width, depth."""

from __future__ import annotations

from pneumo.experiments.builders import FULL_LENGTH, SEEDS, repeated, study_data
from pneumo.experiments.config import EfficientNetConfig, Experiment
from pneumo.models.configuration import Scaling, compound

COMPOUND_PHI = 2.0
"""Doublings of the multiply-adds in `scaling`: four times the base."""


def scaling() -> list[Experiment]:
    """A small EfficientNet made wider, deeper, finer, and all three, at matched multiply-adds; five seeds.

    `pneumo run scaling`: 200 min on 2 cores, less than 10 min on an accelerator (NVIDIA H200), twelve at a time.

    >>> {experiment.group for experiment in scaling()}
    {'scaling'}
    """
    scaled = {
        "base": Scaling(width=1.0, depth=1.0, resolution=1.0),
        "width": Scaling(width=2.25, depth=1.0, resolution=1.0),
        "depth": Scaling(width=1.0, depth=4.0, resolution=1.0),
        "resolution": Scaling(width=1.0, depth=1.0, resolution=2.0),
        "compound": compound(COMPOUND_PHI),
    }
    return [
        experiment
        for name, factors in scaled.items()
        for experiment in repeated(
            "scaling",
            name,
            EfficientNetConfig(base="small", width=factors.width, depth=factors.depth),
            FULL_LENGTH,
            data=study_data(round(64 * factors.resolution)),
            seeds=SEEDS,
            minutes=3 if name == "base" else 9,
        )
    ]
