"""Tumour detection: the study's recipes on BreastMNIST."""

from __future__ import annotations

from dataclasses import replace

from pneumo.augment.configuration import MILD
from pneumo.experiments.builders import EIGHT_EPOCHS, SEEDS, data_config, repeated, single, study_data
from pneumo.experiments.classical import LEARNERS
from pneumo.experiments.config import ClassicalConfig, CNNConfig, Experiment, PretrainedConfig, TransformerConfig
from pneumo.experiments.transfer_learning import FINE_TUNING
from pneumo.features.configuration import HOGConfig


def tumours() -> list[Experiment]:
    """The recipes of the study on BreastMNIST, unchanged. `pneumo run tumours`: 10 min on 2 cores.

    >>> {experiment.group for experiment in tumours()}
    {'tumours'}
    """
    phantom = study_data().name == "phantom"  # `make demo` needs no data
    data = study_data(28) if phantom else data_config("breastmnist", 28)
    small = CNNConfig(depth=3)  # 28 pixels can be halved three times
    training = replace(EIGHT_EPOCHS, epochs=40)
    networks = {
        "cnn": (small, training),
        "spatial-transformer": (TransformerConfig(network=small), training),
        "augmented": (small, replace(training, augmentation=MILD)),
        "regularised": (replace(small, dropout=0.5), replace(training, label_smoothing=0.1, patience=8)),
    }
    fine = replace(FINE_TUNING, epochs=20)
    return [
        *(
            single(
                "tumours",
                f"{learner}-hog",
                ClassicalConfig(learner=learner, features=HOGConfig(pixels_per_cell=6)),
                data=data,
                minutes=0.5,
            )
            for learner in LEARNERS
        ),
        *(
            experiment
            for name, (model, config) in networks.items()
            for experiment in repeated("tumours", name, model, config, data=data, seeds=SEEDS, minutes=0.5)
        ),
        *repeated("tumours", "transferred", PretrainedConfig(), fine, data=replace(data, image_size=64), minutes=4),
    ]
