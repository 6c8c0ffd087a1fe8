"""Model cost: parameters, multiply-adds and activations, counted from the layers before any training."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING

import pandas as pd

from pneumo.experiments.config import EfficientNetConfig

if TYPE_CHECKING:
    from pneumo.experiments.config import Experiment


def model_costs(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """Cost of each EfficientNet for one image.

    experiments: the first is the base that the others were scaled from; others than EfficientNets are left out.
    Returns one row a network, columns variant; width, depth (factors) and pixels (side of the image); parameters,
    multiply-adds and activations, in millions; times base, the multiply-adds by those of the first. Activations are
    the numbers that convolutions put out, as in Dollár et al. (2021, arXiv:2103.06877).

    >>> model_costs(experiments.scaling())["times base"][0]  # doctest: +SKIP
    1.0
    """
    networks = {
        each.variant: (each.model, each.data.image_size)
        for each in experiments
        if isinstance(each.model, EfficientNetConfig)
    }
    frame = pd.DataFrame([{"variant": name, **_cost(*network)} for name, network in networks.items()])
    times = frame["multiply-adds"] / frame["multiply-adds"].iloc[0]
    return frame.assign(**{"times base": times})


def _cost(model: EfficientNetConfig, pixels: int) -> dict[str, float]:
    import torch

    from pneumo.models.factory import build  # before the device is set, which would hold for its constants too
    from pneumo.models.summary import layers

    with torch.device("meta"):  # shapes alone, nothing is computed
        rows = layers(build(model), pixels)
    convolutions = [row for row in rows if "Conv" in row.kind]
    return {
        "width": model.width,
        "depth": model.depth,
        "pixels": pixels,
        "parameters": sum(row.parameters for row in rows) / 1e6,
        "multiply-adds": sum(row.multiply_adds for row in rows) / 1e6,
        "activations": sum(prod(row.output_shape) for row in convolutions) / 1e6,
    }
