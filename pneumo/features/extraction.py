"""Features of a whole data set: computed once, in parallel, and kept in a file that later processes map."""

from __future__ import annotations

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
from joblib import cpu_count
from tqdm import tqdm

from pneumo.features.batches import by_batches
from pneumo.features.columns import cross_product, with_names
from pneumo.features.configuration import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
from pneumo.features.glcm import glcm_columns, glcm_features
from pneumo.features.hog import hog_columns, hog_features
from pneumo.features.lbp import lbp_columns, lbp_features
from pneumo.features.spectrum import spectrum_columns, spectrum_features
from pneumo.io.digests import json_digest
from pneumo.io.files import atomic_write, full_disk_explained
from pneumo.io.locks import locked
from pneumo.io.paths import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pneumo.data import Pixels
    from pneumo.features.configuration import FeatureConfig

FEATURES_VERSION = 1
"""Raised by hand when the same configuration would give other numbers: it keeps old files from being used."""

CHUNK_IMAGES = 64
"""Images that a thread reads and processes at a time."""


def pixel_features(images: np.ndarray, config: PixelsConfig | None = None) -> np.ndarray:
    """The grey levels themselves, row by row. (N, H, W) uint8 to (N, H * W) float32 in [0, 1].

    >>> len(pixel_features(np.zeros((3, 64, 64), np.uint8)))
    3
    """
    return by_batches(lambda batch: batch / np.float32(255), images)


def pixel_columns(config: PixelsConfig, size: int) -> pd.DataFrame:
    """The columns of `pixel_features` for images of size x size pixels. Returns D rows: row, column, name.

    >>> len(pixel_columns(PixelsConfig(), 64)) == pixel_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    return with_names(cross_product({"row": range(size), "column": range(size)}), "pixel {row},{column}")


EXTRACTORS = {
    HOGConfig: (hog_features, hog_columns),
    LBPConfig: (lbp_features, lbp_columns),
    GLCMConfig: (glcm_features, glcm_columns),
    PixelsConfig: (pixel_features, pixel_columns),
    SpectrumConfig: (spectrum_features, spectrum_columns),
}
"""The functions that compute the features of each configuration, and describe their columns."""


def feature_columns(config: FeatureConfig, size: int) -> pd.DataFrame:
    """What each feature of images of size x size pixels is: D rows with "name", and columns of the kind of features.

    HOG, LBP and pixels have "row" and "column", so that importances can be summed over the rest and drawn as a map.

    >>> from pneumo.features import HOGConfig
    >>> len(feature_columns(HOGConfig(), 64)) == pneumo.features.hog_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    return EXTRACTORS[type(config)][1](config, size)


def feature_names(config: FeatureConfig, size: int) -> list[str]:
    """The name of each feature of images of size x size pixels, D of them.

    >>> from pneumo.features import LBPConfig
    >>> len(feature_names(LBPConfig(), 64)) == pneumo.features.lbp_features(np.zeros((1, 64, 64), np.uint8)).shape[1]
    True
    """
    return feature_columns(config, size)["name"].tolist()


def extract(images: Pixels, config: FeatureConfig, *, jobs: int | None = None, progress: bool = True) -> np.ndarray:
    """The features of every image of a data set, computed now or mapped from an earlier call.

    jobs: threads (NumPy computes outside Python's lock); by default as many as there are processors for this process.
    progress: show a bar on stderr when it takes longer than a second.

    Returns (N, D) float32, mapped read-only, in the order of `images`; D as in `feature_columns`. Kept in the cache
    folder under the digest of the pixels and the configuration. Safe to call from several processes at once (one
    computes, the others wait) and to kill (the next call starts again).
    Raises DataError for an image that could not be decoded, a full disk or a folder that cannot be written, and
    ValueError for images too small for the configuration.

        features = extract(pixels(dataset, size=128), HOGConfig())      # (N, 1764) float32

    >>> images = pneumo.data.pixels(pneumo.data.load("phantom"), size=32, progress=False)
    >>> extract(images, PixelsConfig(), progress=False).shape[0] == images.shape[0]
    True
    """
    path = _path(images, config)
    if not path.exists():
        with locked(path, "measuring"):
            if not path.exists():  # another process may have made it meanwhile
                _measure_all(images, config, path, jobs or cpu_count(), progress)
    return np.load(path, mmap_mode="r")


def _path(images: Pixels, config: FeatureConfig) -> Path:
    key = json_digest(
        {
            "pixels": images.digest,
            "shape": images.shape,
            "name": config.name,
            **asdict(config),
            "version": FEATURES_VERSION,
        }
    )
    return cache_folder() / "features" / f"{config.name}-{key[:16]}.npy"


def _measure_all(images: Pixels, config: FeatureConfig, path: Path, jobs: int, progress: bool) -> None:
    """Compute into the file at `path`, whose lock is held. A failure leaves no file behind."""
    shape = (len(images), len(feature_columns(config, images.shape[1])))
    size = 4 * shape[0] * shape[1]
    with full_disk_explained(path.parent, f"the {config.name} features", size):
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with atomic_write(path, exclusive=True) as temporary:
            _write_all(images, config, temporary, shape, jobs, progress)


def _write_all(
    images: Pixels, config: FeatureConfig, path: Path, shape: tuple[int, int], jobs: int, progress: bool
) -> None:
    function = EXTRACTORS[type(config)][0]

    def measured(start: int) -> np.ndarray:
        return function(images.rows(range(start, min(start + CHUNK_IMAGES, len(images)))), config)

    bar = tqdm(
        total=len(images), desc=f"measuring {config.name}", unit=" images", delay=1, disable=None if progress else True
    )
    with bar, ThreadPoolExecutor(jobs) as pool, path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for features in pool.map(measured, range(0, len(images), CHUNK_IMAGES)):
            file.write(features.tobytes())  # not through a memory map: a full disk would kill the process
            bar.update(len(features))
