"""Transfer learning: the features a network brings from ImageNet, and how fine-tuning changes its weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo.errors import MissingRecord
from pneumo.experiments.config import PretrainedConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pneumo.experiments.config import Experiment
    from pneumo.experiments.records import Record

COLUMNS = ("variant", "seed", "layer", "relative", "rms")


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


def weight_changes(records: Iterable[Record]) -> pd.DataFrame:
    """How far training moved each layer of each network from its initial weights.

    records: of `PretrainedConfig`s. Returns one row a network and layer, columns COLUMNS; for relative and rms see
    `pneumo.models.LayerChange`. Raises MissingRecord for a record made before this was recorded.
    """
    rows = []
    for record in records:
        changes = record.from_weights.get("weight_changes")
        if changes is None:
            raise MissingRecord(
                f"{record.experiment.name}: its record says nothing of its layers' weight changes; move it away and "
                f"make it again with: pneumo run {record.experiment.name}"
            )
        rows += [(record.variant, record.experiment.seed, layer, *change) for layer, change in changes.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))
