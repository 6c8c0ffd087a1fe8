"""A hundred kills: the next start finishes, nothing is broken, finished work is not redone, results are the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from support.images import bright_and_dark_images
from support.killing import kill, seconds_of

from pneumo import models, records
from pneumo.augment import STRONG
from pneumo.data import Dataset, pixel_cache
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig
from pneumo.training import Images, fit, make_generator

KILLS = {"caching": 30, "training": 30, "records": 30, "rendering": 10}
"""A hundred in all."""

IMAGES = 400


@dataclass(kw_only=True)
class Slow:
    """A source whose row k is filled with the lowest byte of k; each image takes two milliseconds."""

    signature: str = "slow"
    asked: int = 0

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        time.sleep(0.002)
        self.asked += 1
        return np.full((6, 9), row % 256, dtype=np.uint8)


def slow() -> Dataset:
    table = pd.DataFrame({"image": [f"train/{row}" for row in range(IMAGES)], "split": "train", "label": np.int8(0)})
    return Dataset(name="slow", classes=("A", "B"), table=table, source=Slow())


def test_caching_that_is_killed_goes_on_and_ends_with_the_same_pixels(monkeypatch):
    monkeypatch.setattr(pixel_cache, "CHUNK_IMAGES", 8)
    folder = pixel_cache.cache_folder() / "pixels"

    def decode() -> None:
        pixel_cache.pixels(slow(), size=4, jobs=1, progress=False)

    longest = seconds_of(decode)
    shutil.rmtree(folder)
    marked = [0]

    def no_mark_is_lost() -> None:
        marked.append(sum(path.read_bytes().count(1) for path in folder.glob("*.done")))
        assert marked[-1] >= marked[-2] or list(folder.glob("*.npy"))

    # A twentieth of the time each on average, so that most of them find work to do.
    hit = kill(decode, times=KILLS["caching"], longest=longest / 10, check=no_mark_is_lost)
    assert hit > KILLS["caching"] / 2
    dataset = slow()
    made = pixel_cache.pixels(dataset, size=4, jobs=1, progress=False)
    np.testing.assert_array_equal(made.array[:, 0, 0], np.arange(IMAGES) % 256)
    assert dataset.source.asked <= IMAGES - marked[-1]


def test_training_that_is_killed_ends_with_the_undisturbed_weights(tmp_path):
    images = bright_and_dark_images(tmp_path)
    config = TrainingConfig(
        epochs=40, batch_size=8, patience=None, optimizer=OptimizerConfig(learning_rate=0.02), augmentation=STRONG
    )

    def train(name: str) -> np.ndarray:
        pixels, labels = images
        network = models.build(CNNConfig(width=2, depth=2, dropout=0.3), make_generator(0, 0, "weights"))
        parts = [Images(pixels=pixels, rows=rows, labels=labels[rows]) for rows in (np.arange(64), np.arange(64, 96))]
        fit(network, *parts, config, seed=0, checkpoint=tmp_path / name, progress=False)
        return torch.cat([value.flatten().double() for value in network.state_dict().values()]).numpy()

    epochs = [0]

    def no_epoch_is_lost() -> None:
        if (tmp_path / "killed.ckpt").exists():
            epochs.append(torch.load(tmp_path / "killed.ckpt", weights_only=True)["epoch"])
            assert epochs[-1] >= epochs[-2]

    longest = seconds_of(lambda: train("whole.ckpt"))
    (tmp_path / "whole.ckpt").unlink()
    hit = kill(lambda: train("killed.ckpt"), times=KILLS["training"], longest=longest / 8, check=no_epoch_is_lost)
    assert hit > KILLS["training"] / 2
    assert epochs[-1] > 0
    np.testing.assert_array_equal(train("killed.ckpt"), train("whole.ckpt"))


def test_records_whose_writer_is_killed_are_whole_or_not_there(record, tmp_path):
    def write_many(most: int = 10_000) -> None:
        for seed in range(most):
            records.save(replace(record, experiment=replace(record.experiment, seed=seed)), tmp_path / "records")

    there = [0]

    def every_record_is_whole() -> None:
        there.append(len(list(records.load_all(tmp_path / "records"))))
        assert there[-1] >= there[-2]

    longest = seconds_of(lambda: write_many(30))
    shutil.rmtree(tmp_path / "records")
    hit = kill(write_many, times=KILLS["records"], longest=longest, check=every_record_is_whole)
    assert hit == KILLS["records"]
    assert there[-1] > 0


ROOT = Path(__file__).parents[2]
RENDER = "import sys; from pathlib import Path; from plain_edition.build import build; build(Path(sys.argv[1]))"


def render(book: Path) -> subprocess.Popen:
    """Render a book in a process group of its own, so that its kernels end with it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", RENDER, str(book)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def pages(book: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((book / "_book").rglob("*.html"))}


def test_a_book_whose_rendering_is_killed_is_rendered_by_the_next_start(tmp_path):
    for name in ("whole", "killed"):
        shutil.copytree(ROOT / "tests/plain_edition/small_book", tmp_path / name / "book")
    start = time.perf_counter()
    assert render(tmp_path / "whole/book").wait() == 0
    longest = time.perf_counter() - start
    random = np.random.default_rng(0)
    for _ in range(KILLS["rendering"]):
        process = render(tmp_path / "killed/book")
        time.sleep(random.uniform(0, longest))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert render(tmp_path / "killed/book").wait() == 0
    whole, killed = pages(tmp_path / "whole/book"), pages(tmp_path / "killed/book")
    assert whole.keys() == killed.keys()
    assert whole == killed
