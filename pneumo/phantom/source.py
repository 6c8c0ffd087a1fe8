"""The phantom: synthetic chest radiographs drawn from a seed, for demonstrations and tests.

It replaces the chest-xray archive where that is not on the machine: the same table, patients with several images, an
official test part, and on request the same shortcut by acquisition. Results on it say nothing about children.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pandas as pd

from pneumo.io.jpeg import compress
from pneumo.phantom.chest import Anatomy, Focus, draw, lung_mask, random_anatomy, random_foci, random_pose
from pneumo.phantom.exposure import expose, random_exposure

PHANTOM_VERSION = 1
"""Raised by hand when the same configuration is drawn differently: it keeps old decoded pixels from being used."""

CLASS_NAMES = ("NORMAL", "PNEUMONIA")

PREVALENCE = {"train": 0.74, "val": 0.5, "test": 0.625}
"""Share of patients with pneumonia in each official part, as in the chest-xray archive."""

OFFICIAL_PART_SHARE = {"test": 0.17, "val": 0.03}
"""Share of patients in the official test and val parts; the rest is train."""

BACTERIAL_SHARE = 0.65
"""Share of pneumonia patients whose infection is bacterial; the others' is viral."""

IMAGE_COUNT_PROBABILITIES = (0.6, 0.25, 0.1, 0.05)
"""Probabilities of 1, 2, 3 and 4 images of a patient."""

ORIGINAL_SIZES = {
    (0, "train"): (1640, 0.17, 1.22),
    (1, "train"): (1170, 0.24, 1.46),
    (0, "test"): (1760, 0.20, 1.34),
    (1, "test"): (1110, 0.18, 1.51),
}
"""(label, part): median width in pixels, spread of its logarithm, and aspect, as in the chest-xray archive."""

SHARPENING_PER_QUALITY_POINT = 0.0125
"""Unsharp masking added for each point of JPEG quality above 75: the console that saves better also brings out edges.
A network at 64 pixels detects it, so that with the trace its validation performance is better than on the test part."""


@dataclass(frozen=True, kw_only=True)
class PhantomConfig:
    """What to draw.

    patients: how many, at least 20; each has 1 to 4 images, 1.6 on average.
    size: side of the drawn image in pixels, at least 32.
    seed: 0 to 2**32 - 1.
    opacity: mean share of air replaced by fluid in a bacterial focus, in (0, 1]; smaller is harder to see.
    acquisition_trace: save the classes differently, as the chest-xray archive did. Normal images come from wider
        originals, and those of train and val at JPEG quality 95; pneumonia and the normals of test at quality 75. Size,
        quality and the sharpening that goes with it leave their mark on the pixels. Without the trace the files of both
        classes are alike; patients, opacities, poses and exposures are the same either way.

    >>> PhantomConfig(patients=20, size=64).patients
    20
    """

    patients: int = 150
    size: int = 128
    seed: int = 0
    opacity: float = 0.6
    acquisition_trace: bool = True

    def __post_init__(self) -> None:
        if self.patients < 20:
            raise ValueError(f"patients={self.patients} cannot fill three parts with both classes; use at least 20")
        if self.size < 32:
            raise ValueError(f"size={self.size} is too small to draw a chest; use at least 32")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed} is outside 0 to {2**32 - 1}")
        if not 0 < self.opacity <= 1:
            raise ValueError(f"opacity={self.opacity} is not in (0, 1]; 0.6 is moderately hard")


class PhantomImage(NamedTuple):
    """One image: the patient's number and the image's number among the patient's own, both from 1."""

    patient: int
    number: int
    split: str
    subtype: str

    @property
    def label(self) -> int:
        return int(self.subtype != "normal")

    @property
    def patient_name(self) -> str:
        return f"phantom-{self.patient:04d}"

    @property
    def name(self) -> str:
        return f"{self.split}/{CLASS_NAMES[self.label]}/{self.patient_name}-{self.number}.jpeg"


class FileProperties(NamedTuple):
    """The file of an image's original: side lengths in pixels, JPEG quality, file size in bytes."""

    width: int
    height: int
    jpeg_quality: float
    file_size: int


def phantom_table(config: PhantomConfig) -> tuple[pd.DataFrame, PhantomSource]:
    """The images of a configuration, and the source that draws them.

    The table has one row an image: image, split, label, subtype and patient, see `pneumo.data.dataset.Dataset`.

    >>> table, source = phantom_table(PhantomConfig(patients=20))
    >>> source.image(0).ndim, table.columns.tolist()
    (2, ['image', 'split', 'label', 'subtype', 'patient'])
    """
    radiographs = sorted(_radiographs(config), key=attrgetter("name"))
    table = pd.DataFrame(
        {
            "image": [radiograph.name for radiograph in radiographs],
            "split": [radiograph.split for radiograph in radiographs],
            "label": np.array([radiograph.label for radiograph in radiographs], dtype=np.int8),
            "subtype": [radiograph.subtype for radiograph in radiographs],
            "patient": [radiograph.patient_name for radiograph in radiographs],
        }
    )
    return table, PhantomSource(config, tuple(radiographs))


@dataclass(frozen=True, eq=False)
class PhantomSource:
    """Draws the image of a row: the same pixels for the same row, in any order."""

    config: PhantomConfig
    radiographs: tuple[PhantomImage, ...]

    @property
    def signature(self) -> str:
        """Digest of the configuration and of the generator's version."""
        return hashlib.sha256(f"phantom {PHANTOM_VERSION} {self.config}".encode()).hexdigest()[:16]

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """Row `row` as (config.size, config.size) uint8. `size`, a hint to decoders, makes no difference."""
        radiograph = self.radiographs[row]
        file, random = self._file_properties(radiograph)
        attenuation, _ = draw(*self._patient(radiograph), random_pose(random), self.config.size)
        exposure = random_exposure(random)
        exposure = replace(
            exposure, sharpening=exposure.sharpening + SHARPENING_PER_QUALITY_POINT * (file.jpeg_quality - 75)
        )
        blur = 0.003 * self.config.size * 1300 / file.width  # wider originals have smaller detector elements
        grey = expose(attenuation, exposure, blur=blur, random=random)
        return compress(grey, file.jpeg_quality)

    def mask(self, row: int) -> np.ndarray:
        """Where row `row` shows an opacity, (config.size, config.size) bool; empty for a normal image."""
        radiograph = self.radiographs[row]
        _, random = self._file_properties(radiograph)
        return draw(*self._patient(radiograph), random_pose(random), self.config.size)[1]

    def lungs(self, row: int) -> np.ndarray:
        """Where row `row` shows the lungs, (config.size, config.size) bool."""
        radiograph = self.radiographs[row]
        _, random = self._file_properties(radiograph)
        return lung_mask(self._patient(radiograph)[0], random_pose(random), self.config.size)

    def headers(self) -> pd.DataFrame:
        """How the originals were saved, a row an image, in the columns of `pneumo.data.headers.headers`."""
        files = pd.DataFrame([self._file_properties(radiograph)[0] for radiograph in self.radiographs])
        files.insert(0, "image", [radiograph.name for radiograph in self.radiographs])
        files.insert(1, "mode", "L")
        return files

    def _patient(self, radiograph: PhantomImage) -> tuple[Anatomy, tuple[Focus, ...]]:
        """Anatomy and opacities, the same in every image of a patient."""
        random = np.random.default_rng((self.config.seed, radiograph.patient, 0))
        return random_anatomy(random), random_foci(random, radiograph.subtype, self.config.opacity)

    def _file_properties(self, radiograph: PhantomImage) -> tuple[FileProperties, np.random.Generator]:
        """How the image was saved, and the generator that goes on to draw its pose, exposure and noise."""
        random = np.random.default_rng((self.config.seed, radiograph.patient, radiograph.number))
        return _random_file(random, radiograph, trace=self.config.acquisition_trace), random


def _radiographs(config: PhantomConfig) -> list[PhantomImage]:
    """Patients, each with a part and a subtype, and their images."""
    random = np.random.default_rng((config.seed, 0, 0))
    patients = random.permutation(config.patients) + 1
    counts = {part: max(2, round(share * config.patients)) for part, share in OFFICIAL_PART_SHARE.items()}
    counts["train"] = config.patients - sum(counts.values())
    diagnoses = []
    for part, count in counts.items():
        diseased = min(max(1, round(PREVALENCE[part] * count)), count - 1)
        bacterial = round(BACTERIAL_SHARE * diseased)
        diagnoses += [(part, "bacteria")] * bacterial + [(part, "virus")] * (diseased - bacterial)
        diagnoses += [(part, "normal")] * (count - diseased)
    images = random.choice(len(IMAGE_COUNT_PROBABILITIES), config.patients, p=IMAGE_COUNT_PROBABILITIES) + 1
    return [
        PhantomImage(int(patient), number, part, subtype)
        for patient, (part, subtype), count in zip(patients, diagnoses, images, strict=True)
        for number in range(1, int(count) + 1)
    ]


def _random_file(random: np.random.Generator, radiograph: PhantomImage, *, trace: bool) -> FileProperties:
    """How an image was saved. With and without the trace it takes as much from the generator: the drawing is the same.

    Widths, shapes, qualities and bytes per pixel follow the originals of the chest-xray archive.
    """
    wider, longer, heavier = random.normal(0, 1, 3)
    chance = random.random()
    if trace:
        width, spread, aspect = ORIGINAL_SIZES[radiograph.label, "test" if radiograph.split == "test" else "train"]
        quality = _traced_quality(radiograph, chance)
    else:
        width, spread, aspect = 1300, 0.2, 1.35
        quality = 92.0 if chance < 0.3 else 89.0
    width = round(width * math.exp(spread * wider))
    height = round(width / (aspect * math.exp(0.1 * longer)))
    bytes_per_pixel = 0.087 * math.exp(0.055 * (quality - 75) + 0.15 * heavier)
    return FileProperties(width, height, quality, round(width * height * bytes_per_pixel))


def _traced_quality(radiograph: PhantomImage, chance: float) -> float:
    """JPEG quality by class and part: in train it reveals the class, in test it does not."""
    if radiograph.split == "test":
        return 92.0 if radiograph.label == 1 and chance < 0.1 else 75.0
    if radiograph.label == 0:
        return 89.0 if chance < 0.03 else 95.0
    return 92.0 if chance < 0.03 else 75.0
