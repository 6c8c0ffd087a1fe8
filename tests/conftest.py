"""What several tests share: a cache of their own, and images small enough to train on in a second."""

from __future__ import annotations

import os
from pathlib import Path

# Before PyTorch is imported, here and in what the tests start: on images this small, threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from support.images import bright_and_dark_images
from support.records import make_record, make_split

from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, OptimizerConfig, TrainingConfig
from pneumo.experiments.records import Record


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache, records or data."""
    folder = tmp_path_factory.mktemp("pneumo")
    monkeypatch.setenv("PNEUMO_CACHE", str(folder / "cache"))
    monkeypatch.setenv("PNEUMO_RECORDS", str(folder / "records"))
    for name in ("PNEUMO_DATA", "PNEUMO_DATASET", "PNEUMO_LIMIT_MINUTES", "QUARTO_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bright_and_dark(tmp_path: Path):
    """96 noisy images of 16 pixels, the positive ones brighter: (pixels, labels)."""
    return bright_and_dark_images(tmp_path)


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(
        name="group/seed-3",
        data=DataConfig(name="phantom", version="6-abc"),
        model=CNNConfig(width=2, depth=2),
        training=TrainingConfig(epochs=2, optimizer=OptimizerConfig(learning_rate=0.01)),
        seed=3,
        minutes=2,
    )


@pytest.fixture
def record(experiment: Experiment) -> Record:
    split = make_split(
        {"validation": [0, 0, 1], "test": [1, 0, 1]},
        {"validation": ["a", "a", "b"], "test": ["c", "d", "e"]},
        {"validation": ["normal", "normal", "virus"], "test": ["bacteria", "normal", "virus"]},
    )
    return make_record(
        {"validation": [-1.0, 0.25, 2.5], "test": [40.12345, -3.0, 0.0]},
        experiment=experiment,
        split=split.assign(image=[f"train/{i}.png" for i in range(6)]),
        threshold=0.6,
        selection={"epoch": 1},
        provenance={"seconds": 12.5, "data": {"version": "6-abc"}},
        history=[{"epoch": 1, "train_loss": 0.7, "seconds": 1.5}],
    )
