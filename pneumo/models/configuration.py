"""Configurations of the networks: values alone, so that experiments can be defined without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

Transformation = Literal["affine", "attention"]
Base = Literal["b0", "small"]
Train = Literal["all", "top", "head", "scratch"]
PretrainedName = Literal[
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "efficientnet-b0",
    "efficientnet-b1",
    "efficientnet-b2",
    "efficientnet-b3",
    "efficientnet-b4",
    "efficientnet-b5",
    "efficientnet-b6",
    "efficientnet-b7",
    "resnet18",
    "resnet50",
]


@dataclass(frozen=True, kw_only=True)
class CNNConfig:
    """The baseline convolutional network, see `pneumo.models.cnn`.

    width: channels of the first block; each further block doubles them.
    depth: number of blocks; each halves the image's side.
    dropout: probability, before the last layer.

    >>> CNNConfig(width=8, dropout=0.2).depth
    4
    """

    width: int = 16
    depth: int = 4
    batch_norm: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1:
            raise ValueError(f"width={self.width}, depth={self.depth}: both must be at least 1")
        _check_probability("dropout", self.dropout)


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """A spatial transformer before the baseline network, see `pneumo.models.spatial_transformer`.

    network: the network that sees what the transformer shows it.
    transformation: "affine" has six free numbers an image; "attention" has three: an isotropic scale and a shift.
    localisation_width: channels of the localisation network's first block; each further block doubles them.

    >>> TransformerConfig(transformation="attention").network
    CNNConfig(width=16, depth=4, batch_norm=True, dropout=0.0)
    """

    network: CNNConfig = field(default_factory=CNNConfig)
    transformation: Transformation = "affine"
    localisation_width: int = 8

    def __post_init__(self) -> None:
        _check_choice("transformation", self.transformation, get_args(Transformation))
        if self.localisation_width < 1:
            raise ValueError(f"localisation_width={self.localisation_width} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class EfficientNetConfig:
    """A network scaled from a base (Tan & Le 2019, arXiv:1905.11946), see `pneumo.models.efficientnet`.

    base: "b0", the paper's; or "small", a part of it for images of 64 pixels and no accelerator.
    width: factor of the base's channels. depth: factor of the base's blocks. The resolution is the images' own.
    dropout: probability, before the last layer.
    stochastic_depth: probability that training leaves out the last block; it falls to 0 at the first.

    >>> EfficientNetConfig(base="small", width=1.4).dropout
    0.2
    """

    base: Base = "b0"
    width: float = 1.0
    depth: float = 1.0
    dropout: float = 0.2
    stochastic_depth: float = 0.2

    def __post_init__(self) -> None:
        _check_choice("base", self.base, get_args(Base))
        if not (self.width > 0 and self.depth > 0):
            raise ValueError(f"width={self.width}, depth={self.depth}: both must be above 0")
        _check_probability("dropout", self.dropout)
        _check_probability("stochastic_depth", self.stochastic_depth)


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig:
    """A network pretrained on ImageNet, see `pneumo.models.pretrained`.

    train: fine-tuning of "all" layers, or of the "top", which is everything from the last halving of the image on;
        feature extraction, where the new "head" alone is trained; or training of all layers from "scratch", from random
        weights.
    dropout: probability, before the last layer.

    >>> PretrainedConfig(train="head").name
    'efficientnet-lite0'
    """

    name: PretrainedName = "efficientnet-lite0"
    train: Train = "all"
    dropout: float = 0.2

    def __post_init__(self) -> None:
        _check_choice("name", self.name, get_args(PretrainedName))
        _check_choice("train", self.train, get_args(Train))
        _check_probability("dropout", self.dropout)


NetworkConfig = CNNConfig | TransformerConfig | EfficientNetConfig | PretrainedConfig


class Scaling(NamedTuple):
    """Factors of a base network's channels, of its blocks, and of the side of its images."""

    width: float
    depth: float
    resolution: float


def compound(phi: float, *, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> Scaling:
    """Compound scaling (Tan & Le 2019, equation 3): all three dimensions in fixed proportion.

    phi: how many times over; multiply-adds grow as (alpha · beta² · gamma²)^phi, by default 1.92^phi.
    alpha, beta, gamma: factors of depth, width and resolution at phi = 1; by default the paper's, found on ImageNet.

    >>> compound(1)
    Scaling(width=1.1, depth=1.2, resolution=1.15)
    """
    return Scaling(width=beta**phi, depth=alpha**phi, resolution=gamma**phi)


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value} is not a probability below 1")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose from {', '.join(choices)}")
