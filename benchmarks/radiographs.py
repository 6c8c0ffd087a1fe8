"""What is read, trained on and measured: the real radiographs where they are at hand, phantoms otherwise."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from pneumo import data
from pneumo.data import Dataset, Pixels

JPEG_QUALITY = 92
"""As in the small copy of the real archive."""

PICTURES = 32
"""Different pictures in a made-up archive. Drawing takes long, and speed and memory do not depend on who is shown."""


def radiographs(folder: Path) -> Dataset:
    """chest-xray where this machine has it, or else as many phantoms in an archive in `folder`; its name says which."""
    if data.find("chest-xray"):
        return data.load("chest-xray")
    return made_up_archive(folder / "phantoms.zip", images=5856, size=224)


def few_radiographs(folder: Path) -> Dataset:
    """160 small phantoms, for trying a benchmark out."""
    return made_up_archive(folder / "phantoms.zip", images=160, size=48)


def made_up_archive(path: Path, *, images: int, size: int) -> Dataset:
    """Write a zip archive laid out and named as chest-xray is, and open it.

    images: at least 160, so that each part of a split gets both classes, and at most 160,000, which is as far as the
        numbers in such names go. size: side in pixels.
    """
    phantom = data.phantom(data.PhantomConfig(patients=PICTURES, size=size)).source
    files = [jpeg(phantom.image(row)) for row in range(PICTURES)]
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(images):
            archive.writestr(_name(index), files[index % PICTURES])
    return data.read_archive(path)


def made_up_pixels(folder: Path, *, images: int, size: int) -> Pixels:
    """Noise in the place of decoded images, (images, size, size), for what costs the same whatever is shown."""
    path = folder / f"noise-{images}-{size}.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (images, size, size), dtype=np.uint8))
    return Pixels(path=path, shape=(images, size, size), digest="noise")


def jpeg(image: np.ndarray) -> bytes:
    """A JPEG file of grey levels, (H, W) uint8."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _name(index: int) -> str:
    """Two images a patient; every fourth patient is normal, and every tenth of either class is in test."""
    patient, image = divmod(index, 2)
    family, member = divmod(patient, 4)
    part = "train" if family % 10 else "test"
    if member:
        return f"{part}/PNEUMONIA/person{patient}_bacteria_{image}.jpeg"
    series, number = divmod(family, 10_000)
    return f"{part}/NORMAL/{('', 'NORMAL2-')[series]}IM-{number:04d}-{image:04d}.jpeg"
