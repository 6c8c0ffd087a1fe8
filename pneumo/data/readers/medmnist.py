"""MedMNIST files: arrays of small images with labels, without file names and without patients.

Yang et al., "MedMNIST v2", Scientific Data 10, 41 (2023); the sizes 64, 128 and 224 are "MedMNIST+".
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo.data.dataset import Dataset
from pneumo.data.readers.files import ZIP_ERRORS
from pneumo.errors import DataError
from pneumo.io.digests import rows_digest

SPLITS = ("train", "val", "test")

# Names of label 0 and label 1, and the number that the file has for label 1.
_TASKS = {
    "pneumoniamnist": (("NORMAL", "PNEUMONIA"), 1),
    "breastmnist": (("NORMAL OR BENIGN", "MALIGNANT"), 0),
}


def read_medmnist(path: str | Path, *, name: str | None = None) -> Dataset:
    """Open pneumoniamnist or breastmnist, at any size: "breastmnist.npz" (28 pixels), "breastmnist_64.npz", ...

    name: of the data set; by default the file's.
    Label 1 is the finding. BreastMNIST's file has it the other way round (0 malignant, 1 normal or benign), so its
    labels are turned. Images are named by their place in the file, "train/000123"; subtype is "" and so is patient:
    the publisher gives no patients, and only its own split may keep them apart.
    Raises DataError for a file that is not one of these.
    """
    path = Path(path)
    task = path.stem.split("_")[0]
    if task not in _TASKS:
        raise DataError(f"{path} is not a data set known here; rename it to one of {', '.join(_TASKS)} (.npz)")
    classes, positive = _TASKS[task]
    labels = {split: _labels(path, split) for split in SPLITS}
    table = pd.DataFrame(
        {
            "image": [f"{split}/{row:06d}" for split in SPLITS for row in range(len(labels[split]))],
            "split": np.repeat(SPLITS, [len(labels[split]) for split in SPLITS]),
            "label": np.concatenate([labels[split] == positive for split in SPLITS]).astype(np.int8),
            "subtype": "",
            "patient": "",
        }
    )
    source = MedMNISTSource(path=path, count=len(table), signature=_signature(path))
    return Dataset(name=name or path.stem, classes=classes, table=table, source=source)


@dataclass(frozen=True, kw_only=True)
class MedMNISTSource:
    """Images in an .npz file: `pneumo.data.dataset.Source`. The arrays are read when the first image is asked for.

    signature: digest of the arrays' names, checksums and sizes, which the file's directory holds.
    """

    path: Path
    count: int
    signature: str

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """See `Source.image`; `size` makes no difference."""
        images = _images(self.path, self.signature)
        if len(images) != self.count:
            raise DataError(f"{self.path} holds {len(images)} images and {self.count} labels; download it again")
        return images[row]


@lru_cache(maxsize=1)
def _images(path: Path, signature: str) -> np.ndarray:
    """(N, H, W) uint8, read once a process. signature: another one means that the file was replaced."""
    parts = [_array(path, f"{split}_images") for split in SPLITS]
    if len({part.shape[1:] for part in parts}) > 1 or not all(part.ndim for part in parts):
        shapes = ", ".join(str(part.shape) for part in parts)
        raise DataError(f"{path} holds images of the shapes {shapes}, not of one height and width; download it again")
    images = np.concatenate(parts)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DataError(f"{path} holds {images.dtype} images of shape {images.shape}; (N, H, W) uint8 is expected")
    images.flags.writeable = False
    return images


def _labels(path: Path, split: str) -> np.ndarray:
    """(N,) 0 or 1, as in the file."""
    labels = _array(path, f"{split}_labels")
    if labels.shape not in ((labels.size,), (labels.size, 1)) or not np.isin(labels, (0, 1)).all():
        raise DataError(f"{path}: {split}_labels of shape {labels.shape} is not one 0 or 1 an image; download it again")
    return labels.reshape(-1)


def _array(path: Path, key: str) -> np.ndarray:
    try:
        # Opened here, since NumPy leaves the file open where it cannot be read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return arrays[key]
    except KeyError as error:
        raise DataError(f"{path} has no array {key}, so it is no MedMNIST file; download it again") from error
    except (*ZIP_ERRORS, ValueError, AttributeError, TypeError, MemoryError) as error:  # a header may claim petabytes
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path} cannot be read as an .npz file ({reason}); download it again") from error


def _signature(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return rows_digest(sorted((entry.filename, entry.CRC, entry.file_size) for entry in archive.infolist()))
