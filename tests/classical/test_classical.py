"""Classical learners on clouds of points whose answer is known, and on noise that only a leak could learn."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from pneumo.classical import ClassicalConfig, Learner, fit, importances, learners, scores
from pneumo.features import HOGConfig, PixelsConfig

LEARNERS = Learner.__args__
NAMES = ["telling", "noise a", "noise b", "noise c"]


def config(learner: Learner, **settings) -> ClassicalConfig:
    return ClassicalConfig(learner=learner, features=HOGConfig(), folds=3, **settings)


def cloud(seed: int, count: int = 150) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of which the first tells the class, labels, and patients with two or so images each."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    features = random.normal(size=(count, 4)) + 2 * labels[:, None] * [1, 0, 0, 0]
    return features.astype(np.float32), labels, random.integers(0, count // 2, count)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Fewer trees and fewer candidates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learners, "FOREST_TREES", 12)
        patch.setattr(learners, "BOOSTING_ROUNDS", 100)
        patch.setitem(learners.HYPERPARAMETER_GRIDS, "logistic", {"C": (1e-3, 1.0)})
        patch.setitem(learners.HYPERPARAMETER_GRIDS, "svm", {"C": (1.0,), "gamma": (0.3, 1000.0)})
        patch.setitem(learners.HYPERPARAMETER_GRIDS, "forest", {"max_features": ("sqrt",), "min_samples_leaf": (5, 1)})
        patch.setitem(learners.HYPERPARAMETER_GRIDS, "xgboost", {"max_depth": (2,), "learning_rate": (0.001, 0.3)})
        yield


def test_a_wide_grid_is_in_units_of_the_features():
    svm = learners._grid(config("svm", grid="wide"), width=100)
    assert svm["svm__gamma"] == pytest.approx([0.001, 0.003, 0.01, 0.03])
    forest = learners._grid(config("forest", grid="wide"), width=1764)
    assert forest["forest__max_features"] == [5, 21, 84, 336]
    reduced = learners._grid(config("forest", grid="wide", components=100), width=1764)
    assert reduced["forest__max_features"] == [1, 5, 20, 80]
    assert learners._grid(config("forest"), width=1764)["forest__max_features"] == ["sqrt"]


def test_a_wide_grid_never_asks_a_split_for_more_features_than_there_are():
    assert learners._grid(config("forest", grid="wide"), width=16)["forest__max_features"] == [1, 2, 8, 16]
    assert learners._grid(config("forest", grid="wide"), width=4)["forest__max_features"] == [1, 4]
    assert learners._grid(config("forest", grid="wide"), width=1)["forest__max_features"] == [1]


def test_an_unknown_grid_is_refused():
    with pytest.raises(ValueError, match="grid='huge' is unknown; choose from small, wide"):
        config("svm", grid="huge")


@pytest.fixture(scope="module")
def fitted(quick) -> dict[Learner, learners.FittedLearner]:
    return {learner: fit(*cloud(0), config(learner), seed=0, jobs=1) for learner in LEARNERS}


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_learner_finds_what_tells_the_classes_apart(fitted, learner):
    features, labels, _ = cloud(1, 1000)
    # Two normal distributions two standard deviations apart: the best possible AUC is Phi(sqrt(2)) = 0.921.
    assert 0.85 < roc_auc_score(labels, scores(fitted[learner], features)) < 0.95


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_sigmoid_of_a_score_is_a_fair_probability(fitted, learner):
    features, labels, _ = cloud(1, 1000)
    logits = scores(fitted[learner], features)[:, None]
    best = LogisticRegression(C=np.inf).fit(logits, labels).predict_proba(logits)  # the answers known
    assert log_loss(labels, expit(logits)) < log_loss(labels, best) + 0.03


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_hyper_parameters_with_the_highest_auc_are_taken(fitted, learner):
    model = fitted[learner]
    best = model.candidates.loc[model.candidates["auc"].idxmax()]
    chosen = model.pipeline[-1].get_params()
    assert len(model.candidates) == 2
    assert {name: best[name] for name in model.parameters} == model.parameters
    assert {name: chosen[name] for name in model.parameters} == model.parameters


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_seed_decides_the_result(fitted, learner):
    features = cloud(1)[0]
    again = fit(*cloud(0), config(learner), seed=0, jobs=1)
    other = fit(*cloud(0), config(learner), seed=1, jobs=1)
    np.testing.assert_array_equal(scores(again, features), scores(fitted[learner], features))
    assert (scores(other, features) != scores(fitted[learner], features)).any()


def test_a_patient_is_never_on_both_sides_of_a_fold():
    """Six equal images a patient, and labels at random: whoever meets a patient again knows the label."""
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 6)
    features = random.normal(size=(40, 8))[patients]
    labels = random.permutation(np.arange(40) % 2)[patients]
    mixed = fit(features, labels, np.arange(240), config("svm"), seed=0, jobs=1)
    grouped = fit(features, labels, patients, config("svm"), seed=0, jobs=1)
    assert mixed.candidates["auc"].max() > 0.99
    assert grouped.candidates["auc"].max() < 0.7


def test_margins_that_mislead_on_images_held_out_give_the_share_of_positives():
    labels = np.array([1, 1, 1, 0])
    assert learners._platt(np.array([-1.0, -2.0, -1.5, 3.0]), labels) == (0.0, pytest.approx(np.log(3)))


def test_margins_that_part_the_classes_give_platts_targets():
    # Two margins, so two logits, which reach the targets: (3 + 1) / (3 + 2) and 1 / (2 + 2).
    slope, intercept = learners._platt(np.array([1.0, 1.0, 1.0, -1.0, -1.0]), np.array([1, 1, 1, 0, 0]))
    assert intercept + slope == pytest.approx(np.log(4), abs=1e-3)
    assert intercept - slope == pytest.approx(-np.log(3), abs=1e-3)


def test_principal_components_are_learnt_without_the_fold_that_judges_them(monkeypatch):
    seen = []
    original = PCA.fit_transform

    def recorded(self, features, y=None):
        seen.append(len(features))
        return original(self, features, y)

    monkeypatch.setattr(PCA, "fit_transform", recorded)
    features, labels, patients = cloud(0)
    fit(features, labels, patients, config("svm", components=2), seed=0, jobs=1)
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=0).split(features, labels, patients)
    sizes = [len(train) for train, _ in folds]
    # Two candidates in each fold, the chosen one on all images, and once more in each fold for the calibration.
    assert sorted(seen[:6]) == sorted(2 * sizes)
    assert seen[6:] == [len(labels), *sizes]


@pytest.mark.parametrize("learner", ["logistic", "forest"])
def test_the_calibration_is_platt_scaling_of_margins_held_out(fitted, learner):
    features, labels, patients = cloud(0)
    folds = list(StratifiedGroupKFold(3, shuffle=True, random_state=0).split(features, labels, patients))
    reference = CalibratedClassifierCV(fitted[learner].pipeline, method="sigmoid", cv=folds, ensemble=False)
    expected = reference.fit(features, labels).predict_proba(features)[:, 1]
    np.testing.assert_allclose(expit(scores(fitted[learner], features)), expected, atol=1e-3)


def test_a_boosted_margin_is_the_logit_of_its_own_probability(fitted):
    model, features = fitted["xgboost"], cloud(0)[0]
    margins = (scores(model, features) - model.intercept) / model.slope
    np.testing.assert_allclose(expit(margins), model.pipeline.predict_proba(features)[:, 1], atol=1e-6)


@pytest.mark.parametrize("learner", list(learners.IMPORTANCE_MEASURES))
def test_the_telling_feature_is_the_most_important(fitted, learner):
    table = importances(fitted[learner], NAMES)
    assert table["feature"].tolist() == NAMES
    assert table["importance"].idxmax() == 0
    assert table["importance"].sum() == pytest.approx(1)
    assert set(table["measure"]) == {learners.IMPORTANCE_MEASURES[learner]}


def test_the_importance_in_a_logistic_regression_is_its_share_of_the_absolute_coefficients(fitted):
    features, labels, _ = cloud(0)
    standardised = StandardScaler().fit_transform(features)
    weights = np.abs(LogisticRegression(C=fitted["logistic"].parameters["C"]).fit(standardised, labels).coef_[0])
    np.testing.assert_allclose(importances(fitted["logistic"], NAMES)["importance"], weights / weights.sum(), rtol=1e-3)


def test_a_support_vector_machine_has_no_importances(fitted):
    with pytest.raises(ValueError, match="scale, svm gives single features no weight; use logistic, forest, xgboost"):
        importances(fitted["svm"], NAMES)


def test_features_behind_principal_components_have_no_importances():
    model = fit(*cloud(0), config("logistic", components=2), seed=0, jobs=1)
    with pytest.raises(ValueError, match="use .* without components"):
        importances(model, NAMES)


def test_importances_want_one_name_for_each_feature(fitted):
    with pytest.raises(ValueError, match="3 names for 4 features"):
        importances(fitted["logistic"], NAMES[:3])


def test_a_class_with_fewer_patients_than_folds_is_refused():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    patients = np.array(["a", "b", "c", "d", "e", "e", "f", "f"])
    with pytest.raises(ValueError, match="class 1 has 2 patients, too few for folds=3; take fewer"):
        fit(np.zeros((8, 2)), labels, patients, config("svm"), seed=0, jobs=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learner": "tree"}, "learner='tree' is unknown; choose from logistic, svm, forest, xgboost"),
        ({"learner": "svm", "components": 0}, "components=0 must be at least 1, or None"),
        ({"learner": "svm", "folds": 1}, "folds=1 leave nothing to validate on; use at least 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ClassicalConfig(features=PixelsConfig(), **settings)
