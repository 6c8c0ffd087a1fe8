"""The image generator: against its specification, against hand-made images, and in distribution."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional
from torchvision.transforms import RandomResizedCrop

from pneumo.augment import (
    GENERATOR,
    MILD,
    MIXUP,
    NONE,
    STRONG,
    Augmentation,
    augment,
    mixup,
    parameters,
    reference,
    scale,
    transform,
)
from pneumo.augment.transforms import sampling_grid
from pneumo.io.jpeg import compress

EVERYTHING = Augmentation(
    rotation_range=40.0,
    width_shift_range=0.3,
    height_shift_range=0.2,
    shear_range=25.0,
    zoom_range=(0.6, 1.5),
    horizontal_flip=True,
    vertical_flip=True,
    random_resized_crop=(0.2, 1.0),
    brightness_range=(0.5, 1.5),
    contrast_range=(0.5, 1.5),
    gaussian_blur=2.0,
    gaussian_noise=0.1,
)

ONE_SETTING_EACH = {
    "rotation_range": 10.0,
    "width_shift_range": 0.1,
    "height_shift_range": 0.1,
    "shear_range": 10.0,
    "zoom_range": (0.8, 1.2),
    "horizontal_flip": True,
    "vertical_flip": True,
    "random_resized_crop": (0.5, 1.0),
    "brightness_range": (0.8, 1.2),
    "contrast_range": (0.8, 1.2),
    "gaussian_blur": 1.0,
    "gaussian_noise": 0.1,
    "jpeg_quality": (50, 90),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n, height=24, width=32, channels=1):
    return torch.rand(n, channels, height, width, generator=generator(7))


def exactly(n=1, **amounts):
    """Parameters that change nothing but the amounts given, alike in all n images."""
    return replace(parameters(n, NONE, generator()), **{name: torch.tensor([x] * n) for name, x in amounts.items()})


def image(rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]


# Against the specification


FILLS = [("constant", 0.0), ("constant", 0.3), ("nearest", 0.0), ("reflect", 0.0)]


@pytest.mark.parametrize(("fill_mode", "cval"), FILLS)
def test_batch_equals_the_reference_image_by_image(fill_mode, cval):
    images, drawn = random_images(16), parameters(16, EVERYTHING, generator())
    batch = transform(images, drawn, fill_mode=fill_mode, cval=cval)
    torch.testing.assert_close(batch, reference(images, drawn, fill_mode=fill_mode, cval=cval), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "value"), ONE_SETTING_EACH.items())
def test_each_setting_alone_equals_the_reference_and_changes_the_images(name, value):
    config, images = replace(NONE, **{name: value}), random_images(8)
    batch = augment(images, config, generator())
    expected = reference(images, parameters(8, config, generator()))
    tolerance = 1e-4 if name != "jpeg_quality" else 0.1
    torch.testing.assert_close(batch, expected, atol=tolerance, rtol=0)
    assert (batch - images).abs().max() > 0.01


@pytest.mark.parametrize("quality", [5, 25, 50, 75, 90, 100])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (29, 37)])
def test_compressed_batch_equals_the_files_of_pillow_to_a_grey_level(quality, height, width):
    """libjpeg computes in whole numbers: now and then a coefficient is rounded to the other side."""
    slopes = torch.linspace(0.2, 0.7, height)[:, None] + torch.linspace(0, 0.2, width)
    images = (slopes + 0.03 * torch.randn(4, 1, height, width, generator=generator(1))).clamp(0, 1)
    drawn = replace(exactly(4), jpeg_quality=torch.full((4,), float(quality)))
    batch, expected = transform(images, drawn), reference(images, drawn)
    difference = 255 * (batch - expected).abs()
    assert difference.mean() < 0.5
    assert difference.max() < 10
    assert difference.mean() < 0.5 * 255 * (images - expected).abs().mean()


def test_images_of_a_batch_are_compressed_at_their_own_quality():
    images, qualities = random_images(3), torch.tensor([10.0, 60.0, 95.0])
    batch = transform(images, replace(exactly(3), jpeg_quality=qualities))
    for image, quality, compressed in zip(images, qualities, batch, strict=True):
        expected = compress(torch.round(255 * image[0]).byte().numpy(), int(quality))  # that of one image, in numpy
        assert np.abs(255 * compressed[0].numpy() - expected).max() <= 1


def test_every_step_together_ends_with_the_compression_as_in_the_reference():
    images, drawn = random_images(16), parameters(16, replace(EVERYTHING, jpeg_quality=(30, 95)), generator())
    difference = 255 * (transform(images, drawn) - reference(images, drawn)).abs()
    assert difference.mean() < 1


def test_sampling_grid_equals_affine_grid_of_torch():
    matrices = torch.randn(3, 2, 3, generator=generator())
    expected = functional.affine_grid(matrices, [3, 1, 5, 8], align_corners=False)
    torch.testing.assert_close(sampling_grid(matrices, 5, 8), expected)


# Against hand-made images


def test_rotation_by_90_degrees_turns_counter_clockwise():
    images = random_images(1, 8, 8)
    torch.testing.assert_close(transform(images, exactly(rotation=90.0)), torch.rot90(images, 1, (2, 3)))


def test_shear_by_45_degrees_tilts_an_upright_line_to_the_right():
    upright = image([[0, 1, 0]] * 3)
    tilted = image([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    torch.testing.assert_close(transform(upright, exactly(shear=45.0)), tilted)


def test_positive_shifts_move_a_point_right_and_down_by_their_fraction():
    before, after = torch.zeros(1, 1, 8, 4), torch.zeros(1, 1, 8, 4)
    before[0, 0, 3, 1] = after[0, 0, 5, 2] = 1
    torch.testing.assert_close(transform(before, exactly(shift_x=0.25, shift_y=0.25)), after)


def test_flips_equal_torch_flip():
    images = random_images(1)
    torch.testing.assert_close(transform(images, exactly(flip_x=True)), images.flip(3))
    torch.testing.assert_close(transform(images, exactly(flip_y=True)), images.flip(2))


def test_zoom_of_two_doubles_the_central_square():
    before, after = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
    before[..., 6:10, 6:10], after[..., 4:12, 4:12] = 1, 1
    zoomed = transform(before, exactly(zoom_x=2.0, zoom_y=2.0))
    torch.testing.assert_close(zoomed > 0.5, after > 0.5)


def test_zoom_equals_the_crop_of_what_stays_visible():
    images = random_images(1)
    cropped = transform(images, exactly(crop=[0.25, 0.25, 0.5, 0.5]))
    torch.testing.assert_close(transform(images, exactly(zoom_x=2.0, zoom_y=2.0)), cropped)


def test_crop_blows_up_the_rectangle_it_names():
    quadrants = image([[0.1, 0.2], [0.3, 0.4]]).repeat_interleave(8, 2).repeat_interleave(8, 3)
    lower_left = transform(quadrants, exactly(crop=[0.0, 0.5, 0.5, 0.5]))
    torch.testing.assert_close(lower_left[..., 1:, :-1], torch.full((1, 1, 15, 15), 0.3))


@pytest.mark.parametrize(
    ("fill_mode", "expected"),
    [("constant", [0.9, 0.9, 0.1, 0.2]), ("nearest", [0.1, 0.1, 0.1, 0.2]), ("reflect", [0.2, 0.1, 0.1, 0.2])],
)
def test_fill_mode_says_what_lies_outside(fill_mode, expected):
    shifted = transform(image([[0.1, 0.2, 0.3, 0.4]]), exactly(shift_x=0.5), fill_mode=fill_mode, cval=0.9)
    torch.testing.assert_close(shifted, image([expected]))


def test_brightness_multiplies_and_is_cut_to_the_grey_range():
    torch.testing.assert_close(transform(image([[0.2, 0.5, 0.8]]), exactly(brightness=1.5)), image([[0.3, 0.75, 1.0]]))


def test_contrast_stretches_about_mid_grey_and_is_cut_to_the_grey_range():
    torch.testing.assert_close(transform(image([[0.1, 0.5, 0.7]]), exactly(contrast=2.0)), image([[0.0, 0.5, 0.9]]))


def test_blur_spreads_a_point_by_its_standard_deviation():
    point = torch.zeros(1, 1, 41, 41)
    point[0, 0, 20, 20] = 1
    profile = transform(point, exactly(blur=2.5)).sum(dim=2).flatten()
    distance = torch.arange(41) - 20.0
    assert profile.sum().item() == pytest.approx(1, abs=1e-5)
    # A Gaussian cut at three standard deviations keeps 97 % of its variance.
    assert (profile * distance.square()).sum().sqrt().item() == pytest.approx(2.5, rel=0.02)


def test_sharp_image_stays_sharp_beside_a_blurred_one():
    images, drawn = random_images(2), replace(exactly(2), blur=torch.tensor([0.0, 2.0]))
    assert torch.equal(transform(images, drawn)[0], images[0])


def test_noise_has_the_standard_deviation_drawn():
    grey, drawn = torch.full((2, 1, 64, 64), 0.5), replace(exactly(2), noise=torch.tensor([0.02, 0.1]))
    residual = transform(grey, drawn) - grey
    torch.testing.assert_close(residual.std(dim=(1, 2, 3)), drawn.noise, rtol=0.03, atol=0)


# What a batch may rely on


def test_each_image_of_a_batch_is_what_it_would_be_alone():
    config, images = replace(EVERYTHING, gaussian_noise=0.0), random_images(5)
    drawn = parameters(5, config, generator())
    batch = transform(images, drawn)
    for index in range(5):
        tensors = {name: x[index, None] for name, x in vars(drawn).items() if isinstance(x, torch.Tensor)}
        alone = transform(images[index, None], replace(drawn, **tensors))
        torch.testing.assert_close(alone[0], batch[index])


def test_same_generator_state_gives_the_same_images():
    images = random_images(4)
    assert torch.equal(augment(images, EVERYTHING, generator(3)), augment(images, EVERYTHING, generator(3)))


def test_second_call_on_a_generator_draws_other_images():
    images, stream = random_images(4), generator(3)
    assert not torch.equal(augment(images, EVERYTHING, stream), augment(images, EVERYTHING, stream))


def test_adding_a_setting_leaves_the_other_draws_alone():
    more = replace(GENERATOR, gaussian_noise=0.1, random_resized_crop=(0.5, 1.0))
    first, second = parameters(6, GENERATOR, generator()), parameters(6, more, generator())
    for name in ("rotation", "shear", "shift_x", "shift_y", "zoom_x", "zoom_y", "flip_x", "brightness"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_compression_leaves_every_other_draw_alone_also_in_the_next_batch():
    compressed = replace(EVERYTHING, jpeg_quality=(50, 95))
    one, other = generator(3), generator(3)
    for _ in range(2):
        first, second = parameters(6, EVERYTHING, one), parameters(6, compressed, other)
        for name, drawn in vars(first).items():
            if name != "jpeg_quality":
                assert torch.equal(torch.as_tensor(drawn), torch.as_tensor(getattr(second, name)))
    assert torch.equal(one.get_state(), other.get_state())


def test_parameters_of_a_seed_are_those_that_recorded_experiments_drew():
    drawn = parameters(2, GENERATOR, generator(5))
    torch.testing.assert_close(drawn.rotation, torch.tensor([13.210075, -14.955564]))
    assert drawn.noise_seed == 423040863597039213


def test_mixed_precision_leaves_the_grey_levels_alone():
    config, images = replace(EVERYTHING, jpeg_quality=(50, 95)), random_images(4)
    expected = augment(images, config, generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(augment(images, config, generator()), expected)


def test_channels_last_input_gives_the_same_images():
    images = random_images(4, channels=3)
    last = images.to(memory_format=torch.channels_last)
    torch.testing.assert_close(augment(last, EVERYTHING, generator()), augment(images, EVERYTHING, generator()))


def test_channels_of_an_image_change_alike():
    config, images = replace(EVERYTHING, gaussian_noise=0.0), random_images(4)
    grey = augment(images, config, generator())
    torch.testing.assert_close(augment(images.expand(-1, 3, -1, -1), config, generator()), grey.expand(-1, 3, -1, -1))


@pytest.mark.parametrize("config", [NONE, MIXUP, replace(NONE, fill_mode="reflect", cval=0.5)])
def test_configuration_without_effect_returns_the_very_same_tensor(config):
    images = random_images(2)
    assert augment(images, config, generator()) is images


@pytest.mark.parametrize("name", ONE_SETTING_EACH)
def test_input_is_never_written_to(name):
    images = random_images(3)
    before = images.clone()
    augment(images, replace(NONE, **{name: ONE_SETTING_EACH[name]}), generator())
    assert torch.equal(images, before)


@pytest.mark.parametrize("config", [MILD, GENERATOR, STRONG, EVERYTHING])
def test_images_stay_in_the_grey_range(config):
    images = augment(random_images(32), config, generator())
    assert images.min() >= 0
    assert images.max() <= 1


# Distributions, from 4,000 draws with a fixed seed


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rotation", -40.0, 40.0),
        ("shear", -25.0, 25.0),
        ("shift_x", -0.3, 0.3),
        ("shift_y", -0.2, 0.2),
        ("zoom_x", 0.6, 1.5),
        ("zoom_y", 0.6, 1.5),
        ("brightness", 0.5, 1.5),
        ("contrast", 0.5, 1.5),
        ("blur", 0.0, 2.0),
        ("noise", 0.0, 0.1),
    ],
)
def test_amounts_are_uniform_from_end_to_end(name, low, high):
    amounts = getattr(parameters(4000, EVERYTHING, generator()), name).numpy()
    assert stats.kstest(amounts, "uniform", args=(low, high - low)).pvalue > 0.01
    margin = 0.005 * (high - low)
    assert low <= amounts.min() < low + margin
    assert high - margin < amounts.max() <= high


def test_qualities_are_whole_numbers_from_end_to_end():
    quality = parameters(4000, replace(NONE, jpeg_quality=(60, 70)), generator()).jpeg_quality
    values, counts = quality.unique(return_counts=True)
    assert values.tolist() == list(range(60, 71))
    shares = np.array([0.05] + [0.1] * 9 + [0.05])  # rounding leaves the ends half an interval
    assert stats.chisquare(counts.numpy(), 4000 * shares).pvalue > 0.01


def test_amounts_are_independent_of_each_other():
    drawn = parameters(4000, EVERYTHING, generator())
    columns = [x.flatten().double() for x in vars(drawn).values() if isinstance(x, torch.Tensor) and x.ndim == 1]
    correlation = np.corrcoef(torch.stack(columns))
    assert len(columns) == 12
    assert np.abs(correlation - np.eye(12)).max() < 0.06  # 1 / sqrt(4000) = 0.016


def test_half_of_the_images_are_flipped():
    drawn = parameters(4000, EVERYTHING, generator())
    assert stats.binomtest(int(drawn.flip_x.sum()), 4000).pvalue > 0.01
    assert stats.binomtest(int(drawn.flip_y.sum()), 4000).pvalue > 0.01


def test_crops_are_distributed_like_those_of_torchvision():
    torch.manual_seed(0)  # torchvision draws from the global state
    canvas, side = torch.empty(1, 1, 1).expand(1, 2000, 2000), 2000
    theirs = np.array([RandomResizedCrop.get_params(canvas, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(2000)]) / side
    top, left, height, width = theirs.T
    crop = parameters(4000, replace(NONE, random_resized_crop=(0.08, 1.0)), generator()).crop.numpy()
    for ours, others in zip(crop.T, (left, top, width, height), strict=True):
        assert stats.ks_2samp(ours, others).pvalue > 0.01


def test_small_crops_are_uniform_in_area_logarithm_of_aspect_and_place():
    config = replace(NONE, random_resized_crop=(0.02, 0.06), crop_aspect_range=(0.25, 4.0))  # all of them fit
    left, top, width, height = parameters(4000, config, generator()).crop.double().numpy().T
    aspect = np.log(width / height) / np.log(4.0)
    right, down = left / (1 - width), top / (1 - height)
    assert stats.kstest(width * height, "uniform", args=(0.02, 0.04)).pvalue > 0.01
    assert stats.kstest(aspect, "uniform", args=(-1, 2)).pvalue > 0.01
    assert stats.kstest(right, "uniform").pvalue > 0.01
    assert stats.kstest(down, "uniform").pvalue > 0.01
    assert np.abs(np.corrcoef([width * height, aspect, right, down]) - np.eye(4)).max() < 0.06


def test_crops_lie_inside_the_image():
    left, top, width, height = parameters(4000, STRONG, generator()).crop.T
    assert torch.all((left >= 0) & (top >= 0) & (left + width <= 1 + 1e-6) & (top + height <= 1 + 1e-6))


def test_crop_that_never_fits_keeps_the_whole_image():
    config = replace(NONE, random_resized_crop=(0.99, 1.0), crop_aspect_range=(2.0, 3.0))
    assert torch.equal(parameters(3, config, generator()).crop, torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 3))


# Scale, mixup, errors


def test_scale_divides_by_255_and_adds_the_channel():
    pixels = torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8)
    assert torch.equal(scale(pixels), torch.tensor([[[[0.0, 0.2], [0.4, 1.0]]]]))


def test_mixup_mixes_images_and_labels_by_the_same_share():
    labels = torch.tensor([0, 1, 1, 0, 1, 0])
    flat = labels.float()[:, None, None, None].expand(6, 1, 2, 2)  # every pixel equals its image's label
    mixed, soft = mixup(flat, labels, 0.4, generator())
    torch.testing.assert_close(mixed, soft[:, None, None, None].expand(6, 1, 2, 2))
    assert ((soft > 0.001) & (soft < 0.999)).any()


def test_mixup_shares_follow_the_beta_distribution():
    one_pixel_each = torch.eye(1000)[:, None, None]  # an image keeps its pixel at its share
    mixed, _ = mixup(one_pixel_each, torch.zeros(1000), 0.4, generator())
    share = mixed[:, 0, 0].diagonal().numpy()
    assert stats.kstest(share, "beta", args=(0.4, 0.4)).pvalue > 0.01


def test_mixup_with_alpha_zero_returns_both_unchanged():
    images, labels = random_images(2), torch.tensor([0, 1])
    mixed, soft = mixup(images, labels, 0.0, generator())
    assert mixed is images
    assert soft is labels


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("rotation_range", 200.0, "from 0 to 180"),
        ("rotation_range", float("nan"), "from 0 to 180"),
        ("width_shift_range", 20, "from 0 to 1"),
        ("height_shift_range", -0.1, "from 0 to 1"),
        ("shear_range", 90.0, "from 0 to 60"),
        ("zoom_range", 0.2, "pair"),
        ("zoom_range", (0.0, 1.0), "0.5 <= low"),
        ("brightness_range", (1.2, 0.8), "low <= high"),
        ("contrast_range", (-1.0, 1.0), "0 <= low"),
        ("random_resized_crop", (0.5, 1.5), "high <= 1"),
        ("crop_aspect_range", (1.0,), "pair"),
        ("jpeg_quality", (0, 90), "1 <= low"),
        ("jpeg_quality", 75, "pair"),
        ("gaussian_blur", -1.0, "from 0 to 32"),
        ("gaussian_noise", 25.0, "from 0 to 1"),
        ("cval", 255, "from 0 to 1"),
        ("mixup_alpha", -0.2, "from 0 to 100"),
        ("fill_mode", "wrap", "constant, nearest, reflect"),
    ],
)
def test_bad_setting_is_refused_with_its_name_its_value_and_the_remedy(name, value, remedy):
    with pytest.raises(ValueError) as caught:
        Augmentation(**{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert remedy in str(caught.value)


def test_augment_refuses_images_that_were_not_scaled():
    with pytest.raises(ValueError, match=r"uint8 of shape \(2, 8, 8\).*`scale`"):
        augment(torch.zeros(2, 8, 8, dtype=torch.uint8), MILD, generator())


def test_scale_refuses_images_that_were_scaled():
    with pytest.raises(ValueError, match=r"float32 of shape \(2, 1, 8, 8\).*uint8"):
        scale(torch.zeros(2, 1, 8, 8))


def test_mixup_refuses_a_negative_alpha():
    with pytest.raises(ValueError, match=r"alpha=-1\.0 is negative; use 0"):
        mixup(random_images(2), torch.tensor([0, 1]), -1.0, generator())
