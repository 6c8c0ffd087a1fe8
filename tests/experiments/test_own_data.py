import re
from dataclasses import replace

import pytest
from support.labelled_folder import labelled_folder

from pneumo import data, experiments
from pneumo.errors import DataError
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


def test_a_relative_path_is_kept_as_an_absolute_one(tmp_path, monkeypatch):
    folder = labelled_folder(tmp_path / "images")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    experiment = define_experiment("../images", model="cnn")
    assert experiment.data.name == str(folder)
    assert experiment.key == define_experiment(folder, model="cnn").key
    by_hand = replace(experiment.data, name="../images")
    assert define_experiment("../images", model="cnn", data=by_hand).data == experiment.data
    monkeypatch.chdir(tmp_path)
    assert len(data.load(experiment.data.name)) == len(data.load(folder))


def test_labels_and_classes_reach_the_data_of_the_experiment(tmp_path, monkeypatch):
    folder = labelled_folder(tmp_path / "images")
    table = data.load(folder).table
    rows = [f"{row.image},{('sick', 'sound')[row.label]}" for row in table.itertuples()]
    rows.append("none.png,other")
    (tmp_path / "labels.csv").write_text("image,label\n" + "\n".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="images that it names are not there"):
        experiment = define_experiment("images", model="cnn", labels="labels.csv", positive="sick", negative="sound")
    config = experiment.data
    assert (config.labels, config.positive, config.negative) == (str(tmp_path / "labels.csv"), "sick", "sound")
    with pytest.raises(ValueError, match=r"give these to data_config\(\)"):
        define_experiment(folder, data=config, positive="sick")


def test_what_is_not_there_is_named_with_the_folder_from_which_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f'"films" is neither a file or folder in {re.escape(str(tmp_path))} nor a'):
        define_experiment("films")
    folder = labelled_folder(tmp_path / "images")
    with pytest.raises(DataError, match=rf"labels\.csv does not exist, seen from {re.escape(str(tmp_path))}"):
        define_experiment(folder, labels="labels.csv")


def test_an_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="model='resnet' is unknown; choose from efficientnet-lite0, cnn"):
        define_experiment("phantom", model="resnet")


@pytest.mark.parametrize(("model", "size", "least"), [("cnn", 3, 16), ("spatial-transformer", 8, 16)])
def test_a_size_that_the_network_cannot_take_is_refused_with_the_smallest(model, size, least, tmp_path):
    with pytest.raises(
        DataError, match=f"images of {size} x {size} pixels are too small for .*; use at least {least} x {least}"
    ):
        define_experiment(tmp_path / "none", model=model, image_size=size)


@pytest.mark.parametrize("wrong", [{"image_size": 0}, {"epochs": 0}, {"seed": -1}])
def test_numbers_out_of_range_are_refused_by_name(wrong, tmp_path):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value}.* give whole numbers"):
        define_experiment(tmp_path / "none", model="cnn", **wrong)
