"""Images small enough to train on in a second."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from pneumo.data import Pixels


def bright_and_dark_images(folder: Path):
    random = np.random.default_rng(0)
    labels = np.arange(96) % 2
    images = random.normal(100 + 40 * labels[:, None, None], 30, (96, 16, 16)).clip(0, 255).astype(np.uint8)
    np.save(folder / "images.npy", images)
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    return Pixels(path=folder / "images.npy", shape=images.shape, digest=digest), labels
