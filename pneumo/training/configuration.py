"""How a network is trained: values alone, so that experiments can be named where PyTorch is not needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pneumo.augment.configuration import Augmentation


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """name: see `pneumo.training.OPTIMIZERS`. schedule: see `pneumo.training.SCHEDULES`.

    >>> OptimizerConfig(learning_rate=5e-4, schedule="one-cycle").name
    'adamw'
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "constant"

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate={self.learning_rate} must be above 0")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay={self.weight_decay} must not be negative")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a network is trained.

    epochs: at most. patience: epochs without a lower validation loss before training stops; None trains them all.
    keep: the weights that are kept: of the "best" epoch, which has the lowest validation loss, or of the "last".
    label_smoothing: share of each label that is given to the other class, half of it at most.
    averaging: decay of an exponential moving average of the weights at each update, which is judged and kept in
        place of the last weights; 0 for none.
    validate_on: the images that choose epoch and threshold: the validation part as it is ("plain"), or copies of it
        as another machine might have taken them ("stressed", see `pneumo.augment.STRESS`).

    >>> TrainingConfig(epochs=5, optimizer=OptimizerConfig(learning_rate=5e-4)).batch_size
    32
    """

    epochs: int = 30
    batch_size: int = 32
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    patience: int | None = 6
    keep: Literal["best", "last"] = "best"
    label_smoothing: float = 0.0
    averaging: float = 0.0
    validate_on: Literal["plain", "stressed"] = "plain"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs={self.epochs}, batch_size={self.batch_size}: need at least 1 epoch and 2 images")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience={self.patience} must be at least 1, or None to train every epoch")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing={self.label_smoothing} is out of range; use 0 to below 1, 0.1 as a rule")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging={self.averaging} is no decay; use 0 for none, or 0.99 for about 100 updates")
        if self.keep not in ("best", "last") or self.validate_on not in ("plain", "stressed"):
            raise ValueError(
                f'keep={self.keep!r}, validate_on={self.validate_on!r}: use "best" or "last", "plain" or "stressed"'
            )
