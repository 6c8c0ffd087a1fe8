"""What a record holds of a network's Grad-CAM maps, so that tables and figures need neither weights nor radiographs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo.data.decode import ResizeRule, resize_to_square
from pneumo.interpret import (
    centre_prior,
    curves,
    grad_cam,
    lung_field,
    lung_share,
    pointing_game,
    random_maps,
    randomisation_check,
)
from pneumo.interpret.deletion import Curve

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

SALIENCY_SEED = 0
"""Of the choice of images and of random maps: the same images for every network."""

CURVE_STEPS = 10
"""Of deletion and insertion: each takes or puts a tenth of the pixels."""

RANDOMISATION_SEEDS = (0, 1, 2)
"""Of the weights that are drawn anew."""


def choose_of_each_kind(frame: pd.DataFrame, each: int, random: np.random.Generator) -> np.ndarray:
    """Rows of `frame`, at most `each` of each class and sub-type, by chance; sorted.

    frame: as `Record.frame`. Where the patient of every image is known, one image a patient, so that intervals over the
    chosen images are intervals over patients.

    >>> frame = pneumo.records.get("first-network/seed-0").frame("test")
    >>> chosen = frame.loc[choose_of_each_kind(frame, 20, np.random.default_rng(0))]
    >>> chosen["subtype"].value_counts().to_dict()
    {'normal': 20, 'bacteria': 20, 'virus': 20}
    """
    shuffled = frame.reset_index(drop=True).iloc[random.permutation(len(frame))]
    if (shuffled["patient"] != "").all():
        shuffled = shuffled.drop_duplicates("patient")
    return np.sort(shuffled.groupby(["label", "subtype"]).head(each).index.to_numpy())


def lung_templates(size: int, resize: ResizeRule, aspects: np.ndarray) -> np.ndarray:
    """The template of the lungs where each image shows them, (N, size, size) bool.

    resize: how the images were resized. aspects: (N,), width / height of the originals. The template lies on images
    that were stretched to a square (`interpret.lung_field`); of a centred square, "square", it is cut and scaled as its
    image was. With any other rule it is the same for all.

    >>> lung_templates(32, "square", np.array([1.0, 1.5])).mean(axis=(1, 2)).round(2)
    array([0.25, 0.36])
    """
    if resize != "square":
        return np.broadcast_to(lung_field(size), (len(aspects), size, size))
    fine = 255 * lung_field(4 * size).astype(np.uint8)
    return np.stack([resize_to_square(fine, size, "square", float(aspect)) >= 128 for aspect in aspects])


def measure_saliency(
    network: nn.Module, images: np.ndarray, labels: np.ndarray, templates: np.ndarray
) -> dict[str, Any]:
    """How Grad-CAM of a network stands up to three tests, on some images, as JSON values.

    images: (N, H, W) uint8. labels: (N,) in {0, 1}; each map is that of the image's own class, so of a normal image it
    shows what speaks against pneumonia. templates: (N, H, W) bool, where the lungs are. Returns
        area                the template's share of each image, (N,)
        maps                by name: "grad-cam", and for comparison "centre" (the middle of every image) and "random"
                            (as smooth as Grad-CAM). Of each, by image: "inside", the share of the map within the
                            template, None for a map of zeros; "maximum inside", whether its largest value lies there;
                            "deletion" and "insertion", the probability of the image's own class in CURVE_STEPS
                            steps, (N, CURVE_STEPS + 1), see `interpret.curves`
        randomised          shares of the layers whose weights are drawn anew, (steps,), see
                            `interpret.randomisation_check`
        rank correlation    of the maps with the trained network's, (RANDOMISATION_SEEDS, steps); None where no image
                            has two maps that can be compared
    The network is not changed.

    >>> network = pneumo.models.build(pneumo.models.CNNConfig(width=4, depth=2)).eval()
    >>> templates = lung_templates(16, "stretch", np.ones(2))
    >>> found = measure_saliency(network, np.zeros((2, 16, 16), np.uint8), np.array([0, 1]), templates)
    >>> list(found["maps"])
    ['grad-cam', 'centre', 'random']
    """
    from pneumo import training
    from pneumo.experiments.records import probabilities

    frozen = copy.deepcopy(network).requires_grad_(False)  # of frozen layers Grad-CAM keeps nothing in memory

    def predict(array: np.ndarray) -> np.ndarray:
        seen = training.Images(pixels=training.InMemory(array=array), rows=np.arange(len(array)), labels=labels)
        positive = probabilities(training.predict(frozen, seen))
        return np.where(labels == 1, positive, 1 - positive)

    def own_class(seen: nn.Module, array: np.ndarray) -> np.ndarray:
        size = training.PREDICTION_BATCH_SIZE // 8  # a network's maps are many times its image
        parts = [slice(first, first + size) for first in range(0, len(array), size)]
        return np.concatenate([grad_cam(seen, array[part], target=labels[part].tolist()) for part in parts])

    def tested(maps: np.ndarray) -> dict[str, Any]:
        both: tuple[Curve, ...] = ("deletion", "insertion")
        return {
            "inside": _rounded(lung_share(maps, templates)),
            "maximum inside": pointing_game(maps, templates).hits.tolist(),
            **{kind: _rounded(curves(predict, images, maps, kind, steps=CURVE_STEPS), digits=3) for kind in both},
        }

    maps = {
        "grad-cam": own_class(frozen, images),
        "centre": centre_prior(images.shape),
        "random": random_maps(images.shape, np.random.default_rng(SALIENCY_SEED)),
    }
    checks = [randomisation_check(frozen, images, own_class, seed=seed) for seed in RANDOMISATION_SEEDS]
    return {
        "area": _rounded(templates.mean(axis=(1, 2))),
        "maps": {name: tested(each) for name, each in maps.items()},
        "randomised": _rounded(checks[0]["randomised"].to_numpy()),
        "rank correlation": _rounded(np.stack([check["rank correlation"].to_numpy() for check in checks])),
    }


def _rounded(values: np.ndarray, digits: int = 4) -> list[Any]:
    """Nested lists of numbers; None, which JSON has, for NaN, which it has not."""
    rounded = np.round(values.astype(float), digits).astype(object)
    rounded[np.isnan(values)] = None
    return rounded.tolist()
