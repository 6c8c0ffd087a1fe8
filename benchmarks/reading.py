"""Reading: all radiographs from their archive to the cache, against one process that decodes them with PIL.

Twice: as they are here, and in files as large as the published ones, where decoding takes nearly all of the time.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.measuring import cores, in_new_process, in_turns, scratch, seconds
from benchmarks.radiographs import few_radiographs, made_up_archive, radiographs
from benchmarks.results import Claim
from pneumo import data
from pneumo.data import Dataset
from pneumo.data.readers.archive import ZipSource


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """radiographs: opens the data set, given a folder it may write to. image_size: in pixels. rounds: of both ways.

    large_images: number of large files. large_size: their side in pixels.
    """

    radiographs: Callable[[Path], Dataset]
    image_size: int
    rounds: int
    large_images: int
    large_size: int


FULL = Sizes(
    radiographs=radiographs, image_size=64, rounds=7, large_images=400,
    large_size=1136,                                # a square of the published files' mean area, 1328 x 971
)  # fmt: skip
QUICK = Sizes(radiographs=few_radiographs, image_size=16, rounds=2, large_images=160, large_size=64)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """The first start, which decodes, and the second, which maps."""
    with scratch() as folder:
        dataset = sizes.radiographs(folder)
        large = made_up_archive(folder / "large.zip", images=sizes.large_images, size=sizes.large_size)
        details = {"data": dataset.name, "images": len(dataset), "image_size": sizes.image_size, "cores": cores()}
        yield _decoding("reading/decode", "all radiographs", dataset, sizes, details)
        yield _decoding(
            "reading/decode-large",
            f"{len(large)} files of {sizes.large_size} × {sizes.large_size} pixels",
            large,
            sizes,
            {**details, "data": "phantoms", "images": len(large)},
        )
        data.pixels(dataset, size=sizes.image_size, progress=False)
        yield Claim(
            name="reading/second-start",
            what="time from opening the data set to the first image, all decoded before, in a new process",
            values=tuple(in_new_process(_second_start, dataset, sizes.image_size) for _ in range(sizes.rounds)),
            unit="s",
            at_most=0.1,
            details=details,
        )


def _decoding(name: str, what: str, dataset: Dataset, sizes: Sizes, details: dict[str, object]) -> Claim:
    one_by_one = partial(_decode_one_by_one, dataset, sizes.image_size)
    one_by_one()  # now the archive is in the system's memory, for both
    ways = {"ours": partial(_decode_to_cache, dataset, sizes.image_size), "pil": partial(seconds, one_by_one)}
    took = in_turns(ways, sizes.rounds)
    return Claim(
        name=name,
        what=f"time to decode {what} to the cache, divided by that of one process with Pillow",
        values=tuple(took["ours"] / took["pil"]),
        at_most=0.6,
        details={**details, "seconds": {way: median(values.tolist()) for way, values in took.items()}},
    )


def _decode_to_cache(dataset: Dataset, size: int) -> float:
    """Seconds until everything is decoded and has reached the disk, with an empty cache."""
    with scratch():
        return seconds(lambda: data.pixels(dataset, size=size, progress=False))


def _decode_one_by_one(dataset: Dataset, size: int) -> np.ndarray:
    """As one would write it with PIL: into memory, nothing kept and nothing checked. Returns (N, size, size) uint8."""
    read = _reader(dataset)
    images = np.empty((len(dataset), size, size), dtype=np.uint8)
    for row in range(len(dataset)):
        picture = Image.open(io.BytesIO(read(row))).convert("L")
        images[row] = picture.resize((size, size), Image.Resampling.BILINEAR)
    return images


def _reader(dataset: Dataset) -> Callable[[int], bytes]:
    """The bytes of a row's file, from an archive by zipfile alone, without a check."""
    source = dataset.source
    if not isinstance(source, ZipSource):
        return source.read
    archive = zipfile.ZipFile(source.path)
    return lambda row: archive.read(source.members[row][0])


def _second_start(dataset: Dataset, size: int) -> float:
    return seconds(lambda: data.pixels(dataset, size=size, progress=False).array[0].max())
