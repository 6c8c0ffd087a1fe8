"""What networks cost before any of them is trained: counted from their layers, for tables."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pneumo.experiments.config import EfficientNetConfig, Experiment


def counted(experiments: Iterable[Experiment]) -> pd.DataFrame:
    """One row a network: its parameters, and the multiply-adds and activations of one image, layer by layer.

    experiments: of EfficientNets; the first is the base that the others were scaled from.
    Columns: variant, width, depth, pixels; parameters, multiply-adds and activations in millions; times base, of the
    multiply-adds. Activations are the numbers that convolutions put out, as Dollár et al. (2021, arXiv:2103.06877)
    count them.
    """
    networks = {each.variant: (each.model, each.data.image_size) for each in experiments}
    frame = pd.DataFrame([{"variant": name, **_counted(*network)} for name, network in networks.items()])
    times = frame["multiply-adds"] / frame["multiply-adds"].iloc[0]
    return frame.assign(**{"times base": times})


def _counted(model: EfficientNetConfig, pixels: int) -> dict[str, float]:
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
