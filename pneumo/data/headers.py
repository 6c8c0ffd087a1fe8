"""Acquisition features of image files: size, JPEG quality, colour mode. No pixel is decoded.

How an image was saved can reveal its label. In the chest-xray archive nearly all normal training images were saved at
JPEG quality 95.5 and nearly all others at 75, so a network can learn the acquisition instead of the lung.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from pneumo.data.catalogue import data_folders
from pneumo.data.decode import PILLOW_FORMATS
from pneumo.data.readers.archive import ImageFileSource
from pneumo.data.readers.image import image_size, is_dicom_file
from pneumo.errors import DataError, listed
from pneumo.io.jpeg import estimated_quality
from pneumo.phantom import PhantomSource

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pneumo.data.dataset import Dataset

ORIGINAL_HEADER_TYPES: dict[Hashable, type] = {
    "split": str,
    "class": str,
    "filename": str,
    "mode": str,
    "width": np.int64,
    "height": np.int64,
    "jpeg_quality": np.float64,
    "file_size": np.int64,
}
"""Columns of ORIGINAL_HEADERS_FILE, and their types."""

HEADER_COLUMNS = ("image", "mode", "width", "height", "jpeg_quality", "file_size")

ORIGINAL_HEADERS_FILE = "original_headers.csv"
"""Headers of the files as they were published, for an archive whose images were since resized and saved again."""


def headers(dataset: Dataset, *, folders: Sequence[Path] | None = None) -> pd.DataFrame:
    """What the files of a data set say about themselves, one row an image in the order of the table.

    Columns: image (as in the table), mode (Pillow's: "L", "RGB", ...), width and height (pixels, as stored),
    jpeg_quality (1 to 100, see `estimated_quality`; NaN for a file that is no JPEG), file_size (bytes).

    Read from the table that `find_original` finds, otherwise from the files themselves: always so for a data set that
    was opened by its path, unless `folders` says where its table lies. Raises DataError as `read_original_headers` and
    `read_headers` do.
    """
    original = find_original(dataset, folders)
    return read_headers(dataset) if original is None else read_original_headers(original, dataset)


def find_original(dataset: Dataset, folders: Sequence[Path] | None = None) -> Path | None:
    """The first ORIGINAL_HEADERS_FILE in the folders that names an image of the data set, or None.

    folders: None means those where data sets are looked for, and none for a data set that was opened by its path: a
        table that happens to lie in one of them is about other files.
    """
    if folders is None:
        folders = data_folders() if dataset.from_catalogue else ()
    images = dataset.table["image"]
    for path in (Path(folder) / ORIGINAL_HEADERS_FILE for folder in folders):
        if path.is_file() and bool(images.isin(_read_original(path)["image"]).any()):
            return path
    return None


def read_original_headers(path: str | Path, dataset: Dataset) -> pd.DataFrame:
    """Headers from a table with the columns split, class, filename and those of `headers` but image.

    Rows are matched by name, split/class/filename; images that are not in the data set are left out. Raises DataError
    where a column is missing, a name stands twice, or an image of the data set has no row.
    """
    original = _read_original(Path(path)).set_index("image")
    images = pd.Index(dataset.table["image"])
    missing = images.difference(original.index)
    if len(missing):
        raise DataError(
            f"{path} has no row for {len(missing)} of the {len(images)} images of {dataset.name}: "
            f"{listed(missing.tolist())}; complete it, or move it away to read the files themselves"
        )
    return original.loc[images].rename_axis("image").reset_index()[list(HEADER_COLUMNS)]


def read_headers(dataset: Dataset) -> pd.DataFrame:
    """The columns of `headers` from the image files themselves; no pixel is decoded. The phantom draws its own.

    Raises DataError for a file that is no image, and for a data set that is not made of image files (MedMNIST).
    """
    if isinstance(dataset.source, PhantomSource):
        return dataset.source.headers()
    if not isinstance(dataset.source, ImageFileSource):
        raise DataError(f"{dataset.name} is not kept as image files, so it has no headers to audit; use chest-xray")
    images = dataset.table["image"]
    rows = [(image, *_read_header(dataset.source.read(row), image)) for row, image in enumerate(images)]
    return pd.DataFrame(rows, columns=HEADER_COLUMNS)


def _read_header(data: bytes, name: str) -> tuple[str, int, int, float, int]:
    if is_dicom_file(data, name):
        return "L", *image_size(data, name), math.nan, len(data)
    try:
        with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
            tables = getattr(image, "quantization", None)  # number of the table -> its divisors; JPEG only
            quality = estimated_quality(tables[min(tables)]) if tables else math.nan
            return image.mode, image.width, image.height, quality, len(data)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} has no image header that can be read ({error}); remove or replace it") from error


def _read_original(path: Path) -> pd.DataFrame:
    """ORIGINAL_HEADERS_FILE with a column image, as data sets name their images."""
    try:
        frame = pd.read_csv(path, dtype=ORIGINAL_HEADER_TYPES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no table of headers ({error}); get {ORIGINAL_HEADERS_FILE} again") from error
    absent = [str(column) for column in ORIGINAL_HEADER_TYPES if column not in frame]
    if absent:
        raise DataError(f"{path} lacks the column(s) {', '.join(absent)}; get {ORIGINAL_HEADERS_FILE} again")
    frame["image"] = frame["split"] + "/" + frame["class"] + "/" + frame["filename"]
    doubled = frame.loc[frame["image"].duplicated(), "image"]
    if len(doubled):
        raise DataError(f"{path} names {len(doubled)} image(s) twice: {listed(doubled.tolist())}; keep one row of each")
    return frame
