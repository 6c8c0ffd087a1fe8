"""Regularisation."""

from __future__ import annotations

from dataclasses import replace

from pneumo.experiments.builders import FULL_LENGTH, SEEDS, repeated, study_data
from pneumo.experiments.config import CNNConfig, Experiment, TrainingConfig

TRAINING_BY_FRACTION = {1.0: FULL_LENGTH, 0.1: replace(FULL_LENGTH, epochs=60)}
"""Training on all training images, and on a tenth of them, where an epoch has a tenth of the updates."""


def regularisation() -> list[Experiment]:
    """None, four regularisers, and all together; all training images and a tenth; five seeds.

    `pneumo run regularisation`: 70 min on 2 cores. "none" keeps the weights of the last epoch, as each regulariser but
    early stopping does.

    >>> {experiment.group for experiment in regularisation()}
    {'regularisation'}
    """
    return [
        experiment
        for fraction, training in TRAINING_BY_FRACTION.items()
        for name, (dropout, config) in regularisers(replace(training, keep="last")).items()
        for experiment in repeated(
            "regularisation",
            f"{fraction_name(fraction)}-{name}",
            CNNConfig(dropout=dropout),
            config,
            data=replace(study_data(), fraction=fraction),
            seeds=SEEDS,
            minutes=1.5 if fraction == 1 else 0.8,
        )
    ]


def regularisers(none: TrainingConfig) -> dict[str, tuple[float, TrainingConfig]]:
    """Dropout and training of each variant of `regularisation`."""
    decay = replace(none.optimizer, weight_decay=0.3)
    return {
        "none": (0.0, none),
        "dropout": (0.5, none),
        "weight-decay": (0.0, replace(none, optimizer=decay)),
        "label-smoothing": (0.0, replace(none, label_smoothing=0.1)),
        "early-stopping": (0.0, replace(none, keep="best", patience=4)),
        "all": (0.5, replace(none, optimizer=decay, label_smoothing=0.1, keep="best", patience=4)),
    }


def fraction_name(fraction: float) -> str:
    """How names say it: "full" or "tenth"."""
    return {1.0: "full", 0.1: "tenth"}[fraction]
