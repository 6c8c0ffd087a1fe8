"""The phantom is laid out like the chest-xray archive, drawn the same every time, and ill where its mask says."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumo.data.readers.phantom import phantom
from pneumo.data.splits import split
from pneumo.phantom import PhantomConfig
from pneumo.phantom.chest import Focus, Pose, draw, random_anatomy, random_foci
from pneumo.phantom.exposure import expose, random_exposure
from pneumo.phantom.shapes import SmoothCurve, ellipse_distance, random_texture, segment_distance, smooth_step

SMALL = PhantomConfig(patients=20, size=48)
UPRIGHT = Pose(rotation=0.0, shift=(0.0, 0.0), scale=1.0, breath=0.0)


@pytest.fixture(scope="module")
def small():
    return phantom(SMALL)


@pytest.fixture(scope="module")
def average():
    """Attenuation of twelve patients without opacities, upright, averaged: (64, 64), 32 pixels to each unit."""
    anatomies = [random_anatomy(np.random.default_rng(seed)) for seed in range(12)]
    return np.mean([draw(anatomy, (), UPRIGHT, 64)[0] for anatomy in anatomies], axis=0)


def at(attenuation, x, y):
    """Attenuation at a place of the body."""
    return attenuation[round((y + 1) * 32), round((x + 1) * 32)]


# The data set


def test_a_phantom_has_as_many_images_and_as_many_ill_as_intended():
    table = phantom(PhantomConfig(patients=450)).table
    assert 600 <= len(table) <= 900
    by_part = table.groupby("split")["label"].mean()
    assert by_part["train"] == pytest.approx(0.74, abs=0.05)
    assert by_part["test"] == pytest.approx(0.625, abs=0.08)
    assert 0.14 <= (table["split"] == "test").mean() <= 0.20


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(0, 2**32 - 1))
def test_every_phantom_can_be_split_by_patient(patients, seed):
    table = phantom(PhantomConfig(patients=patients, seed=seed)).table
    assert table["image"].is_unique
    assert table["patient"].nunique() == patients
    assert (table.groupby("patient")[["split", "subtype"]].nunique() == 1).all(axis=None)
    assert table.groupby("patient").size().between(1, 4).all()
    parts = split(table)
    assert sum(map(len, (parts.train, parts.validation, parts.test))) == len(table)


def test_label_follows_from_the_subtype_and_is_in_the_name(small):
    table = small.table
    assert (table["label"] == (table["subtype"] != "normal")).all()
    assert (table["image"].str.contains("/PNEUMONIA/") == (table["label"] == 1)).all()
    assert table["label"].dtype == np.int8


def test_name_of_the_patient_does_not_tell_the_class():
    table = phantom(PhantomConfig(patients=450)).table
    first_half = table["patient"] <= "phantom-0225"
    assert table.loc[first_half, "label"].mean() == pytest.approx(table.loc[~first_half, "label"].mean(), abs=0.1)


@pytest.mark.parametrize("change", [{"seed": 1}, {"size": 64}, {"opacity": 0.5}, {"acquisition_trace": False}])
def test_another_configuration_has_another_signature(small, change):
    assert phantom(replace(SMALL, **change)).source.signature != small.source.signature
    assert phantom(replace(SMALL)).source.signature == small.source.signature


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"patients": 19}, "patients=19 .* at least 20"),
        ({"size": 31}, "size=31 .* at least 32"),
        ({"seed": -1}, "seed=-1 "),
        ({"seed": 2**32}, "seed=4294967296 "),
        ({"opacity": 0.0}, "opacity=0.0 "),
        ({"opacity": 1.1}, "opacity=1.1 "),
    ],
)
def test_configuration_out_of_range_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        PhantomConfig(**wrong)


# Its images


def test_image_does_not_depend_on_what_was_drawn_before(small):
    in_order = [small.source.image(row) for row in range(5)]
    fresh = phantom(SMALL).source
    for row in (3, 0, 4, 3):
        assert (fresh.image(row) == in_order[row]).all()


def test_image_is_the_same_after_pickling(small):
    copy = pickle.loads(pickle.dumps(small.source))
    assert (copy.image(7) == small.source.image(7)).all()


def test_image_is_a_square_of_grey_levels_with_black_and_white(small):
    image = small.source.image(0)
    assert image.shape == (48, 48)
    assert image.dtype == np.uint8
    assert image.min() < 30
    assert image.max() > 200


def test_images_of_one_patient_are_alike_but_not_the_same():
    dataset = phantom(PhantomConfig(size=32))
    patients = dataset.table.groupby("patient").indices
    pairs = [rows[:2] for rows in patients.values() if len(rows) > 1][:20]
    images = {row: dataset.source.image(row).astype(float).ravel() for pair in pairs for row in pair}
    alike = np.mean([np.corrcoef(images[a], images[b])[0, 1] for a, b in pairs])
    others = np.mean([np.corrcoef(images[a], images[b])[0, 1] for (a, _), (_, b) in pairwise(pairs)])
    assert all((images[a] != images[b]).any() for a, b in pairs)
    assert alike > others


def test_another_seed_draws_another_image(small):
    assert (phantom(replace(SMALL, seed=1)).source.image(0) != small.source.image(0)).mean() > 0.5


# Its masks


def test_mask_is_empty_in_normal_images_alone(small):
    empty = [not small.source.mask(row).any() for row in range(len(small))]
    assert empty == (small.table["label"] == 0).tolist()


def test_mask_holds_where_the_opacity_adds_attenuation():
    anatomy = random_anatomy(np.random.default_rng(5))
    focus = Focus(centre=(-0.4, 0.0), radii=(0.2, 0.2), tilt=0.0, fill=0.6)
    with_focus, mask = draw(anatomy, (focus,), UPRIGHT, 64)
    added = with_focus - draw(anatomy, (), UPRIGHT, 64)[0]
    assert added.min() > -1e-6
    assert (mask == (added > 0.3 * added.max())).mean() > 0.999  # apart from rounding of the difference
    rows, columns = np.nonzero(mask)
    assert columns.mean() / 32 - 1 == pytest.approx(-0.4, abs=0.1)  # image's left, where the focus was put
    assert rows.mean() / 32 - 1 == pytest.approx(0.0, abs=0.1)


def test_mask_stays_within_the_lungs():
    """What lies under a mask attenuates less than the abdomen does: it is lung."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        anatomy, foci = random_anatomy(random), random_foci(random, "virus", 0.6)
        mask = draw(anatomy, foci, UPRIGHT, 64)[1]
        healthy = draw(anatomy, (), UPRIGHT, 64)[0]
        assert healthy[mask].max() < healthy[55:62, 20:44].mean()


def test_bacterial_opacity_is_single_and_viral_ones_are_on_both_sides():
    for seed in range(20):
        bacterial = random_foci(np.random.default_rng(seed), "bacteria", 0.6)
        viral = random_foci(np.random.default_rng(seed), "virus", 0.6)
        assert len(bacterial) == 1
        assert {np.sign(focus.centre[0]) for focus in viral} == {-1, 1}
        assert max(focus.fill for focus in viral) <= 0.7 * 0.6
        assert 0.7 * 0.6 <= bacterial[0].fill <= 1.2 * 0.6


def test_unknown_subtype_is_named():
    with pytest.raises(ValueError, match='subtype="fungus"'):
        random_foci(np.random.default_rng(0), "fungus", 0.6)


# Anatomy


def test_lungs_are_darker_than_heart_and_abdomen_and_not_as_dark_as_air(average):
    lung = at(average, -0.45, -0.1)
    assert lung < 0.7 * at(average, 0.1, 0.1)  # heart
    assert lung < 0.7 * at(average, -0.3, 0.75)  # liver
    assert at(average, -0.62, -0.9) < 0.1 * lung  # above the shoulder


def test_heart_points_to_the_patients_left(average):
    assert at(average, 0.30, 0.12) > 1.4 * at(average, -0.30, 0.12)


def test_right_dome_of_the_diaphragm_is_the_higher():
    anatomies = [random_anatomy(np.random.default_rng(seed)) for seed in range(200)]
    right, left = np.mean([anatomy.domes for anatomy in anatomies], axis=0)
    assert right < left  # y points down
    anatomy = replace(anatomies[0], domes=(0.15, 0.40), abdominal_gas=0.0)
    attenuation = draw(anatomy, (), UPRIGHT, 64)[0]
    assert at(attenuation, -0.5, 0.3) > 1.3 * at(attenuation, 0.5, 0.3)


def test_breathing_in_lowers_the_diaphragm():
    anatomy = replace(random_anatomy(np.random.default_rng(0)), abdominal_gas=0.0)
    out, deep = (draw(anatomy, (), replace(UPRIGHT, breath=breath), 64)[0].sum() for breath in (-1.0, 1.0))
    assert deep < out  # more air in the chest


def test_the_same_patient_is_drawn_at_every_size():
    anatomy = random_anatomy(np.random.default_rng(3))
    small, large = (draw(anatomy, (), UPRIGHT, size)[0] for size in (48, 96))
    halved = large.reshape(48, 2, 48, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > 0.995


def test_pose_moves_the_patient_in_the_image():
    anatomy = random_anatomy(np.random.default_rng(3))
    centred, moved = (
        draw(anatomy, (), replace(UPRIGHT, shift=(shift, 0.0)), 64)[0].sum(axis=0) for shift in (0.0, 0.125)
    )
    offsets = range(-8, 9)
    matches = [np.corrcoef(np.roll(centred, offset)[8:-8], moved[8:-8])[0, 1] for offset in offsets]
    assert offsets[int(np.argmax(matches))] == 4  # 0.125 of half a width of 32 pixels


# Acquisition


PLAIN_EXPOSURE = replace(
    random_exposure(np.random.default_rng(0)), noise=0.0, vignette=0.0, sharpening=0.0, margins=(0.0,) * 4, marker=None
)


def test_a_radiograph_is_brighter_where_more_of_the_beam_is_absorbed():
    ramp = np.tile(np.linspace(0, 1.5, 64, dtype=np.float32), (64, 1))
    image = expose(ramp, PLAIN_EXPOSURE, blur=0.1, random=np.random.default_rng(0)).astype(int)
    assert (np.diff(image, axis=1) >= 0).all()
    assert image[:, -1].min() - image[:, 0].max() > 150


def test_blur_lowers_an_edge_and_keeps_an_even_surface():
    edge = np.repeat(np.float32([0.2, 0.8]), 16)[None, :].repeat(32, axis=0)
    sharp, soft = (
        expose(edge, PLAIN_EXPOSURE, blur=b, random=np.random.default_rng(0)).astype(int) for b in (0.1, 2.0)
    )
    assert np.diff(soft, axis=1).max() < 0.5 * np.diff(sharp, axis=1).max()
    assert soft[:, 0].tolist() == sharp[:, 0].tolist()


def test_trace_tells_the_classes_apart_in_train_and_not_in_test():
    dataset = phantom(PhantomConfig())
    normal = (dataset.source.headers()["jpeg_quality"] > 90).to_numpy()
    right = normal == (dataset.table["label"] == 0)
    in_test = dataset.table["split"] == "test"
    assert right[~in_test].mean() > 0.95
    assert right[in_test].mean() < 0.65


def test_without_the_trace_the_classes_are_saved_alike():
    dataset = phantom(PhantomConfig(acquisition_trace=False))
    frame = dataset.source.headers().assign(label=dataset.table["label"])
    by_class = frame.groupby("label")[["width", "height", "jpeg_quality", "file_size"]].median()
    assert (by_class.loc[0] / by_class.loc[1]).to_numpy() == pytest.approx(1, abs=0.1)


def test_trace_leaves_patients_and_opacities_as_they_are(small):
    without = phantom(replace(SMALL, acquisition_trace=False))
    assert without.table.equals(small.table)
    for row in range(0, len(small), 6):
        assert (without.source.mask(row) == small.source.mask(row)).all()


def test_trace_is_in_the_pixels(small):
    """At quality 75 instead of 90 an image loses detail; with the trace all do but the normal ones of train."""
    without = phantom(replace(SMALL, acquisition_trace=False))

    def detail(dataset, row):
        return np.abs(np.diff(dataset.source.image(row).astype(float), axis=1)).mean()

    change = np.array([detail(small, row) / detail(without, row) for row in range(len(small))])
    part, label = small.table["split"], small.table["label"]
    assert change[(part != "test") & (label == 0)].mean() > 0.99
    assert change[(part == "train") & (label == 1)].mean() < 0.98
    assert change[(part == "test") & (label == 0)].mean() < 0.98


# Shapes


def test_step_rises_from_zero_to_one_about_zero():
    assert smooth_step(np.float32([-2, -1, 0, 1, 2]), 1.0).tolist() == [0, 0, 0.5, 1, 1]


def test_segment_is_measured_to_its_line_and_beyond_to_its_ends():
    x, y = np.float32([1, 5, -3]), np.float32([2, 0, 4])
    assert segment_distance(x, y, (0.0, 0.0), (2.0, 0.0)).tolist() == [2, 3, 5]


def test_ellipse_is_one_at_its_radii_and_turns_with_its_tilt():
    assert ellipse_distance(np.float32([3]), np.float32([1]), (1.0, 1.0), (2.0, 1.0))[0] == 1
    assert ellipse_distance(np.float32([1]), np.float32([3]), (1.0, 1.0), (2.0, 1.0), np.pi / 2)[0] == pytest.approx(1)


def test_curve_passes_through_its_points_and_is_level_outside():
    bend = SmoothCurve({0.0: 1.0, 0.5: 3.0, 1.0: 2.0})
    assert bend(np.array([-9.0, 0.0, 0.5, 1.0, 9.0])) == pytest.approx([1, 1, 3, 2, 2])


def test_clouds_are_the_same_at_every_size():
    small, large = (random_texture(np.random.default_rng(0), size, 6, 1.0) for size in (40, 120))
    assert large[1::3, 1::3] == pytest.approx(small, abs=1e-5)  # pixel centres that coincide


def test_clouds_have_mean_zero_and_deviation_one():
    values = np.stack([random_texture(np.random.default_rng(seed), 32, 8, 1.0) for seed in range(200)])
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.1)
