"""Every experiment of the book, by name. Nothing runs here: `pneumo run NAME` does, and `pneumo.run(experiment)`.

Each function says its command, what it costs on two cores, and what it showed when it was last recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .augment.configuration import ROBUST
from .config import (
    ClassicalConfig,
    CNNConfig,
    DataConfig,
    Experiment,
    HeaderConfig,
    Model,
    OptimizerConfig,
    PretrainedConfig,
    TrainingConfig,
)
from .errors import UnknownExperiment
from .features.configuration import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig

SEEDS = range(5)
FEW_SEEDS = range(3)


def study_data(image_size: int = 64) -> DataConfig:
    """The data of the study: the real radiographs, or what $PNEUMO_DATASET names (`make demo` names the phantom)."""
    return data_config(os.environ.get("PNEUMO_DATASET", "chest-xray"), image_size)


def data_config(name: str, image_size: int = 64) -> DataConfig:
    """A configuration for a data set known by name or found at a path.

    A path is read to see who is in it; the names of `pneumo data list` are known without their data.
    """
    from .data.catalogue import KNOWN, load

    version = KNOWN[name].version if name in KNOWN else ""
    return DataConfig(name=name, version=version or load(name).version, image_size=image_size)


def headers() -> list[Experiment]:
    """Diagnosis by one number of the file's header, no image seen. `pneumo run headers`: seconds.

    JPEG quality separates the training classes and is next to useless on the test images; width works on both.
    """
    fields = ("width", "height", "aspect", "jpeg_quality", "bytes_per_megapixel")
    return [
        Experiment(
            name=f"headers/{field.replace('_', '-')}", data=study_data(), model=HeaderConfig(field=field), minutes=0.1
        )
        for field in fields
    ]


def first_network() -> list[Experiment]:
    """The baseline CNN at 64 pixels, five seeds. `pneumo run first-network`: 20 min on 2 cores.

    Nearly perfect on validation patients, and far from it on test patients: half of the normal films are called ill.
    """
    training = TrainingConfig(epochs=30, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3), patience=6)
    return [
        Experiment(
            name=f"first-network/seed-{seed}",
            data=study_data(),
            model=CNNConfig(),
            training=training,
            seed=seed,
            minutes=4,
        )
        for seed in SEEDS
    ]


LEARNERS = ("svm", "forest", "xgboost")
VIEWS = {"pixels": PixelsConfig(), "hog": HOGConfig(), "lbp": LBPConfig(), "glcm": GLCMConfig()}


def classical() -> list[Experiment]:
    """Three learners on four views of the image, no network. `pneumo run classical`: 15 min on 2 cores.

    The views are taken at 128 pixels; the pixels themselves at 64, through 100 principal components. Hyper-parameters
    by cross-validation over training patients.
    """
    return [
        Experiment(
            name=f"classical/{learner}-{view}",
            data=study_data(image_size=64 if view == "pixels" else 128),
            model=ClassicalConfig(learner=learner, features=config, components=100 if view == "pixels" else None),
            minutes=1.2,
        )
        for learner in LEARNERS
        for view, config in VIEWS.items()
    ]


BRIEF = TrainingConfig(epochs=8, batch_size=32, optimizer=OptimizerConfig(learning_rate=1e-3), patience=None)
"""Training of the comparisons between small networks: eight epochs, of which the best is kept."""


def repeated(
    name: str,
    model: Model,
    training: TrainingConfig = BRIEF,
    *,
    data: DataConfig | None = None,
    seeds: Iterable[int] = FEW_SEEDS,
    minutes: float = 1.1,
) -> list[Experiment]:
    """One experiment a seed, called "name-seed-0" and so on. data: by default the study's, at 64 pixels."""
    return [
        Experiment(
            name=f"{name}-seed-{seed}",
            data=data or study_data(),
            model=model,
            training=training,
            seed=seed,
            minutes=minutes,
        )
        for seed in seeds
    ]


def compared(group: str, variants: Mapping[str, TrainingConfig], **options: Any) -> list[Experiment]:
    """The baseline CNN, trained in several ways, as `repeated`."""
    return [
        experiment
        for name, training in variants.items()
        for experiment in repeated(f"{group}/{name}", CNNConfig(), training, **options)
    ]


def trusted() -> list[Experiment]:
    """EfficientNet-Lite0 at 160 pixels, made blind to how films are saved, two seeds. `pneumo run trusted`: 50 min."""
    training = TrainingConfig(
        epochs=6,
        batch_size=32,
        optimizer=OptimizerConfig(learning_rate=5e-4, weight_decay=0.01, schedule="one-cycle"),
        augmentation=ROBUST,
        patience=None,
        averaging=0.99,
        validate_on="stressed",
    )
    return repeated(
        "trusted/lite0-160", PretrainedConfig(), training, data=study_data(160), seeds=range(2), minutes=25
    )


GROUPS: dict[str, Callable[[], list[Experiment]]] = {
    "headers": headers,
    "classical": classical,
    "first-network": first_network,
    "trusted": trusted,
}


def group(name: str) -> list[Experiment]:
    """The experiments of one group, or of "all". Raises UnknownExperiment that lists the groups there are."""
    if name == "all":
        return [experiment for make in GROUPS.values() for experiment in make()]
    if name not in GROUPS:
        raise UnknownExperiment(f"no experiments are called {name!r}; there are: {', '.join(GROUPS)}, all")
    return GROUPS[name]()
