"""Optimisers, learning rates and schedules."""

from __future__ import annotations

from dataclasses import replace

from pneumo.experiments.builders import EIGHT_EPOCHS, FULL_LENGTH, SEEDS, compared, reduced_training_data
from pneumo.experiments.config import Experiment, OptimizerConfig

RATES = {
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "momentum": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "nesterov": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "adamw": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
}
"""Learning rates that each optimiser is tried at, half a decade apart."""


def optimizer(name: str, learning_rate: float, schedule: str = "cosine") -> OptimizerConfig:
    """An optimiser of the comparison. AdamW decays its weights by PyTorch's default, the others do not."""
    decay = 0.01 if name == "adamw" else 0.0
    return OptimizerConfig(name=name, learning_rate=learning_rate, weight_decay=decay, schedule=schedule)


def learning_rates() -> list[Experiment]:
    """Six optimisers at six learning rates each, which fall to 0 along a cosine; eight epochs on two fifths of the
    training images, two seeds. `pneumo run learning-rates`: 30 min on 2 cores.

    >>> {experiment.seed for experiment in learning_rates()}
    {0, 1}
    """
    trainings = {
        f"{name}-{rate:g}": replace(EIGHT_EPOCHS, optimizer=optimizer(name, rate))
        for name, rates in RATES.items()
        for rate in rates
    }
    return compared(
        "learning-rates", trainings, chapter="optimizers", data=reduced_training_data(), seeds=range(2), minutes=0.4
    )


BEST_RATES = {"sgd": 1.0, "momentum": 0.1, "nesterov": 0.1, "rmsprop": 0.003, "adam": 0.01, "adamw": 0.01}
"""The learning rate of each optimiser with the lowest validation loss in `learning_rates`; a test compares them."""


def optimizers() -> list[Experiment]:
    """Six optimisers, each at the best learning rate of its sweep, on all training images; five seeds.

    `pneumo run optimizers`: 40 min on 2 cores.

    >>> sorted({experiment.training.optimizer.name for experiment in optimizers()})
    ['adam', 'adamw', 'momentum', 'nesterov', 'rmsprop', 'sgd']
    """
    trainings = {name: replace(FULL_LENGTH, optimizer=optimizer(name, rate)) for name, rate in BEST_RATES.items()}
    return compared("optimizers", trainings, seeds=SEEDS, minutes=1.4)


SCHEDULED_RATE = 3e-3
"""The largest learning rate of all schedules but two: high for a constant rate, so that lowering it can show."""

LOWER_RATES = {"third": 1e-3, "tenth": 3e-4}
"""Constant learning rates beside it: a schedule is to be compared with a constant rate that suits the constant rate."""


def schedules() -> list[Experiment]:
    """Five schedules of AdamW's learning rate, and two lower constant rates, on all training images; five seeds.

    `pneumo run schedules`: 50 min on 2 cores.

    >>> sorted({experiment.training.optimizer.schedule for experiment in schedules()})
    ['constant', 'cosine', 'one-cycle', 'step', 'warmup-cosine']
    """
    names = ("constant", "step", "cosine", "warmup-cosine", "one-cycle")
    configs = {name: optimizer("adamw", SCHEDULED_RATE, name) for name in names}
    configs |= {f"constant-{share}": optimizer("adamw", rate, "constant") for share, rate in LOWER_RATES.items()}
    trainings = {name: replace(FULL_LENGTH, optimizer=config) for name, config in configs.items()}
    return compared("schedules", trainings, chapter="optimizers", seeds=SEEDS, minutes=1.4)
