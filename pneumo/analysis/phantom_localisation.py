"""Where a network looks, against the truth: on phantoms, whose opacities are known to the pixel.

    seen = on_phantoms()
    evidence.attention(seen.maps, seen.masks)

On real radiographs nobody has drawn where the pneumonia is, so this is the one place where a map can be right or wrong.
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
from pneumo.phantom import PhantomConfig
from pneumo.training import Images, InMemory, make_generator, predict

PATIENTS = PhantomConfig(patients=600, size=48, opacity=1.0, acquisition_trace=False)
"""Dense opacities, and all files saved alike: there is nothing to be learnt but the opacities."""

NETWORK = CNNConfig(width=8, depth=3)

TRAINING = TrainingConfig(epochs=20, optimizer=OptimizerConfig(learning_rate=0.01, schedule="one-cycle"), patience=None)
"""About ten seconds on two cores."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Grad-CAM on the ill patients of the phantom's test part.

    images: (N, H, W) uint8. masks: (N, H, W) bool, where the opacities are. maps: (N, H, W) in [0, 1] by name, of the
    network "untrained" and "trained". areas: the AUC of each on the whole test part.
    """

    images: np.ndarray
    masks: np.ndarray
    maps: dict[str, np.ndarray]
    areas: dict[str, float]


def on_phantoms(
    patients: PhantomConfig = PATIENTS,
    network: NetworkConfig = NETWORK,
    training: TrainingConfig = TRAINING,
    *,
    seed: int = 0,
) -> Seen:
    """Train a network on phantoms and look where it looks on others. The test part plays no part in the training."""
    dataset = phantom(patients)
    table, draw = dataset.table, dataset.source
    images = np.stack([draw.image(row) for row in table.index])
    labels, groups = table["label"].to_numpy(), table["patient"].to_numpy()
    test = (table["split"] == "test").to_numpy()
    learner = PneumoniaClassifier(network, training, random_state=seed)
    learner.fit(images[~test], labels[~test], groups[~test])
    networks = {
        "untrained": models.build(network, make_generator(seed, 0, "untrained")),
        "trained": learner.network_,
    }
    asked = Images(pixels=InMemory(array=images), rows=np.flatnonzero(test), labels=labels[test])
    ill = np.flatnonzero(test & (labels == 1))
    return Seen(
        images=images[ill],
        masks=np.stack([draw.mask(row) for row in ill]),
        maps={name: grad_cam(one, images[ill]) for name, one in networks.items()},
        areas={name: float(auc(asked.labels, predict(one, asked))) for name, one in networks.items()},
    )
