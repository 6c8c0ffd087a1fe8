"""From the bytes of an image file to a grey square of uint8."""

from __future__ import annotations

import io
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps

from pneumo.data.dataset import DataError

DECODER = 1
"""Version of the way from file to pixels. Raise it by hand when pixels would change: it keys the cached pixels."""

LARGEST = 80_000_000
"""Pixels of the largest image that is decoded, eight times a large radiograph's: a file of a few bytes can claim far
more (a decompression bomb). Just below the number from which Pillow warns."""

ResizeRule = Literal["stretch", "letterbox", "crop"]


def decode(data: bytes, name: str, size: int | None = None) -> np.ndarray:
    """Decode a JPEG or PNG file to grey levels.

    data: the file's bytes. name: what errors call it.
    size: a hint that about `size` pixels are wanted on a side: a large JPEG is then decoded at 1/2, 1/4 or 1/8, at
        least twice `size` on each side. Other images, and those not much larger, come in their own size.
    Returns (H, W) uint8, 0 black, upright as the EXIF orientation says.

    Colour becomes its luma (ITU-R BT.601), transparency black, and 16-bit grey levels are divided by 256: the range is
    the file format's, so a 12-bit image that was stored in 16 bits without scaling comes out dark.
    Raises DataError for an empty or truncated file, for one that is no JPEG or PNG and for over LARGEST pixels.
    """
    return np.asarray(_picture(data, name, size))


def decode_square(data: bytes, name: str, size: int, rule: ResizeRule) -> np.ndarray:
    """`square(decode(data, name, size), size, rule)`, without an array between: that would be a tenth of the time."""
    check_square(size, rule)
    return np.asarray(_squared(_picture(data, name, size), size, rule))


def _picture(data: bytes, name: str, size: int | None) -> Image.Image:
    """See `decode`. Grey levels ("L")."""
    if not data:
        raise DataError(f"{name} is empty (0 bytes); copy or download it again")
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        _check_pixels(image, name)
        if size is not None:
            image.draft("L", (2 * size, 2 * size))
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _grey(image)
    except (DataError, MemoryError):
        raise
    except Image.UnidentifiedImageError as error:
        raise DataError(f"{name} is no JPEG or PNG image; replace or remove it") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} claims too many pixels ({error}); replace or remove it") from error
    except Exception as error:  # a damaged file trips Pillow's parsers in any way: SyntaxError, struct.error, KeyError
        raise DataError(f"{name} is damaged ({error}); copy or download it again, or remove it") from error


def square(image: np.ndarray, size: int, rule: ResizeRule) -> np.ndarray:
    """Resize grey levels to a square, antialiased (bilinear over the area that a pixel covers).

    image: (H, W) uint8. size: side in pixels.
    rule: "stretch" ignores the aspect ratio, "letterbox" keeps it between black bars, "crop" keeps it and takes the
        centre. Returns (size, size) uint8. Raises ValueError for a size or rule that does not exist.
    """
    check_square(size, rule)
    return np.asarray(_squared(Image.fromarray(image), size, rule))


def check_square(size: int, rule: ResizeRule) -> None:
    """Raises ValueError unless `square` can make this size by this rule."""
    if size < 1:
        raise ValueError(f"size={size} is not positive; 64 is what the first experiment uses")
    if rule not in get_args(ResizeRule):
        raise ValueError(f'resize="{rule}" is unknown; use one of {", ".join(get_args(ResizeRule))}')


def _squared(picture: Image.Image, size: int, rule: ResizeRule) -> Image.Image:
    width, height = picture.size
    if rule == "stretch":
        return _resize(picture, (size, size), (0, 0, width, height))
    if rule == "crop":
        side = min(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        return _resize(picture, (size, size), (left, top, left + side, top + side))
    scale = size / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    page = Image.new("L", (size, size))
    page.paste(_resize(picture, inner, (0, 0, width, height)), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return page


def _resize(picture: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    return picture.resize(size, Image.Resampling.BILINEAR, box=box)


def _check_pixels(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > LARGEST:
        raise DataError(
            f"{name} claims {width} x {height} pixels, more than the {LARGEST:,} that are decoded; "
            "scale it down or remove it"
        )


def _grey(image: Image.Image) -> Image.Image:
    """Grey levels ("L") of an image of any mode that JPEG and PNG can hold."""
    if image.mode.startswith("I"):  # 16-bit PNG: "I;16", "I;16B" or "I"
        return Image.fromarray((np.asarray(image).astype(np.int64) // 256).astype(np.uint8))
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA"))
    if image.mode not in ("L", "1"):
        image = image.convert("RGB")  # CMYK and palettes have no direct way to grey
    return image if image.mode == "L" else image.convert("L")
