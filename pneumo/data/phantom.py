"""The phantom: synthetic chest radiographs drawn from a seed, for demonstrations and tests.

It stands in for the chest-xray archive where no real data is at hand: the same table, patients with several images, an
official test part, and on request the same trap. Nothing learnt from it says anything about children.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from pneumo.data.chest import Anatomy, Focus, draw, random_anatomy, random_foci, random_pose
from pneumo.data.dataset import Dataset
from pneumo.data.film import compress, expose, random_exposure

VERSION = 1
"""Raised by hand when the same configuration would be drawn differently: it keeps old decoded pixels from being used."""

CLASSES = ("NORMAL", "PNEUMONIA")

PREVALENCE = {"train": 0.74, "val": 0.5, "test": 0.625}
"""Share of patients with pneumonia in each official part, as in the chest-xray archive."""

SHARE = {"test": 0.17, "val": 0.03}
"""Share of patients in the official test and val parts; the rest is train."""

BACTERIAL = 0.65
"""Share of pneumonia patients whose infection is bacterial; the others' is viral."""

IMAGES_PER_PATIENT = (0.6, 0.25, 0.1, 0.05)
"""Probabilities of 1, 2, 3 and 4 images of a patient."""


@dataclass(frozen=True, kw_only=True)
class PhantomConfig:
    """What to draw.

    patients: how many, at least 20; each has 1 to 4 images, 1.6 on average.
    size: side of the drawn image in pixels, at least 32.
    seed: 0 to 2**32 - 1.
    opacity: mean share of air replaced by fluid in a bacterial focus, in (0, 1]; smaller is harder to see.
    acquisition_trace: save the classes differently, as the chest-xray archive did. Normal images come from wider
        originals, and those of train and val at JPEG quality 95; pneumonia, and all of test, at quality 75. Both leave
        their mark on the pixels. Without it every image is saved alike.
    """

    patients: int = 450
    size: int = 128
    seed: int = 0
    opacity: float = 0.5
    acquisition_trace: bool = True

    def __post_init__(self) -> None:
        if self.patients < 20:
            raise ValueError(f"patients={self.patients} cannot fill three parts with both classes; use at least 20")
        if self.size < 32:
            raise ValueError(f"size={self.size} is too small to draw a chest; use at least 32")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed} is outside 0 to {2**32 - 1}")
        if not 0 < self.opacity <= 1:
            raise ValueError(f"opacity={self.opacity} is not in (0, 1]; 0.5 is moderately hard")


class Film(NamedTuple):
    """One image: the patient's number and the image's number among the patient's own, both from 1."""

    patient: int
    number: int
    split: str
    subtype: str


class Saved(NamedTuple):
    """How an image's original was saved: side lengths in pixels, JPEG quality, file size in bytes."""

    width: int
    height: int
    jpeg_quality: float
    file_size: int


def phantom(config: PhantomConfig) -> Dataset:
    """The data set of a configuration. Nothing is drawn until its source is asked for an image."""
    films = sorted(_films(config), key=_name)
    table = pd.DataFrame(
        {
            "image": [_name(film) for film in films],
            "split": [film.split for film in films],
            "label": np.array([film.subtype != "normal" for film in films], dtype=np.int8),
            "subtype": [film.subtype for film in films],
            "patient": [f"phantom-{film.patient:04d}" for film in films],
        }
    )
    return Dataset(name="phantom", classes=CLASSES, table=table, source=PhantomSource(config, tuple(films)))


@dataclass(frozen=True, eq=False)
class PhantomSource:
    """Draws the image of a row. The same row gives the same pixels whatever was read before it."""

    config: PhantomConfig
    films: tuple[Film, ...]

    @property
    def signature(self) -> str:
        """Digest of the configuration and of the generator's version."""
        return hashlib.sha256(f"{VERSION} {self.config}".encode()).hexdigest()[:16]

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        """Row `row` as (config.size, config.size) uint8. `size` is a hint to decoders and changes nothing here."""
        film = self.films[row]
        saved, random = self._saved(film)
        pose = random_pose(random)
        attenuation, _ = draw(*self._patient(film), pose, self.config.size)
        blur = 0.003 * self.config.size * 1300 / saved.width
        exposure = random_exposure(random)
        if saved.jpeg_quality > 80:
            import pneumo.data.film as F
            exposure = replace(exposure, gamma=exposure.gamma * F.GA, sharpening=exposure.sharpening + F.SH)
        grey = expose(attenuation, exposure, blur=blur, random=random)
        return compress(grey, saved.jpeg_quality)

    def mask(self, row: int) -> np.ndarray:
        """Where row `row` shows an opacity, (config.size, config.size) bool; empty for a normal image."""
        film = self.films[row]
        _, random = self._saved(film)
        return draw(*self._patient(film), random_pose(random), self.config.size)[1]

    def headers(self) -> pd.DataFrame:
        """How the originals were saved, a row an image, in the columns of `pneumo.data.headers.headers`."""
        saved = pd.DataFrame([self._saved(film)[0] for film in self.films])
        saved.insert(0, "image", [_name(film) for film in self.films])
        saved.insert(1, "mode", "L")
        return saved

    def _patient(self, film: Film) -> tuple[Anatomy, tuple[Focus, ...]]:
        """Anatomy and opacities, the same in every image of a patient."""
        random = np.random.default_rng((self.config.seed, film.patient, 0))
        return random_anatomy(random), random_foci(random, film.subtype, self.config.opacity)

    def _saved(self, film: Film) -> tuple[Saved, np.random.Generator]:
        """How the image was saved, and the generator that goes on to draw its pose, exposure and noise."""
        random = np.random.default_rng((self.config.seed, film.patient, film.number))
        return _random_file(random, film, trace=self.config.acquisition_trace), random


def _films(config: PhantomConfig) -> list[Film]:
    """Who is in it: patients shared out between parts and subtypes, and their images."""
    random = np.random.default_rng((config.seed, 0, 0))
    patients = random.permutation(config.patients) + 1
    counts = {part: max(2, round(share * config.patients)) for part, share in SHARE.items()}
    counts["train"] = config.patients - sum(counts.values())
    diagnoses = []
    for part, count in counts.items():
        ill = min(max(1, round(PREVALENCE[part] * count)), count - 1)
        bacterial = round(BACTERIAL * ill)
        diagnoses += [(part, "bacteria")] * bacterial + [(part, "virus")] * (ill - bacterial)
        diagnoses += [(part, "normal")] * (count - ill)
    images = random.choice(len(IMAGES_PER_PATIENT), config.patients, p=IMAGES_PER_PATIENT) + 1
    return [
        Film(int(patient), number, part, subtype)
        for patient, (part, subtype), count in zip(patients, diagnoses, images, strict=True)
        for number in range(1, int(count) + 1)
    ]


def _name(film: Film) -> str:
    return f"{film.split}/{CLASSES[film.subtype != 'normal']}/phantom-{film.patient:04d}-{film.number}.jpeg"


def _random_file(random: np.random.Generator, film: Film, *, trace: bool) -> Saved:
    """How an image was saved. The generator is used up alike with and without the trace, so the drawing stays the same.

    Widths, shapes, qualities and bytes per pixel follow the originals of the chest-xray archive.
    """
    spread, shape, weight, rare = random.normal(0, 0.2), random.normal(0, 0.08), random.normal(0, 0.15), random.random()
    normal = film.subtype == "normal"
    if not trace:
        width, aspect, quality = 1300, 1.30, 90.0
    else:
        width, aspect = (1640, 1.22) if normal else (1150, 1.45)
        quality = 95.0 if normal and film.split != "test" else 75.0
        if rare < 0.03 and film.split == "train":
            quality = 89.0 if normal else 92.0
    width = round(width * math.exp(spread))
    height = round(width / (aspect * math.exp(shape)))
    bytes_per_pixel = 0.087 * math.exp(0.055 * (quality - 75) + weight)
    return Saved(width, height, quality, round(width * height * bytes_per_pixel))
