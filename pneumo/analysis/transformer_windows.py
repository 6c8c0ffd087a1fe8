"""Spatial transformers: where a trained one places its attention window, and whether windows undo a displacement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pneumo import models
from pneumo.augment import Augmentation, parameters, scale, transform
from pneumo.augment.stepwise import forward_matrix
from pneumo.experiments import pipeline
from pneumo.experiments.config import Experiment, TransformerConfig
from pneumo.io.paths import weights_path
from pneumo.models.spatial_transformer import SpatialTransformer


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionWindows:
    """The windows of a spatial transformer on N images.

    images: (N, H, W) uint8. theta: (N, 2, 3), the sampling grid of each, see `SpatialTransformer.theta`.
    resampled: (N, H, W) uint8, what its CNN sees through the window. trained: False for a network before training,
    whose window is the whole image.
    """

    images: np.ndarray
    theta: np.ndarray
    resampled: np.ndarray
    trained: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class DisplacedImages:
    """images: (N, H, W) uint8, displaced. matrices: (N, 2, 3), where each point (x, y, 1) of an image went.

    Coordinates are those of theta, so a window whose theta is the matrix shows the image as it was.
    """

    images: np.ndarray
    matrices: np.ndarray


@torch.inference_mode()
def attention_windows(experiment: Experiment, images: np.ndarray) -> AttentionWindows:
    """The windows of an experiment's spatial transformer on images (N, H, W) uint8.

    Reads the trained weights from this machine's cache; without them, the network is that before training.
    Raises TypeError for an experiment whose network has no spatial transformer.
    """
    if not isinstance(experiment.model, TransformerConfig):
        raise TypeError(f"{experiment.name}: a {type(experiment.model).__name__} has no window; use TransformerConfig")
    trained = weights_available([experiment])
    network = pipeline.load_trained_network(experiment) if trained else models.build(experiment.model).eval()
    assert isinstance(network, SpatialTransformer)  # what a TransformerConfig builds
    batch = scale(torch.from_numpy(images))
    return AttentionWindows(
        images=images,
        theta=network.theta(batch).numpy(),
        resampled=_to_uint8(network.transform(batch)),
        trained=trained,
    )


def weights_available(experiments: Iterable[Experiment]) -> bool:
    """Whether the trained weights of all experiments are in this machine's cache.

    >>> weights_available([])
    True
    """
    return all(weights_path(experiment.key).is_file() for experiment in experiments)


def displace(images: np.ndarray, change: Augmentation, *, seed: int) -> DisplacedImages:
    """Displace square images (N, S, S) uint8, each by an amount of its own, and keep the amounts.

    change: the ranges to draw from. seed: of the draws.

    >>> displaced = displace(np.zeros((2, 32, 32), np.uint8), pneumo.augment.MILD, seed=0)
    >>> displaced.images.shape
    (2, 32, 32)
    """
    drawn = parameters(len(images), change, torch.Generator().manual_seed(seed))
    moved = transform(scale(torch.from_numpy(images)), drawn, fill_mode=change.fill_mode, cval=change.cval)
    size = images.shape[-1]
    matrices = np.stack([forward_matrix(drawn, index, size, size)[:2] for index in range(len(images))])
    matrices[:, :, 2] /= size / 2  # from pixels to half sides
    return DisplacedImages(images=_to_uint8(moved), matrices=matrices)


def pose_parameters(matrices: np.ndarray) -> pd.DataFrame:
    """Shift, rotation and size of affine matrices (N, 2, 3), of windows or of displacements: one row each.

    shift_right, shift_down: of the centre, as shares of the image's side. rotation: degrees, counter-clockwise.
    size: side of the window, or of the displaced image, as a share of the image's; the square root of the area's share.

    >>> pose_parameters(np.array([[[0.5, 0.0, 0.2], [0.0, 0.5, 0.0]]])).iloc[0].tolist()
    [0.1, 0.0, 0.0, 0.5]
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


def _to_uint8(images: torch.Tensor) -> np.ndarray:
    """(N, 1, H, W) float in [0, 1] -> (N, H, W) uint8."""
    return (images[:, 0] * 255).round().to(torch.uint8).numpy()
