"""What the definitions of experiments share."""

import pytest

from pneumo import data, experiments
from pneumo.data.catalogue import CATALOGUE
from pneumo.errors import PneumoError
from pneumo.experiments import planning
from pneumo.experiments.builders import STUDY_IMAGES, compared, repeated, single, study_data
from pneumo.experiments.cnn_architecture import HIGHRES_IMAGES
from pneumo.experiments.config import CNNConfig, DataConfig, HeaderConfig
from pneumo.experiments.tumours import BREASTMNIST_IMAGES, PATCHCAMELYON_IMAGES
from pneumo.experiments.wording import duration_in_words

PARTS_OF_PCAM = 262_144 + 32_768 + 32_768
"""Training, validation and test images, as in the paper of Veeling et al. 2018."""


def images(name: str) -> int:
    """In the version that the catalogue knows."""
    return int(CATALOGUE[name].version.partition("-")[0])


def test_minutes_are_stated_for_as_many_images_as_each_data_set_has():
    assert images("chest-xray") == STUDY_IMAGES
    assert images("chest-xray-highres") == HIGHRES_IMAGES
    assert images("breastmnist") == BREASTMNIST_IMAGES
    assert PARTS_OF_PCAM == PATCHCAMELYON_IMAGES


def test_minutes_are_in_proportion_to_the_images_of_the_data():
    half = DataConfig(name="mine", version="50-0123abcd")
    made = [
        *repeated("a", "", CNNConfig(), data=half, minutes=8, images=100),
        *compared("b", {"x": experiments.builders.EIGHT_EPOCHS}, data=half, minutes=8, images=100),
        single("c", "x", HeaderConfig(field="width"), data=half, minutes=8, images=100),
    ]
    assert {experiment.minutes for experiment in made} == {4}


@pytest.mark.parametrize("version", ["", "1", "first-draft"])
def test_minutes_stay_where_the_version_tells_no_number_of_images(version):
    plain = DataConfig(name="mine", version=version)
    assert single("c", "x", HeaderConfig(field="width"), data=plain, minutes=8).minutes == 8


def test_minutes_of_the_study_stay_on_the_radiographs_of_the_study(monkeypatch):
    monkeypatch.setenv("PNEUMO_DATASET", "chest-xray")
    assert repeated("a", "", CNNConfig(), data=study_data(), minutes=8)[0].minutes == 8


def test_the_demonstration_is_announced_with_its_share_of_the_minutes(monkeypatch, tmp_path):
    share = len(data.load("phantom")) / STUDY_IMAGES
    assert share == pytest.approx(1 / 23, rel=0.05)
    whole = experiments.first_network()
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    monkeypatch.setenv("PNEUMO_EPOCH_SHARE", "0.2")
    demo = experiments.first_network()
    assert [each.minutes for each in demo] == pytest.approx([0.4 * share * each.minutes for each in whole])
    everything = planning.plan(experiments.find_experiments("all"), tmp_path, jobs=2)
    assert 12 < everything.total < 30  # minutes on two idle cores


def test_a_share_of_the_epochs_is_trained_where_that_is_asked_for(monkeypatch):
    whole = experiments.image_size()[0]
    monkeypatch.setenv("PNEUMO_EPOCH_SHARE", "0.2")
    quick = experiments.image_size()[0]
    assert (whole.training.epochs, quick.training.epochs) == (15, 3)
    assert quick.key != whole.key
    assert quick.minutes == pytest.approx(0.4 * whole.minutes)
    assert min(each.training.epochs for each in experiments.recipe_steps()) == 2


def test_what_is_read_again_is_the_network_that_was_trained_for_that_share(monkeypatch):
    monkeypatch.setenv("PNEUMO_EPOCH_SHARE", "0.2")
    trained = experiments.selected_model()[-1]
    assert experiments.test_time_augmentation()[-1].training == trained.training
    assert {each.training.start for each in experiments.acquisition_continued()} == {trained.key}
    for variant, network in (("first-network", experiments.first_network()[0]), ("selected-model", trained)):
        assert experiments.occluded()[variant, "border"].training == network.training
    seen = experiments.occluded_variants()
    for network in experiments.acquisition_variants():
        assert seen[network.variant, "border", network.seed].training == network.training
    for recipe in (*experiments.acquisition_recipe(), *experiments.acquisition_larger()):
        assert experiments.occluded_recipes()[recipe.variant, "border", 0].training == recipe.training
    averaged = {each.training for each in experiments.independent_networks() if each.variant == "from-selected"}
    assert {each.training for each in experiments.independent_model()} == averaged


@pytest.mark.parametrize("share", ["0", "-1", "2", "nan", "much", ""])
def test_a_share_of_epochs_that_is_none_is_refused_by_its_value(monkeypatch, share):
    monkeypatch.setenv("PNEUMO_EPOCH_SHARE", share)
    with pytest.raises(PneumoError, match=f"PNEUMO_EPOCH_SHARE={share!r}: it has to be a number above 0"):
        experiments.image_size()


def test_a_short_time_is_said_in_seconds():
    assert [duration_in_words(minutes) for minutes in (0.17, 0.995, 1.4, 90)] == ["11 s", "1 min", "1 min", "90 min"]
