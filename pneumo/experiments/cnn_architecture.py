"""Architecture of the CNN: depth, width, batch normalisation, batch and image size."""

from __future__ import annotations

from dataclasses import replace

from pneumo.experiments.builders import (
    FULL_LENGTH,
    SEEDS,
    compared,
    data_config,
    is_demonstration,
    repeated,
    study_data,
)
from pneumo.experiments.config import CNNConfig, Experiment

CHAPTER = "cnn-architecture"

HIGHRES_IMAGES = 1566
"""Of the data set chest-xray-highres, for which the minutes of `detail` are stated."""


def network_parts() -> list[Experiment]:
    """Depth, width and batch normalisation of the baseline CNN, five seeds. `pneumo run network-parts`: 45 min.

    >>> sorted({experiment.variant for experiment in network_parts()})
    ['baseline', 'depth-2', 'no-batch-norm', 'width-32', 'width-8']
    """
    variants = {
        "baseline": CNNConfig(),
        "depth-2": CNNConfig(depth=2),
        "width-8": CNNConfig(width=8),
        "width-32": CNNConfig(width=32),
        "no-batch-norm": CNNConfig(batch_norm=False),
    }
    return [
        experiment
        for name, model in variants.items()
        for experiment in repeated(
            "network-parts",
            name,
            model,
            FULL_LENGTH,
            chapter=CHAPTER,
            seeds=SEEDS,
            minutes=3.5 if name == "width-32" else 1.4,
        )
    ]


def batch_size() -> list[Experiment]:
    """Batches of 8 to 256 images, five seeds. `pneumo run batch-size`: 30 min on 2 cores.

    The learning rate grows as the square root of the batch, which keeps the noise of Adam's steps about the same.

    >>> sorted({experiment.training.batch_size for experiment in batch_size()})
    [8, 32, 128, 256]
    """
    sizes = (8, 32, 128, 256)
    trainings = {
        f"{size:03}": replace(
            FULL_LENGTH,
            batch_size=size,
            optimizer=replace(FULL_LENGTH.optimizer, learning_rate=1e-3 * (size / 32) ** 0.5),
        )
        for size in sizes
    }
    return compared("batch-size", trainings, chapter=CHAPTER, seeds=SEEDS, minutes=1.5)


def image_size() -> list[Experiment]:
    """The baseline CNN at 32, 64, 128 and 224 pixels, five seeds. `pneumo run image-size`: 75 min on 2 cores.

    An epoch at 224 pixels takes eleven times as long as one at 64.

    >>> sorted({experiment.data.image_size for experiment in image_size()})
    [32, 64, 128, 224]
    """
    minutes = {32: 0.4, 64: 1.4, 128: 3.5, 224: 10.0}
    return [
        experiment
        for size, cost in minutes.items()
        for experiment in repeated(
            "image-size",
            f"{size:03}",
            CNNConfig(),
            FULL_LENGTH,
            chapter=CHAPTER,
            data=study_data(size),
            seeds=SEEDS,
            minutes=cost,
        )
    ]


def detail() -> list[Experiment]:
    """A narrow CNN at 250 and at 500 pixels, on radiographs of 512 pixels, three seeds.

    `pneumo run detail`: 50 min on 2 cores.
    At 500 pixels the receptive field of the same network covers half of the side that it covers at 250; with one block
    more it covers as much. Both sizes have both networks, so that pixels and the block can be told apart. All
    radiographs are from the official training part, so patients are split anew.

    >>> {experiment.group for experiment in detail()}
    {'detail'}
    """
    demonstration = is_demonstration()
    coarse, fine = (64, 128) if demonstration else (250, 500)
    share_of_pixels = (coarse / 250) ** 2
    network = CNNConfig(width=8, depth=5)
    deeper = replace(network, depth=6)
    variants = {
        "coarse": (network, coarse, 2.5),
        "coarse-deeper": (deeper, coarse, 2.7),
        "fine": (network, fine, 11),
        "fine-deeper": (deeper, fine, 12),
    }
    return [
        experiment
        for name, (model, size, minutes) in variants.items()
        for experiment in repeated(
            "detail",
            name,
            model,
            FULL_LENGTH,
            chapter=CHAPTER,
            data=study_data(size) if demonstration else data_config("chest-xray-highres", size),
            minutes=share_of_pixels * minutes,
            images=HIGHRES_IMAGES,
        )
    ]
