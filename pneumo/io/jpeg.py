"""JPEG compression of a grey image: quantisation tables, the quality they stand for, and the loss of information."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# Luminance quantisation table at JPEG quality 50: ITU-T T.81 (1992), table K.1, in reading order.
LUMINANCE_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def quantisation_table(quality: float) -> np.ndarray:
    """The luminance quantisation table (8, 8) at a JPEG quality from 1 to 100, by the Independent JPEG Group's rule."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((LUMINANCE_TABLE * percent + 50) / 100), 1, 255)


def estimated_quality(table: Sequence[int]) -> float:
    """Quality, 1 to 100, at which the encoder of the Independent JPEG Group makes a luminance quantisation table.

    table: 64 divisors in reading order, as in Pillow's `image.quantization[0]`.

    The encoder multiplies the standard table (ITU-T T.81, table K.1) by 2 - quality / 50 from quality 50 on, and by
    50 / quality below, then rounds (jcparam.c, jpeg_quality_scaling). The median ratio to the standard table undoes
    that to within a point from quality 50 on; the tables of other encoders get values between.
    """
    ratio = float(np.median(np.asarray(table) / LUMINANCE_TABLE.ravel()))
    return round(100 - 50 * ratio if ratio <= 1 else 50 / ratio, 2)


def compress(grey: np.ndarray, quality: float) -> np.ndarray:
    """Compress a grey image as JPEG and decompress it.

    grey: (H, W) uint8. quality: 1 to 100. Returns the same shape and type.
    The cosine coefficients of each 8 x 8 block are rounded to multiples of the quantisation table's divisors. JPEG's
    entropy coding is lossless and left out.
    """
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % 8), (0, -width % 8)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 8, 8, -1, 8).swapaxes(1, 2).astype(np.float32) - 128  # (h, w, 8, 8)
    transform = _cosine_transform()
    table = quantisation_table(quality).astype(np.float32)
    coefficients = np.rint(transform @ blocks @ transform.T / table) * table
    restored = transform.T @ coefficients @ transform + 128
    restored = restored.swapaxes(1, 2).reshape(padded.shape)[:height, :width]
    return np.clip(np.rint(restored), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _cosine_transform() -> np.ndarray:
    """The orthonormal 8-point discrete cosine transform of JPEG, a row a frequency, (8, 8).

    As a product of matrices: `fft.dctn` of the blocks rounds ties the other way, and nearly every phantom would change.
    """
    from scipy import fft  # a third of a second, for synthetic and compressed images alone

    return np.asarray(fft.dct(np.eye(8), axis=0, norm="ortho"), dtype=np.float32)
