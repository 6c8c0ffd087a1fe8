"""From the bytes of an image file (JPEG, PNG and others, not DICOM) to a square of grey levels."""

from __future__ import annotations

import io
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from pneumo.data.thorax import Box, thorax_field
from pneumo.errors import DataError

DECODER_VERSION = 1
"""Version of the decoding. Raised by hand when pixels would change, since it keys the cached pixels."""

PILLOW_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM")
"""The formats that are read, by Pillow's names; "PPM" is all of PNM."""

MAX_PIXELS = 80_000_000
"""Size of the largest image that is decoded, eight times a large radiograph's. A file of a few bytes can claim far more
(a decompression bomb). Just below the number from which Pillow warns."""

ResizeRule = Literal["stretch", "letterbox", "crop", "square", "thorax"]
"""How `resize_to_square` treats the aspect ratio."""

FIELD_RULES: tuple[ResizeRule, ...] = ("square", "thorax")
"""Rules that cut a field out of the image in its original shape, so that it must be known where it was stretched."""


def decode(data: bytes, name: str, size: int | None = None) -> np.ndarray:
    """Decode an image file to grey levels: JPEG, PNG, TIFF, BMP, GIF, WebP, JPEG 2000 or PNM.

    data: the file's bytes. name: what errors call it.
    size: a hint that about `size` pixels are wanted on a side: a large JPEG is then decoded at 1/2, 1/4 or 1/8, at
        least twice `size` on each side. Other images, and those not much larger, come in their own size.
    Returns (H, W) uint8, 0 black, upright as the EXIF orientation says.

    Colour becomes its luma (ITU-R BT.601), transparency black, and 16-bit grey levels are divided by 256: the range is
    the file format's, so a 12-bit image that was stored in 16 bits without scaling comes out dark.
    Raises DataError for an empty or truncated file, for one of another format, for one of several pages or of levels
    that are no whole numbers from 0 to 65535, and for over MAX_PIXELS pixels.
    """
    return np.asarray(_open_grey(data, name, size))


def decode_to_square(data: bytes, name: str, size: int, rule: ResizeRule, aspect: float | None = None) -> np.ndarray:
    """`resize_to_square(decode(data, name, size), size, rule, aspect)`, but a tenth faster: no array in between."""
    check_resize(size, rule)
    return np.asarray(_resize_to_square(_open_grey(data, name, size), size, rule, aspect))


def _open_grey(data: bytes, name: str, size: int | None) -> Image.Image:
    """See `decode`. Grey levels ("L")."""
    if not data:
        raise DataError(f"{name} is empty (0 bytes); copy or download it again")
    try:
        image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
        _check_pixels(image, name)
        _check_pages(image, name)
        if size is not None:
            image.draft("L", (2 * size, 2 * size))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _grey(_with_white_as_highest(image), name)
    except (DataError, MemoryError):
        raise
    except Image.UnidentifiedImageError as error:
        raise DataError(
            f"{name} is no JPEG or PNG image, nor TIFF, BMP, GIF, WebP, JPEG 2000 or PNM; replace or remove it"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} claims too many pixels ({error}); replace or remove it") from error
    except Exception as error:  # a damaged file trips Pillow's parsers in any way: SyntaxError, struct.error, KeyError
        raise DataError(f"{name} is damaged ({error}); copy or download it again, or remove it") from error


def resize_to_square(image: np.ndarray, size: int, rule: ResizeRule, aspect: float | None = None) -> np.ndarray:
    """Resize grey levels to a square, antialiased (bilinear over the area that a pixel covers).

    image: (H, W) uint8. size: side in pixels.
    rule: "stretch" ignores the aspect ratio, "letterbox" keeps it between black bars, "crop" keeps it and takes the
        centre. "square" and "thorax" first undo what stretched the image, and then cut out a field: the centred square,
        or the lungs with a margin (`pneumo.data.thorax`).
    aspect: width / height of the original, for these two rules; by default that of the image.
    Returns (size, size) uint8. Raises ValueError for a size or rule that does not exist.
    """
    check_resize(size, rule)
    return np.asarray(_resize_to_square(Image.fromarray(image), size, rule, aspect))


def check_resize(size: int, rule: ResizeRule) -> None:
    """Raises ValueError unless `resize_to_square` accepts this size and rule."""
    if size < 1:
        raise ValueError(f"size={size} is not positive; 64 is what the first experiment uses")
    if rule not in get_args(ResizeRule):
        raise ValueError(f'resize="{rule}" is unknown; use one of {", ".join(get_args(ResizeRule))}')


def _resize_to_square(image: Image.Image, size: int, rule: ResizeRule, aspect: float | None) -> Image.Image:
    width, height = image.size
    if rule in FIELD_RULES:
        shape = width / height if aspect is None else aspect
        field = _centred_square(shape) if rule == "square" else thorax_field(np.asarray(image), shape)
        # One resampling restores the shape, cuts and resizes: the field is cut out of the stretched image.
        return _resize(
            image, (size, size), (field.left * width, field.top * height, field.right * width, field.bottom * height)
        )
    if rule == "stretch":
        return _resize(image, (size, size), (0, 0, width, height))
    if rule == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return _resize(image, (size, size), (left, top, left + side, top + side))
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = Image.new("L", (size, size))
    canvas.paste(_resize(image, inner, (0, 0, width, height)), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return canvas


def _centred_square(aspect: float) -> Box:
    """The largest centred square of an image with this width / height."""
    across, down = min(1.0, 1 / aspect), min(1.0, aspect)
    return Box((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)


def _resize(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box=box)


def _check_pixels(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name} claims {width} x {height} pixels, more than the {MAX_PIXELS:,} that are decoded; "
            "scale it down or remove it"
        )


def _check_pages(image: Image.Image, name: str) -> None:
    """Raises DataError for several pages, of which none is meant more than the others, and for a mere preview.

    The first picture of an animated PNG and of a JPEG of several is its main one.
    """
    pages = 1 if image.format in ("PNG", "JPEG", "MPO") else getattr(image, "n_frames", 1)
    if pages != 1:
        raise DataError(f"{name} has {pages} pages; a radiograph has one: save the one that is meant as PNG")
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & 1:
        raise DataError(f"{name} begins with a preview, as raw files of cameras do; save the image itself as PNG")


_NEW_SUBFILE_TYPE, _PHOTOMETRIC_INTERPRETATION = 254, 262
"""TIFF tags. Bit 0 of the first marks a preview; 0 in the second means that 0 is white."""


def _with_white_as_highest(image: Image.Image) -> Image.Image:
    """16-bit TIFF images whose 0 is white, inverted. Pillow inverts those of 8 bits and 1 bit itself."""
    if image.mode.startswith("I;16") and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_INTERPRETATION) == 0:
        return Image.fromarray(65535 - np.asarray(image).astype(np.uint16))
    return image


def _grey(image: Image.Image, name: str) -> Image.Image:
    """Grey levels ("L") of an image of any mode. Raises DataError for levels that are no whole numbers to 65535."""
    if image.mode == "F":
        raise DataError(f"{name} has levels that are no whole numbers; save it as PNG of 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits: "I;16", "I;16B" or "I", which can also hold 32
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise DataError(f"{name} has levels from {levels.min()} to {levels.max()}; save it as PNG of 16 bits")
        return Image.fromarray((levels // 256).astype(np.uint8))
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA"))
    if image.mode not in ("L", "1"):
        image = image.convert("RGB")  # CMYK and palettes have no direct way to grey
    return image if image.mode == "L" else image.convert("L")
