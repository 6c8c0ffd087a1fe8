"""Our JPEG agrees with libjpeg's, as Pillow calls it."""

import io

import numpy as np
import pytest
from PIL import Image
from support.archives import encoded

from pneumo.io.jpeg import compress, estimated_quality, quantisation_table


def libjpeg_table(quality):
    with Image.open(io.BytesIO(encoded(Image.new("L", (8, 8)), quality=quality))) as image:
        return image.quantization[0]


@pytest.mark.parametrize("quality", range(1, 101, 3))
def test_quantisation_table_is_libjpegs(quality):
    assert quantisation_table(quality).ravel().tolist() == list(libjpeg_table(quality))


@pytest.mark.parametrize("quality", range(50, 96))
def test_quality_of_libjpegs_table_is_recovered_within_one(quality):
    assert estimated_quality(libjpeg_table(quality)) == pytest.approx(quality, abs=1)


@pytest.mark.parametrize(("quality", "estimate"), [(25, 25), (50, 50), (75, 75)])
def test_quality_is_exact_where_the_rounded_table_is(quality, estimate):
    assert estimated_quality(libjpeg_table(quality)) == pytest.approx(estimate, abs=0.2)


@pytest.mark.parametrize(("quality", "share"), [(30, 0.01), (75, 0.1), (95, 0.25)])
def test_loss_is_libjpegs_up_to_its_integer_arithmetic(quality, share):
    """libjpeg's whole-number cosine transform rounds a coefficient to the other side now and then."""
    random = np.random.default_rng(quality)
    slope = np.linspace(40, 200, 29)[:, None] + np.linspace(0, 30, 37)
    grey = np.clip(slope + random.normal(0, 8, slope.shape), 0, 255).astype(np.uint8)  # sides no multiples of 8
    with Image.open(io.BytesIO(encoded(Image.fromarray(grey), quality=quality))) as image:
        expected = np.asarray(image).astype(int)
    difference = np.abs(compress(grey, quality).astype(int) - expected).mean()
    assert difference < share * np.abs(grey.astype(int) - expected).mean()
