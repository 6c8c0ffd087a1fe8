"""Configurations of the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class HOGConfig:
    """Histograms of oriented gradients, see `pneumo.features.hog_features`.

    orientations: bins of the half circle, 1 to 36.
    pixels_per_cell: side of a cell; even, at least 2. Pixels beyond the last whole cell are not used.
    cells_per_block: side of the square of cells that is normalised together.
    """

    orientations: int = 9
    pixels_per_cell: int = 16
    cells_per_block: int = 2

    name: ClassVar[str] = "hog"

    def __post_init__(self) -> None:
        if not 1 <= self.orientations <= 36:
            raise ValueError(f"orientations={self.orientations} is out of range; use 1 to 36")
        if self.pixels_per_cell < 2 or self.pixels_per_cell % 2:
            raise ValueError(f"pixels_per_cell={self.pixels_per_cell} has no middle; use an even number from 2 up")
        if self.cells_per_block < 1:
            raise ValueError(f"cells_per_block={self.cells_per_block} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class LBPConfig:
    """Histograms of local binary patterns, see `pneumo.features.lbp_features`.

    points: neighbours that each pixel is compared with, on a circle; 4 to 16.
    radii: of the circles, in whole pixels; each gives histograms of its own.
    grid: the image is cut into grid x grid cells with a histogram each.
    """

    points: int = 8
    radii: tuple[int, ...] = (1, 2, 4)
    grid: int = 4

    name: ClassVar[str] = "lbp"

    def __post_init__(self) -> None:
        if not 4 <= self.points <= 16:
            raise ValueError(f"points={self.points} is out of range; use 4 to 16")
        _check_numbers("radii", self.radii)
        if self.grid < 1:
            raise ValueError(f"grid={self.grid} must be at least 1, the whole image")


@dataclass(frozen=True, kw_only=True)
class GLCMConfig:
    """Properties of grey-level co-occurrence matrices, see `pneumo.features.glcm_features`.

    levels: number of grey levels; a power of two from 2 to 256.
    distances: between the two pixels of a pair, in pixels. angles: of the line through them, in degrees, 0 to 179; 0 is
        a pair side by side, 90 one above the other, 45 from the upper left to the lower right.
    """

    levels: int = 64
    distances: tuple[int, ...] = (1, 2, 4, 8)
    angles: tuple[int, ...] = (0, 45, 90, 135)

    name: ClassVar[str] = "glcm"

    def __post_init__(self) -> None:
        if self.levels not in (2, 4, 8, 16, 32, 64, 128, 256):
            raise ValueError(f"levels={self.levels} does not divide 256 grey levels; use a power of two from 2 to 256")
        _check_numbers("distances", self.distances)
        if not self.angles or len(set(self.angles)) < len(self.angles) or not all(0 <= a < 180 for a in self.angles):
            raise ValueError(f"angles={self.angles} must be different whole degrees from 0 to 179, at least one")


@dataclass(frozen=True, kw_only=True)
class PixelsConfig:
    """The grey levels themselves, see `pneumo.features.pixel_features`."""

    name: ClassVar[str] = "pixels"


NYQUIST_FREQUENCY = 0.5
"""The highest frequency along a row or a column, one bright and one dark pixel in turns, in cycles a pixel."""


@dataclass(frozen=True, kw_only=True)
class SpectrumConfig:
    """The power spectrum over spatial frequency, see `pneumo.features.spectrum_features`.

    rings: that the frequencies are averaged over, from `lowest` to 0.5 cycles a pixel.
    lowest: frequency in cycles a pixel below which all is left out; 0.25 leaves patterns of less than 4 pixels.
    """

    rings: int = 32
    lowest: float = 0.0

    name: ClassVar[str] = "spectrum"

    def __post_init__(self) -> None:
        if self.rings < 1:
            raise ValueError(f"rings={self.rings} must be at least 1")
        if not 0 <= self.lowest < NYQUIST_FREQUENCY:
            raise ValueError(f"lowest={self.lowest} is out of range; use 0 to below {NYQUIST_FREQUENCY} cycles a pixel")


FeatureConfig = HOGConfig | LBPConfig | GLCMConfig | PixelsConfig | SpectrumConfig


def _check_numbers(name: str, values: tuple[int, ...]) -> None:
    if not values or len(set(values)) < len(values) or min(values) < 1:
        raise ValueError(f"{name}={values} must be different whole numbers of pixels from 1 up, at least one")
