"""What the chapters' definitions of experiments share: data, seeds, training, names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, ModelConfig, OptimizerConfig, TrainingConfig

SEEDS = range(5)
FEW_SEEDS = range(3)


def study_data(image_size: int = 64) -> DataConfig:
    """The data of the study: the real radiographs, or what $PNEUMO_DATASET names (`make demo` names the phantom).

    >>> study_data(128).image_size
    128
    """
    return data_config(os.environ.get("PNEUMO_DATASET", "chest-xray"), image_size)


def reduced_training_data(image_size: int = 64) -> DataConfig:
    """Two fifths of the training images; validation and test as ever. For comparisons of how a network is trained: on
    fewer images runs are short, and validation is not so nearly solved that nothing could show.

    >>> reduced_training_data().fraction
    0.4
    """
    return replace(study_data(image_size), fraction=0.4)


def data_config(name: str, image_size: int = 64) -> DataConfig:
    """A configuration for a data set known by name or found at a path.

    A path is read to see who is in it; the names of `pneumo data list` are known without their data.

    >>> data_config("phantom", image_size=32).image_size
    32
    """
    from pneumo.data.catalogue import CATALOGUE, load

    version = CATALOGUE[name].version if name in CATALOGUE else ""
    return DataConfig(name=name, version=version or load(name).version, image_size=image_size)


EIGHT_EPOCHS = TrainingConfig(epochs=8, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3), patience=None)
"""Training of the comparisons between small networks: eight epochs, of which the best is kept."""


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
) -> list[Experiment]:
    """One experiment a seed, named "chapter/group/variant-seed-0" and so on.

    chapter: whose folder of records the group is in; by default the group has its own. variant: "" for a group without
        variants. data: by default the study's, at 64 pixels. minutes: of each, on two cores.

    >>> data = data_config("phantom")
    >>> [each.name for each in repeated("mine", "small", CNNConfig(width=4), data=data, seeds=range(2))]
    ['mine/small-seed-0', 'mine/small-seed-1']
    """
    return [
        Experiment(
            name=name(group, f"{variant}-seed-{seed}" if variant else f"seed-{seed}", chapter=chapter),
            group=group,
            variant=variant or group,
            data=data or study_data(),
            model=model,
            training=training,
            seed=seed,
            minutes=minutes,
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
) -> Experiment:
    """One experiment whose result does not depend on a seed, named "chapter/group/variant"; as `repeated` otherwise."""
    return Experiment(
        name=name(group, variant, chapter=chapter),
        group=group,
        variant=variant,
        data=data,
        model=model,
        training=training,
        minutes=minutes,
    )


def name(group: str, last: str, *, chapter: str = "") -> str:
    """The name of an experiment: the path of its record below the folder of records, without the key."""
    return "/".join(filter(None, (chapter, group, last)))


def compared(
    group: str,
    variants: Mapping[str, TrainingConfig],
    *,
    chapter: str = "",
    data: DataConfig | None = None,
    seeds: Iterable[int] = FEW_SEEDS,
    minutes: float = 1.1,
) -> list[Experiment]:
    """The baseline CNN trained in several ways, as `repeated`. variants: by name."""
    return [
        experiment
        for variant, training in variants.items()
        for experiment in repeated(
            group, variant, CNNConfig(), training, chapter=chapter, data=data, seeds=seeds, minutes=minutes
        )
    ]
