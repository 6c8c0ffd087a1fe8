"""An experiment on a person's own radiographs: one of the study's recipes, fitted to how many images there are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo.augment.configuration import MILD
from pneumo.experiments.builders import data_config, load_data, with_absolute_paths
from pneumo.experiments.config import (
    CNNConfig,
    DataConfig,
    Experiment,
    NetworkConfig,
    PretrainedConfig,
    TrainingConfig,
    TransformerConfig,
)
from pneumo.experiments.model_selection import SIX_EPOCHS
from pneumo.models import check_image_size

if TYPE_CHECKING:
    from pneumo.data import Dataset

MIN_UPDATES = 500
"""Updates of the weights that a recipe's number of epochs should give, where images are few."""

MAX_EPOCHS = 60
"""Epochs at most, however few the images are."""

MIN_BATCHES = 8
"""Batches of an epoch at least; batches are halved until there are as many, down to MIN_BATCH_SIZE images."""

MIN_BATCH_SIZE = 8


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A network and how it is trained, before the number of images is known.

    image_size: side in pixels. epochs: at least. early_stopping: whether training may stop before the last epoch, so
        that more epochs than needed do no harm.
    seconds: for an image and epoch, on two cores; from the minutes of the study's experiments.
    """

    network: NetworkConfig
    image_size: int
    epochs: int
    training: TrainingConfig
    seconds: float


_SMALL = TrainingConfig(epochs=30, batch_size=32, augmentation=MILD, patience=6)

RECIPES = {
    "efficientnet-lite0": Recipe(
        network=PretrainedConfig(), image_size=160, epochs=12, training=SIX_EPOCHS, seconds=0.05
    ),
    "cnn": Recipe(network=CNNConfig(), image_size=64, epochs=30, training=_SMALL, seconds=0.003),
    "spatial-transformer": Recipe(
        network=TransformerConfig(), image_size=64, epochs=30, training=_SMALL, seconds=0.004
    ),
}
"""Of the study, by the names that `pneumo train --model` takes: the selected model's recipe, and two small networks,
which need neither the pretrained weights nor much time."""


def define_experiment(
    path: str | Path,
    *,
    model: str = "efficientnet-lite0",
    image_size: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    name: str | None = None,
    labels: str | Path | None = None,
    positive: str | None = None,
    negative: str | None = None,
    data: DataConfig | None = None,
) -> Experiment:
    """An experiment on one's own labelled radiographs, for `pneumo.run`.

    path: of a folder, a zip archive or a MedMNIST file, as `pneumo.data.load` opens it, or the name of a data set.
    model: "efficientnet-lite0", "cnn" or "spatial-transformer".
    image_size: side in pixels; by default that of `data`, or the recipe's.
    epochs: at most; by default the recipe's, and more where the images are few.
    seed: of weights, order and augmentation.
    name: of the folder of its records; by default that of the data.
    labels, positive, negative: a CSV file of labels, and which class is label 1 and which label 0, as `data.load` takes
        them.
    data: in place of `data_config(path, image_size, ...)`, for other parts or resizing.
    A path is kept as an absolute one, so that the experiment's record and model serve from any folder. The name of the
    experiment says network, image size, epochs and seed. Opens the data set to count its images.
    Raises ValueError for an unknown model and for classes or labels beside `data`, DataError for data that cannot be
    read or split.

    >>> define_experiment("phantom", model="cnn", epochs=2).name
    'phantom/cnn-64px-2-epochs-seed-0'
    """
    if model not in RECIPES:
        raise ValueError(f"model={model!r} is unknown; choose from {', '.join(RECIPES)}")
    recipe = RECIPES[model]
    default_size = recipe.image_size if data is None else data.image_size
    size = default_size if image_size is None else image_size
    if size < 1 or (epochs is not None and epochs < 1) or seed < 0:
        raise ValueError(f"image_size={size} and epochs={epochs} count from 1, seed={seed} from 0; give whole numbers")
    check_image_size(recipe.network, size, size)
    if data is None:
        config = data_config(path, size, positive=positive, negative=negative, labels=labels)
    elif positive or negative or labels:
        raise ValueError(
            "data and labels, positive or negative are given; give these to data_config(), or leave out data"
        )
    else:
        config = with_absolute_paths(replace(data, image_size=size))
    dataset = load_data(config)
    images = _training_images(dataset, config)
    training = adapt(recipe, images, epochs)
    variant = f"{model}-{size}px-{training.epochs}-epochs"
    folder = _slug(name or dataset.name)
    return Experiment(
        name=f"{folder}/{variant}-seed-{seed}",
        group=folder,
        variant=variant,
        data=config,
        model=recipe.network,
        training=training,
        seed=seed,
        minutes=_minutes(recipe, images, size, training.epochs),
    )


def adapt(recipe: Recipe, images: int, epochs: int | None = None) -> TrainingConfig:
    """How a recipe trains on so many images: few images need smaller batches and more epochs.

    images: of the training part. epochs: as asked for; None chooses, so that there are MIN_UPDATES updates in at most
        MAX_EPOCHS epochs. Weights are averaged only where there are enough updates to average.

    >>> training = adapt(RECIPES["efficientnet-lite0"], 4448)  # as many as the study's
    >>> training.epochs, training.batch_size, training.averaging
    (12, 32, 0.99)
    >>> training = adapt(RECIPES["efficientnet-lite0"], 100)
    >>> training.epochs, training.batch_size, training.averaging
    (42, 8, 0.99)
    """
    training = recipe.training
    batch_size = training.batch_size
    while images // batch_size < MIN_BATCHES and batch_size > MIN_BATCH_SIZE:
        batch_size //= 2
    batches = max(1, images // batch_size)
    if epochs is None:
        epochs = min(max(recipe.epochs, math.ceil(MIN_UPDATES / batches)), MAX_EPOCHS)
    enough = epochs * batches >= MIN_UPDATES
    return replace(training, epochs=epochs, batch_size=batch_size, averaging=training.averaging if enough else 0.0)


def _training_images(dataset: Dataset, config: DataConfig) -> int:
    from pneumo import data

    parts = data.split(
        dataset.table,
        validation_fraction=config.validation_fraction,
        fraction=config.fraction,
        seed=config.split_seed,
    )
    return len(parts.train)


def _minutes(recipe: Recipe, images: int, image_size: int, epochs: int) -> float:
    pixels = (image_size / recipe.image_size) ** 2
    return round(recipe.seconds * pixels * images * epochs / 60, 3)


def _slug(name: str) -> str:
    """A name as part of a path: letters, digits, dots, "_" and "-"."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "own"
