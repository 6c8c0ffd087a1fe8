"""Scaling of the runtime: an epoch with images, image size, parameters and batches; evaluation with images and draws.

Images are noise and probabilities are made up: neither changes how long it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measuring import in_turns, scratch, seconds
from benchmarks.radiographs import made_up_pixels
from benchmarks.results import Claim, Point
from pneumo import evaluation, models, training
from pneumo.experiments.config import CNNConfig, TrainingConfig

TEST_IMAGES, TEST_PATIENTS = 624, 428
"""Of the official test part of chest-xray."""

DRAWS = 2000

IMAGE_SIZE, BATCH_SIZE = "image size (pixels)", "images in a batch"
"""What two curves of an epoch vary, as figures and the chapter on the architecture call it."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What is varied, and what stays meanwhile.

    images, image_sizes, widths, batch_sizes: of the epochs, varied one at a time around the fixed images, image size,
        width and batches of 32.
    evaluated: images. draws: of patients, with TEST_IMAGES. rounds: of each curve's points in turns.
    """

    images: tuple[int, ...]
    image_sizes: tuple[int, ...]
    widths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    evaluated: tuple[int, ...]
    draws: tuple[int, ...]
    fixed_images: int
    fixed_image_size: int
    rounds: int


FULL = Sizes(
    images=(500, 1000, 2000, 4000, 8000),
    image_sizes=(32, 64, 128, 224),
    widths=(4, 8, 16, 32, 64),
    batch_sizes=(8, 32, 128, 256),
    evaluated=(156, 312, 624, 1248, 2496, 4992),
    draws=(500, 1000, 2000, 4000, 8000),
    fixed_images=1000,
    fixed_image_size=64,
    rounds=3,
)
QUICK = Sizes(
    images=(64, 128),
    image_sizes=(16, 32),
    widths=(2, 4),
    batch_sizes=(8, 32),
    evaluated=(100, 200),
    draws=(20, 40),
    fixed_images=64,
    fixed_image_size=16,
    rounds=1,
)


def measure(sizes: Sizes) -> Iterator[Claim | Point]:
    """The curves, and the one point of them that has a target."""
    with scratch() as folder:
        yield from _epochs(sizes, folder)
    yield from _evaluations(sizes)


def _epochs(sizes: Sizes, folder: Path) -> Iterator[Point]:
    """The baseline network, unless its width is varied; training and a validation of 32 images."""
    count, side, usual = sizes.fixed_images, sizes.fixed_image_size, CNNConfig()
    yield from _curve(
        "epoch", "images", {n: partial(_epoch, folder, n, side, usual) for n in sizes.images}, sizes.rounds
    )
    yield from _curve(
        "epoch",
        IMAGE_SIZE,
        {size: partial(_epoch, folder, count, size, usual) for size in sizes.image_sizes},
        sizes.rounds,
    )
    networks = [CNNConfig(width=width) for width in sizes.widths]
    yield from _curve(
        "epoch",
        "parameters",
        {models.cost(network, side).parameters: partial(_epoch, folder, count, side, network) for network in networks},
        sizes.rounds,
    )

    batches = {size: partial(_epoch, folder, count, side, usual, batch_size=size) for size in sizes.batch_sizes}
    yield from _curve("epoch", BATCH_SIZE, batches, sizes.rounds)


def _evaluations(sizes: Sizes) -> Iterator[Claim | Point]:
    patients = {n: max(2, round(n * TEST_PATIENTS / TEST_IMAGES)) for n in sizes.evaluated}
    yield from _curve(
        "all metrics with intervals, 2,000 draws",
        "images",
        {n: partial(_summary, n, patients[n], DRAWS) for n in sizes.evaluated},
        sizes.rounds,
    )
    yield from _curve(
        "AUC with interval, 2,000 draws",
        "images",
        {n: partial(_bootstrap, n, patients[n], DRAWS) for n in sizes.evaluated},
        sizes.rounds,
    )
    yield from _curve(
        "all metrics with intervals, 624 images",
        "draws",
        {draws: partial(_summary, TEST_IMAGES, TEST_PATIENTS, draws) for draws in sizes.draws},
        sizes.rounds,
    )
    yield Claim(
        name="scaling/bootstrap",
        what=f"time for all metrics of {TEST_IMAGES} images with intervals from {DRAWS:,} draws of patients",
        values=tuple(_summary(TEST_IMAGES, TEST_PATIENTS, DRAWS) for _ in range(2 * sizes.rounds)),
        unit="s",
        at_most=1,
    )


def _curve(curve: str, quantity: str, works: dict[int, Callable[[], float]], rounds: int) -> Iterator[Point]:
    """works: for each amount, what does that much and returns the seconds it took."""
    for amount, took in in_turns(works, rounds).items():
        yield Point(curve=curve, quantity=quantity, amount=amount, seconds=tuple(took.tolist()))


def _epoch(folder: Path, images: int, size: int, network: CNNConfig, *, batch_size: int = 32) -> float:
    """Seconds of a second epoch; the first one warms up."""
    pixels = made_up_pixels(folder, images=images, size=size)
    labels, rows = np.arange(images) % 2, np.arange(images)
    checkpoint = folder / "fit.ckpt"
    checkpoint.unlink(missing_ok=True)
    fit = training.fit(
        models.build(network),
        training.Images(pixels=pixels, rows=rows, labels=labels),
        training.Images(pixels=pixels, rows=rows[:32], labels=labels[:32]),
        TrainingConfig(epochs=2, batch_size=batch_size),
        seed=0,
        checkpoint=checkpoint,
        progress=False,
    )
    return fit.history[-1]["seconds"]


def _summary(images: int, patients: int, draws: int) -> float:
    labels, probabilities, groups, rng = _made_up(images, patients)
    return seconds(lambda: evaluation.summary(labels, probabilities, groups, 0.5, draws=draws, rng=rng))


def _bootstrap(images: int, patients: int, draws: int) -> float:
    labels, probabilities, groups, rng = _made_up(images, patients)
    return seconds(lambda: evaluation.bootstrap(labels, probabilities, groups, evaluation.auc, draws=draws, rng=rng))


def _made_up(images: int, patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Labels by patient, five in eight positive, and probabilities that overlap; and a generator for the draws."""
    rng = np.random.default_rng(0)
    groups = np.arange(images) % patients
    labels = (groups % 8 >= 3).astype(int)
    probabilities = 1 / (1 + np.exp(-rng.normal(2 * labels - 0.5, 1.5)))
    return labels, probabilities, groups, rng
