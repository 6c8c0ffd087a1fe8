"""Training: the whole way from file to updated weights, against the bare network, and against the usual pipeline.

Three ways to train the same network on the same radiographs, each with its own clock on the same event, the beginning
of a training step's forward pass:

- ours: `pneumo.training.fit`, which reads uint8 rows from the cache file, scales, augments, and trains by Lightning;
- bare: a loop of forward, backward and update over float tensors in memory. No reading, no augmentation, no Lightning;
- usual: the same loop, fed by torchvision's `ImageFolder` over JPEG files, per-image `transforms.v2`, and a
  `DataLoader` with 2 workers. The transforms are STRONG's, in the quickest of several ways to write them. It is
  measured over the files of the data set, and over the same enlarged to the mean size of the published archive: who
  has that one decodes files of this size in each epoch, while ours decodes any file once.

Whole steps are timed, from the end of the warm-up to the last step. So making the data ready for the first batch, the
validation and the checkpoint are left out, and the next batch's reading, the update and all bookkeeping are in.

How far ahead of the usual pipeline ours can be depends on the network: where computing takes c and reading and
augmenting p of an image's processor time, by (c + p) / c at best.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.measuring import in_turns, scratch
from benchmarks.radiographs import few_radiographs, jpeg, radiographs
from benchmarks.results import Claim
from pneumo import data, models, training
from pneumo.augment import GENERATOR, STRONG, Augmentation
from pneumo.data import Dataset
from pneumo.experiments.config import CNNConfig, NetworkConfig, PretrainedConfig, TrainingConfig

BATCH = 32
WORKERS = 2

PUBLISHED_SIZE = (1328, 971)
"""Mean width and height of the 5,856 files as their authors published them."""

DISTINCT = 256
"""Different files that the usual pipeline reads. More would only fill the disk; all stay in the system's memory."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, and what its training is compared with.

    words: what readers call the network and its image size.
    batches: of BATCH images in a round; the first tenth warms up. rounds: of all ways in turns, after one that is not
        counted.
    augmentations: by name, for ours. at_least: images/s of ours by those of bare.
    usual: folders of the usual pipeline by name, and the (width, height) of their files, None as they are.
    usual_batches: as `batches`, for the usual pipeline. usual_at_least: images/s of ours, STRONG, by those of it.
    """

    name: str
    words: str
    model: NetworkConfig
    image_size: int
    batches: int
    rounds: int
    augmentations: dict[str, Augmentation]
    at_least: float
    usual: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    usual_batches: int = 0
    usual_at_least: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """radiographs: opens the data set, given a folder it may write to."""

    radiographs: Callable[[Path], Dataset]
    cases: tuple[Case, ...]


BASELINE = Case(
    name="cnn-64",
    words="baseline CNN at 64 pixels",
    model=CNNConfig(),
    image_size=64,
    batches=110,
    rounds=9,
    augmentations={"strong": STRONG, "generator": GENERATOR},
    at_least=0.92,
    usual={"usual": None, "usual-published-size": PUBLISHED_SIZE},
    usual_batches=40,
    usual_at_least=3.0,
)
PRETRAINED = Case(
    name="efficientnet-lite0-224",
    words="EfficientNet-Lite0 at 224 pixels",
    model=PretrainedConfig(name="efficientnet-lite0", train="scratch"),  # as fast as with its published weights
    image_size=224,
    batches=9,
    rounds=5,
    augmentations={"strong": STRONG},
    at_least=0.97,
)
FULL = Sizes(radiographs=radiographs, cases=(BASELINE, PRETRAINED))
QUICK = Sizes(
    radiographs=few_radiographs,
    cases=(
        replace(
            BASELINE,
            words="small CNN at 16 pixels",
            model=CNNConfig(width=2, depth=2),
            image_size=16,
            batches=3,
            usual_batches=3,
            rounds=1,
            usual={"usual": None, "usual-published-size": (64, 48)},
        ),
    ),
)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Images per second of the three ways, as ratios within each round."""
    with scratch() as folder:
        dataset = sizes.radiographs(folder)
        for case in sizes.cases:
            yield from _compare(case, dataset, folder)


def _compare(case: Case, dataset: Dataset, folder: Path) -> Iterator[Claim]:
    shown = _training_images(case, dataset)
    ways: dict[str, Callable[[], float]] = {"bare": partial(_bare, case, shown)}
    for name, augmentation in case.augmentations.items():
        ways[name] = partial(_ours, case, shown, augmentation, folder / "fit.ckpt")
    for name, size in case.usual.items():
        _extract(dataset, shown, case.usual_batches * BATCH, folder / name, size)
        ways[name] = partial(_usual, case, folder / name)
    rates = in_turns(ways, case.rounds, warm_up=1)
    details = {
        "data": dataset.name,
        "batch_size": BATCH,
        "batches": case.batches,
        "threads": torch.get_num_threads(),
        "images_per_second": {name: median(values.tolist()) for name, values in rates.items()},
    }
    for name in case.augmentations:
        yield Claim(
            name=f"training/{case.name}/{name}",
            what=f"{case.words}: images a second in training with {name} augmentation, divided by those of the "
            "network alone",
            values=tuple(rates[name] / rates["bare"]),
            at_least=case.at_least,
            details=details,
        )
    for name, size in case.usual.items():
        files = "files as they are" if size is None else f"files of {size[0]} × {size[1]} pixels"
        yield Claim(
            name=f"training/{case.name}/{name}",
            what=f"{case.words}: images a second in training with strong augmentation, divided by those of a pipeline "
            f"that decodes in every epoch, {files}",
            values=tuple(rates["strong"] / rates[name]),
            at_least=case.usual_at_least,
            details={**details, "usual_batches": case.usual_batches, "workers": WORKERS},
        )


def _training_images(case: Case, dataset: Dataset) -> training.Images:
    """As many training images as a round needs, in random order; some come twice if there are not enough."""
    rows = np.random.default_rng(0).permutation(data.split(dataset.table).train)
    rows = np.resize(rows, case.batches * BATCH)
    pixels = data.pixels(dataset, size=case.image_size, progress=False)
    return training.Images(pixels=pixels, rows=rows, labels=dataset.table["label"].to_numpy()[rows])


# The three ways, each returning images per second --------------------------------------------------------------------


def _ours(case: Case, shown: training.Images, augmentation: Augmentation, checkpoint: Path) -> float:
    checkpoint.unlink(missing_ok=True)
    few = training.Images(pixels=shown.pixels, rows=shown.rows[:BATCH], labels=shown.labels[:BATCH])
    config = TrainingConfig(epochs=1, batch_size=BATCH, augmentation=augmentation)
    network = models.build(case.model)
    with _steps(network) as starts:
        training.fit(network, shown, few, config, seed=0, checkpoint=checkpoint, progress=False)
    return _rate(starts)


def _bare(case: Case, shown: training.Images) -> float:
    images = torch.from_numpy(shown.pixels.rows(shown.rows)).unsqueeze(1).float().div_(255)  # (N, 1, H, W)
    labels = torch.from_numpy(shown.labels).float()
    return _loop(case, zip(images.split(BATCH), labels.split(BATCH), strict=True))


def _usual(case: Case, folder: Path) -> float:
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(case.image_size, scale=STRONG.random_resized_crop),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=STRONG.brightness_range, contrast=STRONG.contrast_range),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    images = ImageFolder(folder, transform, loader=_grey)
    return _loop(case, DataLoader(images, BATCH, shuffle=True, num_workers=WORKERS))


def _grey(path: str) -> Image.Image:
    """Without colours, which ImageFolder's own loader would add and the transforms would have to carry along."""
    with Image.open(path) as image:
        return image.convert("L")


def _loop(case: Case, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Train a new network on batches of (B, 1, H, W) images and (B,) labels, and nothing else."""
    network = models.build(case.model).to(memory_format=torch.channels_last).train()
    optimizer = training.build_optimizer(network, TrainingConfig().optimizer)
    with _steps(network) as starts:
        for images, labels in batches:
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(network(images), labels.float()).backward()
            optimizer.step()
    return _rate(starts)


def _extract(dataset: Dataset, shown: training.Images, images: int, folder: Path, size: tuple[int, int] | None) -> None:
    """Fill class folders, as `ImageFolder` wants them, with `images` files; those after DISTINCT are links.

    size: (width, height) to enlarge the images to; None leaves the files as they are.
    """
    for name in dataset.classes:
        (folder / name).mkdir(parents=True)
    for index, (row, label) in enumerate(zip(shown.rows[:images].tolist(), shown.labels.tolist(), strict=False)):
        first = index % DISTINCT
        path = folder / dataset.classes[label] / f"{index}.jpeg"
        if index == first:
            path.write_bytes(_file(dataset.source.read(row), size))
        else:
            path.symlink_to(folder / dataset.classes[shown.labels[first]] / f"{first}.jpeg")


def _file(content: bytes, size: tuple[int, int] | None) -> bytes:
    return content if size is None else jpeg(np.asarray(Image.open(io.BytesIO(content)).convert("L").resize(size)))


# The clock -----------------------------------------------------------------------------------------------------------


@contextmanager
def _steps(network: nn.Module) -> Iterator[list[float]]:
    """The times at which training steps of a network begin their forward pass, in seconds."""
    starts: list[float] = []

    def note(module: nn.Module, _images: tuple[Tensor]) -> None:
        if module.training:
            starts.append(time.perf_counter())

    hook = network.register_forward_pre_hook(note)
    try:
        yield starts
    finally:
        hook.remove()


def _rate(starts: list[float]) -> float:
    """Images per second over the whole steps after the first tenth."""
    counted = starts[max(1, len(starts) // 10) :]
    return BATCH * (len(counted) - 1) / (counted[-1] - counted[0])
