"""Tiny radiographs, laid out as the published archive is."""

import io

import numpy as np
from PIL import Image

TREE = (
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/NORMAL/NORMAL2-IM-0666-0001-0002.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "train/PNEUMONIA/person1_virus_6.jpeg",
    "val/NORMAL/IM-0200-0001.jpeg",
    "val/PNEUMONIA/person2_bacteria_3.jpeg",
    "test/NORMAL/IM-0001-0001.jpeg",
    "test/PNEUMONIA/person9_virus_12.jpeg",
)
"""The published layout, two images of each class in train."""


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def radiograph(seed: int, width: int = 24, height: int = 20) -> bytes:
    """A JPEG of grey noise, another one for each seed."""
    levels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    return encoded(Image.fromarray(levels), quality=90)


def tree() -> dict[str, bytes]:
    """File contents by path, below "chest_xray"."""
    return {path: radiograph(seed) for seed, path in enumerate(TREE)}
