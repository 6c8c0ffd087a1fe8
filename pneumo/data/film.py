"""From attenuation to grey levels: exposure, blur, noise, borders and the traces that saving a file leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pneumo.data.headers import LUMINANCE_TABLE

GA=1.25
SH=.4
LETTER_R = np.array([[int(dot) for dot in row] for row in
                     ("11110", "10001", "10001", "11110", "10100", "10010", "10001")], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How one film was taken. Lengths in image widths.

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
    """An exposure as they vary from day to day in one hospital."""
    collimated = random.random(4) < 0.25
    return Exposure(
        strength=random.uniform(0.9, 1.6),
        black=random.uniform(-0.02, 0.08),
        white=random.uniform(0.92, 1.10),
        gamma=float(np.exp(random.normal(0.25, 0.16))),
        noise=random.uniform(0.006, 0.018),
        vignette=random.uniform(0.0, 0.15),
        sharpening=random.uniform(0.0, 1.0),
        margins=tuple(collimated * random.uniform(0.01, 0.07, 4)),
        marker=(random.uniform(0.02, 0.10), random.uniform(0.04, 0.5)) if random.random() < 0.75 else None,
    )


def expose(attenuation: np.ndarray, exposure: Exposure, *, blur: float, random: np.random.Generator) -> np.ndarray:
    """The film of an attenuation: (size, size) in, (size, size) uint8 out, 0 where the full beam blackened it.

    blur: standard deviation of the detector's blur in pixels; it acts before the noise.
    """
    size = len(attenuation)
    spread = _gaussian(size, round(blur, 2))
    beam = spread @ attenuation @ spread.T
    grey = 1 - np.exp(-np.float32(exposure.strength) * beam)
    grey /= np.float32(1 - np.exp(-1.55 * exposure.strength))
    grey = np.clip((grey - exposure.black) / (exposure.white - exposure.black), 0, 1) ** np.float32(exposure.gamma)
    wide = _gaussian(size, round(0.02 * size, 2))
    grey = np.maximum(grey + np.float32(exposure.sharpening) * (grey - wide @ grey @ wide.T), 0)
    grain = random.standard_normal((size, size), dtype=np.float32)
    grey += np.float32(exposure.noise) * (0.4 + 0.6 * np.sqrt(grey)) * grain
    return np.rint(np.clip(_frame(grey, exposure), 0, 1) * 255).astype(np.uint8)


def _frame(grey: np.ndarray, exposure: Exposure) -> np.ndarray:
    """Darkened corners, a black border where the beam was collimated, and the side marker."""
    size = len(grey)
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    squared = (places - 0.5) ** 2
    grey *= 1 - np.float32(exposure.vignette) * 2 * (squared[:, None] + squared)
    left, right, top, bottom = exposure.margins
    grey[:, (places < left) | (places > 1 - right)] *= 0.06
    grey[(places < top) | (places > 1 - bottom)] *= 0.06
    if exposure.marker is not None:
        letter = np.kron(LETTER_R, np.ones((max(1, size // 96),) * 2, dtype=np.float32))
        column, row = (int(place * size) for place in exposure.marker)
        window = grey[row : row + letter.shape[0], column : column + letter.shape[1]]
        window[...] = np.maximum(window, 0.95 * letter)
    return grey


@lru_cache(maxsize=256)
def _gaussian(size: int, sigma: float) -> np.ndarray:
    """(size, size): blurs a column of pixels; each row sums to 1, so an even surface stays even up to the edge."""
    places = np.arange(size)
    weights = np.exp(-0.5 * ((places[:, None] - places) / max(sigma, 1e-3)) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@lru_cache(maxsize=1)
def _cosine_transform() -> np.ndarray:
    """The orthonormal 8-point discrete cosine transform of JPEG, a row a frequency."""
    frequency, place = np.arange(8)[:, None], np.arange(8)
    rows = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    rows[0] /= np.sqrt(2)
    return rows.astype(np.float32)


def compress(grey: np.ndarray, quality: float) -> np.ndarray:
    """What JPEG at a quality leaves of a grey image: (H, W) uint8 in and out.

    Each 8 x 8 block's cosine coefficients are rounded to multiples of the standard luminance table, scaled as the
    Independent JPEG Group's encoder scales it (jcparam.c, jpeg_quality_scaling). Entropy coding loses nothing and is left out.
    """
    height, width = grey.shape
    padded = np.pad(grey, ((0, -height % 8), (0, -width % 8)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 8, 8, -1, 8).swapaxes(1, 2).astype(np.float32) - 128   # (h, w, 8, 8)
    transform = _cosine_transform()
    table = quantisation_table(quality).astype(np.float32)
    coefficients = np.rint(transform @ blocks @ transform.T / table) * table
    restored = transform.T @ coefficients @ transform + 128
    restored = restored.swapaxes(1, 2).reshape(padded.shape)[:height, :width]
    return np.clip(np.rint(restored), 0, 255).astype(np.uint8)


def quantisation_table(quality: float) -> np.ndarray:
    """The luminance quantisation table (8, 8) at a JPEG quality from 1 to 100, by the Independent JPEG Group's rule."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((LUMINANCE_TABLE * percent + 50) / 100), 1, 255)
