"""What a file tells before a pixel is looked at: size, compression, colour mode. The header audit's data.

How an image was saved can give its label away. In the chest-xray archive nearly all normal training images were saved
at JPEG quality 95.5 and nearly all else at 75, so a network can learn the scanner's habits instead of the lung.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from PIL import Image

from pneumo.data.catalogue import places
from pneumo.data.dataset import DataError
from pneumo.io.jpeg import estimated_quality
from pneumo.phantom import PhantomSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo.data.dataset import Dataset

TYPES = {
    "split": str,
    "class": str,
    "filename": str,
    "mode": str,
    "width": np.int64,
    "height": np.int64,
    "jpeg_quality": np.float64,
    "file_size": np.int64,
}
"""Columns of ORIGINAL_HEADERS."""

COLUMNS = ("image", "mode", "width", "height", "jpeg_quality", "file_size")

ORIGINAL_HEADERS = "original_headers.csv"
"""Headers of the files as they were published, for an archive whose images were since resized and saved again."""


def headers(dataset: Dataset, *, folders: Sequence[Path] | None = None) -> pd.DataFrame:
    """What the files of a data set say about themselves, one row an image in the order of the table.

    Columns: image (as in the table), mode (Pillow's: "L", "RGB", ...), width and height (pixels, as stored),
    jpeg_quality (1 to 100, see `estimated_quality`; NaN for a file that is no JPEG), file_size (bytes).

    Read from ORIGINAL_HEADERS where it lies in one of `folders` (None: the folders where data sets are looked for) and
    names an image of this data set, otherwise from the files themselves. Raises DataError as `read_csv` and
    `read_headers` do.
    """
    original = find_original(dataset, places() if folders is None else folders)
    return read_headers(dataset) if original is None else read_csv(original, dataset)


def find_original(dataset: Dataset, folders: Sequence[Path]) -> Path | None:
    """The first ORIGINAL_HEADERS in the folders that names an image of the data set, or None."""
    images = dataset.table["image"]
    for path in (Path(folder) / ORIGINAL_HEADERS for folder in folders):
        if path.is_file() and images.isin(_read_original(path)["image"]).any():
            return path
    return None


def read_csv(path: str | Path, dataset: Dataset) -> pd.DataFrame:
    """Headers from a table with the columns split, class, filename and those of `headers` but image.

    Rows are matched by name, split/class/filename; images that are not in the data set are left out. Raises DataError
    where a column is missing, a name stands twice, or an image of the data set has no row.
    """
    original = _read_original(Path(path)).set_index("image")
    images = pd.Index(dataset.table["image"])
    missing = images.difference(original.index)
    if len(missing):
        raise DataError(
            f"{path} has no row for {len(missing)} of the {len(images)} images of {dataset.name}: {_listed(missing)}; "
            "complete it, or move it away to read the files themselves"
        )
    return original.loc[images].rename_axis("image").reset_index()[list(COLUMNS)]


def read_headers(dataset: Dataset) -> pd.DataFrame:
    """The columns of `headers` from the image files themselves; no pixel is decoded. The phantom makes its own up.

    Raises DataError for a file that is no image, and for a data set that is not made of image files (MedMNIST).
    """
    if isinstance(dataset.source, PhantomSource):
        return dataset.source.headers()
    if not isinstance(dataset.source, _Files):
        raise DataError(f"{dataset.name} is not kept as image files, so it has no headers to audit; use chest-xray")
    images = dataset.table["image"]
    rows = [(image, *_read_header(dataset.source.read(row), image)) for row, image in enumerate(images)]
    return pd.DataFrame(rows, columns=COLUMNS)


@runtime_checkable
class _Files(Protocol):
    """A source of image files."""

    def read(self, row: int) -> bytes: ...


def _read_header(data: bytes, name: str) -> tuple[str, int, int, float, int]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            tables = getattr(image, "quantization", None)  # number of the table -> its divisors; JPEG only
            quality = estimated_quality(tables[min(tables)]) if tables else math.nan
            return image.mode, image.width, image.height, quality, len(data)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} has no image header that can be read ({error}); remove or replace it") from error


def _read_original(path: Path) -> pd.DataFrame:
    """ORIGINAL_HEADERS with a column image, as data sets name their images."""
    try:
        frame = pd.read_csv(path, dtype=TYPES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no table of headers ({error}); get {ORIGINAL_HEADERS} again") from error
    absent = [column for column in TYPES if column not in frame]
    if absent:
        raise DataError(f"{path} lacks the column(s) {', '.join(absent)}; get {ORIGINAL_HEADERS} again")
    frame["image"] = frame["split"] + "/" + frame["class"] + "/" + frame["filename"]
    doubled = frame.loc[frame["image"].duplicated(), "image"]
    if len(doubled):
        raise DataError(f"{path} names {len(doubled)} image(s) twice: {_listed(doubled)}; keep one row of each")
    return frame


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
