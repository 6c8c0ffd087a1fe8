"""Random transforms: parameters for each image of a batch, applied to all images at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pneumo.augment.compression import compress
from pneumo.augment.configuration import Augmentation, FillMode
from pneumo.io.threads import few_threads

GRID_SAMPLE_PADDING = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}
BLUR_TRUNCATION = 3.0  # standard deviations after which the blur's kernel ends
MAX_OVERSHOOT = 0.25
"""How far floats may lie outside [0, 1]: bicubic resizing overshoots a little at edges."""

CROP_ATTEMPTS = 10  # as in torchvision's RandomResizedCrop; after that the whole image is kept


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """Parameters of a batch of n images: float32 tensors of shape (n,) on the CPU, unless noted otherwise.

    rotation, shear: degrees.
    shift_x, shift_y: fractions of width and height.
    zoom_x, zoom_y: factors.
    flip_x, flip_y: bool; mirrored left to right, top to bottom.
    crop: (n, 4) left, top, width, height as fractions of the image; (0, 0, 1, 1) is all of it.
    brightness, contrast: factors.
    blur: standard deviation in pixels.
    noise: standard deviation in grey levels.
    noise_seed: seed of the noise itself, one for the batch.
    jpeg_quality: whole numbers from 1 to 100; None where nothing is compressed.
    Signs as in `Augmentation`.
    """

    rotation: Tensor
    shear: Tensor
    shift_x: Tensor
    shift_y: Tensor
    zoom_x: Tensor
    zoom_y: Tensor
    flip_x: Tensor
    flip_y: Tensor
    crop: Tensor
    brightness: Tensor
    contrast: Tensor
    blur: Tensor
    noise: Tensor
    noise_seed: int
    jpeg_quality: Tensor | None = None


def scale(images: Tensor) -> Tensor:
    """Scale uint8 radiographs to [0, 1]: Keras' `rescale=1/255`.

    images: (N, H, W) uint8, on any device. Returns (N, 1, H, W) float32 there.
    Raises ValueError for another dtype or shape.

    >>> scale(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8))
    tensor([[[[0.0000, 0.2000, 1.0000]]]])
    """
    if images.dtype != torch.uint8 or images.ndim != 3:
        raise ValueError(f"images are {images.dtype} of shape {tuple(images.shape)}; give (N, H, W) uint8")
    with few_threads(images.numel()):
        return images.unsqueeze(1).to(torch.float32).div_(255)


def augment(images: Tensor, config: Augmentation, generator: torch.Generator) -> Tensor:
    """Change each image of a batch at random, as far as `config` allows.

    images: (N, C, H, W) float32 in [0, 1], on any device; all C channels of an image are changed alike.
    generator: on the CPU, so that every device gets the same parameters (noise alone has other pixels on another kind
        of device).
    Returns a new tensor like `images`, or `images` itself if `config` changes nothing; the input is never written to.
    Raises ValueError for another dtype or shape, and, on the CPU, for values far outside [0, 1], which would come out
    all white or black; an accelerator would have to be waited for.

        images = augment(scale(pixels), GENERATOR, torch.Generator().manual_seed(0))

    >>> augment(torch.zeros(2, 1, 8, 8), Augmentation(rotation_range=5.0), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 8, 8])
    """
    if not config.changes_images:
        return images
    if images.device.type == "cpu":
        check_values(images)
    drawn = parameters(len(images), config, generator)
    return transform(images, drawn, fill_mode=config.fill_mode, cval=config.cval)


def check_values(images: Tensor) -> None:
    """Raises ValueError for floats that are not in [0, 1], such as grey levels up to 255 or standardised images."""
    if not images.numel():
        return
    low, high = (value.item() for value in images.detach().aminmax())
    if not high <= 1 + MAX_OVERSHOOT:  # so that NaN counts as outside
        raise ValueError(f"images have values up to {high:g}; give floats in [0, 1], or uint8")
    if not low >= -MAX_OVERSHOOT:
        raise ValueError(
            f"images have values down to {low:g}; give floats in [0, 1], or uint8, and standardise them afterwards"
        )


def parameters(n: int, config: Augmentation, generator: torch.Generator) -> Parameters:
    """Draw the parameters of n images.

    Every `config` takes the same numbers from the generator, so that two configurations that start from the same state
    differ in their own settings alone.

    >>> drawn = parameters(3, Augmentation(rotation_range=5.0), torch.Generator().manual_seed(0))
    >>> drawn.rotation.shape, bool((drawn.rotation.abs() <= 5).all())
    (torch.Size([3]), True)
    """
    ranges = {
        "rotation": (-config.rotation_range, config.rotation_range),
        "shear": (-config.shear_range, config.shear_range),
        "shift_x": (-config.width_shift_range, config.width_shift_range),
        "shift_y": (-config.height_shift_range, config.height_shift_range),
        "zoom_x": config.zoom_range,
        "zoom_y": config.zoom_range,
        "brightness": config.brightness_range,
        "contrast": config.contrast_range,
        "blur": (0.0, config.gaussian_blur),
        "noise": (0.0, config.gaussian_noise),
    }
    low, high = torch.tensor(list(ranges.values()))[:, :, None].unbind(dim=1)  # (10, 1) each
    amounts = low + (high - low) * torch.rand(len(ranges), n, generator=generator)  # (10, n)
    coins = torch.rand(2, n, generator=generator) < 0.5
    crop = _crops(n, config, generator)
    noise_seed = int(torch.randint(2**62, (), generator=generator))
    return Parameters(
        **dict(zip(ranges, amounts.unbind(), strict=True)),
        flip_x=coins[0] & config.horizontal_flip,
        flip_y=coins[1] & config.vertical_flip,
        crop=crop,
        noise_seed=noise_seed,
        jpeg_quality=_qualities(n, config, noise_seed + 1),
    )


def _crops(n: int, config: Augmentation, generator: torch.Generator) -> Tensor:
    """Draw crops as torchvision's RandomResizedCrop does, but not in whole pixels. Returns Parameters.crop."""
    uniform = torch.rand(2 * CROP_ATTEMPTS + 2, n, generator=generator)
    if config.random_resized_crop is None:
        return torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(n, 4)
    smallest, largest = config.random_resized_crop
    narrowest, widest = (math.log(aspect) for aspect in config.crop_aspect_range)
    area = smallest + (largest - smallest) * uniform[:CROP_ATTEMPTS]  # (attempts, n)
    aspect = torch.exp(narrowest + (widest - narrowest) * uniform[CROP_ATTEMPTS : 2 * CROP_ATTEMPTS])
    width, height = torch.sqrt(area * aspect), torch.sqrt(area / aspect)
    fits = (width <= 1) & (height <= 1)
    first = fits.int().argmax(dim=0, keepdim=True)  # first attempt that fits
    width = torch.where(fits.any(dim=0), width.gather(0, first)[0], 1.0)
    height = torch.where(fits.any(dim=0), height.gather(0, first)[0], 1.0)
    left, top = (1 - width) * uniform[-2], (1 - height) * uniform[-1]
    return torch.stack([left, top, width, height], dim=1)


def _qualities(n: int, config: Augmentation, seed: int) -> Tensor | None:
    """Draw Parameters.jpeg_quality.

    From a generator of its own: drawing from that of `parameters` would change all later batches, and with them the
    experiments that were recorded before images were compressed.
    """
    if config.jpeg_quality is None:
        return None
    low, high = config.jpeg_quality
    return torch.round(low + (high - low) * torch.rand(n, generator=torch.Generator().manual_seed(seed)))


def transform(images: Tensor, drawn: Parameters, *, fill_mode: FillMode = "nearest", cval: float = 0.0) -> Tensor:
    """Apply parameters. A step that changes no image of the batch is skipped.

    images, result and errors as in `augment`; fill_mode and cval as in `Augmentation`.

        images = transform(images, parameters(len(images), MILD, generator))

    >>> drawn = parameters(2, Augmentation(horizontal_flip=True), torch.Generator().manual_seed(0))
    >>> transform(torch.rand(2, 1, 8, 8), drawn).shape
    torch.Size([2, 1, 8, 8])
    """
    if images.dtype != torch.float32 or images.ndim != 4:
        shape = tuple(images.shape)
        raise ValueError(f"images are {images.dtype} of shape {shape}; give (N, C, H, W) float32, as `scale` does")
    # Grey levels need more than the 8 bits of bfloat16.
    with torch.autocast(images.device.type, enabled=False), few_threads(images.numel()):
        images = _warp(images, _sampling_matrices(drawn, *images.shape[2:]), fill_mode, cval)
        images = _blur(images, drawn.blur)
        images = _change_grey_levels(images, drawn)
        return images if drawn.jpeg_quality is None else compress(images, drawn.jpeg_quality)


def _sampling_matrices(drawn: Parameters, height: int, width: int) -> Tensor:
    """Map each pixel of the result to the point of the image where its value is read, in `affine_grid`'s convention.

    Returns (n, 2, 3) float32 for (x, y, 1), where x and y run from -1 to 1 between the outer edges of the image.
    It is the inverse of the product in `stepwise.forward_matrix`, multiplied out.
    """
    angle, tangent = torch.deg2rad(drawn.rotation), torch.tan(torch.deg2rad(drawn.shear))
    sine, cosine = torch.sin(angle), torch.cos(angle)
    left, top, crop_width, crop_height = drawn.crop.unbind(dim=1)
    factor_x = crop_width / drawn.zoom_x * (1 - 2.0 * drawn.flip_x)
    factor_y = crop_height / drawn.zoom_y * (1 - 2.0 * drawn.flip_y)
    ratio = height / width  # angles are angles between pixels, whose x and y have one unit
    xx, xy = factor_x * (cosine + tangent * sine), factor_x * (tangent * cosine - sine) * ratio
    yx, yy = factor_y * sine / ratio, factor_y * cosine
    shift_x, shift_y = 2 * drawn.shift_x, 2 * drawn.shift_y
    x0 = 2 * left + crop_width - 1 - xx * shift_x - xy * shift_y
    y0 = 2 * top + crop_height - 1 - yx * shift_x - yy * shift_y
    return torch.stack([xx, xy, x0, yx, yy, y0], dim=1).view(-1, 2, 3)


def sampling_grid(matrices: Tensor, height: int, width: int) -> Tensor:
    """The grid of `functional.affine_grid` with align_corners=False, as the sum of a row and a column.

    matrices: (N, 2, 3). Returns (N, H, W, 2), x and y in planes of their own, which grid_sample reads as fast.
    `affine_grid` multiplies matrices instead, which on a CPU takes longer than all the rest of `transform`.
    """
    x = (2 * torch.arange(width, device=matrices.device) + 1) / width - 1
    y = (2 * torch.arange(height, device=matrices.device) + 1) / height - 1
    along = matrices[:, :, 0, None] * x  # (N, 2, W)
    down = matrices[:, :, 1, None] * y + matrices[:, :, 2, None]  # (N, 2, H)
    return (along[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)


def _warp(images: Tensor, matrices: Tensor, fill_mode: FillMode, cval: float) -> Tensor:
    if torch.equal(matrices, torch.eye(2, 3).expand_as(matrices)):
        return images
    grid = sampling_grid(matrices.to(images.device), *images.shape[2:])
    padding = GRID_SAMPLE_PADDING[fill_mode]
    if fill_mode == "constant" and cval != 0:  # grid_sample itself fills with nothing but zero
        return functional.grid_sample(images - cval, grid, padding_mode=padding, align_corners=False).add_(cval)
    return functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)


def _blur(images: Tensor, deviations: Tensor) -> Tensor:
    """Blur each image by its own standard deviation, columns first and then rows; borders are continued outwards."""
    radii = torch.floor(BLUR_TRUNCATION * deviations + 0.5)  # (N,), as scipy.ndimage rounds it
    radius = int(radii.max())
    if radius == 0:
        return images
    offsets = torch.arange(-radius, radius + 1)  # (taps,)
    variances = deviations.clamp_min(1e-3).square()  # where 0, the kernel is a one among zeros
    kernels = torch.exp(-0.5 * offsets.square() / variances[:, None]) * (offsets.abs() <= radii[:, None])
    kernels = kernels / kernels.sum(dim=1, keepdim=True)  # (N, taps)
    count, channels, height, width = images.shape
    kernels = kernels.to(images.device).repeat_interleave(channels, dim=0)[:, None, :, None]  # (NC, 1, taps, 1)
    planes = functional.pad(images.reshape(1, -1, height, width), (radius,) * 4, mode="replicate")
    planes = functional.conv2d(planes, kernels, groups=count * channels)
    return functional.conv2d(planes, kernels.mT, groups=count * channels).view(images.shape)


def _change_grey_levels(images: Tensor, drawn: Parameters) -> Tensor:
    """brightness * (contrast * (x - 0.5) + 0.5) + noise, cut to [0, 1], as one multiplication and addition."""
    noisy = bool(drawn.noise.any())
    if not noisy and bool((drawn.brightness == 1).all() and (drawn.contrast == 1).all()):
        return images
    gain = (drawn.brightness * drawn.contrast).to(images.device)[:, None, None, None]
    offset = (0.5 * drawn.brightness * (1 - drawn.contrast)).to(images.device)[:, None, None, None]
    images = torch.addcmul(offset, images, gain)
    if noisy:
        deviation = drawn.noise.to(images.device)[:, None, None, None]
        images.addcmul_(standard_noise(images.shape, drawn.noise_seed, images.device), deviation)
    return images.clamp_(0, 1)


def standard_noise(shape: torch.Size, seed: int, device: torch.device) -> Tensor:
    """Standard normal noise, float32. Drawn on the device: a GPU would wait long for its host to draw it."""
    return torch.randn(shape, generator=torch.Generator(device).manual_seed(seed), device=device)


def mixup(images: Tensor, labels: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mix each image and its label with another of the batch (Zhang et al. 2018, arXiv:1710.09412).

    images: (N, C, H, W) float32. labels: (N,) 0 or 1, or probabilities. generator: on the CPU.
    alpha: each image keeps a share drawn from Beta(alpha, alpha), one for each image; 0 returns both unchanged.
    Returns new images and float32 labels in [0, 1]; the loss must take probabilities.
    Raises ValueError for a negative alpha.

    >>> generator = torch.Generator().manual_seed(0)
    >>> images, labels = mixup(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 0, 1]), 0.2, generator)
    >>> labels.dtype, bool(((labels >= 0) & (labels <= 1)).all())
    (torch.float32, True)
    """
    if not alpha >= 0:
        raise ValueError(f"alpha={alpha} is negative; use 0 for no mixup, or 0.1 to 0.4 as its authors do")
    if alpha == 0:
        return images, labels
    partner = torch.randperm(len(images), generator=generator).to(images.device)
    seed = int(torch.randint(2**62, (), generator=generator))  # torch's Beta takes no generator, numpy's does
    shares = np.random.default_rng(seed).beta(alpha, alpha, size=len(images))
    share = torch.from_numpy(shares).to(images.device, torch.float32)
    labels = labels.to(torch.float32)
    with few_threads(images.numel()):
        mixed = torch.lerp(images[partner], images, share[:, None, None, None])
    return mixed, torch.lerp(labels[partner], labels, share)
