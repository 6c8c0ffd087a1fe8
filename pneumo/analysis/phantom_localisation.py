"""Localisation on synthetic radiographs, whose opacities are known to the pixel.

    maps = maps_on_phantoms()
    saliency.saliency_in_mask(maps.saliency, maps.masks)

Nobody has drawn where the pneumonia is on the real radiographs, so only here can a saliency map be right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pneumo import models
from pneumo.data.readers.phantom import phantom
from pneumo.evaluation import auc
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig
from pneumo.inference.estimator import PneumoniaClassifier
from pneumo.interpret.gradcam import grad_cam
from pneumo.models.configuration import NetworkConfig
from pneumo.phantom import PhantomConfig, PhantomSource
from pneumo.training import Images, InMemory, make_generator, predict

PATIENTS = PhantomConfig(patients=600, size=48, opacity=1.0, acquisition_trace=False)
"""Dense opacities and equal acquisition of both classes: nothing but the opacities tells them apart."""

NETWORK = CNNConfig(width=8, depth=3)

TRAINING = TrainingConfig(epochs=20, optimizer=OptimizerConfig(learning_rate=0.01, schedule="one-cycle"), patience=None)
"""About ten seconds on two cores."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhantomMaps:
    """Grad-CAM on the test phantoms with pneumonia, of a network before and after training.

    images: (N, H, W) uint8. masks: (N, H, W) bool, the opacities. saliency: (N, H, W) in [0, 1], of the network
    "untrained" and "trained". auc: of each on the whole test part.
    """

    images: np.ndarray
    masks: np.ndarray
    saliency: dict[str, np.ndarray]
    auc: dict[str, float]


def maps_on_phantoms(
    patients: PhantomConfig = PATIENTS,
    network: NetworkConfig = NETWORK,
    training: TrainingConfig = TRAINING,
    *,
    seed: int = 0,
) -> PhantomMaps:
    """Train a network on synthetic radiographs and compute Grad-CAM on test ones, which play no part in training.

    seed: of the initial weights and of training; the same seed gives the same maps.
    """
    dataset = phantom(patients)
    table, source = dataset.table, dataset.source
    assert isinstance(source, PhantomSource)  # the source of a phantom has masks
    images = np.stack([source.image(row) for row in table.index])
    labels, groups = table["label"].to_numpy(), table["patient"].to_numpy()
    test = (table["split"] == "test").to_numpy()
    learner = PneumoniaClassifier(network, training, random_state=seed)
    learner.fit(images[~test], labels[~test], groups[~test])
    networks = {
        "untrained": models.build(network, make_generator(seed, 0, "untrained")),
        "trained": learner.network_,
    }
    examined = Images(pixels=InMemory(array=images), rows=np.flatnonzero(test), labels=labels[test])
    positive = np.flatnonzero(test & (labels == 1))
    return PhantomMaps(
        images=images[positive],
        masks=np.stack([source.mask(row) for row in positive.tolist()]),
        saliency={name: grad_cam(one, images[positive]) for name, one in networks.items()},
        auc={name: float(auc(examined.labels, predict(one, examined))) for name, one in networks.items()},
    )
