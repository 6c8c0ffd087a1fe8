"""What fuzzing starts from: small whole inputs, which are then damaged."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from fuzz.targets import FOLDER
from PIL import Image

from pneumo import records
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, TrainingConfig


def _image(form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, form)
    return file.getvalue()


def _archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/NORMAL/IM-0001-0001.jpeg", _image("JPEG"))
        archive.writestr("train/PNEUMONIA/person1_virus_1.png", _image("PNG"))
    return file.getvalue()


def _record() -> bytes:
    """A record whose split file lies in the folder where the target looks for it."""
    split = pd.DataFrame({"image": ["a", "b"], "patient": ["", ""], "label": [0, 1], "subtype": ["", ""]})
    experiment = Experiment(
        name="record", data=DataConfig(name="d", version="v"), model=CNNConfig(), training=TrainingConfig()
    )
    record = records.Record(
        experiment=experiment,
        scores={"test": np.array([-1.0, 1.0])},
        split=split.assign(part="test"),
        selection={"threshold": 0.5},
        history=[{"epoch": 1}],
    )
    return records.save(record, FOLDER).read_bytes()


def seeds(target: str) -> list[bytes]:
    """Whole inputs of a target."""
    return {
        "archive": lambda: [_archive()],
        "image": lambda: [_image("JPEG"), _image("PNG")],
        "record": lambda: [_record()],
        "name": lambda: [b"person1_bacteria_2.jpeg", b"train/NORMAL/NORMAL2-IM-0666-0001-0002.jpeg"],
    }[target]()


def write(target: str, folder: Path) -> Path:
    """Write the seeds of a target as files, as a coverage-guided fuzzer takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (folder / f"seed-{number}").write_bytes(seed)
    return folder
