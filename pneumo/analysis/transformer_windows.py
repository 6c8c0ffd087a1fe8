"""Where trained spatial transformers look, and whether their windows follow a displacement that is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pneumo import models
from pneumo.augment import Augmentation, parameters, scale, transform
from pneumo.augment.specification import forward_matrix
from pneumo.experiments import pipeline
from pneumo.experiments.config import Experiment, TransformerConfig
from pneumo.io.paths import weights_path


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """What a spatial transformer makes of N images.

    images: (N, H, W) uint8, as it gets them. theta: (N, 2, 3), where it reads them, see `SpatialTransformer.theta`.
    seen: (N, H, W) uint8, what it shows its CNN. trained: whether it has learnt; if not, it shows each image as it is.
    """

    images: np.ndarray
    theta: np.ndarray
    seen: np.ndarray
    trained: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Displaced:
    """images: (N, H, W) uint8, displaced. matrices: (N, 2, 3), where each point (x, y, 1) of an image went.

    Coordinates are those of theta, so a window whose theta is the matrix shows the image as it was.
    """

    images: np.ndarray
    matrices: np.ndarray


@torch.inference_mode()
def attention_windows(experiment: Experiment, images: np.ndarray) -> Windows:
    """The windows of an experiment's spatial transformer on images (N, H, W) uint8.

    Its weights are those that training left on this machine. Where there are none, it is the network before training.
    Raises TypeError for an experiment whose network has no spatial transformer.
    """
    if not isinstance(experiment.model, TransformerConfig):
        raise TypeError(f"{experiment.name}: a {type(experiment.model).__name__} has no window; use TransformerConfig")
    trained = at_hand([experiment])
    network = pipeline.load_trained_network(experiment) if trained else models.build(experiment.model).eval()
    batch = scale(torch.from_numpy(images))
    return Windows(
        images=images, theta=network.theta(batch).numpy(), seen=_grey_levels(network.transform(batch)), trained=trained
    )


def at_hand(experiments: Iterable[Experiment]) -> bool:
    """Whether the trained weights of all experiments are on this machine."""
    return all(weights_path(experiment.key).is_file() for experiment in experiments)


def displaced(images: np.ndarray, change: Augmentation, *, seed: int) -> Displaced:
    """Displace square images (N, S, S) uint8, each in its own way, and say how."""
    drawn = parameters(len(images), change, torch.Generator().manual_seed(seed))
    moved = transform(scale(torch.from_numpy(images)), drawn, fill_mode=change.fill_mode, cval=change.cval)
    size = images.shape[-1]
    matrices = np.stack([forward_matrix(drawn, index, size, size)[:2] for index in range(len(images))])
    matrices[:, :, 2] /= size / 2  # from pixels to half sides
    return Displaced(images=_grey_levels(moved), matrices=matrices)


def poses(matrices: np.ndarray) -> pd.DataFrame:
    """(N, 2, 3) matrices, of windows or of displacements, as what they do: one row each.

    shift_right, shift_down: of the centre, as shares of the image's side. rotation: degrees, counter-clockwise.
    size: side of the window, or of the displaced image, as a share of the image's; the square root of the area's share.
    """
    (xx, xy, right), (yx, yy, down) = matrices.transpose(1, 2, 0)
    return pd.DataFrame(
        {
            "shift_right": right / 2,
            "shift_down": down / 2,
            "rotation": np.degrees(np.arctan2(xy - yx, xx + yy)),
            "size": np.sqrt(np.abs(xx * yy - xy * yx)),
        }
    )


def _grey_levels(images: torch.Tensor) -> np.ndarray:
    """(N, 1, H, W) float in [0, 1] -> (N, H, W) uint8."""
    return (images[:, 0] * 255).round().to(torch.uint8).numpy()
