"""Where radiographs come from: data sets, their splits, and their pixels decoded once.

dataset = pneumo.data.load("chest-xray")
parts = pneumo.data.split(dataset.table)
images = pneumo.data.pixels(dataset, size=64).rows(parts.train[:32])    # (32, 64, 64) uint8
"""

from pneumo.data.catalogue import class_names, counts, find, get, listing, load
from pneumo.data.croissant import write_croissant
from pneumo.data.dataset import DataError, Dataset
from pneumo.data.examples import Examples
from pneumo.data.pixel_cache import Pixels, pixels
from pneumo.data.readers.archive import read_archive
from pneumo.data.readers.medmnist import read_medmnist
from pneumo.data.readers.pcam import read_pcam
from pneumo.data.readers.phantom import phantom
from pneumo.data.splits import Split, cross_validation_split, split
from pneumo.phantom import PhantomConfig

__all__ = [
    "DataError",
    "Dataset",
    "Examples",
    "PhantomConfig",
    "Pixels",
    "Split",
    "class_names",
    "counts",
    "cross_validation_split",
    "find",
    "get",
    "listing",
    "load",
    "phantom",
    "pixels",
    "read_archive",
    "read_medmnist",
    "read_pcam",
    "split",
    "write_croissant",
]


def __dir__() -> list[str]:
    return sorted(__all__)
