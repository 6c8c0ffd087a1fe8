"""Optimisers, learning rates and schedules."""

from __future__ import annotations

from dataclasses import replace

from pneumo.experiments.builders import EIGHT_EPOCHS, compared, reduced_training_data
from pneumo.experiments.config import Experiment, OptimizerConfig

RATES = {
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
    "momentum": (0.003, 0.01, 0.03, 0.1, 0.3),
    "nesterov": (0.003, 0.01, 0.03, 0.1, 0.3),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "adamw": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
}
"""Learning rates that each optimiser is tried at, half a decade apart."""


def optimizer(name: str, learning_rate: float, schedule: str = "constant") -> OptimizerConfig:
    """An optimiser of the comparison. AdamW decays its weights by PyTorch's default, the others do not."""
    decay = 0.01 if name == "adamw" else 0.0
    return OptimizerConfig(name=name, learning_rate=learning_rate, weight_decay=decay, schedule=schedule)


def learning_rates() -> list[Experiment]:
    """Six optimisers at five learning rates each, one seed. `pneumo run learning-rates`: 15 min on 2 cores.

    >>> {experiment.seed for experiment in learning_rates()}
    {0}
    """
    trainings = {
        f"{name}-{rate:g}": replace(EIGHT_EPOCHS, optimizer=optimizer(name, rate))
        for name, rates in RATES.items()
        for rate in rates
    }
    return compared(
        "learning-rates", trainings, chapter="optimizers", data=reduced_training_data(), seeds=range(1), minutes=0.5
    )


BEST_RATES = {"sgd": 0.1, "momentum": 0.1, "nesterov": 0.3, "rmsprop": 0.01, "adam": 0.003, "adamw": 0.001}
"""The learning rate of each optimiser with the lowest validation loss in `learning_rates`; a test compares them."""


def optimizers() -> list[Experiment]:
    """Six optimisers, each at the best learning rate of its sweep, three seeds. `pneumo run optimizers`: 9 min.

    >>> sorted({experiment.training.optimizer.name for experiment in optimizers()})
    ['adam', 'adamw', 'momentum', 'nesterov', 'rmsprop', 'sgd']
    """
    trainings = {name: replace(EIGHT_EPOCHS, optimizer=optimizer(name, rate)) for name, rate in BEST_RATES.items()}
    return compared("optimizers", trainings, data=reduced_training_data(), minutes=0.5)


def schedules() -> list[Experiment]:
    """Five schedules of AdamW's learning rate, three seeds. `pneumo run schedules`: 8 min on 2 cores.

    >>> sorted({experiment.training.optimizer.schedule for experiment in schedules()})
    ['constant', 'cosine', 'one-cycle', 'step', 'warmup-cosine']
    """
    names = ("constant", "step", "cosine", "warmup-cosine", "one-cycle")
    trainings = {name: replace(EIGHT_EPOCHS, optimizer=optimizer("adamw", 3e-3, name)) for name in names}
    return compared("schedules", trainings, chapter="optimizers", data=reduced_training_data(), minutes=0.5)
