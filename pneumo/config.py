"""What an experiment is: frozen values that say everything a run depends on, and nothing else.

An experiment is identified by its `key`, a digest of the values that determine the result. A field left at its
default does not enter the key, so a new field whose default means "off" voids no record. A changed default does
void them: the record keeps every value, and `records.find` compares them all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import cattrs
from cattrs.strategies import configure_tagged_union

from .augment.configuration import Augmentation
from .classical.configuration import ClassicalConfig
from .features.configuration import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, PixelsConfig
from .models.configuration import CNNConfig, EfficientNetConfig, NetworkConfig, PretrainedConfig, TransformerConfig

RECIPE = 1
"""Version of everything between a configuration and its result (decoding, batches, training). Raise it by hand when
results would change; tidying code leaves it, and the records, alone."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which radiographs, at which size, and how they are split.

    name: a name from `pneumo data list`, or a path.
    version: `Dataset.version`, who is in it.
    image_size: side in pixels. resize: "stretch", "letterbox" or "crop".
    validation_fraction: of the development images; whole patients.
    fraction: of the training images that are used; whole patients.
    """

    name: str
    version: str
    image_size: int = 64
    resize: str = "stretch"
    validation_fraction: float = 0.15
    fraction: float = 1.0
    split_seed: int = 0


@dataclass(frozen=True, kw_only=True)
class HeaderConfig:
    """No image at all: one number of the file's header is the score, see `pneumo.data.headers`.

    field: "width", "height", "aspect", "jpeg_quality" or "bytes_per_megapixel".
    """

    field: str


Model = HeaderConfig | ClassicalConfig | NetworkConfig


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """name: see `pneumo.training.OPTIMIZERS`. schedule: see `pneumo.training.SCHEDULES`."""

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
    The weights of the epoch with the lowest validation loss are kept either way.
    """

    epochs: int = 30
    batch_size: int = 32
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    patience: int | None = 6

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs={self.epochs}, batch_size={self.batch_size}: need at least 1 epoch and 2 images")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience={self.patience} must be at least 1, or None to train every epoch")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One run: data, model, training and seed give one record.

    name: where it belongs, "first-network/seed-0". minutes: what it costs on two cores. Neither enters the key.
    """

    name: str
    data: DataConfig
    model: Model
    training: TrainingConfig | None = None
    seed: int = 0
    minutes: float = 0.0

    NOT_IDENTITY: ClassVar[tuple[str, ...]] = ("name", "minutes")

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that identify the experiment and the recipe."""
        values = {name: value for name, value in to_dict(self, defaults=False).items() if name not in self.NOT_IDENTITY}
        return digest({"recipe": RECIPE, **values})[:12]

    def same_as(self, other: Experiment) -> bool:
        """Whether both would give the same record, whatever they are called and cost."""
        return all(
            getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.name not in self.NOT_IDENTITY
        )


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in its canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_dict(config: Any, *, defaults: bool = True) -> dict[str, Any]:
    """A configuration as JSON values. defaults: whether fields at their default are written out."""
    return (_full if defaults else _sparse).unstructure(config)


def from_dict(values: dict[str, Any]) -> Experiment:
    """The experiment that `to_dict` wrote. Raises ValueError for a field it does not know."""
    try:
        return _full.structure(values, Experiment)
    except (cattrs.BaseValidationError, KeyError, TypeError, ValueError) as error:
        structured = isinstance(error, cattrs.BaseValidationError)
        reasons = "; ".join(cattrs.transform_error(error)) if structured else str(error)
        raise ValueError(f"not an experiment of this version of pneumo: {reasons}") from error


def _converter(*, omit_default: bool) -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=omit_default, forbid_extra_keys=True)
    # The model of an experiment is one of several classes: a "kind" beside its fields says which.
    features = {config: config.name for config in (HOGConfig, LBPConfig, GLCMConfig, PixelsConfig)}
    configure_tagged_union(FeatureConfig, converter, tag_name="kind", tag_generator=features.__getitem__)
    kind = {
        HeaderConfig: "header",
        ClassicalConfig: "classical",
        CNNConfig: "cnn",
        TransformerConfig: "spatial-transformer",
        EfficientNetConfig: "efficientnet",
        PretrainedConfig: "pretrained",
    }
    configure_tagged_union(Model, converter, tag_name="kind", tag_generator=kind.__getitem__)
    return converter


_full = _converter(omit_default=False)
_sparse = _converter(omit_default=True)
