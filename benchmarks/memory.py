"""Data as it grows: resident memory of a start with ten times the images, and the time to split a million."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.measuring import in_new_process, scratch, seconds
from benchmarks.radiographs import made_up_archive
from benchmarks.results import Claim
from pneumo import data, models, training
from pneumo.experiments import provenance
from pneumo.experiments.config import CNNConfig, TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """few, many: images of the two archives. image_size: in pixels. rows: of the table to split. rounds: of that."""

    few: int
    many: int
    image_size: int
    rows: int
    rounds: int


FULL = Sizes(few=10_000, many=100_000, image_size=64, rows=1_000_000, rounds=3)
QUICK = Sizes(few=160, many=320, image_size=32, rows=1_000, rounds=2)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory of a process in MB.

    peak: the most it ever had, pages of mapped files among it. anonymous: at the end, what no file backs.
    """

    peak: int
    anonymous: int


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Memory of two starts, each in a process of its own, and the time of `split`."""
    few, many = (_memory_of_start(images, sizes.image_size) for images in (sizes.few, sizes.many))
    yield Claim(
        name="memory/growth",
        what=f"peak memory of loading, splitting and one epoch with {sizes.many:,} images, "
        f"beyond that with {sizes.few:,}",
        values=(many.peak - few.peak,),
        unit="MB",
        at_most=200,
        details={"image_size": sizes.image_size, "few": asdict(few), "many": asdict(many)},
    )
    table = _table(sizes.rows)
    yield Claim(
        name="memory/split",
        what=f"time to split {sizes.rows:,} images by patient",
        values=tuple(seconds(partial(data.split, table)) for _ in range(sizes.rounds)),
        unit="s",
        at_most=10,
        details={"patients": len(set(table["patient"]))},
    )


def _memory_of_start(images: int, size: int) -> Memory:
    with scratch() as folder:
        made_up_archive(folder / "phantoms.zip", images=images, size=size)
        return in_new_process(_start, folder, size)


def _start(folder: Path, size: int) -> Memory:
    """Load an archive, split it, decode it and train a tiny network for an epoch. Returns what that took."""
    dataset = data.load(folder / "phantoms.zip")
    split, labels = data.split(dataset.table), dataset.table["label"].to_numpy()
    pixels = data.pixels(dataset, size=size, progress=False)
    train, validation = (
        training.Images(pixels=pixels, rows=rows, labels=labels[rows]) for rows in (split.train, split.validation)
    )
    training.fit(
        models.build(CNNConfig(width=2, depth=2)),
        train,
        validation,
        TrainingConfig(epochs=1, batch_size=64),
        seed=0,
        checkpoint=folder / "fit.ckpt",
        progress=False,
    )
    return Memory(peak=provenance.peak_memory_mb(), anonymous=_anonymous_mb())


def _anonymous_mb() -> int:
    """Linux alone says it; 0 elsewhere."""
    status = Path("/proc/self/status")
    return int(status.read_text().split("RssAnon:")[1].split()[0]) // 1024 if status.exists() else 0


def _table(rows: int) -> pd.DataFrame:
    """A data set's table: one to four images a patient, a quarter of the patients normal, a tenth of them in test."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(rows), rng.integers(1, 5, rows))[:rows]
    return pd.DataFrame(
        {
            "image": [f"{row}.jpeg" for row in range(rows)],
            "split": np.where(rng.random(rows) < 0.1, "test", "train")[patient],
            "label": (rng.random(rows) < 0.75).astype(np.int8)[patient],
            "subtype": "",
            "patient": [f"person{number}" for number in patient],
        }
    )
