"""The data pipeline and training beside what others use: Keras, fastai, MONAI and torchvision.

The same uint8 images in memory, the same kind of transforms with the ranges of GENERATOR (rotation, shift, shear, zoom,
flip, brightness), batches of 32, each library as its own documentation has it. On the cores as they are, and while
another process keeps one of them busy, as on a shared machine. All ways take turns within a round.

Keras, fastai and MONAI are measured where they are installed, which the result says. They are no dependencies;
README.md says how they get an environment of their own, from requirements.txt.

Keras needs no TensorFlow here: `ImageDataGenerator` is NumPy and SciPy, and Keras itself is set to use PyTorch.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks import training as training_benchmark
from benchmarks.measuring import in_turns, scratch
from benchmarks.radiographs import few_radiographs, radiographs
from benchmarks.results import Claim
from benchmarks.training import BASELINE, BATCH, WORKERS, Case
from pneumo import training
from pneumo.augment import GENERATOR, augment, scale

Batches = Iterable[tuple[Tensor, Tensor]]
"""Of images (B, 1, H, W) float32 in [0, 1] and labels (B,)."""

SHIFT, ROTATION, SHEAR = GENERATOR.width_shift_range, GENERATOR.rotation_range, GENERATOR.shear_range
ZOOM, BRIGHTNESS = GENERATOR.zoom_range, GENERATOR.brightness_range


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """radiographs: opens the data set, given a folder it may write to. case: the network and the images of a round.

    pipeline_seconds: that each way's pipeline alone is watched in a round. rounds: of all ways in turns.
    """

    radiographs: Callable[[Path], Any]
    case: Case
    pipeline_seconds: float
    rounds: int


FULL = Sizes(radiographs=radiographs, case=BASELINE, pipeline_seconds=3.0, rounds=5)
QUICK = Sizes(radiographs=few_radiographs, case=training_benchmark.QUICK.cases[0], pipeline_seconds=0.05, rounds=1)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Images per second of ours by those of each library, for the pipeline alone and for training."""
    libraries = installed()
    absent = sorted(LIBRARIES.keys() - libraries.keys())
    if absent:
        print(f"  not installed, so not measured: {', '.join(absent)}", flush=True)
    with scratch() as folder:
        dataset = sizes.radiographs(folder)
        shown = training_benchmark._training_images(sizes.case, dataset)
        images, labels = shown.pixels.rows(shown.rows), shown.labels
        pipelines = {name: partial(batches, images, labels) for name, batches in {"pneumo": ours, **libraries}.items()}
        alone = {name: partial(_pipeline_rate, each, sizes.pipeline_seconds) for name, each in pipelines.items()}
        trained = {name: partial(_training_rate, sizes.case, each) for name, each in pipelines.items()}
        trained["pneumo"] = partial(training_benchmark._ours, sizes.case, shown, GENERATOR, folder / "fit.ckpt")
        for what, ways in (("pipeline", alone), ("training", trained)):
            for cores, sharing in (("idle", _undisturbed), ("shared", _one_busy_process)):
                with sharing():
                    rates = in_turns(ways, sizes.rounds, warm_up=1)
                yield from _claims(what, cores, rates, {"data": dataset.name, "not_installed": absent})


def _claims(what: str, cores: str, rates: dict[str, np.ndarray], details: dict[str, Any]) -> Iterator[Claim]:
    subject = "data pipeline alone" if what == "pipeline" else "training of the baseline CNN"
    machine = "no other process of ours" if cores == "idle" else "one other busy process"
    details |= {
        "images_per_second": {name: median(values.tolist()) for name, values in rates.items()},
        "threads": torch.get_num_threads(),
        "wait_policy": os.environ.get("OMP_WAIT_POLICY", "not set"),
    }
    for name in rates.keys() - {"pneumo"}:
        package = PACKAGES[name]
        yield Claim(
            name=f"libraries/{what}/{cores}/{name}",
            what=f"{subject}, {machine}: images a second, divided by those of {name}",
            values=tuple(rates["pneumo"] / rates[name]),
            at_least=1.0,
            details={**details, "version": version(package)},
        )


def _pipeline_rate(batches: Callable[[], Batches], seconds: float) -> float:
    """Images per second from the second batch on, over as many passes as the time allows."""
    count = start = 0.0
    while True:
        for images, _ in batches():
            if not start:  # the first batch starts workers and fills caches
                start = time.perf_counter()
                continue
            count += len(images)
            elapsed = time.perf_counter() - start
            if elapsed >= seconds:
                return count / elapsed


def _training_rate(case: Case, batches: Callable[[], Batches]) -> float:
    return training_benchmark._loop(case, batches())


@contextmanager
def _undisturbed() -> Iterator[None]:
    yield


@contextmanager
def _one_busy_process() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


# One pass over shuffled, augmented images by each library: (N, H, W) uint8 and (N,) to batches ------------------------


def ours(images: np.ndarray, labels: np.ndarray) -> Batches:
    part = training.Images(pixels=training.InMemory(array=images), rows=np.arange(len(images)), labels=labels)
    generator = torch.Generator().manual_seed(0)
    for batch, targets in part.batches(BATCH, generator):
        yield augment(scale(batch), GENERATOR, generator), targets


def torchvision(images: np.ndarray, labels: np.ndarray) -> Batches:
    """`transforms.v2`, image by image, in the workers of a `DataLoader`."""
    transform = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomAffine(
                ROTATION,
                translate=(SHIFT, SHIFT),
                scale=ZOOM,
                shear=SHEAR,
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.ColorJitter(brightness=BRIGHTNESS),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    return DataLoader(Transformed(images, labels, transform), BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)


class Transformed(Dataset):
    """Images and labels, each image (1, H, W) uint8 through a transform when it is asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Callable[[Tensor], Tensor]) -> None:
        self.images, self.labels, self.transform = torch.from_numpy(images)[:, None], labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        return self.transform(self.images[index]), float(self.labels[index])


def keras(images: np.ndarray, labels: np.ndarray) -> Batches:
    """`ImageDataGenerator`, which Keras keeps for existing code, image by image in the process itself."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(
        rotation_range=ROTATION,
        width_shift_range=SHIFT,
        height_shift_range=SHIFT,
        shear_range=SHEAR,
        zoom_range=[1 / high for high in reversed(ZOOM)],  # there, above 1 makes smaller
        horizontal_flip=True,
        brightness_range=BRIGHTNESS,
        rescale=1 / 255,
    )
    flow = generator.flow(images[..., None], labels, batch_size=BATCH)
    for _ in range(len(images) // BATCH):
        batch, targets = next(flow)
        yield torch.from_numpy(batch).permute(0, 3, 1, 2), torch.from_numpy(targets).float()


def monai(images: np.ndarray, labels: np.ndarray) -> Batches:
    """`CacheDataset`, which keeps what comes before the first random transform, in a `DataLoader`."""
    from monai.data import CacheDataset
    from monai.data import DataLoader as MonaiLoader
    from monai.transforms import (
        Compose,
        EnsureChannelFirstd,
        RandAffined,
        RandFlipd,
        RandScaleIntensityd,
        ScaleIntensityRanged,
    )

    side = images.shape[1]
    transform = Compose(
        [
            EnsureChannelFirstd("image", channel_dim="no_channel"),
            ScaleIntensityRanged("image", a_min=0, a_max=255, b_min=0, b_max=1),
            RandFlipd("image", prob=0.5, spatial_axis=1),
            RandAffined(
                "image",
                prob=1.0,
                rotate_range=np.radians(ROTATION),
                shear_range=np.tan(np.radians(SHEAR)),
                translate_range=SHIFT * side,
                scale_range=(ZOOM[0] - 1, ZOOM[1] - 1),
                padding_mode="border",
            ),
            RandScaleIntensityd("image", prob=1.0, factors=(BRIGHTNESS[0] - 1, BRIGHTNESS[1] - 1)),
        ]
    )
    items = [{"image": image, "label": float(label)} for image, label in zip(images, labels, strict=True)]
    cached = CacheDataset(items, transform, progress=False)
    loader = MonaiLoader(cached, batch_size=BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
    for batch in loader:
        yield batch["image"].as_tensor(), batch["label"].float()


def fastai(images: np.ndarray, labels: np.ndarray) -> Batches:
    """`Datasets` and their `dataloaders`, which transform whole batches."""
    from fastai.data.core import Datasets
    from fastai.data.transforms import IntToFloatTensor, ToTensor
    from fastai.vision.augment import aug_transforms
    from fastai.vision.core import PILImageBW

    augmentation = aug_transforms(
        do_flip=True,
        max_rotate=ROTATION,
        min_zoom=ZOOM[0],
        max_zoom=ZOOM[1],
        max_lighting=BRIGHTNESS[1] - 1,
        max_warp=0.0,
        p_affine=1.0,
        p_lighting=1.0,
        pad_mode="border",
    )
    rows = list(range(len(images)))
    loaders = Datasets(
        rows, [[partial(_picture, PILImageBW, images)], [partial(_label, labels)]], splits=[rows, []]
    ).dataloaders(
        bs=BATCH,
        after_item=[ToTensor()],
        after_batch=[IntToFloatTensor(), *augmentation],
        num_workers=WORKERS,
        device="cpu",
    )
    for batch, targets in loaders.train:
        yield batch.as_subclass(Tensor), targets.as_subclass(Tensor).float()


def _picture(kind: Any, images: np.ndarray, row: int) -> Any:
    return kind.create(images[row])


def _label(labels: np.ndarray, row: int) -> Tensor:
    return torch.tensor(float(labels[row]))


LIBRARIES: dict[str, Callable[[np.ndarray, np.ndarray], Batches]] = {
    "torchvision": torchvision,
    "Keras ImageDataGenerator": keras,
    "MONAI CacheDataset": monai,
    "fastai": fastai,
}

PACKAGES = {
    "torchvision": "torchvision",
    "Keras ImageDataGenerator": "keras",
    "MONAI CacheDataset": "monai",
    "fastai": "fastai",
}
"""The package of each library."""


def installed() -> dict[str, Callable[[np.ndarray, np.ndarray], Batches]]:
    """The libraries that are here."""
    return {name: way for name, way in LIBRARIES.items() if importlib.util.find_spec(PACKAGES[name]) is not None}
