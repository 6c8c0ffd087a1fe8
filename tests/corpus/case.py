"""What one line of the corpus says: how to write an input, and what must come of it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 16
"""Side in pixels to which the corpus is decoded."""

REPLACED = "train/NORMAL/IM-0004-0001.jpeg"
"""The image of `tree` in whose place an odd one comes."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An input and its outcome: the right result, or one error that names the file and the remedy.

    write: makes the input in an empty folder and returns the path to open.
    refused: two patterns, for the name of the file and for the remedy, that the error must hold; None where the input
        is to be read.
    images: how many there are; those of people's own are read but for the one that is refused.
    odd: the image that the case is about, and what it must look like at SIZE: one grey level, or (SIZE, SIZE).
    unknown: whether names tell no patient. warned: pattern of what is warned of then.
    """

    name: str
    write: Callable[[Path], Path]
    refused: tuple[str, str] | None = None
    images: int = 16
    odd: tuple[str, int | np.ndarray] | None = None
    unknown: bool = False
    warned: str = ""


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def radiograph(seed: int) -> bytes:
    """A JPEG of grey noise, 24 by 20 pixels, another one for each seed."""
    levels = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)
    return encoded(Image.fromarray(levels), "JPEG", quality=90)


def tree() -> dict[str, bytes]:
    """16 radiographs of 16 patients: 6 of each class to learn from, 2 of each as the official test part."""
    numbers = [("train", number) for number in range(1, 7)] + [("test", number) for number in range(7, 9)]
    names = [f"{split}/NORMAL/IM-{number:04d}-0001.jpeg" for split, number in numbers]
    names += [f"{split}/PNEUMONIA/person{number}_virus_{number}.jpeg" for split, number in numbers]
    return {name: radiograph(seed) for seed, name in enumerate(names)}


def write_folder(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files below `folder`, which is returned."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(files: Mapping[str, bytes], path: Path, **options: object) -> Path:
    """Write files into a zip archive, whose path is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def one_odd(
    name: str,
    content: bytes,
    *,
    suffix: str = ".jpeg",
    remedy: str = "",
    grey: int | np.ndarray = 0,
    warned: str = "",
) -> Case:
    """An odd image among fifteen good ones.

    remedy: pattern of the error; without one the image is to be read, and to look like `grey`.
    """
    image = REPLACED.removesuffix(".jpeg") + suffix

    def write(folder: Path) -> Path:
        files = tree()
        del files[REPLACED]
        return write_folder(files | {image: content}, folder / "films")

    if remedy:
        return Case(name=name, write=write, refused=(re.escape(image), remedy))
    return Case(name=name, write=write, odd=(image, grey), warned=warned)
