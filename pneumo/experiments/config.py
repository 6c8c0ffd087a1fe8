"""What an experiment is: frozen values that say everything a run depends on, and nothing else.

An experiment is identified by its `key`, a digest of the values that determine the result. A field left at its
default does not enter the key, so a new field whose default means "off" voids no record. A changed default does
void them: the record keeps every value, and `records.find` compares them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import cattrs
from cattrs.gen import make_dict_unstructure_fn
from cattrs.strategies import configure_tagged_union

from pneumo.augment.configuration import Augmentation
from pneumo.classical.configuration import ClassicalConfig
from pneumo.features.configuration import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from pneumo.io.digests import json_digest
from pneumo.io.text import changed_fields
from pneumo.models.configuration import (
    CNNConfig,
    EfficientNetConfig,
    NetworkConfig,
    PretrainedConfig,
    TransformerConfig,
)
from pneumo.training.configuration import OptimizerConfig, TrainingConfig, UntyingConfig

__all__ = [
    "RECIPE",
    "Augmentation",
    "CNNConfig",
    "ClassicalConfig",
    "DataConfig",
    "EfficientNetConfig",
    "Experiment",
    "FeatureConfig",
    "GLCMConfig",
    "HOGConfig",
    "HeaderConfig",
    "LBPConfig",
    "ModelConfig",
    "NetworkConfig",
    "Occlusion",
    "OptimizerConfig",
    "PixelsConfig",
    "PretrainedConfig",
    "ReevaluationConfig",
    "SpectrumConfig",
    "TrainingConfig",
    "TransformerConfig",
    "UntyingConfig",
    "from_dict",
    "soup_of",
    "to_dict",
]

RECIPE = 1
"""Version of everything between a configuration and its result (decoding, batches, training). Raise it by hand when
results would change; tidying code leaves it, and the records, alone."""

Resize = Literal["stretch", "letterbox", "crop", "square", "thorax"]
Grey = Literal["as-is", "equalised", "percentiles"]
Occlusion = Literal["whole", "without-lungs", "border", "shuffled"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which radiographs, at which size, and how they are split.

    name: a name from `pneumo data list`, or a path.
    version: `Dataset.version`, who is in it.
    image_size: side in pixels. resize: see `pneumo.data.decode.resize_to_square`. grey: how grey levels are
        standardised before a network sees them, see `pneumo.data.grey.standardise`.
    validation_fraction: of the development images; whole patients.
    fraction: of the training images that are used; whole patients.
    distortion: applied once to every image, of training, validation and test.
    folds, fold: cross-validation in place of the publisher's parts, see `pneumo.data.cross_validation_split`; copies of
        one image stay in one fold. 0 folds for none.
    positive, negative, labels: which class is label 1, which is label 0, and the path of a CSV file of labels, see
        `pneumo.data.load`; "" for the default. They are written to records only where they are given.

    >>> DataConfig(name="phantom", version="1", image_size=128).resize
    'stretch'
    """

    name: str
    version: str
    image_size: int = 64
    resize: Resize = "stretch"
    validation_fraction: float = 0.15
    fraction: float = 1.0
    split_seed: int = 0
    distortion: Augmentation = field(default_factory=Augmentation)
    folds: int = 0
    fold: int = 0
    grey: Grey = "as-is"
    positive: str = ""
    negative: str = ""
    labels: str = ""

    def __repr__(self) -> str:
        """Without the fields that have their default."""
        return changed_fields(self)


@dataclass(frozen=True, kw_only=True)
class HeaderConfig:
    """No network: one number of the file's header is the score, see `pneumo.data.headers`.

    field: "width", "height", "aspect", "jpeg_quality" or "bytes_per_megapixel".

    >>> HeaderConfig(field="width").field
    'width'
    """

    field: str


@dataclass(frozen=True, kw_only=True)
class ReevaluationConfig:
    """Trained networks evaluated again: nothing is trained. Their data and training are the experiment's.

    network: what was trained. seeds: of the trained networks; their logits are averaged (an ensemble).
    mirrored: test-time augmentation: whether logits are averaged over each image and its horizontal flip.
    change: perturbation of the images; drawn once for each image.
    start_share: of a soup, the share in [0, 1) of the weights that the networks started from (Wortsman et al. 2022,
        arXiv:2109.01903): between the start and what was learnt since.
    look: occlusion: the "whole" image; "without-lungs", which are grey; the "border" alone; or patches "shuffled". See
        `pneumo.interpret.occlusion`.
    elsewhere: a data set all of whose images are the test part, instead of the experiment's own; "" for those. Nothing
        is chosen on it: the threshold is that of the record on the experiment's own images.
    elsewhere_version: its `Dataset.version`, who is in it.
    saliency: of how many test images of each kind (class and sub-type) the record holds what Grad-CAM shows, see
        `Record.from_weights`; 0 for none. Of one network, on the experiment's own images.

    >>> ReevaluationConfig(network=CNNConfig(), seeds=(0, 1), mirrored=True).look
    'whole'
    """

    network: NetworkConfig
    seeds: tuple[int, ...] = (0,)
    mirrored: bool = False
    change: Augmentation = field(default_factory=Augmentation)
    look: Occlusion = "whole"
    elsewhere: str = ""
    elsewhere_version: str = ""
    soup: bool = False
    start_share: float = 0.0
    saliency: int = 0

    def __post_init__(self) -> None:
        if bool(self.elsewhere) != bool(self.elsewhere_version):
            raise ValueError(
                f"elsewhere={self.elsewhere!r}, elsewhere_version={self.elsewhere_version!r}: give both or none"
            )
        if not 0 <= self.start_share < 1 or (self.start_share and not self.soup):
            raise ValueError(
                f"start_share={self.start_share}, soup={self.soup}: use 0 to below 1, and above 0 of a soup"
            )
        if self.saliency < 0:
            raise ValueError(f"saliency={self.saliency} is no number of images; use 0 or more")
        if self.saliency and (self.elsewhere or (len(self.seeds) > 1 and not self.soup)):
            raise ValueError(
                f"saliency={self.saliency}: Grad-CAM is recorded of one network on the experiment's own images; give "
                "one seed or soup=True, and no elsewhere"
            )
        if not self.seeds:
            raise ValueError("seeds=() names no network; give at least one seed")
        if self.look not in get_args(Occlusion):
            raise ValueError(f"look={self.look!r} is unknown; choose from {', '.join(get_args(Occlusion))}")


ModelConfig = HeaderConfig | ClassicalConfig | NetworkConfig | ReevaluationConfig


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One run: data, model, training and seed give one record.

    name: the path of its record below the folder of records, "augmentation/full-mild-seed-0"; names are for people, and
        nothing reads a meaning out of them.
    minutes: that it takes on two cores.
    group: the comparison that it belongs to, "augmentation". variant: what it is there, the same for all seeds,
        "full-mild". Both "" for an experiment that stands alone.
    Name, minutes, group and variant do not determine the result, so they do not enter the key.

    >>> Experiment(name="a", data=DataConfig(name="phantom", version="1"), model=HeaderConfig(field="width")).key
    '...'
    """

    name: str
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig | None = None
    seed: int = 0
    minutes: float = 0.0
    group: str = ""
    variant: str = ""

    NOT_IDENTITY: ClassVar[tuple[str, ...]] = ("name", "minutes", "group", "variant")

    def __repr__(self) -> str:
        """Without the fields that have their default."""
        return changed_fields(self)

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that identify the experiment and the recipe."""
        values = {name: value for name, value in to_dict(self, defaults=False).items() if name not in self.NOT_IDENTITY}
        return json_digest({"recipe": RECIPE, **values})[:12]

    def same_as(self, other: Experiment) -> bool:
        """Whether both would give the same record, whatever they are called and cost."""
        return all(
            getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.name not in self.NOT_IDENTITY
        )


def soup_of(experiment: Experiment) -> Experiment:
    """The experiment under whose key the weights of a soup are kept: the soup on whole images, unchanged, each as it
    is. `mirrored`, `change`, `look`, `elsewhere` and `saliency` make no other network of it."""
    model = experiment.model
    assert isinstance(model, ReevaluationConfig)
    whole = ReevaluationConfig(network=model.network, seeds=model.seeds, soup=True, start_share=model.start_share)
    return replace(experiment, model=whole)


def to_dict(config: Any, *, defaults: bool = True) -> dict[str, Any]:
    """A configuration as JSON values. defaults: whether fields at their default are written out."""
    return _converter(omit_default=not defaults).unstructure(config)


def from_dict(values: dict[str, Any]) -> Experiment:
    """The experiment that `to_dict` wrote. Raises ValueError for a field it does not know."""
    try:
        return _converter(omit_default=False).structure(values, Experiment)
    except (cattrs.BaseValidationError, KeyError, TypeError, ValueError) as error:
        structured = isinstance(error, cattrs.BaseValidationError)
        reasons = "; ".join(cattrs.transform_error(error)) if structured else str(error)
        raise ValueError(f"not an experiment of this version of pneumo: {reasons}") from error


@cache
def _converter(*, omit_default: bool) -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=omit_default, forbid_extra_keys=True)
    given = cattrs.override(omit_if_default=True)  # so that records without them stay what they are
    converter.register_unstructure_hook(
        DataConfig,
        make_dict_unstructure_fn(
            DataConfig, converter, _cattrs_omit_if_default=omit_default, positive=given, negative=given, labels=given
        ),
    )
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
    kind |= {ReevaluationConfig: "reading"}
    configure_tagged_union(ModelConfig, converter, tag_name="kind", tag_generator=kind.__getitem__)
    return converter
