"""What networks bring along from photographs, and what radiographs change in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from pneumo.errors import MissingRecord

if TYPE_CHECKING:
    from torch import Tensor

    from pneumo.experiments.config import Experiment, PretrainedConfig

COLUMNS = ("variant", "seed", "layer", "relative", "each")


class Change(NamedTuple):
    """How far a layer's weights went. relative: |after − before| / |before|, with the root of the sum of squares for
    |·|. each: the root mean square of what a single weight changed by."""

    relative: float
    each: float


def learning(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """One row a way to transfer: what learns from radiographs, and how much of the network that is.

    experiments: their models are `PretrainedConfig`s. Columns: what learns, parameters, share (in [0, 1]).
    """
    from pneumo import models

    rows = []
    for model in dict.fromkeys(experiment.model for experiment in experiments):
        parameters = list(models.build(model).parameters())
        taught = sum(values.numel() for values in parameters if values.requires_grad)
        share = taught / sum(values.numel() for values in parameters)
        rows.append({"what learns": model.train, "parameters": taught, "share": share})
    return pd.DataFrame(rows)


def responses(model: PretrainedConfig, image: np.ndarray, *, block: int, most: int = 4) -> np.ndarray:
    """What a block of an EfficientNet makes of one image, before the network has seen any radiograph.

    image: (H, W) uint8. block: from 1. Returns (most, h, w) float32 from 0 up: of the block's channels those that vary
    most over the image, each with its lowest value at 0.
    """
    import torch

    from pneumo import models
    from pneumo.augment import scale

    network = models.build(model).eval()
    kept = []
    hook = network.network._blocks[block - 1].register_forward_hook(lambda _module, _inputs, maps: kept.append(maps))
    with torch.inference_mode():
        network(scale(torch.from_numpy(image[None].copy())))
    hook.remove()
    maps = kept[0].squeeze(0)  # (C, h, w)
    varied = maps.std(dim=(1, 2)).argsort(descending=True)[:most]
    chosen = maps[varied]
    return (chosen - chosen.amin(dim=(1, 2), keepdim=True)).numpy()


def moved(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """How far each network went from where it started: one row a layer, columns COLUMNS.

    relative, each: see `Change`. Networks whose trained weights are not on this machine are left out; where none is,
    the frame is empty.
    """
    rows = []
    for experiment in experiments:
        name = experiment.variant
        rows += [(name, experiment.seed, layer, *change) for layer, change in _changes(experiment).items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, Change]:
    """The change of each layer, from the image to the logit.

    before, after: state dictionaries of one EfficientNet. A layer is the stem, a block (numbered from 1), the last
    convolution or the head. Kernels and matrices count; biases and batch normalisation do not, for they are few and of
    another scale.
    """
    sums: dict[str, np.ndarray] = {}
    for name, start in before.items():
        if start.ndim < 2:
            continue
        distance = (after[name].double() - start.double()).square().sum()
        length = start.double().square().sum()
        row = np.array([float(distance), float(length), start.numel()])
        sums[_layer(name)] = sums.get(_layer(name), 0) + row
    return {
        layer: Change(relative=float(distance / length) ** 0.5, each=float(distance / weights) ** 0.5)
        for layer, (distance, length, weights) in sums.items()
    }


def _changes(experiment: Experiment) -> dict[str, Change]:
    """Of one network; none where its weights are not here."""
    from pneumo import models, training
    from pneumo.experiments import pipeline

    try:
        after = pipeline.load_trained_network(experiment).state_dict()
    except MissingRecord:
        return {}
    first = training.make_generator(experiment.seed, 0, "weights")  # as `chain` drew them
    return changes(models.build(experiment.model, first).state_dict(), after)


def _layer(name: str) -> str:
    """ "network._blocks.3._project_conv.weight" belongs to "4"."""
    first, second = name.removeprefix("network.").split(".")[:2]
    if first == "_blocks":
        return str(int(second) + 1)
    return {"_conv_stem": "stem", "_conv_head": "last convolution", "_fc": "head"}[first]
