"""Saliency inside a mask, on maps of four pixels, and what records hold of maps."""

from dataclasses import replace

import numpy as np
import pytest
from support.records import make_record

from pneumo import plots
from pneumo.analysis import saliency

MAPS = np.array([[[3.0, 1], [0, 0]], [[0, 0], [0, 2]], [[0, 0], [0, 0]]])
LEFT = np.array([[True, False], [True, False]])


def test_saliency_is_counted_by_its_share_inside_the_mask_and_by_its_maximum():
    row = saliency.saliency_in_mask({"network": MAPS}, LEFT).iloc[0]
    # Shares 3/4 and 0, of the third there is none; one maximum of three lies on the left.
    assert (row["images"], row["area"]) == (3, 0.5)
    deviation = 0.75 / np.sqrt(2)
    assert row["inside"].estimate == pytest.approx(0.375)
    assert row["inside"].high == pytest.approx(0.375 + 1.96 * deviation / np.sqrt(2))
    assert row["maximum inside"].estimate == pytest.approx(1 / 3)
    # Wilson's interval of 1 in 3.
    centre, half = 1 / 3 + 1.96**2 / 6, 1.96 * np.sqrt(2 / 27 + 1.96**2 / 36)
    bounds = np.array([centre - half, centre + half]) / (1 + 1.96**2 / 3)
    assert (row["maximum inside"].low, row["maximum inside"].high) == pytest.approx(bounds, abs=1e-4)


def test_the_centre_prior_is_a_round_gaussian_the_same_for_all():
    maps = saliency.centre_prior((2, 100, 50), deviation=0.15)
    np.testing.assert_array_equal(maps[0], maps[1])
    rows = maps[0].sum(axis=1) / maps[0].sum()
    place = (np.arange(100) + 0.5) / 100
    assert rows @ place == pytest.approx(0.5)
    assert np.sqrt(rows @ (place - 0.5) ** 2) == pytest.approx(0.15, rel=0.01)
    assert maps[0].max() == 1
    assert maps[0, 49, 24] == 1


def test_saliency_maps_outline_the_mask_and_leave_an_empty_one_out():
    images = np.full((2, 2, 2), 100, np.uint8)
    masks = np.stack([LEFT, np.zeros((2, 2), bool)])
    axes = plots.saliency_maps(images, MAPS[:2] / 3, masks, ["a", "b"], columns=2)
    assert [len(ax.collections) for ax in axes.flat] == [1, 0]
    red, green, blue = axes[0, 0].images[-1].get_array()[0, 0]
    assert red > green > blue
    assert axes[0, 0].images[-1].get_array()[1, 1].tolist() == [100] * 3


@pytest.fixture
def mapped():
    """Four test images, two of each class; maps of the second and the last image lie inside the template."""
    steps = {"deletion": [[0.9, 0.5, 0.1], [0.9, 0.1, 0.1], [1, 1, 1], [1, 1, 1]]}
    steps["insertion"] = [list(reversed(row)) for row in steps["deletion"]]
    flat = {kind: [[0.5, 0.5, 0.5]] * 4 for kind in steps}
    found = {
        "images": [0, 1, 2, 3],
        "area": [0.2, 0.3, 0.2, 0.3],
        "maps": {
            "grad-cam": {"inside": [0.2, 0.6, None, 0.5], "maximum inside": [False, True, False, True], **steps},
            "centre": {"inside": [0.4, 0.5, 0.4, 0.5], "maximum inside": [False] * 4, **flat},
            "random": {"inside": [0.2, 0.3, 0.2, 0.3], "maximum inside": [False] * 4, **flat},
        },
        "randomised": [0.0, 1.0],
        "rank correlation": [[1.0, 0.2], [1.0, None]],
    }
    return replace(make_record(), from_weights={"saliency": found})


def test_recorded_shares_are_averaged_by_class_without_maps_of_zeros(mapped):
    frame = saliency.saliency_in_lungs({"m": mapped}).set_index("class")
    assert frame["images"].to_dict() == {"normal": 2, "pneumonia": 2}
    assert frame["inside"]["normal"].estimate == pytest.approx(0.4)
    assert frame["inside"]["pneumonia"] is None  # one map alone has no interval
    assert [each.estimate for each in frame["maximum inside"]] == [0.5, 0.5]
    assert frame["area"].tolist() == pytest.approx([0.25, 0.25])
    assert frame["centre inside"].tolist() == pytest.approx([0.45, 0.45])


def test_areas_are_those_of_trapezia_and_differences_are_taken_image_by_image(mapped):
    frame = saliency.areas_under_curves({"m": mapped}).set_index(["class", "curve"])
    row = frame.loc["normal", "deletion"]
    # (0.9 + 0.5) / 4 + (0.5 + 0.1) / 4 = 0.5, and (0.9 + 0.1) / 4 + (0.1 + 0.1) / 4 = 0.3.
    assert row["Grad-CAM"].estimate == pytest.approx(0.4)
    assert row["− random"].estimate == pytest.approx(-0.1)
    half = 1.96 * np.std([0.0, -0.2], ddof=1) / np.sqrt(2)
    assert (row["− random"].low, row["− random"].high) == pytest.approx((-0.1 - half, -0.1 + half))
    assert frame.loc["pneumonia", "insertion"]["− centre"].estimate == pytest.approx(0.5)


def test_curves_and_check_are_given_step_by_step(mapped):
    curves = saliency.deletion_and_insertion({"m": mapped})
    chosen = curves[(curves["class"] == "normal") & (curves["curve"] == "deletion") & (curves["map"] == "Grad-CAM")]
    assert chosen["replaced"].tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(chosen["probability"], [0.9, 0.3, 0.1])
    check = saliency.weight_randomisation({"m": mapped})
    np.testing.assert_array_equal(check["rank correlation"], [1, 0.2, 1, np.nan])
    assert check["seed"].tolist() == [0, 0, 1, 1]


def test_a_record_without_maps_is_refused_by_name():
    with pytest.raises(ValueError, match="test/seed-0 holds no maps"):
        saliency.recorded_saliency(make_record())


def test_the_figure_of_the_tests_has_a_row_for_each_class_and_a_colour_for_each_model(mapped):
    models = {"selected-model": mapped, "independent-model": mapped}
    axes = plots.saliency_tests(saliency.deletion_and_insertion(models), saliency.weight_randomisation(models))
    assert axes.shape == (2, 3)
    assert axes[0, 0].get_title(loc="left") == "Deletion,\nnormal"
    lines = axes[0, 0].get_lines()
    assert len(lines) == 6  # two models, three maps
    np.testing.assert_allclose(lines[0].get_ydata(), [0.9, 0.3, 0.1])
    assert len({line.get_color() for line in lines}) == 2
    check = axes[0, 2].get_lines()
    np.testing.assert_allclose(check[2].get_ydata(), [1, 0.2])  # after two seeds, their mean as far as there is one
    words = [text.get_text() for text in axes[1, 2].get_legend().get_texts()]
    assert words == ["selected model", "independent model", "Grad-CAM", "centre", "random"]
