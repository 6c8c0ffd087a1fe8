"""Transfer learning."""

from __future__ import annotations

from dataclasses import replace

from pneumo.augment.configuration import MILD
from pneumo.experiments.builders import repeated, study_data
from pneumo.experiments.config import Experiment, OptimizerConfig, PretrainedConfig, TrainingConfig
from pneumo.models.configuration import Train

FINE_TUNING = TrainingConfig(
    epochs=3,
    batch_size=32,
    optimizer=OptimizerConfig(learning_rate=5e-4, weight_decay=0.01, schedule="one-cycle"),
    augmentation=MILD,
    patience=None,
)


def transfer_learning() -> list[Experiment]:
    """EfficientNet-Lite0 at 128 pixels: from scratch, feature extraction, fine-tuning of the top or of all.

    Three seeds. `pneumo run transfer-learning`: 33 min on 2 cores. On three tenths of the training images, since
    transfer learning is for few images. Feature extraction ("head") has ten times the learning rate.

    >>> sorted({experiment.variant for experiment in transfer_learning()})
    ['all', 'head', 'scratch', 'top']
    """
    fine = replace(FINE_TUNING, epochs=4)
    head = replace(fine, optimizer=replace(fine.optimizer, learning_rate=5e-3))
    variants: dict[Train, float] = {"scratch": 3.5, "head": 1.6, "top": 2.2, "all": 3.5}
    return [
        experiment
        for train, minutes in variants.items()
        for experiment in repeated(
            "transfer-learning",
            train,
            PretrainedConfig(train=train),
            head if train == "head" else fine,
            data=replace(study_data(128), fraction=0.3),
            minutes=minutes,
        )
    ]
