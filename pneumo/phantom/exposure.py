"""From attenuation to a radiograph: exposure, blur, sharpening, noise, collimation and the side marker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LETTER_R = np.array(
    [list(row) for row in ("11110", "10001", "10001", "11110", "10100", "10010", "10001")], dtype=np.float32
)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How one radiograph was taken. Lengths in image widths.

    strength: weakening of the beam per unit of attenuation. black, white: share of the grey scale cut off at its ends.
    gamma: above 1 darkens the lungs. noise: standard deviation in grey scales. vignette: darkening in the corners.
    sharpening: gain of the unsharp mask by which digital systems bring out edges.
    margins: collimated border on the left, right, top and bottom. marker: place (x, y) of the letter R, or None.
    """

    strength: float
    black: float
    white: float
    gamma: float
    noise: float
    vignette: float
    sharpening: float
    margins: tuple[float, float, float, float]
    marker: tuple[float, float] | None


def random_exposure(random: np.random.Generator) -> Exposure:
    """An exposure that varies as those of one hospital do."""
    margins = (random.random(4) < 0.25) * random.uniform(0.01, 0.07, 4)
    return Exposure(
        strength=random.uniform(0.9, 1.6),
        black=random.uniform(-0.02, 0.08),
        white=random.uniform(0.92, 1.10),
        gamma=math.exp(random.normal(0.25, 0.16)),
        noise=random.uniform(0.006, 0.018),
        vignette=random.uniform(0.0, 0.15),
        sharpening=random.uniform(0.0, 1.0),
        margins=tuple(margins.tolist()),
        marker=(random.uniform(0.02, 0.10), random.uniform(0.04, 0.5)) if random.random() < 0.75 else None,
    )


def expose(attenuation: np.ndarray, exposure: Exposure, *, blur: float, random: np.random.Generator) -> np.ndarray:
    """The radiograph of an attenuation.

    attenuation: (size, size) float32. blur: standard deviation of the detector's blur in pixels; it acts before the
    noise. Returns (size, size) uint8, 0 where the beam was not attenuated.
    """
    size = len(attenuation)
    spread = _gaussian(size, round(blur, 2))
    beam = spread @ attenuation @ spread.T
    grey = 1 - np.exp(-exposure.strength * beam)
    grey /= 1 - math.exp(-1.55 * exposure.strength)  # white: somewhat denser than the spine
    grey = np.clip((grey - exposure.black) / (exposure.white - exposure.black), 0, 1) ** exposure.gamma
    wide = _gaussian(size, round(0.02 * size, 2))
    grey = np.maximum(grey + exposure.sharpening * (grey - wide @ grey @ wide.T), 0)
    grain = random.standard_normal((size, size), dtype=np.float32)
    grey += exposure.noise * (0.4 + 0.6 * np.sqrt(grey)) * grain
    return np.rint(np.clip(_frame(grey, exposure), 0, 1) * 255).astype(np.uint8)


def _frame(grey: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Darkened corners, a black border where the beam was collimated, and the side marker."""
    size = len(grey)
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    squared = (places - 0.5) ** 2
    grey *= 1 - exposure.vignette * 2 * (squared[:, None] + squared)
    left, right, top, bottom = exposure.margins
    grey[:, (places < left) | (places > 1 - right)] *= 0.06
    grey[(places < top) | (places > 1 - bottom)] *= 0.06
    if exposure.marker is not None:
        letter = np.kron(LETTER_R, np.ones((max(1, size // 96),) * 2, dtype=np.float32))
        column, row = (int(place * size) for place in exposure.marker)
        window = grey[row : row + letter.shape[0], column : column + letter.shape[1]]
        window[...] = np.maximum(window, 0.95 * letter)
    return grey


@lru_cache(maxsize=64)
def _gaussian(size: int, sigma: float) -> np.ndarray:
    """Matrix (size, size) that blurs a column of pixels. Each row sums to 1, so that an even surface stays even."""
    places = np.arange(size)
    weights = np.exp(-0.5 * ((places[:, None] - places) / max(sigma, 1e-3)) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
