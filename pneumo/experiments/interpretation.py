"""What the networks look at: test images that are perturbed, or of which a part is occluded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pneumo.augment.configuration import NONE
from pneumo.experiments.builders import SEEDS, single
from pneumo.experiments.config import CNNConfig, Experiment, Occlusion, PretrainedConfig, ReevaluationConfig
from pneumo.experiments.first_network import first_network
from pneumo.experiments.model_selection import selected_model

CHAPTER = "interpretation"

PERTURBATIONS = {
    "blur": {level: replace(NONE, gaussian_blur=level) for level in (1.0, 2.0, 4.0)},
    "noise": {level: replace(NONE, gaussian_noise=level) for level in (0.05, 0.1, 0.2)},
    "contrast": {level: replace(NONE, contrast_range=(level, level)) for level in (0.75, 0.5, 0.25)},
    "rotation": {level: replace(NONE, rotation_range=level) for level in (10.0, 20.0, 40.0)},
    "jpeg": {level: replace(NONE, jpeg_quality=(level, level)) for level in (50.0, 20.0, 5.0)},
}
"""Perturbations of test images by name and level. Blur in pixels of an image of 160, noise as a share of the grey range
and rotation in degrees are drawn for each image up to the level; contrast is a factor, JPEG's quality itself."""

OCCLUSIONS: tuple[Occlusion, ...] = ("without-lungs", "border", "shuffled")
"""What is left of an image, see `ReevaluationConfig.look`."""


def perturbed() -> dict[tuple[str, str, float], Experiment]:
    """The first network and the selected model on perturbed test images, by network, perturbation and level.

    `pneumo run perturbations`: 12 min on 2 cores. The weights of both must be on this machine.

    >>> network, perturbation, amount = next(iter(perturbed()))
    >>> network
    'first-network'
    """
    return {
        (network, name, level): _evaluated(
            "perturbations",
            f"{network}-{name}-{level:g}",
            origin,
            # A blur goes as far into images of any size.
            replace(model, change=replace(change, gaussian_blur=change.gaussian_blur * origin.data.image_size / 160)),
        )
        for network, origin, model in _networks()
        for name, levels in PERTURBATIONS.items()
        for level, change in levels.items()
    }


def occluded() -> dict[tuple[str, Occlusion], Experiment]:
    """The first network and the selected model on occluded images, by network and occlusion.

    `pneumo run occlusions`: 3 min on 2 cores. The weights of both must be on this machine.

    >>> {occlusion for _, occlusion in occluded()} == {"without-lungs", "border", "shuffled"}
    True
    """
    return {
        (network, occlusion): _evaluated("occlusions", f"{network}-{occlusion}", origin, replace(model, look=occlusion))
        for network, origin, model in _networks()
        for occlusion in OCCLUSIONS
    }


def perturbations() -> list[Experiment]:
    """The experiments of `perturbed`.

    >>> len(perturbations()) == len(perturbed())
    True
    """
    return list(perturbed().values())


def occlusions() -> list[Experiment]:
    """The experiments of `occluded`.

    >>> len(occlusions()) == len(occluded())
    True
    """
    return list(occluded().values())


def _networks() -> Iterator[tuple[str, Experiment, ReevaluationConfig]]:
    """Name, the experiment that trained it, and how it is evaluated again."""
    yield "first-network", first_network()[0], ReevaluationConfig(network=CNNConfig(), seeds=tuple(SEEDS))
    twelve_epochs = selected_model()[-1]
    yield "selected-model", twelve_epochs, ReevaluationConfig(network=PretrainedConfig())


def _evaluated(group: str, variant: str, origin: Experiment, model: ReevaluationConfig) -> Experiment:
    return single(group, variant, model, origin.training, chapter=CHAPTER, data=origin.data, minutes=0.4)
