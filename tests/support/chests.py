"""Images that look, to a network and to a child, like a chest; and what a model is made from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pneumo.experiments.records import Record
from pneumo.inference import Model

SIDE = 32


class Made(NamedTuple):
    """images: (6, SIDE, SIDE) uint8, for which `record` has scores, as "test". file: the model's."""

    record: Record
    record_file: Path
    weights: Path
    images: np.ndarray
    file: Path
    model: Model


def chests(count: int) -> np.ndarray:
    """(count, SIDE, SIDE) uint8: two dark lungs side by side, and noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    lungs = np.exp(-((x - 0.3) ** 2 + (y - 0.5) ** 2) / 0.03) + np.exp(-((x - 0.7) ** 2 + (y - 0.5) ** 2) / 0.03)
    levels = 170 - 110 * lungs + random.normal(0, 12, (count, SIDE, SIDE)) + random.normal(0, 8, (count, 1, 1))
    return levels.clip(0, 255).astype(np.uint8)


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()
