"""The model in the page says what `pneumo predict` says: of files of every kind, by the same weights."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from support.browser import Browser
from support.pages import ROOT, joined, write_page

from pneumo import data
from pneumo.data.decode import decode, resize_to_square
from pneumo.inference import load_model
from pneumo.inference.input_checks import fit_input_statistics, image_statistics
from pneumo.inference.model import SHIPPED_MODEL_PATH
from pneumo.inference.radiograph import from_bytes
from pneumo.interpret.gradcam import overlay
from pneumo.reporting import interactive
from tools import page_model
from tools.interactive import SOURCES, write_data

PHANTOMS = data.load("phantom")

AGREEMENT = 1e-3
"""Between the probability in the page and that of `pneumo predict`."""


def phantom(height: int, width: int, number: int = 0) -> np.ndarray:
    """A synthetic radiograph (height, width), uint8."""
    image = Image.fromarray(PHANTOMS.source.image(number, 256))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(height: int, width: int, number: int = 0) -> Image.Image:
    return Image.fromarray(phantom(height, width, number))


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def coloured(height: int, width: int) -> Image.Image:
    levels = phantom(height, width).astype(float)
    return Image.fromarray(np.stack([levels, 0.6 * levels + 40, 0.8 * levels], axis=-1).round().astype(np.uint8))


def with_transparency(height: int, width: int) -> Image.Image:
    image = grey(height, width).convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, width).round().astype(np.uint8), (height, 1))))
    return image


def sixteen_bits(height: int, width: int) -> Image.Image:
    return Image.fromarray(phantom(height, width).astype(np.uint16) * 256 + 200)


FILES = {
    "small.jpeg": encoded(grey(150, 180), "jpeg", quality=90),
    "as-the-network-reads.png": encoded(grey(160, 160, 1), "png"),
    "a-half.jpeg": encoded(grey(701, 830, 1), "jpeg", quality=85),  # decoded at 1/2, sides that are no multiple of 8
    "a-quarter.jpg": encoded(grey(1290, 1500), "jpeg", quality=75),
    "an-eighth.jpg": encoded(grey(2600, 2700, 3), "jpeg", quality=75),
    "progressive.jpg": encoded(grey(500, 640, 1), "jpeg", quality=60, progressive=True),
    "lying.jpg": encoded(grey(400, 300), "jpeg", quality=90, exif=turned(6)),
    "mirrored.jpg": encoded(grey(709, 655), "jpeg", quality=90, exif=turned(5)),
    "colour.jpg": encoded(coloured(300, 280), "jpeg", quality=90),
    "colour.png": encoded(coloured(300, 280), "png"),
    "palette.png": encoded(grey(200, 230).convert("P"), "png"),
    "transparent.png": encoded(with_transparency(210, 190), "png"),
    "sixteen-bits.png": encoded(sixteen_bits(220, 190), "png"),
}


ROUNDED_BY_BROWSERS = ("sixteen-bits.png", "transparent.png")
"""To a neighbouring grey level; the others are the same to the last bit."""


@pytest.mark.parametrize(
    ("height", "width", "size"), [(20, 30, 8), (7, 5, 16), (160, 160, 16), (33, 16, 16), (400, 301, 160)]
)
def test_resizing_is_that_of_pillow_to_the_last_bit(call, height, width, size):
    image = np.random.default_rng(height).integers(0, 256, (height, width), dtype=np.uint8)
    pixels = call(
        "resample.js", f"[...resizeToSquare(Uint8Array.from({image.ravel().tolist()}), {height}, {width}, {size})]"
    )
    assert np.reshape(pixels, (size, size)).tolist() == resize_to_square(image, size, "stretch").tolist()


def test_the_measures_of_an_image_are_those_of_the_package(call):
    thumbnails = np.random.default_rng(1).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    mean = np.array(fit_input_statistics(thumbnails).mean)
    expected = image_statistics(thumbnails[:1], mean)
    found = call("checks.js", f"imageStatistics(Uint8Array.from({thumbnails[0].ravel().tolist()}), {mean.tolist()})")
    assert found == pytest.approx({name: value[0] for name, value in expected.items()})


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_decoded_as_the_package_decodes_it(browser, name):
    found = decoded(browser, name)
    expected = decode(FILES[name], name, 160)
    assert (found["height"], found["width"]) == expected.shape
    pixels = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(expected.shape)
    rounding = 1 if name in ROUNDED_BY_BROWSERS else 0
    assert np.abs(pixels.astype(int) - expected).max() <= rounding
    assert found["colour"] == pytest.approx(from_bytes(FILES[name], name, size=160, resize="stretch").colour, abs=0.005)


def decoded(browser: Browser, name: str) -> dict:
    """What `decodeRadiograph` makes of a file."""
    packed = base64.b64encode(FILES[name]).decode()
    expression = (
        f"decodeRadiograph(Uint8Array.from(atob('{packed}'), (letter) => letter.charCodeAt(0)), {json.dumps(name)},"
        " 160, resizeToSquare).then(({ pixels, ...others }) =>"
        " ({ ...others, pixels: btoa([...pixels].map((level) => String.fromCharCode(level)).join('')) }))"
    )
    return browser.run(joined("model.js", expression))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GIF89a" + bytes(200), "x.dcm is no JPEG or PNG image"),
        (bytes(128) + b"DICM" + bytes(20), "x.dcm is a DICOM file; pneumo predict reads it, the page does not"),
        (FILES["small.jpeg"][:300], "x.dcm cannot be read: the file ends too early"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(browser, content, told):
    expression = (
        f"decodeRadiograph(Uint8Array.from({list(content)}), 'x.dcm', 160, resizeToSquare)"
        ".then(() => 'read', (error) => error.message)"
    )
    assert browser.run(joined("model.js", expression)) == told


# The model -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with the shipped model in it. Needs npm, and once what it fetches."""
    folder = tmp_path_factory.mktemp("model")
    examples = {"Normal": phantom(224, 224), "Pneumonia": phantom(224, 224, 1)}
    made = write_page(folder, f"# A chapter\n\n{interactive.model(examples).text}\n")
    values = page_model.page_model(SHIPPED_MODEL_PATH, page_model.install(ROOT / SOURCES))
    write_data(page_model.SCRIPT, page_model.VARIABLE, values, made.parent / "assets/interactive")
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def shipped():
    return load_model()


def read(browser: Browser, path) -> dict[str, str]:
    """What the page says of a file."""
    browser.choose_files("input[type=file]", path)
    browser.wait(f"document.querySelector('[data-widget] dd')?.textContent === {json.dumps(path.name)}")
    return browser.run(
        "Object.fromEntries([...document.querySelectorAll('[data-widget] dt')].map((name) =>"
        " [name.textContent.split(',')[0], name.nextElementSibling.textContent]))"
    )


def test_the_page_agrees_with_pneumo_predict_on_every_kind_of_file(browser, page, files, shipped):
    browser.open(page)
    for name in FILES:
        [expected] = shipped.predict_frame([files / name]).itertuples()
        said = read(browser, files / name)
        assert float(said["Probability of pneumonia"]) == pytest.approx(expected.probability, abs=AGREEMENT), name
        assert (said["Decision"], said["Warning"]) == (expected.decision, expected.warning or "none"), name
    assert browser.errors == []
    assert [address for address in browser.requests if not address.startswith(("file:", "data:", "blob:"))] == []


def test_an_example_is_read_and_the_map_is_that_of_grad_cam(browser, page, shipped):
    browser.open(page)
    browser.run(
        "[...document.querySelectorAll('.w-sources button')].find((b) => b.textContent === 'Pneumonia').click()"
    )
    browser.wait("document.querySelector('[data-widget] dd')?.textContent === 'Pneumonia'")
    radiograph = shipped.radiograph(phantom(224, 224, 1), "Pneumonia")
    expected = overlay(radiograph.pixels[None], shipped.grad_cam([radiograph]))[0]
    shown = browser.run(
        "[...document.querySelector('.w-radiograph').getContext('2d').getImageData(0, 0, 160, 160).data]"
    )
    difference = np.abs(np.reshape(shown, (160, 160, 4))[..., :3] - expected.astype(int))
    assert difference.max() <= 3
    browser.run("document.querySelector('[type=checkbox]').click()")
    plain = browser.run(
        "[...document.querySelector('.w-radiograph').getContext('2d').getImageData(0, 0, 160, 160).data]"
    )
    assert np.reshape(plain, (160, 160, 4))[..., 0].tolist() == radiograph.pixels.tolist()


def test_an_edition_without_the_model_says_why(browser, tmp_path):
    made = write_page(tmp_path, f"# A chapter\n\n{interactive.model({'Normal': phantom(50, 50)}).text}\n")
    folder = made.parent / "assets/interactive"
    write_data(page_model.SCRIPT, page_model.VARIABLE, {"missing": "Node.js was not found"}, folder)
    browser.open(made)
    browser.run("document.querySelector('.w-sources button').click()")
    browser.wait("document.querySelector('.w-result').textContent.includes('Node.js')")
    assert browser.run("document.querySelector('.w-result').textContent") == (
        "This edition has no model in the page: Node.js was not found when it was made."
    )
