"""How far training moved each layer of an EfficientNet from its initial weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from torch import Tensor


class LayerChange(NamedTuple):
    """How far training changed a layer's weights.

    relative: |after − before| / |before|, Euclidean norms. rms: root mean square of the changes of single weights.
    """

    relative: float
    rms: float


def layer_changes(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, LayerChange]:
    """The change of each layer between two states of one EfficientNet, in the order from image to logit.

    before, after: state dictionaries. A layer is the stem, a block ("1" is the first), the last convolution or the
    head. Only kernels and matrices count: biases and batch normalisation are few and of another scale.

    >>> before = {"network._conv_stem.weight": torch.ones(2, 2)}
    >>> layer_changes(before, {"network._conv_stem.weight": 1.5 * torch.ones(2, 2)})
    {'stem': LayerChange(relative=0.5, rms=0.5)}
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


def _layer(name: str) -> str:
    """ "network._blocks.3._project_conv.weight" belongs to "4"."""
    first, second = name.removeprefix("network.").split(".")[:2]
    if first == "_blocks":
        return str(int(second) + 1)
    return {"_conv_stem": "stem", "_conv_head": "last convolution", "_fc": "head"}[first]
