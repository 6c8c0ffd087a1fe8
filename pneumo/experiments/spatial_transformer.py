"""Spatial transformer networks."""

from __future__ import annotations

from dataclasses import replace

from pneumo.augment.configuration import Augmentation
from pneumo.experiments.builders import FULL_LENGTH, SEEDS, repeated, study_data
from pneumo.experiments.config import CNNConfig, Experiment, TransformerConfig

DISPLACED = Augmentation(
    rotation_range=30.0, width_shift_range=0.2, height_shift_range=0.2, zoom_range=(0.6, 1.0), fill_mode="constant"
)
"""Random rotation, shift and shrinking on a black background: displacements that a spatial transformer can undo."""


def spatial_transformer() -> list[Experiment]:
    """The baseline CNN with and without a spatial transformer, on radiographs as they are and displaced, five seeds.

    `pneumo run spatial-transformer`: 75 min on 2 cores.

    >>> {experiment.group for experiment in spatial_transformer()}
    {'spatial-transformer'}
    """
    networks = {
        "cnn": CNNConfig(),
        "affine": TransformerConfig(),
        "attention": TransformerConfig(transformation="attention"),
    }
    images = {"clean": study_data(), "displaced": replace(study_data(), distortion=DISPLACED)}
    return [
        experiment
        for condition, data in images.items()
        for name, model in networks.items()
        for experiment in repeated(
            "spatial-transformer",
            f"{condition}-{name}",
            model,
            FULL_LENGTH,
            data=data,
            seeds=SEEDS,
            minutes=2.5,
        )
    ]
