"""Spatial transformers: where a trained one places its attention window, and whether windows undo a displacement.

Everything that depends on trained weights comes from records (`Record.from_weights`); images are needed only to draw
what a window shows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from pneumo import training
from pneumo.augment import parameters, scale, transform
from pneumo.augment.stepwise import forward_matrix
from pneumo.augment.transforms import Parameters
from pneumo.errors import MissingRecord

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionWindows:
    """The windows of a spatial transformer on N images.

    images: (N, H, W) uint8. theta: (N, 2, 3), the sampling grid of each, see `SpatialTransformer.theta`.
    resampled: (N, H, W) uint8, what its CNN sees through the window.
    """

    images: np.ndarray
    theta: np.ndarray
    resampled: np.ndarray


def sampling_grids(record: Record) -> np.ndarray:
    """The sampling grid of each validation image, (N, 2, 3), in the order of `record.frame("validation")`.

    Raises MissingRecord for a record that has none: of another network, or made before they were recorded.
    """
    if "theta" not in record.from_weights:
        raise MissingRecord(
            f"{record.experiment.name} has no sampling grids; give the record of a TransformerConfig, or move an old "
            f"one away and make it again with: pneumo run {record.experiment.name}"
        )
    return np.asarray(record.from_weights["theta"], float)


def attention_windows(images: np.ndarray, theta: np.ndarray) -> AttentionWindows:
    """What a network sees of images (N, H, W) uint8 through the windows theta (N, 2, 3)."""
    batch = scale(torch.from_numpy(images))
    grid = F.affine_grid(torch.from_numpy(theta).float(), list(batch.shape), align_corners=False)
    seen = F.grid_sample(batch, grid, align_corners=False)
    return AttentionWindows(images=images, theta=theta, resampled=_to_uint8(seen))


def displacements(record: Record) -> np.ndarray:
    """How the experiment displaced each validation image: (N, 2, 3), where each point (x, y, 1) of it went.

    Coordinates are those of theta, so a window whose theta is the matrix shows the image as it was.
    """
    size = record.experiment.data.image_size
    drawn = _drawn(record)
    matrices = [forward_matrix(each, row, size, size)[:2] for each in drawn for row in range(len(each.rotation))]
    found = np.stack(matrices)
    found[:, :, 2] /= size / 2  # from pixels to half sides
    return found


def displace(images: np.ndarray, rows: np.ndarray, record: Record) -> np.ndarray:
    """Validation images, (n, H, W) uint8, displaced as in the experiment.

    rows: (n,), which rows of `record.frame("validation")` they are. Returns an array like `images`.
    """
    change = record.experiment.data.distortion
    drawn = _drawn(record)
    batches = np.divmod(rows, training.PREDICTION_BATCH_SIZE)
    moved = [
        transform(scale(image), _one(drawn[batch], row), fill_mode=change.fill_mode, cval=change.cval)
        for image, batch, row in zip(torch.from_numpy(images).split(1), *batches, strict=True)
    ]
    return _to_uint8(torch.cat(moved))


def _drawn(record: Record) -> list[Parameters]:
    """What `pipeline` drew for each batch of validation images."""
    config = record.experiment.data
    generator = training.make_generator(config.split_seed, 0, "distortion validation")
    images = len(record.frame("validation"))
    step = training.PREDICTION_BATCH_SIZE
    return [parameters(min(step, images - start), config.distortion, generator) for start in range(0, images, step)]


def _one(drawn: Parameters, row: int) -> Parameters:
    """The parameters of one image of a batch."""
    tensors = [each.name for each in fields(drawn) if isinstance(getattr(drawn, each.name), torch.Tensor)]
    return replace(drawn, **{name: getattr(drawn, name)[row : row + 1] for name in tensors})


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
