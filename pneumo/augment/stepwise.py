"""The specification of `transform`: one image and one step at a time, for tests and readers rather than for speed."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from pneumo.augment.configuration import FillMode
from pneumo.augment.transforms import BLUR_TRUNCATION, Parameters, standard_noise

SCIPY_MODE = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect"}


def reference(images: Tensor, drawn: Parameters, *, fill_mode: FillMode = "nearest", cval: float = 0.0) -> Tensor:
    """What `transform` returns, computed one image and one step at a time, in float64.

    images: (N, 1, H, W) float32 in [0, 1] on the CPU. Returns the same.

    >>> from pneumo.augment import MILD, parameters, transform
    >>> images, drawn = torch.rand(2, 1, 16, 16), parameters(2, MILD, torch.Generator().manual_seed(0))
    >>> torch.allclose(reference(images, drawn), transform(images, drawn), atol=1e-3)
    True
    """
    noise = standard_noise(images.shape, drawn.noise_seed, images.device).double().numpy()
    results = []
    for index, image in enumerate(images[:, 0].double().numpy()):
        image = _warp(image, forward_matrix(drawn, index, *image.shape), fill_mode, cval)
        image = ndimage.gaussian_filter(image, float(drawn.blur[index]), mode="nearest", truncate=BLUR_TRUNCATION)
        image = 0.5 + float(drawn.contrast[index]) * (image - 0.5)
        image = float(drawn.brightness[index]) * image
        image = image + float(drawn.noise[index]) * noise[index, 0]
        image = np.clip(image, 0, 1)
        results.append(image if drawn.jpeg_quality is None else _compress(image, int(drawn.jpeg_quality[index])))
    return torch.from_numpy(np.stack(results)).to(torch.float32).unsqueeze(1)


def _warp(image: np.ndarray, forward: np.ndarray, fill_mode: FillMode, cval: float) -> np.ndarray:
    """Move each point of an image by the matrix `forward`.

    SciPy takes the inverse, with rows before columns, and coordinates from the centre of the first pixel.
    """
    backward = np.linalg.inv(forward)
    matrix, origin = backward[1::-1, 1::-1], backward[1::-1, 2]
    centre = (np.array(image.shape) - 1) / 2
    homogeneous = np.column_stack([matrix, centre + origin - matrix @ centre])
    return ndimage.affine_transform(image, homogeneous, order=1, mode=SCIPY_MODE[fill_mode], cval=cval)


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    """An image after compression by Pillow."""
    file = io.BytesIO()
    Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file)) / 255


def forward_matrix(drawn: Parameters, index: int, height: int, width: int) -> np.ndarray:
    """The affine map of image `index`: (3, 3), for (x, y, 1) in pixels from the image's centre, y downwards."""
    left, top, crop_width, crop_height = drawn.crop[index].double().tolist()
    sign_x, sign_y = 1 - 2 * int(drawn.flip_x[index]), 1 - 2 * int(drawn.flip_y[index])
    tangent = math.tan(math.radians(drawn.shear[index]))
    angle = math.radians(drawn.rotation[index])
    sine, cosine = math.sin(angle), math.cos(angle)

    recentre = _shift((0.5 - left - crop_width / 2) * width, (0.5 - top - crop_height / 2) * height)
    crop = np.diag([1 / crop_width, 1 / crop_height, 1]) @ recentre
    flip = np.diag([sign_x, sign_y, 1])
    zoom = np.diag([float(drawn.zoom_x[index]), float(drawn.zoom_y[index]), 1])
    shear = np.array([[1, -tangent, 0], [0, 1, 0], [0, 0, 1]])
    rotation = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    shift = _shift(float(drawn.shift_x[index]) * width, float(drawn.shift_y[index]) * height)
    return shift @ rotation @ shear @ zoom @ flip @ crop


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])
