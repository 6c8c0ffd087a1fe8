"""The experiments of the book, as they are defined."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from pneumo import experiments, records, tables
from pneumo.analysis import model_selection, tuning
from pneumo.errors import DataError, UnknownExperiment
from pneumo.experiments import config
from pneumo.experiments.config import DataConfig, ReevaluationConfig
from pneumo.inference import load_model

ROOT = Path(__file__).parents[2]
EVERYTHING = experiments.find_experiments("all")


def test_every_experiment_has_a_name_of_its_own_in_its_group():
    names = Counter(experiment.name for experiment in EVERYTHING)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(
        experiment.group == group and experiment.variant
        for group, make in experiments.GROUPS.items()
        for experiment in make()
    )


@pytest.mark.parametrize("group", experiments.GROUPS)
def test_what_is_compared_differs_within_its_group(group):
    keys = [experiment.key for experiment in experiments.GROUPS[group]()]
    assert len(set(keys)) == len(keys)


def test_an_experiment_survives_being_written_down():
    assert [config.from_dict(config.to_dict(experiment)) for experiment in EVERYTHING] == EVERYTHING


def test_all_experiments_of_the_study_take_less_than_two_days():
    assert sum({experiment.key: experiment.minutes for experiment in EVERYTHING}.values()) < 2880


def test_networks_are_read_again_only_where_the_same_training_is_an_experiment_of_its_own():
    trained = {
        (experiment.data, experiment.model, experiment.training, experiment.seed)
        for experiment in EVERYTHING
        if not isinstance(experiment.model, ReevaluationConfig)
    }
    for experiment in EVERYTHING:
        if isinstance(experiment.model, ReevaluationConfig):
            for seed in experiment.model.seeds:
                member = (experiment.data, experiment.model.network, experiment.training, seed)
                assert member in trained, experiment.name


def test_families_hold_networks_trained_on_all_images_and_no_ensembles():
    families = experiments.selection_candidates()
    assert {experiment.data.fraction for experiment in families["from scratch"]} == {1.0}
    assert all(len(getattr(experiment.model, "seeds", (0,))) == 1 for experiment in families["transferred"])


def test_each_optimiser_runs_at_the_learning_rate_that_its_sweep_found_best():
    runs = [records.get(experiment, ROOT / "records") for experiment in experiments.learning_rates()]
    sweep = tables.learning_rates(runs).groupby(["optimizer", "learning_rate"])["validation_loss"].mean()
    best = dict(sweep.groupby(level="optimizer").idxmin())
    assert {name: rate for name, (_, rate) in best.items()} == experiments.BEST_RATES
    assert all(min(experiments.RATES[name]) < rate < max(experiments.RATES[name]) for name, (_, rate) in best.items())


def test_hyperparameters_lie_at_the_end_of_their_grids_only_where_the_chapter_says_so():
    edges = {each.variant: tuning.at_edge(records.get(each, ROOT / "records")) for each in experiments.classical()}
    assert {variant for variant, names in edges.items() if names} == {"svm-glcm", "forest-glcm", "xgboost-glcm"}


def test_no_experiment_of_the_book_lacks_its_record():
    assert [each.name for each in EVERYTHING if records.find(each, ROOT / "records") is None] == []


@pytest.mark.parametrize("chapter", experiments.CHAPTERS)
def test_a_chapter_its_definitions_and_its_records_share_one_name(chapter):
    assert (ROOT / f"report/{chapter}.qmd").is_file()
    assert (ROOT / f"pneumo/experiments/{chapter.replace('-', '_')}.py").is_file()
    names = {each.name for each in experiments.find_experiments(chapter)}
    assert all(name.startswith(f"{chapter}/") for name in names)
    assert (ROOT / "records" / chapter).is_dir()


def test_experiments_are_found_by_comparison_chapter_and_name():
    one = experiments.batch_size()[0]
    assert experiments.find_experiments("batch-size") == experiments.batch_size()
    assert one in experiments.find_experiments("cnn-architecture")
    assert one in experiments.find_experiments("all")
    assert experiments.find_experiments(one.name) == [one]
    with pytest.raises(UnknownExperiment, match=r"'regularization'; did you mean regularisation\?"):
        experiments.find_experiments("regularization")
    with pytest.raises(UnknownExperiment, match="'first-network/seed_0'; did you mean first-network/seed-0 or "):
        experiments.find_experiments("first-network/seed_0")
    with pytest.raises(UnknownExperiment, match="no experiments are called 'nothing'; there are headers, .*, all"):
        experiments.find_experiments("nothing")


def test_patchcamelyon_is_run_on_request_and_is_no_part_of_the_book(monkeypatch):
    module = sys.modules["pneumo.experiments.tumours"]  # the package's name of it is the function
    monkeypatch.setattr(module, "data_config", lambda name, size: DataConfig(name=name, version="1", image_size=size))
    found = experiments.find_experiments("patchcamelyon")
    assert {each.variant for each in found} == {"cnn", "transferred"}
    assert {(each.data.name, each.data.image_size) for each in found} == {("pcam", 96)}
    assert not {each.name for each in found} & {each.name for each in EVERYTHING}


def test_patchcamelyon_without_its_files_says_how_to_get_them():
    with pytest.raises(DataError, match="pneumo data get pcam"):
        experiments.find_experiments("patchcamelyon")


def test_the_choice_of_models_reads_no_test_score(monkeypatch):
    root = ROOT / "records"
    chosen = {name: record.key for name, record in model_selection.select_models(root).items()}
    load = records.get

    def without_test_scores(experiment, root):
        record = load(experiment, root)
        del record.scores["test"]
        return record

    monkeypatch.setattr(records, "get", without_test_scores)
    assert {name: record.key for name, record in model_selection.select_models(root).items()} == chosen


def test_the_shipped_model_is_the_one_that_was_chosen():
    chosen = model_selection.select_models(ROOT / "records")["transferred"]
    assert load_model().record == chosen.key


def test_candidates_of_the_choice_by_stratum_have_labels_of_their_own():
    groups = ("acquisition-variants", "acquisition-continued", "acquisition-recipe", "independent-networks",
              "acquisition-larger")  # fmt: skip
    found = [records.get(each, ROOT / "records") for group in groups for each in experiments.find_experiments(group)]
    labels = [each.label for each in found]
    assert sorted(set(labels)) == sorted(labels)
