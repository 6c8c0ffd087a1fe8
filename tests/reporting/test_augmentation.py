"""The ends of an augmentation, and the figures that show them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pneumo import plots
from pneumo.augment import GENERATOR, MILD, MIXUP, NONE, Augmentation, parameters, scale, transform
from pneumo.augment.ranges import range_limits, single_settings

ALL = Augmentation(
    rotation_range=40.0,
    width_shift_range=0.3,
    height_shift_range=0.2,
    shear_range=25.0,
    zoom_range=(0.6, 1.5),
    horizontal_flip=True,
    vertical_flip=True,
    random_resized_crop=(0.25, 1.0),
    brightness_range=(0.5, 1.5),
    contrast_range=(0.7, 1.3),
    gaussian_blur=2.0,
    gaussian_noise=0.1,
    jpeg_quality=(50.0, 90.0),
)
IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)


def pictures(axes):
    return [ax.images[0].get_array() for ax in axes.flat if ax.images]


def titles(axes):
    return [ax.get_title() or ax.get_title(loc="left") for ax in axes.flat if ax.images]


@pytest.mark.parametrize(
    "name",
    ["rotation", "shear", "shift_x", "shift_y", "zoom_x", "zoom_y", "brightness", "contrast", "blur", "noise"],
)
def test_the_ends_are_those_of_what_is_drawn(name):
    drawn = getattr(parameters(4000, ALL, torch.Generator().manual_seed(0)), name)
    low, high = getattr(range_limits(ALL), name)
    margin = 0.005 * (high - low)
    assert low <= drawn.min() < low + margin
    assert high - margin < drawn.max() <= high


def test_flips_are_off_at_the_low_end_and_on_at_the_high_end():
    assert range_limits(ALL).flip_x.tolist() == range_limits(ALL).flip_y.tolist() == [False, True]
    assert range_limits(MILD).flip_x.tolist() == [False, False]


def test_a_crop_of_a_quarter_of_the_area_is_the_central_half_of_each_side():
    assert range_limits(ALL).crop.tolist() == [[0.25, 0.25, 0.5, 0.5], [0, 0, 1, 1]]


def test_qualities_are_compressed_at_both_ends_or_not_at_all():
    assert range_limits(ALL).jpeg_quality.tolist() == [50, 90]
    assert range_limits(NONE).jpeg_quality is None


def test_the_ends_of_no_augmentation_change_nothing():
    images = scale(torch.from_numpy(np.stack([IMAGE, IMAGE])))
    assert torch.equal(transform(images, range_limits(NONE)), images)


def test_settings_come_one_at_a_time_with_the_common_filling():
    config = replace(NONE, rotation_range=20.0, horizontal_flip=True, fill_mode="reflect", mixup_alpha=0.2)
    assert single_settings(config) == {
        "rotation_range": Augmentation(rotation_range=20.0, fill_mode="reflect"),
        "horizontal_flip": Augmentation(horizontal_flip=True, fill_mode="reflect"),
    }


def test_augmentation_ranges_show_both_ends_of_each_setting():
    axes = plots.augmentation_ranges(IMAGE, Augmentation(horizontal_flip=True, brightness_range=(0.5, 1.0)))
    ends_of_both = ["horizontal_flip: no", "horizontal_flip: yes", "brightness_range: 0.5", "brightness_range: 1"]
    assert titles(axes) == ends_of_both
    same, mirrored, dark, bright = pictures(axes)
    assert (same == IMAGE).all()
    assert (bright == IMAGE).all()
    assert (mirrored == IMAGE[:, ::-1]).all()
    assert np.abs(dark - IMAGE / 2).max() <= 0.5


def test_titles_say_the_sign_of_an_amount_to_both_sides_and_zero_for_blur_and_noise():
    axes = plots.augmentation_ranges(IMAGE, Augmentation(rotation_range=20.0, gaussian_noise=0.05))
    assert titles(axes) == ["rotation_range: −20", "rotation_range: 20", "gaussian_noise: 0", "gaussian_noise: 0.05"]


def test_an_augmentation_without_effect_has_no_ranges():
    with pytest.raises(ValueError, match="changes no image; give one with a setting"):
        plots.augmentation_ranges(IMAGE, MIXUP)


def test_augmentation_samples_have_a_row_for_each_augmentation_and_differ_within_it():
    configs, generator = {"none": NONE, "generator": GENERATOR}, torch.Generator().manual_seed(0)
    axes = plots.augmentation_samples(IMAGE, configs, generator, columns=3)
    assert axes.shape == (2, 3)
    assert titles(axes) == ["none", "", "", "generator", "", ""]
    assert all((picture == IMAGE).all() for picture in pictures(axes[:1]))
    first, second, third = pictures(axes[1:])
    assert (first != second).any()
    assert (second != third).any()


def test_fill_modes_differ_only_outside_the_image():
    axes = plots.fill_modes(IMAGE, Augmentation(width_shift_range=0.25, cval=1.0))
    assert titles(axes) == ['fill_mode="constant"', 'fill_mode="nearest"', 'fill_mode="reflect"']
    constant, nearest, reflect = pictures(axes)
    assert all((picture[:, 4:] == IMAGE[:, :12]).all() for picture in (constant, nearest, reflect))
    assert (constant[:, :3] == 255).all()
    assert (nearest[:, :4] == IMAGE[:, :1]).all()
    assert (reflect[:, :4] == IMAGE[:, 3::-1]).all()
