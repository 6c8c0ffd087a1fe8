"""Hand-made features: against scikit-image, against tables worked out by hand, and from and to the cache."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.feature import hog as hog_of_one
from skimage.feature import local_binary_pattern

from pneumo.data import DataError, PhantomConfig, Pixels, phantom
from pneumo.features import (
    GLCMConfig,
    HOGConfig,
    LBPConfig,
    PixelsConfig,
    SpectrumConfig,
    batches,
    extract,
    extraction,
    feature_columns,
    feature_names,
    glcm_features,
    hog_features,
    hog_picture,
    lbp_features,
    pixel_features,
    spectrum_features,
)
from pneumo.io import files

HOGS = [
    HOGConfig(),
    HOGConfig(orientations=7, pixels_per_cell=6, cells_per_block=3),
    HOGConfig(orientations=4, pixels_per_cell=10, cells_per_block=1),
]
SMALL = [
    HOGConfig(pixels_per_cell=4),
    LBPConfig(radii=(1,), grid=2),
    GLCMConfig(levels=8, distances=(2,)),
    PixelsConfig(),
    SpectrumConfig(rings=6, lowest=0.1),
]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Radiographs, noise, few levels with many equal neighbours, an even surface. (6, 48, 48) uint8."""
    random = np.random.default_rng(0)
    source = phantom(PhantomConfig(patients=20, size=48)).source
    drawn = [source.image(row) for row in (0, 1, 2)]
    noise = [random.integers(0, levels, (48, 48)) for levels in (256, 3)]
    return np.stack([*drawn, *noise, np.full((48, 48), 77)]).astype(np.uint8)


@pytest.fixture
def stored(tmp_path, images) -> Pixels:
    np.save(tmp_path / "images.npy", images)
    return Pixels(path=tmp_path / "images.npy", shape=images.shape, digest="a")


@pytest.mark.parametrize("config", HOGS)
def test_hog_is_that_of_scikit_image(images, config):
    side, block = config.pixels_per_cell, config.cells_per_block
    expected = [hog_of_one(image, config.orientations, (side, side), (block, block)) for image in images]
    np.testing.assert_allclose(hog_features(images, config), expected, rtol=0, atol=1e-6)


def test_lbp_counts_the_patterns_of_scikit_image_in_each_cell(images):
    features = lbp_features(images, LBPConfig(points=8, radii=(1, 2), grid=3)).reshape(len(images), 2, 3, 3, 10)
    for radius_index, radius in enumerate((1, 2)):
        patterns = local_binary_pattern(images[1], 8, radius, method="uniform")
        cell = patterns[16:32, 32:48]  # the second row, the third column of 16 pixels
        expected = np.histogram(cell, bins=np.arange(11))[0] / 256
        np.testing.assert_allclose(features[1, radius_index, 1, 2], expected, rtol=0, atol=1e-6)


def test_lbp_cells_cover_every_pixel_of_a_size_that_the_grid_does_not_divide(images):
    features = lbp_features(images[:, :47, :41], LBPConfig(radii=(1,), grid=1))
    cells = lbp_features(images[:, :47, :41], LBPConfig(radii=(1,), grid=2)).reshape(len(images), 4, 10)
    # Rows 0 to 23 and 24 to 46, columns 0 to 20 and 21 to 40.
    areas = np.array([24 * 21, 24 * 20, 23 * 21, 23 * 20]) / (47 * 41)
    np.testing.assert_allclose(np.einsum("ncp,c->np", cells, areas), features, atol=1e-6)


def test_the_glcm_properties_are_those_of_haralicks_example():
    image = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]])[None].astype(np.uint8)
    # Haralick et al. 1973, figure 3: how often levels i and j are horizontal neighbours, in either order.
    shares = np.array([[4, 2, 1, 0], [2, 4, 0, 0], [1, 0, 6, 1], [0, 0, 1, 2]]) / 24
    i, j = np.mgrid[:4, :4]
    mean = (shares * i).sum()
    expected = {
        "contrast": (2 * 2 * 1 + 2 * 1 * 4 + 2 * 1 * 1) / 24,
        "dissimilarity": (2 * 2 * 1 + 2 * 1 * 2 + 2 * 1 * 1) / 24,
        "homogeneity": (16 + 2 * 2 / 2 + 2 * 1 / 5 + 2 * 1 / 2) / 24,
        "ASM": (16 + 16 + 36 + 4 + 2 * 4 + 2 * 1 + 2 * 1) / 24**2,
        "correlation": (shares * (i - mean) * (j - mean)).sum() / (shares * (i - mean) ** 2).sum(),
        "entropy": -(shares[shares > 0] * np.log(shares[shares > 0])).sum(),
    }
    config = GLCMConfig(levels=4, distances=(1,), angles=(0,))
    assert feature_columns(config, 4)["property"].tolist() == list(expected)
    np.testing.assert_allclose(glcm_features(64 * image, config)[0], list(expected.values()), rtol=1e-6)


def test_an_even_image_is_perfectly_correlated_with_itself(images):
    columns = feature_columns(GLCMConfig(), 48)
    assert (glcm_features(images[5:], GLCMConfig())[0, columns["property"] == "correlation"] == 1).all()


def test_pixels_are_the_grey_levels_from_0_to_1_row_by_row():
    image = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)
    np.testing.assert_allclose(pixel_features(image), [[0, 0.2, 0.4, 1]], rtol=1e-6)


def test_a_sinusoid_lies_in_the_ring_of_its_frequency_whatever_its_direction():
    position = np.arange(128)
    waves = [
        np.sin(2 * np.pi * 20 / 128 * position) * np.ones((128, 1)),  # 20 waves along the rows
        np.sin(2 * np.pi * (12 * position[:, None] + 16 * position) / 128),  # 12 and 16: hypot is 20
    ]
    images = np.round(128 + 100 * np.stack(waves)).astype(np.uint8)
    features, columns = spectrum_features(images), feature_columns(SpectrumConfig(), 128)
    # Rings are 2 / 128 wide, and the window spreads a line over its neighbours: 19, 20 and 21 lie in rings 9 and 10.
    for one in features:
        assert set(np.argsort(one)[-2:]) == {9, 10}
        assert np.delete(one, [8, 9, 10]).max() < one[9] - 3  # a thousandth of the power
    assert columns["frequency"][9] == pytest.approx(19 / 128)


def test_white_noise_has_its_variance_in_every_ring():
    images = np.random.default_rng(0).normal(128, 10, (200, 64, 64)).round().astype(np.uint8)
    features = spectrum_features(images, SpectrumConfig(rings=16))
    np.testing.assert_allclose(features[:, 1:].mean(axis=0), np.log10(100), atol=0.05)


def test_a_blurred_image_loses_its_fine_rings_and_a_brighter_one_nothing(images):
    noise = images[3]
    blurred = gaussian_filter(noise.astype(float), 1.0).round().astype(np.uint8)
    sharp, soft = spectrum_features(np.stack([noise, blurred]), SpectrumConfig(rings=24))
    assert (sharp - soft)[0] < 0.1
    assert (sharp - soft)[-6:].min() > 2
    dim, bright = spectrum_features(np.stack([noise // 2, noise // 2 + 60]), SpectrumConfig(rings=24))
    np.testing.assert_allclose(dim, bright, atol=1e-5)


def test_an_even_surface_has_only_what_rounding_would_add(images):
    np.testing.assert_allclose(spectrum_features(images[5:], SpectrumConfig(rings=24)), np.log10(1 / 12), rtol=1e-6)


def test_the_finer_half_of_the_spectrum_is_that_of_the_whole(images):
    whole = spectrum_features(images, SpectrumConfig(rings=24))
    np.testing.assert_allclose(
        spectrum_features(images, SpectrumConfig(rings=12, lowest=0.25)), whole[:, 12:], rtol=1e-6
    )


@pytest.mark.parametrize("config", SMALL)
def test_the_features_of_an_image_do_not_depend_on_its_batch(images, config, monkeypatch):
    function, _ = extraction.EXTRACTORS[type(config)]
    together = function(images, config)
    monkeypatch.setattr(batches, "BATCH_PIXELS", 4 * 48 * 48)  # 4 images, then 2
    np.testing.assert_array_equal(function(images, config), together)


@pytest.mark.parametrize("config", [HOGS[1], *SMALL])
def test_every_feature_has_a_name_of_its_own(images, config):
    function, _ = extraction.EXTRACTORS[type(config)]
    names = feature_names(config, 48)
    assert len(set(names)) == len(names) == function(images, config).shape[1]


def test_the_hog_columns_tell_cell_and_direction():
    upright, lying = np.zeros((2, 64, 64), dtype=np.uint8)
    upright[:, 39:41] = 200  # through the cells of column 2
    lying[23:25, :] = 200  # through the cells of row 1
    columns = feature_columns(HOGConfig(), 64)
    seen = [columns[features > 0] for features in hog_features(np.stack([upright, lying]))]
    assert set(seen[0]["column"]) == {2}
    assert set(seen[0]["orientation"]) == {10}
    assert set(seen[1]["row"]) == {1}
    assert set(seen[1]["orientation"]) == {90}


def test_the_lbp_columns_tell_cell_and_pattern():
    image = np.zeros((1, 32, 32), dtype=np.uint8)
    image[0, 20, 4] = 9  # one bright spot: no neighbour is as bright
    columns = feature_columns(LBPConfig(radii=(2, 1)), 32)
    spot = columns[(lbp_features(image, LBPConfig(radii=(2, 1)))[0] > 0) & (columns["pattern"] == 0)]
    assert spot["name"].tolist() == [f"lbp cell 2,0, radius {radius}, pattern 0" for radius in (2, 1)]


def test_the_glcm_columns_tell_distance_angle_and_property():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (1, 16, 8))  # upright, one pixel wide
    config = GLCMConfig(levels=2, distances=(1, 2))
    columns = feature_columns(config, 16).assign(value=glcm_features(stripes, config)[0])
    correlations = columns[columns["property"] == "correlation"].set_index(["distance", "angle"])["value"]
    assert correlations[1, 0] == pytest.approx(-1)
    assert correlations[1, 90] == pytest.approx(1)
    assert correlations[2, 0] == pytest.approx(1)


def test_the_hog_picture_has_strokes_only_where_there_is_an_edge():
    image = np.zeros((64, 64), dtype=np.uint8)
    image[18:30, 39:41] = 200
    picture = hog_picture(image)
    rows, columns = np.nonzero(picture > 0.1 * picture.max())
    assert rows.min() >= 16
    assert rows.max() < 32
    assert columns.min() >= 32
    assert columns.max() < 48
    assert np.ptp(columns) < np.ptp(rows)  # along the edge: upright


@pytest.mark.parametrize("config", SMALL)
def test_extracted_features_are_those_of_the_images_in_their_order(stored, images, config, monkeypatch):
    monkeypatch.setattr(extraction, "CHUNK_IMAGES", 4)
    function, _ = extraction.EXTRACTORS[type(config)]
    features = extract(stored, config, jobs=2, progress=False)
    np.testing.assert_array_equal(features, function(images, config))
    assert features.dtype == np.float32
    assert not features.flags.writeable


def test_the_second_extraction_measures_nothing(stored, monkeypatch):
    first = extract(stored, HOGS[1], progress=False)
    monkeypatch.setattr(extraction, "EXTRACTORS", {})
    np.testing.assert_array_equal(extract(stored, HOGS[1], progress=False), first)


def test_other_settings_and_other_pixels_are_kept_apart(stored, tmp_path, images):
    np.save(tmp_path / "others.npy", images[::-1])
    others = Pixels(path=tmp_path / "others.npy", shape=images.shape, digest="b")
    coarse, fine = LBPConfig(grid=1), LBPConfig(grid=2)
    np.testing.assert_array_equal(extract(stored, coarse, progress=False), lbp_features(images, coarse))
    np.testing.assert_array_equal(extract(stored, fine, progress=False), lbp_features(images, fine))
    np.testing.assert_array_equal(extract(others, coarse, progress=False), lbp_features(images[::-1], coarse))


def test_what_a_killed_extraction_left_is_not_taken_for_features(stored, images, monkeypatch):
    def killed(source, destination):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            extract(stored, SMALL[2], progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "EXTRACTORS", {GLCMConfig: (lambda images, config: 1 / 0, extraction.glcm_columns)})
        with pytest.raises(ZeroDivisionError):
            extract(stored, SMALL[2], progress=False)
    np.testing.assert_array_equal(extract(stored, SMALL[2], progress=False), glcm_features(images, SMALL[2]))


def test_an_image_that_could_not_be_decoded_is_refused_by_its_row(tmp_path, stored):
    broken = Pixels(path=stored.path, shape=stored.shape, digest="a", unreadable={3: "scan.jpeg is truncated"})
    with pytest.raises(DataError, match=r"rows \[3\] could not be decoded"):
        extract(broken, PixelsConfig(), progress=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hog_features(np.zeros((1, 48, 48))), "images are float64 of shape .1, 48, 48.; give uint8"),
        (lambda: hog_features(np.zeros((0, 48, 48), np.uint8)), "give uint8 of shape .N, H, W., N > 0"),
        (lambda: hog_features(np.zeros((1, 48, 28), np.uint8)), "images of 28 pixels are smaller than a block of 32"),
        (lambda: lbp_features(np.zeros((1, 8, 3), np.uint8)), "grid=4 is finer than images of shape .8, 3."),
        (lambda: glcm_features(np.zeros((1, 8, 9), np.uint8)), "images of shape .8, 9. have no pixels 8 apart"),
        (lambda: HOGConfig(pixels_per_cell=7), "pixels_per_cell=7 has no middle; use an even number"),
        (lambda: HOGConfig(orientations=0), "orientations=0 is out of range; use 1 to 36"),
        (lambda: HOGConfig(cells_per_block=0), "cells_per_block=0 must be at least 1"),
        (lambda: LBPConfig(points=17), "points=17 is out of range; use 4 to 16"),
        (lambda: LBPConfig(radii=(1, 1)), "radii=.1, 1. must be different"),
        (lambda: LBPConfig(grid=0), "grid=0 must be at least 1"),
        (lambda: spectrum_features(np.zeros((1, 60, 90), np.uint8)), "rings=32 are too many .* use at most 30"),
        (lambda: SpectrumConfig(rings=0), "rings=0 must be at least 1"),
        (lambda: SpectrumConfig(lowest=0.5), "lowest=0.5 is out of range; use 0 to below 0.5"),
        (lambda: GLCMConfig(levels=48), "levels=48 does not divide 256"),
        (lambda: GLCMConfig(distances=()), "distances=.. must be different .* at least one"),
        (lambda: GLCMConfig(angles=(0, 180)), "angles=.0, 180. must be different whole degrees from 0 to 179"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_settings_can_be_read_without_what_measures():
    code = """
import sys
from pneumo.classical import ClassicalConfig
from pneumo.features import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig, SpectrumConfig
heavy = {"pandas", "scipy", "skimage", "sklearn", "xgboost"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
