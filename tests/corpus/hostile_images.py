"""One odd image among fifteen good ones."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from corpus.case import SIZE, encoded, one_odd, radiograph
from PIL import Image


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *extra: bytes, depth: int = 8, grey: int = 77) -> bytes:
    """A grey PNG made by hand. extra: chunks between its header and its pixels."""
    row = b"\0" + bytes([grey]) * -(-width * depth // 8)
    pixels = zlib.compress(row * height) if width * height < 10**7 else zlib.compress(b"")
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _jpeg_that_claims(width: int, height: int) -> bytes:
    data = bytearray(radiograph(0))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _jpeg_of_12_bits() -> bytes:
    data = bytearray(radiograph(0))
    data[data.index(b"\xff\xc0") + 4] = 12
    return bytes(data)


def _turned(form: str) -> bytes:
    """A white left half, with the EXIF note that the camera lay on its side: the upper half when upright."""
    levels = np.zeros((32, 32), np.uint8)
    levels[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(levels), form, exif=exif)


# At half the size, a row takes 1/8, 3/8, 3/8 and 1/8 of four: those beside the edge see one row across it.
UPPER_HALF = np.array([255] * 7 + [255 * 7 // 8, 255 // 8] + [0] * 7)[:, None] * np.ones((1, SIZE), int)


def _palette(**options: object) -> bytes:
    image = Image.new("P", (20, 20), 1)
    image.putpalette([0, 0, 0, 90, 90, 90])
    return encoded(image, "PNG", **options)


def _flat(mode: str, colour: object, form: str, **options: object) -> bytes:
    return encoded(Image.new(mode, (32, 32), colour), form, **options)


def _animated(form: str) -> bytes:
    frames = [Image.new("L", (20, 20), level) for level in (60, 200)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:])


GREY = _flat("L", 77, "JPEG")
BOMB_OF_TEXT = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
MUCH_TEXT = [_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_000_000))] * 70

CASES = (
    # Refused, by name and with what to do.
    one_odd("zero bytes", b"", remedy="empty.*copy or download it again"),
    one_odd("JPEG cut short", radiograph(1)[:-300], remedy="damaged.*copy or download it again"),
    one_odd("JPEG of its first two bytes", b"\xff\xd8", remedy="replace or remove|copy or download"),
    one_odd("PNG cut short", _png(20, 20)[:-30], suffix=".png", remedy="damaged.*copy or download it again"),
    one_odd("PNG with a wrong checksum", _png(20, 20).replace(b"IDAT", b"IDAT\0"), suffix=".png", remedy="damaged"),
    one_odd("PNG without pixels", _png(20, 20)[:33], suffix=".png", remedy="no JPEG or PNG"),
    one_odd("a web page called .jpeg", b"<html>404 not found</html>", remedy="no JPEG or PNG.*replace or remove"),
    one_odd("a drawing called .png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", suffix=".png", remedy="no JPEG"),
    one_odd("a script called .jpg", b"#!/bin/sh\nrm -rf /\n", suffix=".jpg", remedy="no JPEG or PNG"),
    one_odd("noise called .png", np.random.default_rng(1).bytes(5000), suffix=".png", remedy="no JPEG or PNG"),
    one_odd("animated GIF called .jpg", _animated("GIF"), suffix=".jpg", remedy="2 pages.*save the one that is meant"),
    one_odd("TIFF of two pages", _animated("TIFF"), suffix=".tif", remedy="2 pages.*save the one that is meant"),
    one_odd(
        "float TIFF called .png", _flat("F", 0.5, "TIFF"), suffix=".png", remedy="no whole numbers; save it as PNG"
    ),
    one_odd("TIFF of 32 bits", _flat("I", 70_000, "TIFF"), suffix=".tif", remedy="70000; save it as PNG of 16 bits"),
    one_odd(
        "a preview, as in a camera's raw file",
        _flat("L", 7, "TIFF", tiffinfo={254: 1}),
        suffix=".tif",
        remedy="preview.*save the image itself as PNG",
    ),
    one_odd("HEIC called .jpg", b"\0\0\0\x18ftypheic" + bytes(100), suffix=".jpg", remedy="HEIC.*save it as PNG"),
    one_odd("a zip called .jpg", b"PK\x03\x04" + bytes(100), suffix=".jpg", remedy="zip archive; name it by itself"),
    one_odd("PNG that claims a billion pixels", _png(40_000, 40_000), suffix=".png", remedy="replace or remove it"),
    one_odd("JPEG that claims a billion pixels", _jpeg_that_claims(40_000, 40_000), remedy="replace or remove it"),
    one_odd("JPEG of no height", _jpeg_that_claims(24, 0), remedy="no JPEG or PNG|damaged"),
    one_odd("JPEG of 12 bits", _jpeg_of_12_bits(), remedy="no JPEG or PNG|damaged"),
    one_odd("PNG of no width", _png(0, 20), suffix=".png", remedy="no JPEG or PNG|damaged"),
    one_odd("PNG with text that unpacks to megabytes", _png(20, 20, BOMB_OF_TEXT), suffix=".png", remedy="damaged"),
    one_odd("PNG with seventy megabytes of text", _png(20, 20, *MUCH_TEXT), suffix=".png", remedy="damaged"),
    # Read, and right.
    one_odd("GIF called .png", _flat("L", 77, "GIF"), suffix=".png", grey=77),
    one_odd("BMP called .jpeg", _flat("L", 77, "BMP"), grey=77),
    one_odd("WebP called .jpg", _flat("RGB", "grey", "WEBP", lossless=True), suffix=".jpg", grey=128),
    one_odd("JPEG 2000 called .jpeg", _flat("L", 77, "JPEG2000"), grey=77),
    one_odd("JPEG 2000 of 16 bits", _flat("I;16", 77 * 256, "JPEG2000"), suffix=".jp2", grey=77),
    one_odd("16-bit TIFF called .png", _flat("I;16", 77 * 256, "TIFF"), suffix=".png", grey=77),
    one_odd(
        "16-bit TIFF whose 0 is white", _flat("I;16", 77 * 256, "TIFF", tiffinfo={262: 0}), suffix=".tif", grey=178
    ),
    one_odd("PGM of 100 levels", b"P5 4 4 100\n" + bytes([30]) * 16, suffix=".pgm", grey=77),
    one_odd("PGM of 16 bits", b"P5 4 4 65535\n" + b"\x4d\0" * 16, suffix=".pgm", grey=77),
    one_odd("JPEG without an ending", GREY, suffix="", grey=77),
    one_odd("JPEG called .jpeg.download", GREY, suffix=".jpeg.download", grey=77),
    one_odd("one pixel", _png(1, 1), suffix=".png", grey=77),
    one_odd("one pixel wide, ten thousand high", _png(1, 10_000), suffix=".png", grey=77),
    one_odd("ten thousand pixels wide, one high", _png(10_000, 1), suffix=".png", grey=77),
    one_odd("1-bit PNG", _flat("1", 1, "PNG"), suffix=".png", grey=255),
    one_odd("2-bit PNG", _png(20, 20, depth=2, grey=0b01010101), suffix=".png", grey=85),
    one_odd("16-bit PNG", _flat("I;16", 77 * 256, "PNG"), suffix=".png", grey=77),
    one_odd("palette PNG", _palette(), suffix=".png", grey=90),
    one_odd("palette PNG with a transparent colour", _palette(transparency=1), suffix=".png", grey=0),
    one_odd("grey with alpha", _flat("LA", (200, 255), "PNG"), suffix=".png", grey=200),
    one_odd("colour with alpha", _flat("RGBA", (255, 255, 255, 51), "PNG"), suffix=".png", grey=51),
    one_odd("animated PNG: its first frame", _animated("PNG"), suffix=".png", grey=60),
    one_odd("JPEG of several pictures: its first", _animated("MPO"), grey=60),
    one_odd("CMYK JPEG", _flat("CMYK", (0, 0, 0, 155), "JPEG"), grey=100),
    one_odd("progressive JPEG", _flat("L", 77, "JPEG", progressive=True), grey=77),
    one_odd("colour JPEG", _flat("RGB", (255, 0, 0), "JPEG"), grey=76),
    one_odd("JPEG that lies on its side", _turned("JPEG"), grey=UPPER_HALF),
    one_odd("PNG that lies on its side", _turned("PNG"), suffix=".png", grey=UPPER_HALF),
    one_odd(
        "JPEG with damaged EXIF",
        _flat("L", 77, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
        grey=77,
        warned="EXIF",
    ),
    one_odd("JPEG with 60 kilobytes of comment", _flat("L", 77, "JPEG", comment=b"x" * 60_000), grey=77),
    one_odd("JPEG with a broken colour profile", _flat("L", 77, "JPEG", icc_profile=b"none" * 50), grey=77),
    one_odd("JPEG with another file behind it", GREY + b"PK\x03\x04 and more", grey=77),
    one_odd("PNG called .jpeg", _png(20, 20), grey=77),
    one_odd("JPEG called .png", GREY, suffix=".png", grey=77),
    one_odd("an image that is all black", _flat("L", 0, "PNG"), suffix=".PNG", grey=0),
)
