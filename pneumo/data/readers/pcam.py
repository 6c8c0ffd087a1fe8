"""PatchCamelyon: 327,680 patches of lymph nodes under the microscope, with and without metastases of breast cancer.

Veeling et al., "Rotation Equivariant CNNs for Digital Pathology" (2018, arXiv:1806.03962). Six HDF5 files, laid out as
torchvision's `PCAM` leaves them. They are read image by image, never as a whole.
"""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from filelock import FileLock
from PIL import Image

from pneumo.data.dataset import Dataset
from pneumo.errors import DataError
from pneumo.io.digests import rows_digest
from pneumo.io.downloads import download
from pneumo.io.files import atomic_write

if TYPE_CHECKING:
    import h5py

CLASS_NAMES = ("TUMOUR-FREE", "TUMOUR")

SPLITS = {"train": "train", "val": "valid", "test": "test"}
"""Split -> the publisher's name of it, in the names of the files."""

PREFIX = "camelyonpatch_level_2_split_"

URL = "https://zenodo.org/records/2546921/files/"

# MD5 of the compressed files, as torchvision's `PCAM` has them. The publisher's own table has those of validation and
# test the wrong way round (github.com/basveeling/pcam/issues/1).
CHECKSUMS = {
    "train_x": "1571f514728f59376b705fc836ff4b63",
    "train_y": "35c2d7259d906cfc8143347bb8e05be7",
    "valid_x": "d5b63470df7cfa627aeec8b9dc0c066e",
    "valid_y": "2b85f58b927af9964a4c15b8f7e8f179",
    "test_x": "d8c2d60d490dbd479f8199bdfa0cf6ec",
    "test_y": "60a7035772fbdb7f34eb86d4420cf66a",
}


def read_pcam(path: str | Path, *, name: str | None = None) -> Dataset:
    """Open the folder that holds the six files of PatchCamelyon. Only the labels are read.

    name: of the data set; by default the folder's.
    Label 1: there is tumour in the central 32 x 32 pixels. Images are named by their place in the file, "train/000123";
    subtype is "" and so is patient. The publisher's split keeps slides apart, but within a part many images come from
    one slide, so an interval that takes them for independent is too narrow.
    Raises DataError where a file is missing or is not one of these, and where h5py is not installed.
    """
    path = Path(path)
    missing = [_file(path, part).name for part in CHECKSUMS if not _file(path, part).is_file()]
    if missing:
        raise DataError(
            f"{path} lacks {', '.join(missing)}; `pneumo data get pcam` downloads what is missing, or get the .h5.gz "
            f"from {URL.removesuffix('/files/')} and unpack them there"
        )
    labels = {split: _labels(path, part) for split, part in SPLITS.items()}
    counts = {split: len(labels[split]) for split in SPLITS}
    table = pd.DataFrame(
        {
            "image": [f"{split}/{row:06d}" for split, count in counts.items() for row in range(count)],
            "split": np.repeat(list(counts), list(counts.values())),
            "label": np.concatenate(list(labels.values())),
            "subtype": "",
            "patient": "",
        }
    )
    source = PcamSource(path=path, split_stops=tuple(accumulate(counts.values())), signature=_signature(path))
    return Dataset(name=name or path.resolve().name, classes=CLASS_NAMES, table=table, source=source)


@dataclass(frozen=True, kw_only=True)
class PcamSource:
    """Images in the HDF5 files: `pneumo.data.dataset.Source`.

    split_stops: row after the last of each split, in the order of SPLITS.
    signature: digest of names, sizes and times of change.
    """

    path: Path
    split_stops: tuple[int, ...]
    signature: str

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """See `Source.image`; colour becomes its luma as in `decode`, `size` makes no difference."""
        split = int(np.searchsorted(self.split_stops, row, side="right"))
        path = _file(self.path, f"{list(SPLITS.values())[split]}_x")
        index = row - (0, *self.split_stops)[split]
        try:
            colour = _array(path, "x", self.signature)[index]  # (96, 96, 3)
        except (OSError, KeyError) as error:
            raise DataError(f"{path}: image {index} cannot be read ({error}); {_REMEDY}") from error
        return np.asarray(Image.fromarray(colour).convert("L"))


def is_pcam(path: Path) -> bool:
    """Whether a folder holds files of PatchCamelyon."""
    return path.is_dir() and any(path.glob(f"{PREFIX}*.h5"))


def download_pcam(folder: Path, *, progress: bool = True) -> Path:
    """Download the six files and unpack them, going on where an earlier download broke off. What is there is kept.

    Each file is verified by its checksum before it is unpacked. Returns the folder. Raises DataError as `download`
    does, and where a file cannot be unpacked.
    """
    for part, checksum in CHECKSUMS.items():
        path = _file(folder, part)
        if not path.exists():
            packed = path.with_name(f"{path.name}.gz")
            download(URL + packed.name, packed, checksum=f"md5:{checksum}", progress=progress)
            with FileLock(folder / f".{path.name}.lock"):
                if packed.exists():  # or another process has unpacked it meanwhile
                    _unpack(packed, path)
    return folder


_REMEDY = "remove it and get it again with `pneumo data get pcam`"


def _file(folder: Path, part: str) -> Path:
    return folder / f"{PREFIX}{part}.h5"


def _unpack(packed: Path, path: Path) -> None:
    """Unpack a file whose lock is held, whole or not at all, and remove the packed one."""
    try:
        with (
            atomic_write(path, exclusive=True) as temporary,
            gzip.open(packed) as source,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, length=1 << 20)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{packed} cannot be unpacked ({error}); make room and try again") from error
    packed.unlink()


@lru_cache(maxsize=16)
def _opened(path: Path, signature: str, process: int) -> h5py.File:
    """A handle of this process. Threads may share it (h5py lets in one at a time), a fork may not.

    signature: another one means that the files were replaced.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("reading PatchCamelyon needs h5py; `pip install 'pneumo[pcam]'`") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path} is no whole HDF5 file ({error}); {_REMEDY}") from error


def _array(path: Path, name: str, signature: str) -> h5py.Dataset:
    """An array of a file, not yet read. Raises KeyError where there is none by this name."""
    return cast("h5py.Dataset", _opened(path, signature, os.getpid())[name])


def _labels(folder: Path, part: str) -> np.ndarray:
    """(N,) int8, 0 or 1, one for each image of the split."""
    images, targets = _file(folder, f"{part}_x"), _file(folder, f"{part}_y")
    signature = _signature(folder)
    try:
        pixels = _array(images, "x", signature)
        labels = _array(targets, "y", signature)[:].reshape(-1)
    except (OSError, KeyError) as error:
        raise DataError(f"{folder}: the {part} files hold no array x or y ({error}); {_REMEDY}") from error
    shape = pixels.shape
    if len(shape) != 4 or shape[3] != 3 or pixels.dtype != np.uint8:
        raise DataError(f"{images} holds {pixels.dtype} images of shape {shape}, not (N, H, W, 3) uint8; {_REMEDY}")
    if len(labels) != shape[0] or not np.isin(labels, (0, 1)).all():
        raise DataError(f"{targets} does not hold one 0 or 1 for each of the {shape[0]} images; {_REMEDY}")
    return labels.astype(np.int8)


def _signature(folder: Path) -> str:
    files = [(part, _file(folder, part).stat()) for part in CHECKSUMS]
    return rows_digest((part, status.st_size, status.st_mtime_ns) for part, status in files)
