"""Data augmentation."""

from __future__ import annotations

from dataclasses import replace

from pneumo.augment.configuration import GENERATOR, MILD, MIXUP, NONE, STRONG
from pneumo.experiments.builders import SEEDS, repeated, study_data
from pneumo.experiments.config import CNNConfig, Experiment
from pneumo.experiments.regularisation import TRAINING_BY_FRACTION, fraction_name

AUGMENTATIONS = {"none": NONE, "mild": MILD, "generator": GENERATOR, "strong": STRONG, "mixup": MIXUP}


def augmentation() -> list[Experiment]:
    """Five ways to vary training images; all training images and a tenth; five seeds.

    `pneumo run augmentation`: 65 min on 2 cores.

    >>> len({experiment.variant for experiment in augmentation()})
    10
    """
    return [
        experiment
        for fraction, training in TRAINING_BY_FRACTION.items()
        for name, config in AUGMENTATIONS.items()
        for experiment in repeated(
            "augmentation",
            f"{fraction_name(fraction)}-{name}",
            CNNConfig(),
            replace(training, augmentation=config),
            data=replace(study_data(), fraction=fraction),
            seeds=SEEDS,
            minutes=1.7 if fraction == 1 else 0.9,
        )
    ]
