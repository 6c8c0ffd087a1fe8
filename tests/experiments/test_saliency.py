"""What a record holds of Grad-CAM, on a small network and the phantom."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo import data, records
from pneumo.data.headers import headers
from pneumo.experiments import pipeline, runner, saliency
from pneumo.experiments.config import (
    CNNConfig,
    Experiment,
    ReevaluationConfig,
    to_dict,
)
from pneumo.interpret import grad_cam, lung_field, lung_share


@pytest.fixture
def small(small) -> Experiment:
    """On images that are cut, so that the template of the lungs is cut too."""
    return replace(small, data=replace(small.data, resize="square"))


@pytest.fixture
def mapped(small) -> records.Record:
    runner.run(small, progress=False)
    model = ReevaluationConfig(network=small.model, saliency=3)
    record = runner.run(replace(small, name="small/maps", model=model), progress=False)
    return records.load(records.find_path(record.experiment))


def test_a_record_holds_the_maps_of_some_test_images_of_each_kind(small, mapped):
    found = mapped.from_weights["saliency"]
    frame = mapped.frame("test").iloc[found["images"]]
    assert set(frame.groupby(["label", "subtype"]).size()) == {3}
    assert frame["patient"].is_unique
    network = pipeline.load_trained_network(small)
    dataset = data.load("phantom")
    pixels = data.pixels(dataset, size=16, resize="square", progress=False)
    images = pixels.rows(data.split(dataset.table).test[found["images"]])
    maps = grad_cam(network, images, target=frame["label"].tolist())
    shape = headers(dataset).iloc[data.split(dataset.table).test[found["images"]]]
    templates = saliency.lung_templates(16, "square", (shape["width"] / shape["height"]).to_numpy())
    expected = lung_share(maps, templates)
    recorded = np.array(found["maps"]["grad-cam"]["inside"], float)  # None becomes NaN
    np.testing.assert_allclose(recorded, expected, atol=1e-3)
    np.testing.assert_allclose(found["area"], templates.mean(axis=(1, 2)), atol=1e-4)


def test_curves_begin_or_end_with_the_probability_of_the_own_class_that_is_recorded(mapped):
    found = mapped.from_weights["saliency"]
    frame = mapped.frame("test").iloc[found["images"]]
    own = np.where(frame["label"] == 1, frame["probability"], 1 - frame["probability"])
    for maps in found["maps"].values():
        deletion, insertion = np.array(maps["deletion"]), np.array(maps["insertion"])
        np.testing.assert_allclose(deletion[:, 0], own, atol=2e-3)
        np.testing.assert_allclose(insertion[:, -1], own, atol=2e-3)
        # What is blurred everywhere is the same for both.
        np.testing.assert_allclose(deletion[:, -1], insertion[:, 0], atol=2e-3)
        assert deletion.shape == (len(frame), saliency.CURVE_STEPS + 1)


def test_the_check_with_random_weights_starts_at_the_trained_network_and_ends_with_none_of_its_weights(mapped):
    found = mapped.from_weights["saliency"]
    correlations = np.array(found["rank correlation"], float)
    assert correlations.shape == (len(saliency.RANDOMISATION_SEEDS), len(found["randomised"]))
    np.testing.assert_allclose(correlations[:, 0], 1)
    assert (found["randomised"][0], found["randomised"][-1]) == (0, 1)


def test_where_no_maps_are_asked_for_the_record_holds_none_and_its_key_is_as_before(small):
    model = ReevaluationConfig(network=small.model)
    assert "saliency" not in to_dict(model, defaults=False)
    assert replace(small, model=model).key != replace(small, model=replace(model, saliency=1)).key
    runner.run(small, progress=False)
    assert runner.run(replace(small, name="small/again", model=model), progress=False).from_weights == {}


def test_the_template_is_cut_and_scaled_as_the_image_was():
    assert np.array_equal(saliency.lung_templates(40, "stretch", np.array([1.7]))[0], lung_field(40))
    square, wide = saliency.lung_templates(40, "square", np.array([1.0, 1.25]))
    assert (square == lung_field(40)).mean() > 0.98
    # A centred square of a file a quarter wider than high shows its middle four fifths: columns 20 to 180 of 200.
    middle = lung_field(200)[:, 20:180]
    blocks = middle.reshape(40, 5, 40, 4).mean(axis=(1, 3))
    assert (wide == (blocks >= 0.5)).mean() > 0.98


def test_one_image_a_patient_is_chosen_and_images_of_unknown_patients_one_by_one():
    kinds = {"label": [0, 0, 0, 1, 1, 1], "subtype": ["normal"] * 3 + ["virus", "virus", "bacteria"]}
    frame = pd.DataFrame({**kinds, "patient": ["a", "a", "b", "c", "c", "d"]})
    for seed in range(5):
        chosen = saliency.choose_of_each_kind(frame, 2, np.random.default_rng(seed))
        assert frame["patient"].iloc[chosen].tolist() == ["a", "b", "c", "d"]
        assert sorted(chosen) == chosen.tolist()
    unknown = saliency.choose_of_each_kind(frame.assign(patient=""), 2, np.random.default_rng(0))
    assert frame["subtype"].iloc[unknown].tolist() == ["normal", "normal", "virus", "virus", "bacteria"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"saliency": -1}, "saliency=-1 is no number of images"),
        ({"saliency": 2, "seeds": (0, 1)}, "saliency=2: Grad-CAM is recorded of one network"),
        ({"saliency": 2, "elsewhere": "nih-adults", "elsewhere_version": "1"}, "saliency=2: Grad-CAM is recorded of"),
    ],
)
def test_maps_of_no_image_of_several_networks_or_of_other_images_are_refused(fields, named):
    with pytest.raises(ValueError, match=named):
        ReevaluationConfig(network=CNNConfig(), **fields)
