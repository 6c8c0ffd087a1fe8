"""What the chapters' definitions of experiments share: data, seeds, training, names."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo.errors import PneumoError
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, ModelConfig, OptimizerConfig, TrainingConfig

if TYPE_CHECKING:
    from pneumo.data import Dataset

SEEDS = range(5)
FEW_SEEDS = range(3)

STUDY_IMAGES = 5856
"""Radiographs of the study, for which the `minutes` of its experiments are stated."""

TIME_BESIDE_EPOCHS = 0.25
"""Share of an experiment's time that no epoch takes: decoding, start-up, evaluation; an estimate. With a fifth of their
epochs, the networks of `make demo` took about two fifths of the time."""


def study_data(image_size: int = 64) -> DataConfig:
    """The data of the study: the real radiographs, or what $PNEUMO_DATASET names (`make demo` names the phantom).

    >>> study_data(128).image_size
    128
    """
    return data_config(os.environ.get("PNEUMO_DATASET", "chest-xray"), image_size)


def is_demonstration() -> bool:
    """Whether the study is that of `make demo`, on synthetic radiographs, which are small and few.

    >>> is_demonstration()
    False
    """
    return study_data().name == "phantom"


def reduced_training_data(image_size: int = 64) -> DataConfig:
    """Two fifths of the training images; validation and test as ever. For comparisons of how a network is trained: on
    fewer images runs are short, and validation is not so nearly solved that nothing could show.

    >>> reduced_training_data().fraction
    0.4
    """
    return replace(study_data(image_size), fraction=0.4)


def data_config(
    name: str | Path,
    image_size: int = 64,
    *,
    positive: str | None = None,
    negative: str | None = None,
    labels: str | Path | None = None,
) -> DataConfig:
    """A configuration for a data set known by name or found at a path.

    A path is read to see who is in it, and kept as an absolute one, so that the experiment can be run from any folder;
    the names of `pneumo data list` are known without their data.
    positive, negative, labels: see `pneumo.data.load`.

    >>> data_config("phantom", image_size=32).image_size
    32
    """
    from pneumo.data.catalogue import CATALOGUE, default_positive, load

    name = str(name)
    known = CATALOGUE[name].version if name in CATALOGUE and not (positive or negative or labels) else ""
    positive = positive or (None if name in CATALOGUE else default_positive())
    version = known or load(name, positive=positive, negative=negative, labels=labels).version
    config = DataConfig(
        name=name,
        version=version,
        image_size=image_size,
        positive=positive or "",
        negative=negative or "",
        labels=str(labels or ""),
    )
    return with_absolute_paths(config)


def epoch_share() -> float:
    """The share of their epochs for which the networks of the study train: $PNEUMO_EPOCH_SHARE, in (0, 1].

    1 by default. `make demo` sets less, since its networks are to show that everything runs, and not what it gives.
    Raises PneumoError for anything else.

    >>> epoch_share()
    1.0
    """
    text = os.environ.get("PNEUMO_EPOCH_SHARE", "1")
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise PneumoError(f"PNEUMO_EPOCH_SHARE={text!r}: it has to be a number above 0 and at most 1")
    return share


def study_training(training: TrainingConfig) -> TrainingConfig:
    """The training of a network of the study, for `epoch_share` of its epochs, of which there are two at least.

    >>> study_training(FULL_LENGTH) == FULL_LENGTH
    True
    """
    share = epoch_share()
    return training if share == 1 else replace(training, epochs=max(2, math.ceil(share * training.epochs)))


def with_absolute_paths(config: DataConfig) -> DataConfig:
    """The same data, found from every folder: a name that is in no catalogue, and the labels, as absolute paths.

    >>> with_absolute_paths(DataConfig(name="phantom", version="1")).name
    'phantom'
    """
    from pneumo.data.catalogue import CATALOGUE

    return replace(
        config,
        name=config.name if config.name in CATALOGUE else _absolute(config.name),
        labels=config.labels and _absolute(config.labels),
    )


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def load_data(config: DataConfig) -> Dataset:
    """The data set of a configuration. Raises DataError as `pneumo.data.load` does."""
    from pneumo.data.catalogue import load

    return load(
        config.name, positive=config.positive or None, negative=config.negative or None, labels=config.labels or None
    )


EIGHT_EPOCHS = TrainingConfig(epochs=8, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3), patience=None)
"""Training of the comparisons between small networks: eight epochs, of which the best is kept."""

FULL_LENGTH = TrainingConfig(
    epochs=15, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3, schedule="cosine"), patience=None
)
"""Training of comparisons on all training images: the learning rate falls to 0 along a cosine, so that the validation
loss of every network has levelled off at the last epoch, and does not jump between epochs as at a constant rate."""


def repeated(
    group: str,
    variant: str,
    model: ModelConfig,
    training: TrainingConfig = EIGHT_EPOCHS,
    *,
    chapter: str = "",
    data: DataConfig | None = None,
    seeds: Iterable[int] = FEW_SEEDS,
    minutes: float = 1.1,
    images: int = STUDY_IMAGES,
) -> list[Experiment]:
    """One experiment a seed, named "chapter/group/variant-seed-0" and so on.

    chapter: whose folder of records the group is in; by default the group has its own. variant: "" for a group without
        variants. data: by default the study's, at 64 pixels. minutes: of each, on two cores, with a data set of so many
        `images`; those of the experiments are in proportion to the images of `data`.

    >>> data = data_config("phantom")
    >>> [each.name for each in repeated("mine", "small", CNNConfig(width=4), data=data, seeds=range(2))]
    ['mine/small-seed-0', 'mine/small-seed-1']
    """
    data, training = data or study_data(), study_training(training)
    time_share = TIME_BESIDE_EPOCHS + (1 - TIME_BESIDE_EPOCHS) * epoch_share()
    return [
        Experiment(
            name=name(group, f"{variant}-seed-{seed}" if variant else f"seed-{seed}", chapter=chapter),
            group=group,
            variant=variant or group,
            data=data,
            model=model,
            training=training,
            seed=seed,
            minutes=_minutes_for(data, minutes, images) * time_share,
        )
        for seed in seeds
    ]


def single(
    group: str,
    variant: str,
    model: ModelConfig,
    training: TrainingConfig | None = None,
    *,
    chapter: str = "",
    data: DataConfig,
    minutes: float,
    images: int = STUDY_IMAGES,
) -> Experiment:
    """One experiment whose result does not depend on a seed, named "chapter/group/variant"; as `repeated` otherwise.

    training: of networks that are read again, as their experiment has it: `study_training`, or `Experiment.training`.
    """
    return Experiment(
        name=name(group, variant, chapter=chapter),
        group=group,
        variant=variant,
        data=data,
        model=model,
        training=training,
        minutes=_minutes_for(data, minutes, images),
    )


def _minutes_for(data: DataConfig, minutes: float, images: int) -> float:
    """The minutes of an experiment on `data`, where it takes `minutes` with a data set of so many `images`.

    A data set's version begins with the number of its images; one that does not leaves the minutes as they are.
    """
    count, dash, _ = data.version.partition("-")
    if not dash or not count.isdecimal():
        return minutes
    return minutes * int(count) / images


def name(group: str, last: str, *, chapter: str = "") -> str:
    """The name of an experiment: the path of its record below the folder of records, without the key."""
    return "/".join(filter(None, (chapter, group, last)))


def compared(
    group: str,
    variants: Mapping[str, TrainingConfig],
    *,
    model: ModelConfig | None = None,
    chapter: str = "",
    data: DataConfig | None = None,
    seeds: Iterable[int] = FEW_SEEDS,
    minutes: float = 1.1,
    images: int = STUDY_IMAGES,
) -> list[Experiment]:
    """One network, by default the baseline CNN, trained in several ways, as `repeated`. variants: by name."""
    return [
        experiment
        for variant, training in variants.items()
        for experiment in repeated(
            group,
            variant,
            model or CNNConfig(),
            training,
            chapter=chapter,
            data=data,
            seeds=seeds,
            minutes=minutes,
            images=images,
        )
    ]
