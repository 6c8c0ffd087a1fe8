import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

import pneumo
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig

TINY = CNNConfig(width=2, depth=2)
SHORT_TRAINING = TrainingConfig(epochs=2, batch_size=8, optimizer=OptimizerConfig(learning_rate=0.05))


class OfTables(pneumo.PneumoniaClassifier):
    """Learns from tables, each column a stripe of an image: scikit-learn's own checks fit tables of any numbers, which
    the estimator itself refuses, since they are no images. All that follows upon the images is the estimator's own."""

    def _images(self, X: np.ndarray, *, reset: bool) -> np.ndarray:
        table = validate_data(self, X, reset=reset, dtype=float)
        levels = np.round(255 / (1 + np.exp(-np.clip(table, -50, 50)))).astype(np.uint8)
        return np.repeat(np.repeat(levels[:, None, :], 8, axis=1), 8, axis=2)


def classifier(**parameters: object) -> pneumo.PneumoniaClassifier:
    return pneumo.PneumoniaClassifier(**{"model": TINY, "training": SHORT_TRAINING, "random_state": 0} | parameters)


def test_scikit_learns_own_checks_pass():
    training = TrainingConfig(epochs=3, batch_size=8, optimizer=OptimizerConfig(learning_rate=0.02), patience=None)
    estimator = OfTables(model=CNNConfig(width=4, depth=1), training=training, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(estimator, on_fail=None)
    failed = {each["check_name"]: str(each["exception"]) for each in results if each["status"] == "failed"}
    assert failed == {}
    assert len([each for each in results if each["status"] == "passed"]) > 40


@pytest.fixture
def images(bright_and_dark):
    pixels, labels = bright_and_dark
    return np.array(pixels.array), np.array(["normal", "pneumonia"])[labels]


def test_it_learns_to_tell_bright_from_dark(images):
    pixels, labels = images
    fitted = classifier(training=TrainingConfig(epochs=8, batch_size=8, optimizer=SHORT_TRAINING.optimizer)).fit(
        pixels, labels
    )
    probabilities = fitted.predict_proba(pixels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(pixels) == "pneumonia", probabilities[:, 1] >= 0.5)
    assert fitted.score(pixels, labels) > 0.85


def test_flat_images_are_the_square_ones_row_by_row(images):
    pixels, labels = images
    fitted = classifier().fit(pixels, labels)
    flat = classifier().fit(pixels.reshape(96, -1), labels)
    np.testing.assert_array_equal(flat.predict_proba(pixels.reshape(96, -1)), fitted.predict_proba(pixels))
    assert flat.n_features_in_ == 256


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x / 255,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x[:, None],
        lambda x: x[:, None] / 255,
        lambda x: x.reshape(96, -1) / 255,
    ],
    ids=["floats", "float32", "channel", "floats with a channel", "flat floats"],
)
def test_images_in_every_form_are_the_same_images(images, form):
    pixels, labels = images
    expected = classifier().fit(pixels, labels).predict_proba(pixels)
    np.testing.assert_array_equal(classifier().fit(form(pixels), labels).predict_proba(form(pixels)), expected)


def test_a_column_of_labels_is_flattened_with_scikit_learns_warning(images):
    pixels, labels = images
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        fitted = classifier().fit(pixels, labels[:, None])
    np.testing.assert_array_equal(fitted.predict(pixels), classifier().fit(pixels, labels).predict(pixels))


def test_a_grid_search_reaches_every_field_of_the_configurations(images):
    pixels, labels = images
    grid = {"model__width": [2, 3], "training__optimizer__learning_rate": [0.01, 0.05], "training__epochs": [1]}
    search = GridSearchCV(classifier(), grid, cv=2, error_score="raise").fit(pixels, labels)
    best = search.best_estimator_
    assert best.model.width == search.best_params_["model__width"]
    assert best.training.optimizer.learning_rate == search.best_params_["training__optimizer__learning_rate"]
    assert (best.training.epochs, len(best.history_)) == (1, 1)
    assert best.training.batch_size == SHORT_TRAINING.batch_size


def test_a_field_can_be_set_where_the_configuration_is_the_default_one():
    estimator = pneumo.PneumoniaClassifier().set_params(training__epochs=3, model__depth=2)
    assert estimator.training == TrainingConfig(epochs=3)
    assert estimator.model == CNNConfig(depth=2)
    with pytest.raises(ValueError, match="Invalid parameter 'training__epoch'"):
        estimator.set_params(training__epoch=3)


def test_the_same_random_state_gives_the_same_fit_and_a_pickle_keeps_it(images):
    pixels, labels = images
    first, second = (classifier().fit(pixels, labels) for _ in range(2))
    expected = first.predict_proba(pixels)
    np.testing.assert_array_equal(second.predict_proba(pixels), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict_proba(pixels), expected)


def test_groups_are_held_out_whole():
    labels = np.arange(60) % 2
    groups = np.arange(60) // 2 % 10 + 10 * labels  # ten groups of three in each class
    train, validation = classifier(validation_fraction=0.2)._split(labels, groups, seed=0)
    assert not set(groups[train]) & set(groups[validation])
    assert sorted([*train, *validation]) == list(range(60))
    assert len(validation) == 12
    assert labels[validation].mean() == 0.5


def test_it_can_be_cloned_with_other_parameters():
    original = classifier()
    copy = clone(original).set_params(model=CNNConfig(width=4))
    assert copy.get_params(deep=False) == original.get_params(deep=False) | {"model": CNNConfig(width=4)}
    assert not hasattr(copy, "network_")


def test_a_grid_search_in_a_pipeline_finds_its_training(images):
    pixels, labels = images
    pipeline = Pipeline([("negative", FunctionTransformer(lambda x: 255 - x)), ("network", classifier())])
    brief = TrainingConfig(epochs=1, batch_size=8)
    search = GridSearchCV(
        pipeline, {"network__training": [brief, SHORT_TRAINING]}, cv=GroupKFold(2), error_score="raise"
    )
    search.fit(pixels, labels, groups=np.arange(96) // 2)
    assert search.best_params_["network__training"] in (brief, SHORT_TRAINING)
    assert len(search.predict(pixels)) == 96


@pytest.mark.parametrize(
    "kind", [list, np.array, lambda names: np.array(names)[:, None], lambda names: list(map(Path, names))]
)
def test_names_of_files_are_no_images(kind):
    names = ["a.png", "b.png"]
    with pytest.raises(
        ValueError, match=r"X holds names of files, first 'a\.png', and not images; .*pneumo\.data\.pixels"
    ):
        classifier().fit(kind(names), [0, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x / 1.0, y), r"X has values from 0 to 2\d\d; give floats in .0, 1., or uint8"),
        (lambda x, y: (x.astype(int), y), "X is int64; give grey levels"),
        (lambda x, y: (x[:, :2, :2], y), "images of 2 x 2 pixels are too small for CNNConfig; use at least 4 x 4"),
        (lambda x, y: (x[:, 0, :15], y), "X has 15 pixels an image, which is no square"),
        (lambda x, y: (x[..., None], y), "give .N, H, W., .N, 1, H, W. or .N, H . W."),
        (lambda x, y: (x, np.zeros(96)), "y has 1 class"),
        (lambda x, y: (x, np.arange(96) % 3), "y has 3 class"),
        (lambda x, y: (x, np.arange(96) < 1), "one class has 1 image"),
    ],
)
def test_what_it_cannot_learn_from_is_refused_with_the_remedy(images, change, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(*change(*images))


def test_labels_as_a_column_are_taken_with_a_warning(images):
    array, labels = images
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = classifier().fit(array, labels[:, None])
    np.testing.assert_array_equal(column.predict(array), classifier().fit(array, labels).predict(array))


def test_images_smaller_than_the_network_takes_are_refused_with_the_smallest_side(images):
    array, labels = images
    with pytest.raises(ValueError, match="images of 2 x 2 pixels are too small for CNNConfig; use at least 4 x 4"):
        classifier().fit(array[:, :2, :2], labels)


def test_images_of_another_size_than_learnt_are_refused(images):
    pixels, labels = images
    fitted = classifier().fit(pixels, labels)
    with pytest.raises(ValueError, match="X has 64 features, but PneumoniaClassifier is expecting 256 features"):
        fitted.predict(pixels[:, :8, :8])
