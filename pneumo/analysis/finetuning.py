"""Transfer learning: the features a network brings from ImageNet, and how fine-tuning changes its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from pneumo.errors import MissingRecord
from pneumo.experiments.config import PretrainedConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pneumo.experiments.config import Experiment

COLUMNS = ("variant", "seed", "layer", "relative", "rms")


class LayerChange(NamedTuple):
    """How far training changed a layer's weights.

    relative: |after − before| / |before|, Euclidean norms. rms: root mean square of the changes of single weights.
    """

    relative: float
    rms: float


def trainable_parameters(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """How much of the network each way of transfer learning trains.

    experiments: of `PretrainedConfig`s; others are left out. Returns one row a way, columns trained part (as
    `PretrainedConfig.train`), parameters (number that are trained) and share (of all parameters, in [0, 1]).
    """
    from pneumo import models

    rows = []
    for model in dict.fromkeys(experiment.model for experiment in experiments):
        if not isinstance(model, PretrainedConfig):
            continue
        parameters = list(models.build(model).parameters())
        trained = sum(values.numel() for values in parameters if values.requires_grad)
        share = trained / sum(values.numel() for values in parameters)
        rows.append({"trained part": model.train, "parameters": trained, "share": share})
    return pd.DataFrame(rows)


def feature_maps(model: PretrainedConfig, image: np.ndarray, *, block: int, channels: int = 4) -> np.ndarray:
    """Feature maps of one block of an EfficientNet with its published weights, for one image.

    image: (H, W) uint8. block: counted from 1. channels: those that vary most over the image, the most varied first.
    Returns (channels, h, w) float32, each map with its lowest value at 0.
    """
    import torch

    from pneumo import models
    from pneumo.augment import scale

    network = models.build(model).eval()
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, maps: Tensor) -> None:
        outputs.append(maps)

    hook = network.get_submodule(f"network._blocks.{block - 1}").register_forward_hook(keep)
    with torch.inference_mode():
        network(scale(torch.from_numpy(image[None].copy())))
    hook.remove()
    maps = outputs[0].squeeze(0)  # (C, h, w)
    most_varied = maps.std(dim=(1, 2)).argsort(descending=True)[:channels]
    chosen = maps[most_varied]
    return (chosen - chosen.amin(dim=(1, 2), keepdim=True)).numpy()


def weight_changes(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """How far training moved each layer of each network from its initial weights.

    Returns one row a network and layer, columns COLUMNS; for relative and rms see `LayerChange`. Networks whose trained
    weights are not in this machine's cache are left out; where none is, the frame is empty.
    """
    rows = []
    for experiment in experiments:
        name = experiment.variant
        rows += [(name, experiment.seed, layer, *change) for layer, change in _changes(experiment).items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def layer_changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, LayerChange]:
    """The change of each layer between two states of one EfficientNet, in the order from image to logit.

    before, after: state dictionaries. A layer is the stem, a block ("1" is the first), the last convolution or the
    head. Only kernels and matrices count: biases and batch normalisation are few and of another scale.
    """
    sums: dict[str, np.ndarray] = {}
    for name, start in before.items():
        if start.ndim < 2:
            continue
        distance = (after[name].double() - start.double()).square().sum()
        length = start.double().square().sum()
        row = np.array([float(distance), float(length), start.numel()])
        sums[_layer(name)] = sums.get(_layer(name), np.zeros(3)) + row
    return {
        layer: LayerChange(relative=float(distance / length) ** 0.5, rms=float(distance / weights) ** 0.5)
        for layer, (distance, length, weights) in sums.items()
    }


def _changes(experiment: Experiment) -> dict[str, LayerChange]:
    """Of one network; empty where its weights are not in the cache."""
    from pneumo import models, training
    from pneumo.experiments import pipeline

    try:
        after = pipeline.load_trained_network(experiment).state_dict()
    except MissingRecord:
        return {}
    generator = training.make_generator(experiment.seed, 0, "weights")  # as `pipeline` drew the initial weights
    model = experiment.model
    if not isinstance(model, PretrainedConfig):
        raise TypeError(f"{experiment.name} has a {type(model).__name__}; weight changes need a PretrainedConfig")
    return layer_changes(models.build(model, generator).state_dict(), after)


def _layer(name: str) -> str:
    """ "network._blocks.3._project_conv.weight" belongs to "4"."""
    first, second = name.removeprefix("network.").split(".")[:2]
    if first == "_blocks":
        return str(int(second) + 1)
    return {"_conv_stem": "stem", "_conv_head": "last convolution", "_fc": "head"}[first]
