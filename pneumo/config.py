"""What an experiment is: frozen values that say everything a run depends on, and nothing else.

An experiment is identified by its `key`, a digest of the values that determine the result. A field left at its
default does not enter the key, so a new field whose default means "off" voids no record. A changed default does
void them: the record keeps every value, and `records.find` compares them all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, get_args

import cattrs
from cattrs.strategies import configure_tagged_union

from .augment.configuration import Augmentation
from .classical.configuration import ClassicalConfig
from .features.configuration import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from .models.configuration import CNNConfig, EfficientNetConfig, NetworkConfig, PretrainedConfig, TransformerConfig

RECIPE = 1
"""Version of everything between a configuration and its result (decoding, batches, training). Raise it by hand when
results would change; tidying code leaves it, and the records, alone."""

Look = Literal["whole", "without-lungs", "border", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which radiographs, at which size, and how they are split.

    name: a name from `pneumo data list`, or a path.
    version: `Dataset.version`, who is in it.
    image_size: side in pixels. resize: "stretch", "letterbox" or "crop".
    validation_fraction: of the development images; whole patients.
    fraction: of the training images that are used; whole patients.
    distortion: what befalls every image, of training, validation and test, once and for all.
    """

    name: str
    version: str
    image_size: int = 64
    resize: str = "stretch"
    validation_fraction: float = 0.15
    fraction: float = 1.0
    split_seed: int = 0
    distortion: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, kw_only=True)
class HeaderConfig:
    """No image at all: one number of the file's header is the score, see `pneumo.data.headers`.

    field: "width", "height", "aspect", "jpeg_quality" or "bytes_per_megapixel".
    """

    field: str


@dataclass(frozen=True, kw_only=True)
class ReadingConfig:
    """Networks that were trained before, read again: nothing is learnt. Their data and training are the experiment's.

    network: what was trained. seeds: of the trained networks; their logits are averaged.
    mirrored: whether each of them also reads the image mirrored left to right.
    change: what befalls the images first; drawn once for each image.
    look: what is left of the image: the "whole"; "without-lungs", where they lie is grey; the "border" alone; or all of
        it, cut into patches and "shuffled". See `pneumo.explain`.
    """

    network: NetworkConfig
    seeds: tuple[int, ...] = (0,)
    mirrored: bool = False
    change: Augmentation = field(default_factory=Augmentation)
    look: Look = "whole"

    def __post_init__(self) -> None:
        if not self.seeds:
            raise ValueError("seeds=() names no network; give at least one seed")
        if self.look not in get_args(Look):
            raise ValueError(f"look={self.look!r} is unknown; choose from {', '.join(get_args(Look))}")


Model = HeaderConfig | ClassicalConfig | NetworkConfig | ReadingConfig


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
    keep: the weights that are kept: of the "best" epoch, which has the lowest validation loss, or of the "last".
    label_smoothing: share of each label that is given to the other class, half of it at most.
    averaging: decay of an exponential moving average of the weights at each update, which is judged and kept in
        place of the last weights; 0 for none.
    validate_on: the images that choose epoch and threshold: the validation part as it is ("plain"), or copies of it
        as another machine might have taken them ("stressed", see `pneumo.augment.STRESS`).
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
    features = {config: config.name for config in (HOGConfig, LBPConfig, GLCMConfig, PixelsConfig, SpectrumConfig)}
    configure_tagged_union(FeatureConfig, converter, tag_name="kind", tag_generator=features.__getitem__)
    kind = {
        HeaderConfig: "header",
        ClassicalConfig: "classical",
        CNNConfig: "cnn",
        TransformerConfig: "spatial-transformer",
        EfficientNetConfig: "efficientnet",
        PretrainedConfig: "pretrained",
    }
    configure_tagged_union(NetworkConfig, converter, tag_name="kind", tag_generator=kind.__getitem__)
    kind |= {ReadingConfig: "reading"}
    configure_tagged_union(Model, converter, tag_name="kind", tag_generator=kind.__getitem__)
    return converter


_full = _converter(omit_default=False)
_sparse = _converter(omit_default=True)
