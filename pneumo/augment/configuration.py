"""How far an augmentation may change an image, and the settings that the study compares."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

FillMode = Literal["constant", "nearest", "reflect"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far an image may be changed. The default changes nothing.

    Every amount is drawn uniformly, for each image separately. Names are those of Keras' `ImageDataGenerator`, where it
    has them.

    rotation_range: degrees; drawn from ±rotation_range. Positive turns the image counter-clockwise.
    width_shift_range, height_shift_range: fraction of the width or height, drawn from ± this range. Positive moves
        right or down.
    shear_range: degrees, drawn from ± this range. Positive tilts vertical lines to the right (x moves, y stays).
    zoom_range: (low, high) factors, drawn for width and height apart, as Keras does. Above 1 magnifies; in Keras, where
        the factor belongs to the coordinates, it shrinks. Keras' single number z is (1 - z, 1 + z) here.
    horizontal_flip, vertical_flip: whether each image is mirrored with probability one half.
    random_resized_crop: (low, high) area of a crop as a fraction of the image, blown up to the full size; None for no
        crop. Szegedy et al. (2015, arXiv:1409.4842) use (0.08, 1.0).
    crop_aspect_range: (low, high) width / height of the crop relative to the image's own, drawn uniformly in its
        logarithm.
    brightness_range: (low, high) factor of the grey levels.
    contrast_range: (low, high) factor of the distance from mid-grey, 0.5.
    gaussian_blur: largest standard deviation of the blur in pixels, drawn from 0 up.
    gaussian_noise: largest standard deviation of the noise, as a fraction of the grey range, drawn from 0 up.
    jpeg_quality: (low, high) quality, 1 to 100, drawn and rounded to a whole number; the image is compressed as JPEG
        at it and read again. None for no compression.
    fill_mode: what lies outside the image: "constant" is `cval`, "nearest" the nearest pixel of the border, "reflect"
        the mirror image (dcba|abcd|dcba).
    cval: grey level in [0, 1] for fill_mode="constant".
    mixup_alpha: alpha of `mixup`; 0 for none. `augment` has no labels and leaves it to its caller.

    Keras' `rescale=1/255` is always done, by `scale`. There is no anti-aliasing, so a zoom shrinks by half at most.
    Raises ValueError for a value outside its range.

    >>> Augmentation(rotation_range=10.0, horizontal_flip=True).changed_settings
    ('rotation_range', 'horizontal_flip')
    """

    rotation_range: float = 0.0
    width_shift_range: float = 0.0
    height_shift_range: float = 0.0
    shear_range: float = 0.0
    zoom_range: tuple[float, float] = (1.0, 1.0)
    horizontal_flip: bool = False
    vertical_flip: bool = False
    random_resized_crop: tuple[float, float] | None = None
    crop_aspect_range: tuple[float, float] = (3 / 4, 4 / 3)
    brightness_range: tuple[float, float] = (1.0, 1.0)
    contrast_range: tuple[float, float] = (1.0, 1.0)
    gaussian_blur: float = 0.0
    gaussian_noise: float = 0.0
    jpeg_quality: tuple[float, float] | None = None
    fill_mode: FillMode = "nearest"
    cval: float = 0.0
    mixup_alpha: float = 0.0

    def __post_init__(self) -> None:
        _check_number("rotation_range", self.rotation_range, 0, 180)
        _check_number("width_shift_range", self.width_shift_range, 0, 1)
        _check_number("height_shift_range", self.height_shift_range, 0, 1)
        _check_number("shear_range", self.shear_range, 0, 60)
        _check_number("gaussian_blur", self.gaussian_blur, 0, 32)
        _check_number("gaussian_noise", self.gaussian_noise, 0, 1)
        _check_number("cval", self.cval, 0, 1)
        _check_number("mixup_alpha", self.mixup_alpha, 0, 100)
        _check_pair("zoom_range", self.zoom_range, 0.5, 16)
        _check_pair("crop_aspect_range", self.crop_aspect_range, 0.1, 10)
        _check_pair("brightness_range", self.brightness_range, 0, 16)
        _check_pair("contrast_range", self.contrast_range, 0, 16)
        if self.random_resized_crop is not None:
            _check_pair("random_resized_crop", self.random_resized_crop, 0.01, 1)
        if self.jpeg_quality is not None:
            _check_pair("jpeg_quality", self.jpeg_quality, 1, 100)
        if self.fill_mode not in get_args(FillMode):
            raise ValueError(f"fill_mode={self.fill_mode!r} is unknown; choose from {', '.join(get_args(FillMode))}")

    @property
    def changes_images(self) -> bool:
        """Whether `augment` changes any image: whether any setting in `changed_settings` is there."""
        return bool(self.changed_settings)

    @property
    def changed_settings(self) -> tuple[str, ...]:
        """Names of the settings that differ from the default and by themselves change an image."""
        auxiliary = {"crop_aspect_range", "fill_mode", "cval", "mixup_alpha"}
        return tuple(
            field.name
            for field in fields(self)
            if field.name not in auxiliary and getattr(self, field.name) != field.default
        )


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not (isinstance(value, int | float) and low <= value <= high):
        raise ValueError(f"{name}={value!r} is out of range; use a number from {low} to {high}")


def _check_pair(name: str, value: tuple[float, float], low: float, high: float) -> None:
    if not (isinstance(value, tuple) and len(value) == 2 and low <= value[0] <= value[1] <= high):
        raise ValueError(f"{name}={value!r} is no range; use a pair (low, high) with {low} <= low <= high <= {high}")


NONE = Augmentation()
"""No augmentation."""

MILD = replace(
    NONE,
    rotation_range=5.0,
    width_shift_range=0.05,
    height_shift_range=0.05,
    zoom_range=(0.95, 1.05),
    brightness_range=(0.9, 1.1),
    contrast_range=(0.9, 1.1),
)
"""As two radiographs of one child differ: in position and exposure. No flip: the heart stays on its side."""

GENERATOR = replace(
    NONE,
    rotation_range=20.0,
    width_shift_range=0.1,
    height_shift_range=0.1,
    shear_range=10.0,
    zoom_range=(0.8, 1.2),
    horizontal_flip=True,
    brightness_range=(0.8, 1.2),
)
"""An `ImageDataGenerator` with amounts that are common in tutorials, anatomically plausible or not."""

STRONG = replace(
    NONE,
    random_resized_crop=(0.08, 1.0),
    horizontal_flip=True,
    brightness_range=(0.6, 1.4),
    contrast_range=(0.6, 1.4),
)
"""As networks are trained on ImageNet: a crop of 8 % to 100 % of the area, a flip, a jitter of 0.4 in the greys."""

MIXUP = replace(NONE, mixup_alpha=0.2)
"""Mixup alone, with an alpha that Zhang et al. (2018, arXiv:1710.09412) use for ImageNet."""

ROBUST = replace(STRONG, gaussian_blur=1.5, gaussian_noise=0.05, jpeg_quality=(20.0, 95.0))
"""STRONG with blur, noise and compression, as if each image came from another machine, so that acquisition is no
reliable sign of the class."""

STRESS = replace(
    NONE,
    rotation_range=5.0,
    width_shift_range=0.05,
    height_shift_range=0.05,
    zoom_range=(0.85, 1.15),
    brightness_range=(0.8, 1.25),
    contrast_range=(0.6, 1.4),
    gaussian_blur=1.0,
    gaussian_noise=0.05,
    jpeg_quality=(30.0, 90.0),
)
"""Perturbations as another hospital's acquisition may cause them, for validation images that measure robustness. Fixed
before any network was evaluated with it."""
