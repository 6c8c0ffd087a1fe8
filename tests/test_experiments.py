"""The experiments of the book, as they are defined."""

from collections import Counter
from pathlib import Path

import pytest

from pneumo import config, experiments, records, tables, verdict
from pneumo.config import ReadingConfig
from pneumo.prediction import load_model

ROOT = Path(__file__).parent.parent
EVERYTHING = experiments.group("all")


def test_every_experiment_has_a_name_of_its_own_in_its_group():
    names = Counter(experiment.name for experiment in EVERYTHING)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(
        experiment.name.startswith(f"{group}/") for group, make in experiments.GROUPS.items() for experiment in make()
    )


@pytest.mark.parametrize("group", experiments.GROUPS)
def test_what_is_compared_differs_within_its_group(group):
    keys = [experiment.key for experiment in experiments.GROUPS[group]()]
    assert len(set(keys)) == len(keys)


def test_an_experiment_survives_being_written_down():
    assert [config.from_dict(config.to_dict(experiment)) for experiment in EVERYTHING] == EVERYTHING


def test_all_experiments_of_the_study_take_less_than_ten_hours():
    assert sum({experiment.key: experiment.minutes for experiment in EVERYTHING}.values()) < 600


def test_networks_are_read_again_only_where_the_same_training_is_an_experiment_of_its_own():
    trained = {
        (experiment.data, experiment.model, experiment.training, experiment.seed)
        for experiment in EVERYTHING
        if not isinstance(experiment.model, ReadingConfig)
    }
    for experiment in EVERYTHING:
        if isinstance(experiment.model, ReadingConfig):
            for seed in experiment.model.seeds:
                member = (experiment.data, experiment.model.network, experiment.training, seed)
                assert member in trained, experiment.name


def test_families_hold_networks_trained_on_all_images_and_no_ensembles():
    families = experiments.families()
    assert {experiment.data.fraction for experiment in families["from scratch"]} == {1.0}
    assert all(len(getattr(experiment.model, "seeds", (0,))) == 1 for experiment in families["transferred"])


def test_each_optimiser_runs_at_the_learning_rate_that_its_sweep_found_best():
    runs = [records.get(experiment, ROOT / "records") for experiment in experiments.learning_rates()]
    sweep = tables.learning_rates(runs)
    best = sweep.loc[sweep.groupby("optimizer")["validation_loss"].idxmin()]
    assert experiments.BEST_RATES == dict(zip(best["optimizer"], best["learning_rate"], strict=True))


def test_a_planned_group_is_one_that_lacks_records():
    complete = {
        name
        for name, make in experiments.GROUPS.items()
        if all(records.find(experiment, ROOT / "records") is not None for experiment in make())
    }
    assert set(experiments.GROUPS) - complete == experiments.PLANNED


def test_the_book_is_everything_but_what_is_planned():
    shown, everything = ({each.name for each in experiments.group(name)} for name in ("book", "all"))
    assert {name.split("/")[0] for name in everything - shown} == experiments.PLANNED


def test_the_choice_of_models_reads_no_test_score(monkeypatch):
    root = ROOT / "records"
    chosen = {name: record.key for name, record in verdict.preferred(root).items()}
    load = records.get

    def without_test_scores(experiment, root):
        record = load(experiment, root)
        del record.scores["test"]
        return record

    monkeypatch.setattr(records, "get", without_test_scores)
    assert {name: record.key for name, record in verdict.preferred(root).items()} == chosen


def test_the_shipped_model_is_the_one_that_was_chosen():
    chosen = verdict.preferred(ROOT / "records")["transferred"]
    assert load_model().record == chosen.key
