"""How a network is trained: values alone, so that experiments can be named where PyTorch is not needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pneumo.augment.configuration import Augmentation
from pneumo.io.text import changed_fields


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """An optimiser, its learning rate and its schedule.

    name: sgd, momentum, nesterov, rmsprop, adam or adamw.
    learning_rate: at the start; with a schedule, the factor of all rates. weight_decay: see `build_optimizer`.
    schedule: constant, step, cosine, warmup-cosine or one-cycle.

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
class UntyingConfig:
    """How training keeps a network from learning how images were acquired; the default does nothing.

    The acquisition strata are those of `pneumo.data.strata`, of the training images; strata with fewer than
    `smallest_group` images of a class are merged with the next, against overfitting to a handful of images.

    field: of the file's header, "height" or "aspect", that defines the strata.
    weight_exponent: a in the weight (n_expected / n)^a of each image in the loss, where n is the number of images of
        its class and stratum, and n_expected that number if class and stratum were independent. 0 weighs all images
        alike, 1 makes class and stratum independent; between, the weights are softer.
    weight_cap: the largest of these weights; they are then scaled to a mean of 1.
    bias_balanced: whether the log odds of the class in the image's stratum are added to the logit in the training loss
        (Luo et al. 2022, arXiv:2203.09860), less the log odds in all: the network need not learn what they explain.
    bias_strength: factor of these log odds; 1 as published, less for a softer correction.
    group_dro: step size of the group weights in group DRO (Sagawa et al. 2020, arXiv:1911.08731), where groups are
        class and stratum; 0 for the mean loss. Its authors use 0.01.
    independence: weight of a penalty in the loss, for each class of a batch the squared correlation of the logit with
        the code of the image's stratum: within a class the prediction then depends less on acquisition (after Veitch et
        al. 2021, arXiv:2106.00545, who penalise the distance of whole distributions). 0 for none, 1 as a rule. It can
        be joined with each of the corrections above.
    style_exchange: probability with which an image takes the style of one of the other class in its batch: amplitudes
        of low frequencies, grey levels and, where images are stretched, aspect ratio. See `pneumo.augment.style`.
    frame_exchange: probability with which an image takes the outer frame, with its letters and edges, of one of the
        other class in its batch; 0.5 makes frames independent of the class. See `pneumo.augment.exchange_frames`.
    Raises ValueError for a value out of range, and for two of weight_exponent, bias_balanced and group_dro at once,
    since each alone makes class and stratum independent in the loss.
    """

    field: Literal["height", "aspect"] = "height"
    smallest_group: int = 20
    weight_exponent: float = 0.0
    weight_cap: float = 10.0
    bias_balanced: bool = False
    bias_strength: float = 1.0
    group_dro: float = 0.0
    independence: float = 0.0
    style_exchange: float = 0.0
    frame_exchange: float = 0.0

    def __post_init__(self) -> None:
        if self.field not in ("height", "aspect"):
            raise ValueError(f'field={self.field!r} is unknown; use "height" or "aspect"')
        if self.smallest_group < 1 or self.weight_cap < 1:
            raise ValueError(f"smallest_group={self.smallest_group}, weight_cap={self.weight_cap}: use at least 1")
        if not 0 <= self.weight_exponent <= 1:
            raise ValueError(f"weight_exponent={self.weight_exponent} is out of range; use 0 to 1, 0.5 as a rule")
        if not 0 <= self.group_dro <= 1:
            raise ValueError(f"group_dro={self.group_dro} is out of range; use 0 to 1, 0.01 as its authors do")
        if not 0 < self.bias_strength <= 1:
            raise ValueError(f"bias_strength={self.bias_strength} is out of range; use above 0 to 1, 1 as published")
        if not 0 <= self.independence <= 100:
            raise ValueError(f"independence={self.independence} is out of range; use 0 to 100, 1 as a rule")
        for name in ("style_exchange", "frame_exchange"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is no probability; use 0 to 1")
        if (self.weight_exponent > 0) + self.bias_balanced + (self.group_dro > 0) > 1:
            raise ValueError(
                f"weight_exponent={self.weight_exponent}, bias_balanced={self.bias_balanced}, "
                f"group_dro={self.group_dro}: each corrects for the same imbalance; use one of them"
            )

    @property
    def needs_strata(self) -> bool:
        """Whether the training loss depends on the strata of the training images."""
        return self.weight_exponent > 0 or self.bias_balanced or self.group_dro > 0 or self.independence > 0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a network is trained.

    epochs: at most. patience: epochs without a lower validation loss before training stops; None trains them all.
    keep: the weights that are kept: of the "best" epoch, which has the lowest validation loss, or of the "last".
    label_smoothing: share of each label that is given to the other class, half of it at most.
    averaging: decay of an exponential moving average of the weights at each update, which is judged and kept in
        place of the last weights; 0 for none.
    validate_on: the images that choose epoch and threshold: the validation part as it is ("plain"), copies of it
        as another machine might have taken them ("stressed", see `pneumo.augment.STRESS`), or "both".
    select_by: the loss on these images that chooses the epoch: its "mean"; the mean over acquisition strata
        ("balanced"), in each of which both classes count alike; or the largest of the strata's ("worst-stratum").
    untying: how class and acquisition are made independent in training; its field also defines the strata that select.
    start: key of the experiment with whose trained weights training starts, of a network of the same kind; "" for the
        network's own initial weights, random or pretrained. Its weights must be on this machine.

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
    validate_on: Literal["plain", "stressed", "both"] = "plain"
    select_by: Literal["mean", "balanced", "worst-stratum"] = "mean"
    untying: UntyingConfig = field(default_factory=UntyingConfig)
    start: str = ""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs={self.epochs}, batch_size={self.batch_size}: need at least 1 epoch and 2 images")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience={self.patience} must be at least 1, or None to train every epoch")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing={self.label_smoothing} is out of range; use 0 to below 1, 0.1 as a rule")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging={self.averaging} is no decay; use 0 for none, or 0.99 for about 100 updates")
        if self.keep not in ("best", "last") or self.validate_on not in ("plain", "stressed", "both"):
            raise ValueError(
                f"keep={self.keep!r}, validate_on={self.validate_on!r}: "
                'use "best" or "last", "plain", "stressed" or "both"'
            )
        if self.select_by not in ("mean", "balanced", "worst-stratum"):
            raise ValueError(f'select_by={self.select_by!r} is unknown; use "mean", "balanced" or "worst-stratum"')
        if self.untying != UntyingConfig() and self.augmentation.mixup_alpha:
            raise ValueError(
                f"mixup_alpha={self.augmentation.mixup_alpha} mixes images of two strata, which have no stratum "
                "of their own; leave out mixup or untying"
            )

    def __repr__(self) -> str:
        """Without the fields that have their default."""
        return changed_fields(self)

    @property
    def needs_strata(self) -> bool:
        """Whether training or selection depends on the images' acquisition strata."""
        return self.select_by != "mean" or self.untying.needs_strata
