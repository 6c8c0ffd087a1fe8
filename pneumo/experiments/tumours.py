"""Tumour detection: the study's recipes on BreastMNIST."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pneumo.augment.configuration import MILD
from pneumo.experiments.builders import (
    EIGHT_EPOCHS,
    FEW_SEEDS,
    SEEDS,
    data_config,
    is_demonstration,
    repeated,
    single,
    study_data,
)
from pneumo.experiments.classical import LEARNERS
from pneumo.experiments.config import ClassicalConfig, CNNConfig, Experiment, PretrainedConfig, TransformerConfig
from pneumo.experiments.transfer_learning import FINE_TUNING
from pneumo.features.configuration import HOGConfig

BREASTMNIST_IMAGES, PATCHCAMELYON_IMAGES = 780, 327_680
"""Of the data sets for which the minutes of the experiments are stated."""


def patchcamelyon() -> list[Experiment]:
    """A CNN and a fine-tuned EfficientNet-Lite0 on PatchCamelyon, whose 262,144 training images make one epoch long.

    `pneumo run patchcamelyon`: about a day on 2 cores. No part of the book; raises DataError, with how to get them,
    where the files are not here.
    """
    data = data_config("pcam", 96)
    epoch = replace(FINE_TUNING, epochs=1)
    networks = {"cnn": (CNNConfig(), 60), "transferred": (PretrainedConfig(), 200)}
    return [
        experiment
        for name, (model, minutes) in networks.items()
        for experiment in repeated(
            "patchcamelyon",
            name,
            model,
            epoch,
            chapter="tumours",
            data=data,
            minutes=minutes,
            images=PATCHCAMELYON_IMAGES,
        )
    ]


def tumours() -> list[Experiment]:
    """The recipes of the study on BreastMNIST, unchanged, on the publisher's parts. `pneumo run tumours`: 10 min.

    >>> {experiment.group for experiment in tumours()}
    {'tumours'}
    """
    return _recipes("tumours", SEEDS, FEW_SEEDS)


FOLDS = 5


def tumour_folds() -> list[Experiment]:
    """The methods of `tumours` in five-fold cross-validation, copies of one image in one fold.

    `pneumo run tumour-folds`: 25 min. Three seeds of each network from scratch, two of the pretrained one.

    >>> sorted({experiment.data.fold for experiment in tumour_folds()})
    [0, 1, 2, 3, 4]
    """
    return [
        replace(
            each,
            name=f"{each.name}-fold-{fold}",
            data=replace(each.data, folds=FOLDS, fold=fold),
        )
        for fold in range(FOLDS)
        for each in _recipes("tumour-folds", FEW_SEEDS, range(2), chapter="tumours")
    ]


def _recipes(
    group: str, seeds: Iterable[int], pretrained_seeds: Iterable[int], *, chapter: str = ""
) -> list[Experiment]:
    """The learners on HOG features, the CNN and its variants, and the pretrained network."""
    data = study_data(28) if is_demonstration() else data_config("breastmnist", 28)
    small = CNNConfig(depth=3)  # 28 pixels can be halved three times
    training = replace(EIGHT_EPOCHS, epochs=40)
    networks = {
        "cnn": (small, training),
        "spatial-transformer": (TransformerConfig(network=small), training),
        "augmented": (small, replace(training, augmentation=MILD)),
        "regularised": (replace(small, dropout=0.5), replace(training, label_smoothing=0.1, patience=8)),
    }
    fine, large = replace(FINE_TUNING, epochs=20), replace(data, image_size=64)
    return [
        *(
            single(
                group,
                f"{learner}-hog",
                ClassicalConfig(learner=learner, features=HOGConfig(pixels_per_cell=6)),
                chapter=chapter,
                data=data,
                minutes=0.2,
                images=BREASTMNIST_IMAGES,
            )
            for learner in LEARNERS
        ),
        *(
            experiment
            for name, (model, config) in networks.items()
            for experiment in repeated(
                group,
                name,
                model,
                config,
                chapter=chapter,
                data=data,
                seeds=seeds,
                minutes=0.2,
                images=BREASTMNIST_IMAGES,
            )
        ),
        *repeated(
            group,
            "transferred",
            PretrainedConfig(),
            fine,
            chapter=chapter,
            data=large,
            seeds=pretrained_seeds,
            minutes=1.5,
            images=BREASTMNIST_IMAGES,
        ),
    ]
