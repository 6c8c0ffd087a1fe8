"""The experiments on acquisition, and what the pipeline hands to training for them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pneumo import data, experiments, records, training
from pneumo.augment import scale
from pneumo.data.catalogue import CATALOGUE
from pneumo.data.headers import headers
from pneumo.data.strata import stratify
from pneumo.errors import DataError, MissingRecord
from pneumo.evaluation import youden_threshold
from pneumo.experiments import acquisition, pipeline, planning, runner
from pneumo.experiments.config import (
    ClassicalConfig,
    CNNConfig,
    Experiment,
    HOGConfig,
    OptimizerConfig,
    ReevaluationConfig,
    UntyingConfig,
    soup_of,
)
from pneumo.inference import load_model
from pneumo.inference.packing import pack, unpack
from pneumo.io.digests import file_digest
from pneumo.io.paths import weights_path

PUBLISHED = Path(__file__).parents[2] / "records"


def test_the_first_variants_of_each_seed_come_first():
    variants = experiments.acquisition_variants()
    count = len(acquisition.VARIANTS)
    assert [each.seed for each in variants] == [0] * count + [1] * count
    assert [each.variant for each in variants[:count]] == list(acquisition.VARIANTS)


def test_variants_differ_from_the_square_in_one_thing_but_for_the_first_and_the_combined():
    square = acquisition.VARIANTS["square"]
    for name, variant in acquisition.VARIANTS.items():
        if name != "thorax-combined":
            changed = [key for key in ("resize", "grey", "untying") if getattr(variant, key) != getattr(square, key)]
            assert len(changed) == (name != "square"), name


def test_images_get_the_strata_and_shapes_of_their_headers_where_training_needs_them(small):
    untying = UntyingConfig(weight_exponent=0.5, style_exchange=0.5)
    experiment = replace(small, training=replace(small.training, untying=untying))
    images = pipeline._images(experiment, progress=False)
    dataset = data.load("phantom")
    frame = headers(dataset)
    train = data.split(dataset.table).train
    expected = stratify(frame["height"]).codes[train]
    np.testing.assert_array_equal(images.parts["train"].strata, expected)
    np.testing.assert_allclose(images.parts["train"].aspects, (frame["width"] / frame["height"])[train])
    assert pipeline._images(small, progress=False).parts["train"].strata is None


def test_a_perturbed_image_is_standardised_as_any_other(small):
    experiment = replace(small, data=replace(small.data, grey="equalised"))
    raw = pipeline._images(small, progress=False).parts["stressed"]
    seen = training.standardised(pipeline._images(experiment, progress=False).parts["stressed"], "equalised")
    np.testing.assert_array_equal(raw.pixels.rows(raw.rows), seen.pixels.pixels.rows(seen.rows))
    means = seen.pixels.rows(seen.rows).mean(axis=(1, 2))
    np.testing.assert_allclose(means, 127.5, atol=1)  # the mean rank of all pixels


def test_epoch_and_threshold_are_chosen_on_both_copies_of_the_validation_images_where_asked_for(small):
    both = replace(small.training, validate_on="both", select_by="worst-stratum")
    record = runner.run(replace(small, name="both/seed-0", training=both), progress=False)
    frame = record.frame("validation")
    probabilities = np.concatenate([record.predictions["validation"], record.predictions["stressed"]])
    best = youden_threshold(np.tile(frame["label"], 2), probabilities)
    assert record.threshold == pytest.approx(best, abs=1e-4)
    assert record.selection["threshold_chosen_on"] == "validation and stressed, Youden's index"
    assert record.selection["epoch_chosen_on"] == "both validation loss, worst-stratum over strata of height"
    assert "selection_loss" in record.history[0]


@pytest.mark.parametrize("resize", ["square", "thorax"])
def test_a_network_trained_on_a_field_is_read_again_on_the_same_field_without_lungs(small, resize):
    trained = replace(small, name=f"{resize}/seed-0", data=replace(small.data, resize=resize, grey="equalised"))
    record = runner.run(trained, progress=False)
    again = replace(trained, name=f"{resize}/whole", model=ReevaluationConfig(network=small.model))
    np.testing.assert_allclose(runner.run(again, progress=False).scores["test"], record.scores["test"], atol=1e-3)
    occluded = replace(
        trained, name=f"{resize}/dark", model=ReevaluationConfig(network=small.model, look="without-lungs")
    )
    assert not np.allclose(runner.run(occluded, progress=False).scores["test"], record.scores["test"], atol=1e-3)


def test_features_made_by_hand_are_measured_on_grey_levels_as_they_are(small):
    classical = ClassicalConfig(learner="svm", features=HOGConfig())
    experiment = replace(small, data=replace(small.data, grey="equalised"), model=classical, training=None)
    with pytest.raises(ValueError, match="grey='equalised' is for networks"):
        pipeline.compute_results(classical, experiment, False)


def test_changing_the_test_labels_changes_no_choice_by_stratum(small, monkeypatch):
    untying = UntyingConfig(group_dro=0.1, style_exchange=0.5)
    chosen = replace(small.training, epochs=2, validate_on="both", select_by="worst-stratum", untying=untying)
    experiment = replace(small, name="chosen/seed-0", training=chosen)
    record = runner.run(experiment, progress=False)
    original = data.load("phantom")

    def relabelled(name, **_):
        table = original.table.copy()
        table.loc[table["split"] == "test", "label"] = 1 - table.loc[table["split"] == "test", "label"]
        return replace(original, table=table)

    monkeypatch.setattr("pneumo.data.catalogue.load", relabelled)
    other = replace(experiment, data=replace(experiment.data, version=relabelled("phantom").version))
    again = runner.run(other, progress=False)
    assert again.selection == record.selection
    assert [row["selection_loss"] for row in again.history] == [row["selection_loss"] for row in record.history]
    np.testing.assert_array_equal(again.scores["test"], record.scores["test"])


@pytest.fixture
def elsewhere(tmp_path) -> str:
    """A folder of four images of another kind, by the names of ChestX-ray14."""
    random = np.random.default_rng(0)
    for number, folder in enumerate(("NORMAL", "NORMAL", "PNEUMONIA", "PNEUMONIA")):
        path = tmp_path / "elsewhere" / folder / f"0000000{number % 3}_00{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 20), dtype=np.uint8)).save(path)
    return str(tmp_path / "elsewhere")


def test_images_from_elsewhere_are_scored_at_the_frozen_threshold_and_choose_nothing(small, elsewhere):
    own = runner.run(replace(small, name="own/seed-0"), progress=False)
    dataset = data.load(elsewhere)
    model = ReevaluationConfig(network=small.model, elsewhere=elsewhere, elsewhere_version=dataset.version)
    record = runner.run(replace(small, name="elsewhere/own", model=model), progress=False)
    assert set(record.scores) == {"test"}
    assert record.threshold == own.threshold
    assert own.key in record.selection["threshold_chosen_on"]
    assert record.frame("test")["patient"].tolist() == [f"nih-0000000{number}" for number in (0, 1, 0, 2)]
    network = pipeline.load_trained_network(replace(small, name="own/seed-0"))
    pixels = data.pixels(dataset, size=16, progress=False)
    images = training.Images(pixels=pixels, rows=np.arange(4), labels=np.zeros(4))
    np.testing.assert_allclose(record.scores["test"], training.predict(network, images), atol=1e-4)


def test_swapped_labels_elsewhere_change_no_choice(small, elsewhere):
    runner.run(replace(small, name="own/seed-0"), progress=False)
    swapped = Path(elsewhere).with_name("swapped")
    for one, other in (("NORMAL", "PNEUMONIA"), ("PNEUMONIA", "NORMAL")):
        shutil.copytree(Path(elsewhere) / one, swapped / other)
    found = []
    for place in (elsewhere, str(swapped)):
        model = ReevaluationConfig(network=small.model, elsewhere=place, elsewhere_version=data.load(place).version)
        found.append(runner.run(replace(small, name=f"elsewhere/{Path(place).name}", model=model), progress=False))
    assert found[0].selection == found[1].selection
    assert sorted(found[0].scores["test"]) == sorted(found[1].scores["test"])


def test_without_the_record_that_fixed_the_threshold_nothing_is_judged(small, elsewhere):
    version = data.load(elsewhere).version
    model = ReevaluationConfig(network=small.model, elsewhere=elsewhere, elsewhere_version=version)
    with pytest.raises(MissingRecord):
        runner.run(replace(small, seed=99, name="elsewhere/none", model=replace(model, seeds=(99,))), progress=False)


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.evaluation_only])
def test_no_experiment_trains_or_chooses_on_data_that_judge_fixed_models(small, name):
    with pytest.raises(DataError, match="would train or choose on nih-adults"):
        runner.run(replace(small, data=replace(small.data, name=name)), progress=False)


def test_no_experiment_of_the_book_has_data_that_judge_fixed_models_as_its_own():
    judged = {name for name, entry in CATALOGUE.items() if entry.evaluation_only}
    assert judged
    assert all(each.data.name not in judged for each in experiments.all_experiments())


def test_a_data_set_elsewhere_needs_its_version():
    with pytest.raises(ValueError, match="elsewhere='nih-adults', elsewhere_version='': give both or none"):
        ReevaluationConfig(network=CNNConfig(), elsewhere="nih-adults")


def test_training_starts_from_the_weights_of_the_experiment_that_it_names(small):
    first = runner.run(replace(small, name="first/seed-0"), progress=False)
    # So small a rate that the weights stay as they were.
    still = replace(small.training, start=small.key, optimizer=OptimizerConfig(learning_rate=1e-12))
    continued = replace(small, name="continued/seed-7", seed=7, training=still)
    record = runner.run(continued, progress=False)
    own, other = (pipeline.load_trained_network(each) for each in (small, continued))
    for one, two in zip(own.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)
    assert record.key != first.key
    assert record.provenance["start_sha256"] == file_digest(weights_path(small.key))


def test_a_start_that_is_not_here_or_of_another_kind_is_refused_with_the_remedy(small):
    missing = replace(small, training=replace(small.training, start="0123456789ab"))
    with pytest.raises(MissingRecord, match="0123456789ab.*`pneumo unpack`"):
        runner.run(missing, progress=False)
    runner.run(replace(small, name="first/seed-0"), progress=False)
    wider = replace(small, model=CNNConfig(width=8, depth=2), training=replace(small.training, start=small.key))
    with pytest.raises(ValueError, match="weights of another kind of network than CNNConfig"):
        runner.run(replace(wider, name="wider/seed-0"), progress=False)


@pytest.fixture
def soup(small) -> Experiment:
    """A soup of two trained networks."""
    for seed in (0, 1):
        runner.run(replace(small, name=f"own/seed-{seed}", seed=seed), progress=False)
    return replace(
        small, name="soup/both", model=ReevaluationConfig(network=small.model, seeds=(0, 1), soup=True, mirrored=True)
    )


def test_a_soup_is_one_network_with_the_mean_weights(small, soup):
    network = pipeline.load_soup(soup).state_dict()
    members = [pipeline.load_trained_network(replace(small, seed=seed)).state_dict() for seed in (0, 1)]
    for name, value in network.items():
        torch.testing.assert_close(value.float(), (members[0][name].float() + members[1][name].float()) / 2)
    with pytest.raises(TypeError, match="is no soup but a CNNConfig"):
        pipeline.load_soup(small)


def test_a_soup_can_keep_a_share_of_the_weights_that_its_networks_started_from(small):
    runner.run(replace(small, name="first/seed-0"), progress=False)
    further = replace(small, seed=5, training=replace(small.training, start=small.key))
    runner.run(replace(further, name="further/seed-5"), progress=False)
    shared = replace(further, model=ReevaluationConfig(network=small.model, seeds=(5,), soup=True, start_share=0.25))
    network = pipeline.load_soup(shared).state_dict()
    start, end = (pipeline.load_trained_network(each).state_dict() for each in (small, further))
    for name, value in network.items():
        if value.is_floating_point():  # all but the counts of batches
            torch.testing.assert_close(value, 0.25 * start[name] + 0.75 * end[name])
    for share, soup in ((1.0, True), (0.2, False)):
        with pytest.raises(ValueError, match=f"start_share={share}"):
            ReevaluationConfig(network=small.model, soup=soup, start_share=share)


def test_a_soup_is_packed_unpacked_and_read_again_without_the_networks_that_it_is_made_of(small, soup, tmp_path):
    record = runner.run(soup, progress=False)
    path = pack(record, tmp_path / "soup.safetensors", progress=False)
    for file in weights_path("x").parent.iterdir():
        file.unlink()
    with pytest.raises(MissingRecord):
        pipeline.load_soup(soup)
    assert unpack(path) == [weights_path(soup_of(soup).key)]
    occluded = replace(soup, name="soup/border", model=replace(soup.model, look="border", mirrored=False))
    assert runner.run(occluded, progress=False).scores["test"].shape == record.scores["test"].shape
    model = load_model(path)
    assert len(model.ensemble.networks) == 1
    assert model.ensemble.mirrored
    assert model.threshold == record.threshold
    dataset = data.load("phantom")
    pixels = data.pixels(dataset, size=16, progress=False)
    split = data.split(dataset.table)
    logits = model.ensemble(scale(torch.from_numpy(pixels.array[split.test]))).numpy()
    np.testing.assert_allclose(logits, record.scores["test"], atol=5e-3)  # weights of the file have 16 bits


def test_the_threshold_of_a_soup_is_its_own(small, soup, elsewhere):
    own = runner.run(replace(soup, model=replace(soup.model, seeds=(0,), mirrored=False)), progress=False)
    version = data.load(elsewhere).version
    model = replace(own.experiment.model, elsewhere=elsewhere, elsewhere_version=version)
    record = runner.run(replace(soup, name="soup/elsewhere", model=model), progress=False)
    assert own.key in record.selection["threshold_chosen_on"]


def test_what_starts_from_other_weights_names_an_experiment_of_the_study_also_on_other_data(monkeypatch):
    for data_set in ("chest-xray", "phantom"):
        monkeypatch.setenv("PNEUMO_DATASET", data_set)
        every = {each.key for each in experiments.all_experiments()}
        further = [*experiments.acquisition_continued(), *experiments.independent_networks()]
        assert {each.training.start for each in further} <= every


def test_training_that_starts_from_other_weights_runs_after_it_and_before_networks_are_read_again(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    order = [each.key for each in planning.plan(experiments.all_experiments(), tmp_path).experiments]
    for each in [*experiments.acquisition_continued(), *experiments.independent_networks()]:
        assert (
            order.index(each.training.start)
            < order.index(each.key)
            < order.index(experiments.independent_model()[0].key)
        )


def test_maps_are_recorded_of_the_two_networks_that_the_package_ships():
    selected, independent = experiments.acquisition_saliency()
    assert replace(selected, model=selected.model.network).key == experiments.selected_model()[-1].key
    assert soup_of(independent).key == soup_of(experiments.independent_model()[0]).key


def test_maps_of_both_models_are_of_the_same_test_images_and_of_the_networks_that_were_scored():
    found = [records.get(each, PUBLISHED) for each in experiments.acquisition_saliency()]
    chosen, other = (each.from_weights["saliency"]["images"] for each in found)
    assert chosen == other
    for record in found:
        frame = record.frame("test").iloc[chosen]
        assert set(frame.groupby("subtype").size()) == {acquisition.SALIENCY_IMAGES}
        own = np.where(frame["label"] == 1, frame["probability"], 1 - frame["probability"])
        deletion = np.array(record.from_weights["saliency"]["maps"]["grad-cam"]["deletion"])
        np.testing.assert_allclose(deletion[:, 0], own, atol=2e-3)
    trained = records.get(experiments.selected_model()[-1], PUBLISHED)
    np.testing.assert_allclose(found[0].scores["test"], trained.scores["test"], atol=0.1)  # weights rounded to 16 bits


def test_a_soup_has_the_maps_of_its_one_network(small, soup):
    model = replace(soup.model, mirrored=False, saliency=2)
    record = runner.run(replace(soup, name="soup/maps", model=model), progress=False)
    found = record.from_weights["saliency"]
    frame = record.frame("test").iloc[found["images"]]
    own = np.where(frame["label"] == 1, frame["probability"], 1 - frame["probability"])
    np.testing.assert_allclose(np.array(found["maps"]["centre"]["insertion"])[:, -1], own, atol=2e-3)
