import pytest
from support.labelled_folder import labelled_folder

from pneumo import data, experiments
from pneumo.experiments.config import CNNConfig, PretrainedConfig
from pneumo.experiments.own_data import MAX_EPOCHS, MIN_UPDATES, RECIPES, adapt, define_experiment


def test_on_as_many_images_as_the_study_has_the_recipe_is_that_of_the_selected_model():
    (chosen,) = [each for each in experiments.selected_model() if each.training.epochs == 12]
    assert adapt(RECIPES["efficientnet-lite0"], 4448) == chosen.training
    assert RECIPES["efficientnet-lite0"].network == chosen.model
    assert RECIPES["efficientnet-lite0"].image_size == chosen.data.image_size


@pytest.mark.parametrize("images", [30, 90, 200, 500, 1000, 2000])
def test_few_images_get_enough_updates_or_the_most_epochs_there_are(images):
    for recipe in RECIPES.values():
        training = adapt(recipe, images)
        updates = training.epochs * (images // training.batch_size)
        assert updates >= MIN_UPDATES or training.epochs == MAX_EPOCHS
        assert 8 <= training.batch_size <= 32


def test_weights_are_not_averaged_over_fewer_updates_than_the_average_spans():
    assert adapt(RECIPES["efficientnet-lite0"], 4448, epochs=1).averaging == 0
    assert adapt(RECIPES["efficientnet-lite0"], 4448, epochs=4).averaging == 0.99


def test_a_folder_becomes_an_experiment_that_says_what_it_is(tmp_path):
    folder = labelled_folder(tmp_path / "my radiographs")
    experiment = define_experiment(folder, model="cnn", epochs=2, image_size=32, seed=5)
    assert experiment.name == "my-radiographs/cnn-32px-2-epochs-seed-5"
    assert experiment.data.name == str(folder)
    assert experiment.data.version == data.load(folder).version
    assert (experiment.model, experiment.seed, experiment.training.epochs) == (CNNConfig(), 5, 2)
    assert experiment.minutes > 0


def test_a_configuration_of_the_data_can_be_given(tmp_path):
    folder = labelled_folder(tmp_path / "images")
    config = experiments.data_config(str(folder), image_size=24)
    assert define_experiment(folder, data=config).data == config
    assert define_experiment(folder, data=config, image_size=32).data.image_size == 32
    assert define_experiment(folder, data=config).model == PretrainedConfig()


def test_an_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="model='resnet' is unknown; choose from efficientnet-lite0, cnn"):
        define_experiment("phantom", model="resnet")
