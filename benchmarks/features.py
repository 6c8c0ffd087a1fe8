"""Features: `pneumo.features.extract` for all radiographs; HOG against scikit-image, one image after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from skimage.feature import hog

from benchmarks.measuring import cores, in_turns, scratch, seconds
from benchmarks.radiographs import few_radiographs, radiographs
from benchmarks.results import Claim
from pneumo import data
from pneumo.data import Dataset, Pixels
from pneumo.features import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, extract

ALL_KINDS = (HOGConfig(), LBPConfig(), GLCMConfig())


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """radiographs: opens the data set, given a folder it may write to. image_size: in pixels.

    sample: images that scikit-image measures; the rate is taken as that of all. rounds: of all ways in turns.
    """

    radiographs: Callable[[Path], Dataset]
    image_size: int
    sample: int
    rounds: int


FULL = Sizes(radiographs=radiographs, image_size=128, sample=300, rounds=3)
QUICK = Sizes(radiographs=few_radiographs, image_size=32, sample=3, rounds=2)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """For each kind of feature: images per second on all cores by those of one process, and the second call."""
    with scratch() as folder:
        dataset = sizes.radiographs(folder)
        images = data.pixels(dataset, size=sizes.image_size, progress=False)
        rows = np.random.default_rng(0).choice(len(images), sizes.sample, replace=False)
        for config, measure_one in ONE_IMAGE.items():
            ways = {
                "ours": partial(_ours, images, config),
                "scikit-image": partial(_one_by_one, images.rows(rows), partial(measure_one, config=config)),
            }
            rates = in_turns(ways, sizes.rounds)
            yield Claim(
                name=f"features/{config.name}",
                what=f"{config.name.upper()} features of all radiographs at {sizes.image_size} pixels: images a "
                "second, divided by those of one process with scikit-image",
                values=tuple(rates["ours"] / rates["scikit-image"]),
                at_least=1.8,
                details={
                    "data": dataset.name,
                    "images": len(images),
                    "sample_for_scikit_image": sizes.sample,
                    "cores": cores(),
                    "images_per_second": {name: median(values.tolist()) for name, values in rates.items()},
                },
            )
        yield _second_call(images, sizes.rounds)


def _second_call(images: Pixels, rounds: int) -> Claim:
    for config in ALL_KINDS:
        extract(images, config, progress=False)

    def again() -> None:
        for config in ALL_KINDS:
            extract(images, config, progress=False)[0].max()

    return Claim(
        name="features/cached",
        what="time to read the same features again, all kinds",
        values=tuple(seconds(again) for _ in range(rounds)),
        unit="s",
        at_most=0.1,
    )


def _ours(images: Pixels, config: FeatureConfig) -> float:
    """Images per second with an empty cache: reading, measuring and writing."""
    with scratch():
        return len(images) / seconds(lambda: extract(images, config, progress=False))


def _one_by_one(images: np.ndarray, measure_one: Callable[[np.ndarray], np.ndarray]) -> float:
    """Images per second, the images in memory and nothing kept."""

    def work() -> None:
        for image in images:
            measure_one(image)

    return len(images) / seconds(work)


# One image by scikit-image, (H, W) uint8 to (D,), the numbers of `pneumo.features` -----------------------------------


def one_hog(image: np.ndarray, config: HOGConfig) -> np.ndarray:
    cell, block = config.pixels_per_cell, config.cells_per_block
    return hog(image, config.orientations, (cell, cell), (block, block))


ONE_IMAGE = {HOGConfig(): one_hog}
