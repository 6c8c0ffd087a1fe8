"""Shapes and textures as functions of pixel coordinates, in float32."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


def smooth_step(value: np.ndarray, softness: float) -> np.ndarray:
    """0 up to value = -softness, 1 from softness on, smooth between."""
    ramp = np.clip(value * np.float32(0.5 / softness) + np.float32(0.5), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def sphere_thickness(squared: np.ndarray) -> np.ndarray:
    """Half the thickness of a sphere of radius 1 at a squared distance from its centre: 1 to 0, and 0 outside."""
    return np.sqrt(np.maximum(1 - squared, 0))


def segment_distance(x: np.ndarray, y: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Distance of each point to a straight segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


def ellipse_distance(
    x: np.ndarray, y: np.ndarray, centre: tuple[float, float], radii: tuple[float, float], tilt: float = 0.0
) -> np.ndarray:
    """Squared distance from the centre in units of the radii: 1 on the ellipse. tilt: in radians, clockwise."""
    cos, sin = math.cos(tilt), math.sin(tilt)
    dx, dy = x - centre[0], y - centre[1]
    return ((dx * cos + dy * sin) / radii[0]) ** 2 + ((dy * cos - dx * sin) / radii[1]) ** 2


@lru_cache(maxsize=64)
def _amplitudes(frequencies: int, slope: float) -> np.ndarray:
    """(frequencies, frequencies): standard deviation of each wave's amplitude, for a texture of variance 1."""
    order = np.hypot(*np.meshgrid(np.arange(frequencies), np.arange(frequencies)))
    amplitudes = np.where(order > 0, np.maximum(order, 1) ** -slope, 0)  # no constant
    power = np.where(np.arange(frequencies) > 0, 0.5, 1.0)  # mean square of each cosine
    return (amplitudes / np.sqrt(power @ amplitudes**2 @ power)).astype(np.float32)


@lru_cache(maxsize=64)
def _cosines(size: int, frequencies: int) -> np.ndarray:
    """(size, frequencies): cosine waves of rising frequency over one side of the image."""
    places = (np.arange(size) + 0.5) / size
    return np.cos(np.pi * places[:, None] * np.arange(frequencies)).astype(np.float32)


def random_texture(random: np.random.Generator, size: int, frequencies: int, slope: float) -> np.ndarray:
    """Smooth random texture, (size, size), of mean 0 and standard deviation 1 on average.

    Cosine waves up to `frequencies` half periods a side, amplitudes falling as frequency ** -slope. The same generator
    state gives the same texture at every size.
    """
    amplitudes = _amplitudes(frequencies, slope) * random.standard_normal((frequencies, frequencies), dtype=np.float32)
    waves = _cosines(size, frequencies)
    return waves @ amplitudes @ waves.T


class SmoothCurve:
    """A smooth curve through control points, position -> value; constant beyond the first and the last."""

    def __init__(self, points: dict[float, float]) -> None:
        places, values = np.array(list(points)), np.array(list(points.values()))
        slopes = np.gradient(values, places)
        self._places = np.linspace(places[0], places[-1], 257)
        piece = np.clip(np.searchsorted(places, self._places, side="right") - 1, 0, len(places) - 2)
        width = np.diff(places)[piece]
        t = (self._places - places[piece]) / width
        # Cubic Hermite pieces; tabulated because a table is read ten times faster than four powers are taken.
        self._values = (
            (1 + 2 * t) * (1 - t) ** 2 * values[piece]
            + t * (1 - t) ** 2 * width * slopes[piece]
            + t**2 * (3 - 2 * t) * values[piece + 1]
            + t**2 * (t - 1) * width * slopes[piece + 1]
        )

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Values at the places, of their shape, float32."""
        return np.interp(places, self._places, self._values).astype(np.float32)
