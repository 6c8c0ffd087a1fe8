"""What several tests share: a cache of their own, and images small enough to train on in a second."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

# Before PyTorch is imported, here and in what the tests start: on images this small, threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")  # no window, wherever the tests run

import pytest
from support.images import bright_and_dark_images
from support.records import make_record

from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, OptimizerConfig, TrainingConfig
from pneumo.experiments.records import Record


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache, records or data."""
    folder = tmp_path_factory.mktemp("pneumo")
    monkeypatch.setenv("PNEUMO_CACHE", str(folder / "cache"))
    monkeypatch.setenv("PNEUMO_RECORDS", str(folder / "records"))
    for name in ("PNEUMO_DATA", "PNEUMO_DATASET", "PNEUMO_EPOCH_SHARE", "PNEUMO_LIMIT_MINUTES", "QUARTO_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def close_figures():
    """No test leaves a figure open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory) -> Path:
    """A cache for all tests of one file, so that the phantom is drawn once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder_for_all():
    """A folder that every user reaches, which a test's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="pneumo-tests-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


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
    made = make_record(
        experiment=experiment,
        scores={"validation": [-1.0, 0.25, 2.5], "test": [40.12345, -3.0, 0.0]},
        labels={"validation": [0, 0, 1], "test": [1, 0, 1]},
        patients=["a", "a", "b", "c", "d", "e"],
        selection={"epoch": 1, "threshold": 0.6},
        provenance={"seconds": 12.5, "data": {"version": "6-abc"}},
        history=[{"epoch": 1, "train_loss": 0.7, "seconds": 1.5}],
    )
    subtypes = ["normal", "normal", "virus", "bacteria", "normal", "virus"]
    return replace(made, split=made.split.assign(image=[f"train/{i}.png" for i in range(6)], subtype=subtypes))
