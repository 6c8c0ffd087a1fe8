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

    All training images, three seeds, eight epochs, whose learning rate falls to 0. `pneumo run transfer-learning`:
    120 min on 2 cores. Feature extraction ("head") has ten times the learning rate.

    >>> sorted({experiment.variant for experiment in transfer_learning()})
    ['all', 'head', 'scratch', 'top']
    """
    return _four_ways("transfer-learning", epochs=8, minutes=22)


def transfer_tenth() -> list[Experiment]:
    """The same four ways with a tenth of the training images, trained until each has levelled off; three seeds.

    `pneumo run transfer-tenth`: 80 min on 2 cores. 30 epochs, whose learning rate falls to 0.

    >>> {experiment.data.fraction for experiment in transfer_tenth()}
    {0.1}
    """
    return _four_ways("transfer-tenth", chapter="transfer-learning", epochs=30, fraction=0.1, minutes=9)


def _four_ways(group: str, *, chapter: str = "", epochs: int, fraction: float = 1, minutes: float) -> list[Experiment]:
    """minutes: of full fine-tuning."""
    fine = replace(FINE_TUNING, epochs=epochs)
    head = replace(fine, optimizer=replace(fine.optimizer, learning_rate=5e-3))
    share_of_time: dict[Train, float] = {"scratch": 1, "head": 0.46, "top": 0.63, "all": 1}
    return [
        experiment
        for train, share in share_of_time.items()
        for experiment in repeated(
            group,
            train,
            PretrainedConfig(train=train),
            head if train == "head" else fine,
            chapter=chapter,
            data=replace(study_data(128), fraction=fraction),
            minutes=minutes * share,
        )
    ]
