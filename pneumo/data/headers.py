"""What a file tells before a pixel is looked at: size, compression, colour mode. The header audit's data.

How an image was saved can give its label away. In the chest-xray archive nearly all normal training images were saved
at JPEG quality 95.5 and nearly all else at 75, so a network can learn the scanner's habits instead of the lung.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from pneumo.data.dataset import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo.data.dataset import Dataset

COLUMNS = ("image", "mode", "width", "height", "jpeg_quality", "file_size")

ORIGINAL_HEADERS = "original_headers.csv"
"""Headers of the files as they were published, for an archive whose images were since resized and saved again."""

# Luminance quantisation table at quality 50: ITU-T T.81 (1992), table K.1, in reading order.
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


def headers(dataset: Dataset, *, folders: Sequence[Path] = ()) -> pd.DataFrame:
    """What the files of a data set say about themselves, one row an image in the order of the table.

    Columns: image (as in the table), mode (Pillow's: "L", "RGB", ...), width and height (pixels), jpeg_quality
    (1 to 100, float, see `jpeg_quality`; NaN for a file that is no JPEG), file_size (bytes).

    Read from ORIGINAL_HEADERS where it lies in one of `folders` and describes this data set (`find_original`),
    otherwise from the files themselves (`read_headers`).
    """
    original = find_original(dataset, folders)
    return read_headers(dataset) if original is None else read_csv(original, dataset)


def find_original(dataset: Dataset, folders: Sequence[Path]) -> Path | None:
    """The first ORIGINAL_HEADERS in the folders that names an image of the data set, or None."""
    for folder in folders:
        path = Path(folder) / ORIGINAL_HEADERS
        if path.is_file() and dataset.table["image"].isin(_read_original(path).index).any():
            return path
    return None
