"""Every experiment of the book, by name. Nothing runs here: `pneumo run NAME` does, and `pneumo.run(experiment)`.

Each function says its command, what it costs on two cores, and what it showed when it was last recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from .augment.configuration import GENERATOR, MILD, MIXUP, NONE, ROBUST, STRONG, Augmentation
from .config import (
    ClassicalConfig,
    CNNConfig,
    DataConfig,
    EfficientNetConfig,
    Experiment,
    HeaderConfig,
    Look,
    Model,
    OptimizerConfig,
    PretrainedConfig,
    ReadingConfig,
    TrainingConfig,
    TransformerConfig,
)
from .errors import UnknownExperiment
from .features.configuration import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from .models.configuration import Scaling, compound

SEEDS = range(5)
FEW_SEEDS = range(3)


def study_data(image_size: int = 64) -> DataConfig:
    """The data of the study: the real radiographs, or what $PNEUMO_DATASET names (`make demo` names the phantom)."""
    return data_config(os.environ.get("PNEUMO_DATASET", "chest-xray"), image_size)


def fewer_data(image_size: int = 64) -> DataConfig:
    """Two fifths of the training images; validation and test as ever. For comparisons of how a network is trained: on
    fewer images runs are short, and validation is not so nearly solved that nothing could show."""
    return replace(study_data(image_size), fraction=0.4)


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


def shortcuts() -> list[Experiment]:
    """Diagnosis by how sharp and noisy an image is, not by its forms. `pneumo run shortcuts`: 2 min on 2 cores.

    The whole power spectrum, and its finer half, which holds nothing broader than 4 of 128 pixels. Either is enough for
    an AUC of 0.9 on test patients.
    """
    views = {"spectrum": SpectrumConfig(), "fine-spectrum": SpectrumConfig(lowest=0.25)}
    return [
        Experiment(
            name=f"shortcuts/{name}",
            data=study_data(image_size=128),
            model=ClassicalConfig(learner="logistic", features=config),
            minutes=1,
        )
        for name, config in views.items()
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


def network_parts() -> list[Experiment]:
    """Depth, width and batch normalisation of the baseline CNN, three seeds. `pneumo run network-parts`: 20 min."""
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
        for experiment in repeated(f"network-parts/{name}", model, minutes=2.5 if name == "width-32" else 1.1)
    ]


def batch_size() -> list[Experiment]:
    """Batches of 8 to 256 images, three seeds. `pneumo run batch-size`: 6 min on 2 cores.

    The learning rate grows as the square root of the batch, which keeps the noise of Adam's steps about the same.
    """
    sizes = (8, 32, 128, 256)
    trainings = {
        f"{size:03}": replace(
            BRIEF, batch_size=size, optimizer=replace(BRIEF.optimizer, learning_rate=1e-3 * (size / 32) ** 0.5)
        )
        for size in sizes
    }
    return compared("batch-size", trainings, data=fewer_data(), minutes=0.5)


def image_size() -> list[Experiment]:
    """The baseline CNN at 32, 64, 128 and 224 pixels, three seeds. `pneumo run image-size`: 20 min on 2 cores."""
    minutes = {32: 0.3, 64: 0.5, 128: 1.7, 224: 6.0}
    return [
        experiment
        for size, cost in minutes.items()
        for experiment in repeated(f"image-size/{size:03}", CNNConfig(), data=fewer_data(size), minutes=cost)
    ]


def detail() -> list[Experiment]:
    """A narrow CNN at 250 and at 500 pixels, on films kept at 512, three seeds. `pneumo run detail`: 25 min on 2 cores.

    At 500 pixels the same network sees half as far; with one block more it sees as far as at 250. The films are all
    from the official training part, so patients are split anew.
    """
    phantom = study_data().name == "phantom"  # whose films are small
    coarse, fine = (32, 64) if phantom else (250, 500)
    network = CNNConfig(width=8, depth=5)
    variants = {
        "coarse": (network, coarse, 1.5),
        "fine": (network, fine, 6.0),
        "fine-deeper": (replace(network, depth=6), fine, 7.0),
    }
    return [
        experiment
        for name, (model, size, minutes) in variants.items()
        for experiment in repeated(
            f"detail/{name}",
            model,
            data=study_data(size) if phantom else data_config("chest-xray-highres", size),
            minutes=minutes,
        )
    ]


DISPLACED = Augmentation(
    rotation_range=30.0, width_shift_range=0.2, height_shift_range=0.2, zoom_range=(0.6, 1.0), fill_mode="constant"
)
"""Radiographs laid down carelessly: turned, shifted, shrunk, black around. What a spatial transformer may undo."""


def spatial_transformer() -> list[Experiment]:
    """The baseline CNN with and without a spatial transformer, on radiographs as they are and displaced, three seeds.

    `pneumo run spatial-transformer`: 11 min on 2 cores.
    """
    networks = {
        "cnn": CNNConfig(),
        "affine": TransformerConfig(),
        "attention": TransformerConfig(transformation="attention"),
    }
    images = {"clean": fewer_data(), "displaced": replace(fewer_data(), distortion=DISPLACED)}
    return [
        experiment
        for condition, data in images.items()
        for name, model in networks.items()
        for experiment in repeated(f"spatial-transformer/{condition}-{name}", model, data=data, minutes=0.6)
    ]


RATES = {
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
    "momentum": (0.003, 0.01, 0.03, 0.1, 0.3),
    "nesterov": (0.003, 0.01, 0.03, 0.1, 0.3),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "adamw": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
}
"""Learning rates that each optimiser is tried at, half a decade apart."""


def optimizer(name: str, learning_rate: float, schedule: str = "constant") -> OptimizerConfig:
    """An optimiser of the comparison. AdamW decays its weights by PyTorch's default, the others do not."""
    decay = 0.01 if name == "adamw" else 0.0
    return OptimizerConfig(name=name, learning_rate=learning_rate, weight_decay=decay, schedule=schedule)


def learning_rates() -> list[Experiment]:
    """Six optimisers at five learning rates each, one seed. `pneumo run learning-rates`: 15 min on 2 cores."""
    trainings = {
        f"{name}-{rate:g}": replace(BRIEF, optimizer=optimizer(name, rate))
        for name, rates in RATES.items()
        for rate in rates
    }
    return compared("learning-rates", trainings, data=fewer_data(), seeds=range(1), minutes=0.5)


BEST_RATES = {"sgd": 0.1, "momentum": 0.1, "nesterov": 0.3, "rmsprop": 0.01, "adam": 0.003, "adamw": 0.001}
"""The learning rate of each optimiser with the lowest validation loss in `learning_rates`; a test compares them."""


def optimizers() -> list[Experiment]:
    """Six optimisers, each at the best learning rate of its sweep, three seeds. `pneumo run optimizers`: 9 min."""
    trainings = {name: replace(BRIEF, optimizer=optimizer(name, rate)) for name, rate in BEST_RATES.items()}
    return compared("optimizers", trainings, data=fewer_data(), minutes=0.5)


def schedules() -> list[Experiment]:
    """Five schedules of AdamW's learning rate, three seeds. `pneumo run schedules`: 8 min on 2 cores."""
    names = ("constant", "step", "cosine", "warmup-cosine", "one-cycle")
    trainings = {name: replace(BRIEF, optimizer=optimizer("adamw", 3e-3, name)) for name in names}
    return compared("schedules", trainings, data=fewer_data(), minutes=0.5)


SHARES = {1.0: BRIEF, 0.1: replace(BRIEF, epochs=20)}
"""Training on all training images, and on a tenth of them, where an epoch has a tenth of the updates."""


def regularisation() -> list[Experiment]:
    """None, four cures of overfitting, and all together; all training images and a tenth; three seeds.

    `pneumo run regularisation`: 30 min on 2 cores. "none" keeps the weights of the last epoch, as each cure but early
    stopping does.
    """
    return [
        experiment
        for fraction, training in SHARES.items()
        for name, (dropout, config) in cures(replace(training, keep="last")).items()
        for experiment in repeated(
            f"regularisation/{share(fraction)}-{name}",
            CNNConfig(dropout=dropout),
            config,
            data=replace(study_data(), fraction=fraction),
            minutes=1.1 if fraction == 1 else 0.4,
        )
    ]


def cures(none: TrainingConfig) -> dict[str, tuple[float, TrainingConfig]]:
    """Dropout and training of each variant of `regularisation`."""
    decay = replace(none.optimizer, weight_decay=0.3)
    return {
        "none": (0.0, none),
        "dropout": (0.5, none),
        "weight-decay": (0.0, replace(none, optimizer=decay)),
        "label-smoothing": (0.0, replace(none, label_smoothing=0.1)),
        "early-stopping": (0.0, replace(none, keep="best", patience=4)),
        "all": (0.5, replace(none, optimizer=decay, label_smoothing=0.1, keep="best", patience=4)),
    }


def share(fraction: float) -> str:
    """How names say it: "full" or "tenth"."""
    return {1.0: "full", 0.1: "tenth"}[fraction]


AUGMENTATIONS = {"none": NONE, "mild": MILD, "generator": GENERATOR, "strong": STRONG, "mixup": MIXUP}


def augmentation() -> list[Experiment]:
    """Five ways to vary training images; all training images and a tenth; three seeds.

    `pneumo run augmentation`: 25 min on 2 cores.
    """
    return [
        experiment
        for fraction, training in SHARES.items()
        for name, config in AUGMENTATIONS.items()
        for experiment in repeated(
            f"augmentation/{share(fraction)}-{name}",
            CNNConfig(),
            replace(training, augmentation=config),
            data=replace(study_data(), fraction=fraction),
            minutes=1.2 if fraction == 1 else 0.5,
        )
    ]


FINE_TUNING = TrainingConfig(
    epochs=3,
    batch_size=32,
    optimizer=OptimizerConfig(learning_rate=5e-4, weight_decay=0.01, schedule="one-cycle"),
    augmentation=MILD,
    patience=None,
)


def transfer() -> list[Experiment]:
    """EfficientNet-Lite0 at 128 pixels: from scratch, and what of ImageNet's network goes on learning; two seeds.

    `pneumo run transfer`: 22 min on 2 cores, with three tenths of the training images, since transfer is for whom
    images are few. A new head alone learns ten times as fast.
    """
    fine = replace(FINE_TUNING, epochs=4)
    head = replace(fine, optimizer=replace(fine.optimizer, learning_rate=5e-3))
    return [
        experiment
        for train, minutes in {"scratch": 3.5, "head": 1.6, "top": 2.2, "all": 3.5}.items()
        for experiment in repeated(
            f"transfer/{train}",
            PretrainedConfig(train=train),
            head if train == "head" else fine,
            data=replace(study_data(128), fraction=0.3),
            seeds=range(2),
            minutes=minutes,
        )
    ]


def robust_recipe() -> list[Experiment]:
    """What makes fine-tuning blind to how films are saved, one step after the other; two seeds.

    `pneumo run robust-recipe`: 25 min on 2 cores. "mild" is the fine-tuning of `transfer`, on as many images.
    """
    fine = replace(FINE_TUNING, epochs=4)
    steps = {
        "mild": fine,
        "strong": replace(fine, augmentation=STRONG),
        "robust": replace(fine, augmentation=ROBUST),
        "averaged": replace(fine, augmentation=ROBUST, averaging=0.98),
    }
    return [
        experiment
        for name, training in steps.items()
        for experiment in repeated(
            f"robust-recipe/{name}",
            PretrainedConfig(),
            training,
            data=replace(study_data(128), fraction=0.3),
            seeds=range(2),
            minutes=3.5,
        )
    ]


GROWTH = 2.0
"""Doublings of the multiply-adds in `scaling`: four times the base."""


def scaling() -> list[Experiment]:
    """A small EfficientNet made wider, deeper, finer, and all three, at matched multiply-adds; three seeds.

    `pneumo run scaling`: 15 min on 2 cores.
    """
    scaled = {
        "base": Scaling(width=1.0, depth=1.0, resolution=1.0),
        "width": Scaling(width=2.25, depth=1.0, resolution=1.0),
        "depth": Scaling(width=1.0, depth=4.0, resolution=1.0),
        "resolution": Scaling(width=1.0, depth=1.0, resolution=2.0),
        "compound": compound(GROWTH),
    }
    return [
        experiment
        for name, factors in scaled.items()
        for experiment in repeated(
            f"scaling/{name}",
            EfficientNetConfig(base="small", width=factors.width, depth=factors.depth),
            data=fewer_data(round(64 * factors.resolution)),
            minutes=0.7 if name == "base" else 2,
        )
    ]


def tumours() -> list[Experiment]:
    """The recipes of the study on BreastMNIST, unchanged. `pneumo run tumours`: 10 min on 2 cores."""
    phantom = study_data().name == "phantom"  # `make demo` needs no data
    data = study_data(28) if phantom else data_config("breastmnist", 28)
    small = CNNConfig(depth=3)  # 28 pixels can be halved three times
    training = replace(BRIEF, epochs=40)
    networks = {
        "cnn": (small, training),
        "spatial-transformer": (TransformerConfig(network=small), training),
        "augmented": (small, replace(training, augmentation=MILD)),
        "regularised": (replace(small, dropout=0.5), replace(training, label_smoothing=0.1, patience=8)),
    }
    fine = replace(FINE_TUNING, epochs=20)
    return [
        *(
            Experiment(
                name=f"tumours/{learner}-hog",
                data=data,
                model=ClassicalConfig(learner=learner, features=HOGConfig(pixels_per_cell=6)),
                minutes=0.5,
            )
            for learner in LEARNERS
        ),
        *(
            experiment
            for name, (model, config) in networks.items()
            for experiment in repeated(f"tumours/{name}", model, config, data=data, seeds=SEEDS, minutes=0.5)
        ),
        *repeated("tumours/transferred", PretrainedConfig(), fine, data=replace(data, image_size=64), minutes=4),
    ]


TRUSTED = TrainingConfig(
    epochs=6,
    batch_size=32,
    optimizer=OptimizerConfig(learning_rate=5e-4, weight_decay=0.01, schedule="one-cycle"),
    augmentation=ROBUST,
    patience=None,
    averaging=0.99,
    validate_on="stressed",
)


LONGER = replace(TRUSTED, epochs=12)


def trusted() -> list[Experiment]:
    """EfficientNet-Lite0 at 160 pixels, made blind to how films are saved. `pneumo run trusted`: 90 min on 2 cores.

    Six epochs with two seeds; and twelve, since after six the network still calls a twelfth of the changed training
    images wrong and the loss on stressed validation images still falls.
    """
    options = {"data": study_data(160)}
    return [
        *repeated("trusted/lite0-160", PretrainedConfig(), TRUSTED, seeds=range(2), minutes=25, **options),
        *repeated(
            "trusted/lite0-160-long",
            PretrainedConfig(),
            LONGER,
            seeds=range(1),
            minutes=45,
            **options,
        ),
    ]


def second_looks() -> list[Experiment]:
    """The trusted networks read again: the mirror image too, and both seeds together. `pneumo run second-looks`: 4 min.

    Nothing is trained, but the weights of `trusted` must be on this machine.
    """
    looks = {
        "mirrored-0": ((0,), TRUSTED, True),
        "mirrored-1": ((1,), TRUSTED, True),
        "both": ((0, 1), TRUSTED, False),
        "both-mirrored": ((0, 1), TRUSTED, True),
        "mirrored-long": ((0,), LONGER, True),
    }
    return [
        Experiment(
            name=f"second-looks/{name}",
            data=study_data(160),
            model=ReadingConfig(network=PretrainedConfig(), seeds=seeds, mirrored=mirrored),
            training=training,
            minutes=0.8,
        )
        for name, (seeds, training, mirrored) in looks.items()
    ]


CHANGES = {
    "blur": {level: replace(NONE, gaussian_blur=level) for level in (1.0, 2.0, 4.0)},
    "noise": {level: replace(NONE, gaussian_noise=level) for level in (0.05, 0.1, 0.2)},
    "contrast": {level: replace(NONE, contrast_range=(level, level)) for level in (0.75, 0.5, 0.25)},
    "rotation": {level: replace(NONE, rotation_range=level) for level in (10.0, 20.0, 40.0)},
    "jpeg": {level: replace(NONE, jpeg_quality=(level, level)) for level in (50.0, 20.0, 5.0)},
}
"""What is done to images to see what a network bears, by how much. Blur in pixels of 160, noise as a share of the grey
range and rotation in degrees are drawn for each image up to the level; contrast is a factor, JPEG's quality itself."""


def evidence() -> list[Experiment]:
    """The first network and the trusted one shown changed images: what they bear, and what they need to see.

    `pneumo run evidence`: 15 min on 2 cores. The weights of both must be on this machine.
    """
    subjects = {
        "first": (ReadingConfig(network=CNNConfig(), seeds=tuple(SEEDS)), first_network()[0]),
        "trusted": (ReadingConfig(network=PretrainedConfig()), trusted()[2]),
    }
    return [
        replace(origin, name=f"evidence/{subject}-{name}", model=replace(reading, **view), seed=0, minutes=0.4)
        for subject, (reading, origin) in subjects.items()
        for name, view in views(origin.data.image_size).items()
    ]


def views(image_size: int) -> dict[str, dict[str, Any]]:
    """Fields of `ReadingConfig` for each changed view. A blur goes as far into images of any size."""
    changed = {
        f"{name}-{level:g}": {"change": replace(change, gaussian_blur=change.gaussian_blur * image_size / 160)}
        for name, levels in CHANGES.items()
        for level, change in levels.items()
    }
    return changed | {look: {"look": look} for look in get_args(Look) if look != "whole"}


GROUPS: dict[str, Callable[[], list[Experiment]]] = {
    "headers": headers,
    "classical": classical,
    "shortcuts": shortcuts,
    "first-network": first_network,
    "network-parts": network_parts,
    "batch-size": batch_size,
    "image-size": image_size,
    "detail": detail,
    "spatial-transformer": spatial_transformer,
    "learning-rates": learning_rates,
    "optimizers": optimizers,
    "schedules": schedules,
    "regularisation": regularisation,
    "augmentation": augmentation,
    "transfer": transfer,
    "robust-recipe": robust_recipe,
    "scaling": scaling,
    "trusted": trusted,
    "second-looks": second_looks,
    "evidence": evidence,
    "tumours": tumours,
}


PLANNED: set[str] = set()
"""Groups without all their records yet: `pneumo run` makes them, and the book does not show them."""


def shown() -> list[Experiment]:
    """Every experiment that the book shows: of all groups but those that are only planned."""
    return [experiment for name, make in GROUPS.items() if name not in PLANNED for experiment in make()]


def families() -> dict[str, list[Experiment]]:
    """The models that the test may be read for, by family; one of each is chosen on validation patients.

    Networks on all training images, as they are. Of the transferred, those whose weights fit into 10 MB: one network.
    """
    scratch = {"network-parts", "regularisation", "augmentation"}
    transferred = {"transfer", "robust-recipe", "trusted", "second-looks"}
    return {
        "classical": classical(),
        "from scratch": [
            each for each in shown() if each.name.split("/")[0] in scratch and each.data.fraction == 1
        ],
        "transferred": [
            each
            for each in shown()
            if each.name.split("/")[0] in transferred and len(getattr(each.model, "seeds", (0,))) == 1
        ],
    }


def group(name: str) -> list[Experiment]:
    """The experiments of one group, of "all", or of the "book", which leaves out what is only planned.

    Raises UnknownExperiment that lists the groups there are.
    """
    if name == "all":
        return [experiment for make in GROUPS.values() for experiment in make()]
    if name == "book":
        return shown()
    if name not in GROUPS:
        raise UnknownExperiment(f"no experiments are called {name!r}; there are: {', '.join(GROUPS)}, book, all")
    return GROUPS[name]()
