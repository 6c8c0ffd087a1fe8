import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from support.archives import encoded, radiograph

from pneumo.data import PhantomConfig, phantom
from pneumo.data.dataset import DataError
from pneumo.data.decode import MAX_PIXELS, decode, decode_to_square, resize_to_square


def decoded_pixel(image: Image.Image, form: str = "PNG", **options: object) -> int:
    return int(decode(encoded(image, form, **options), "x")[0, 0])


@pytest.mark.parametrize(
    ("mode", "colour", "grey"),
    [
        ("L", 77, 77),
        ("1", 1, 255),
        ("RGB", (77, 77, 77), 77),
        ("RGB", (255, 0, 0), 76),  # 0.299 x 255
        ("RGB", (0, 255, 0), 150),  # 0.587 x 255
        ("LA", (200, 255), 200),
        ("LA", (200, 0), 0),  # transparent: black
        ("RGBA", (255, 255, 255, 51), 51),  # a fifth of white
        ("I;16", 77 * 256, 77),
        ("I;16", 65535, 255),
    ],
)
def test_every_png_mode_becomes_grey(mode, colour, grey):
    assert decoded_pixel(Image.new(mode, (4, 4), colour)) == grey


def test_palette_becomes_grey():
    image = Image.new("P", (4, 4), 3)
    image.putpalette([0, 0, 0] * 3 + [90, 90, 90])
    assert decoded_pixel(image) == 90


def test_palette_entry_that_is_transparent_becomes_black():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 200, 200])
    assert decoded_pixel(image, transparency=1) == 0


def test_cmyk_jpeg_becomes_grey():
    assert decoded_pixel(Image.new("CMYK", (16, 16), (0, 0, 0, 155)), "JPEG") == pytest.approx(100, abs=2)


def test_exif_orientation_is_applied():
    image = Image.new("L", (3, 2))
    image.putpixel((0, 0), 255)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    turned = decode(encoded(image, "PNG", exif=exif), "x")
    np.testing.assert_array_equal(turned, [[0, 255], [0, 0], [0, 0]])


def test_exif_orientation_of_a_jpeg_is_applied_before_it_is_made_square():
    levels = np.zeros((32, 64), dtype=np.uint8)
    levels[:, :32] = 200  # the left half is bright
    exif = Image.Exif()
    exif[0x0112] = 6  # turned, the upper half is
    data = encoded(Image.fromarray(levels), exif=exif)
    turned = decode(data, "x")
    assert turned.shape == (64, 32)
    assert turned[:24].min() > 180 > 20 > turned[40:].max()
    np.testing.assert_array_equal(decode_to_square(data, "x", 8, "stretch"), resize_to_square(turned, 8, "stretch"))


@pytest.mark.parametrize("rule", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("mode", ["L", "1", "RGB", "LA", "RGBA", "I;16"])
def test_square_at_once_is_the_square_of_what_is_decoded(mode, rule):
    levels = np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8)
    image = Image.fromarray(levels.astype(np.uint16) * 256) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    data = encoded(image, "PNG")
    np.testing.assert_array_equal(
        decode_to_square(data, "x", 16, rule), resize_to_square(decode(data, "x", 16), 16, rule)
    )


def test_large_jpeg_is_drafted_to_at_least_twice_the_size():
    data = encoded(Image.new("RGB", (640, 480)))
    assert decode(data, "x", size=50).shape == (120, 160)  # 1/4; 1/8 would be 60 high, under 2 x 50


def test_small_jpeg_and_png_keep_their_size():
    assert decode(encoded(Image.new("L", (90, 60))), "x", size=50).shape == (60, 90)
    assert decode(encoded(Image.new("L", (640, 480)), "PNG"), "x", size=50).shape == (480, 640)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [None, 8])
def test_truncated_image_is_refused_by_name(form, kept, size):
    data = radiograph(0, 200, 160)
    data = data if form == "JPEG" else encoded(Image.open(io.BytesIO(data)), "PNG")
    with pytest.raises(DataError, match=r"lung\.jpeg is damaged"):
        decode(data[: int(len(data) * kept)], "lung.jpeg", size)


def test_empty_file_is_refused():
    with pytest.raises(DataError, match=r"lung\.jpeg is empty"):
        decode(b"", "lung.jpeg")


def test_file_that_is_no_image_is_refused():
    with pytest.raises(DataError, match=r"lung\.jpeg is no JPEG or PNG image"):
        decode(b"<html>not found</html>", "lung.jpeg")


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("pixels", [MAX_PIXELS + 1, 100_000_000, 10**9, 10**11])
def test_decompression_bomb_is_refused_before_it_is_decoded(pixels):
    with pytest.raises(DataError, match=r"lung\.png claims"):
        decode(png_that_claims(pixels // 1000 + 1, 1000), "lung.png")


@pytest.mark.filterwarnings("ignore")  # of damaged metadata
def test_damaged_bytes_give_a_data_error_or_an_image():
    random = np.random.default_rng(0)
    originals = [radiograph(0), encoded(Image.open(io.BytesIO(radiograph(0))), "PNG")]
    refused = 0
    for original in originals * 100:
        data = np.frombuffer(original, dtype=np.uint8).copy()
        data[random.integers(0, len(data), 4)] = random.integers(0, 256, 4)
        try:
            assert decode(data.tobytes(), "x").dtype == np.uint8
        except DataError:
            refused += 1
    assert refused > 50


def test_stretch_weighs_the_pixels_that_it_covers():
    # Bilinear from 4 to 2: the second output pixel has its centre at 3.0, and the weights of the inputs at 1.5, 2.5
    # and 3.5 are 1/4, 3/4 and 3/4, in all 7/4.
    row = np.array([[0, 0, 0, 175]], dtype=np.uint8)
    np.testing.assert_array_equal(resize_to_square(np.repeat(row, 4, axis=0), 2, "stretch"), [[0, 75], [0, 75]])


def test_letterbox_keeps_the_aspect_between_black_bars():
    boxed = resize_to_square(np.full((2, 4), 200, dtype=np.uint8), 4, "letterbox")
    np.testing.assert_array_equal(boxed[:, 0], [0, 200, 200, 0])
    np.testing.assert_array_equal(boxed, np.repeat(boxed[:, :1], 4, axis=1))


def test_crop_takes_the_centre():
    wide = np.repeat(np.array([[9, 9, 50, 60, 9, 9]], dtype=np.uint8), 2, axis=0)
    np.testing.assert_array_equal(resize_to_square(wide, 2, "crop"), [[50, 60], [50, 60]])


@pytest.mark.parametrize("rule", ["stretch", "letterbox", "crop"])
def test_square_of_the_wanted_size_stays_as_it_is(rule):
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(resize_to_square(image, 8, rule), image)


def test_the_square_field_of_a_stretched_image_is_the_centre_of_its_original_shape():
    # An image of 4 x 2 pixels, stretched to 4 x 4: the centred square of the original is its two middle columns.
    stretched = np.repeat(np.array([[9, 50, 60, 9]], dtype=np.uint8), 4, axis=0)
    np.testing.assert_array_equal(resize_to_square(stretched, 2, "square", 2.0), [[50, 60], [50, 60]])
    # One of 2 x 4: its two middle rows.
    np.testing.assert_array_equal(resize_to_square(stretched.T, 2, "square", 0.5), [[50, 50], [60, 60]])


@pytest.mark.parametrize("rule", ["square", "thorax"])
@pytest.mark.parametrize(("width", "height"), [(240, 160), (160, 200)])
def test_a_field_is_the_same_in_an_original_and_in_its_stretched_copy(rule, width, height):
    drawn = phantom(PhantomConfig(patients=20, size=240)).source.image(0)
    original = Image.fromarray(drawn).resize((width, height))
    stretched = original.resize((400, 400), Image.Resampling.BICUBIC)
    from_original = resize_to_square(np.asarray(original), 48, rule)
    from_stretched = resize_to_square(np.asarray(stretched), 48, rule, width / height)
    assert np.abs(from_original.astype(int) - from_stretched).mean() < 3


def test_the_square_field_of_an_image_in_its_own_shape_is_its_centre():
    wide = np.random.default_rng(0).integers(0, 256, (30, 50), dtype=np.uint8)
    np.testing.assert_array_equal(resize_to_square(wide, 16, "square"), resize_to_square(wide, 16, "crop"))


def test_unknown_rule_and_size_are_refused_by_value():
    image = np.zeros((4, 4), dtype=np.uint8)
    with pytest.raises(
        ValueError, match='resize="pad" is unknown; use one of stretch, letterbox, crop, square, thorax'
    ):
        resize_to_square(image, 4, "pad")
    with pytest.raises(ValueError, match="size=0 is not positive"):
        resize_to_square(image, 0, "crop")
