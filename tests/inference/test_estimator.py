import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

import pneumo
from pneumo.experiments.config import CNNConfig, OptimizerConfig, TrainingConfig

TINY = CNNConfig(width=2, depth=2)
SHORT_TRAINING = TrainingConfig(epochs=2, batch_size=8, optimizer=OptimizerConfig(learning_rate=0.05))

CHECKS = (
    "check_complex_data",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimator_tags_renamed",
    "check_estimators_empty_data_messages",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_supervised_y_no_nan",
    "check_valid_tag_types",
)
"""Of scikit-learn's own checks. The others learn from tables of measurements, which are no images of uint8."""


def classifier(**parameters: object) -> pneumo.PneumoniaClassifier:
    return pneumo.PneumoniaClassifier(**{"model": TINY, "training": SHORT_TRAINING, "random_state": 0} | parameters)


def test_scikit_learns_checks_of_an_estimator_that_do_not_need_tables_pass():
    run = set()
    for estimator, check in estimator_checks_generator(classifier()):
        name = check.func.__name__
        if name in CHECKS:
            check(estimator)
            run.add(name)
    assert run == set(CHECKS)


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
    assert copy.get_params() == original.get_params() | {"model": CNNConfig(width=4)}
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
    ("change", "message"),
    [
        (lambda x, y: (x / 255, y), "X is float64; give grey levels"),
        (lambda x, y: (x[:, 0, :15], y), "X has 15 pixels an image, which is no square"),
        (lambda x, y: (x[..., None], y), "give .N, H, W. or .N, H . W."),
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
    with pytest.raises(ValueError, match="images of 2 x 2 pixels, too small for this network; give 4 x 4 or more"):
        classifier().fit(array[:, :2, :2], labels)


def test_images_of_another_size_than_learnt_are_refused(images):
    pixels, labels = images
    fitted = classifier().fit(pixels, labels)
    with pytest.raises(ValueError, match="X has 64 features, but PneumoniaClassifier is expecting 256 features"):
        fitted.predict(pixels[:, :8, :8])
