"""A baseline CNN."""

from __future__ import annotations

from pneumo.experiments.builders import SEEDS, repeated
from pneumo.experiments.config import CNNConfig, Experiment, OptimizerConfig, TrainingConfig


def first_network() -> list[Experiment]:
    """The baseline CNN at 64 pixels, five seeds. `pneumo run first-network`: 20 min on 2 cores.

    Nearly perfect on validation patients, far from it on test patients: half of the normal radiographs are predicted
    positive.

    >>> [experiment.seed for experiment in first_network()]
    [0, 1, 2, 3, 4]
    """
    training = TrainingConfig(epochs=30, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3), patience=6)
    return repeated("first-network", "", CNNConfig(), training, seeds=SEEDS, minutes=4)
