from dataclasses import replace
from pathlib import Path

import pytest
from support.records import make_record

from pneumo import experiments, records
from pneumo.errors import MissingRecord, RecordError, UnknownExperiment
from pneumo.experiments import lookup
from pneumo.experiments.config import CNNConfig

PUBLISHED = Path(__file__).parents[2] / "records"


@pytest.fixture
def stored(experiment) -> Path:
    """A record that the study does not define."""
    return records.save(make_record(experiment=replace(experiment, name="mine/small-seed-3")))


def test_a_record_of_the_study_is_found_by_its_name():
    found = records.get("first-network/seed-0", PUBLISHED)
    assert found.experiment == experiments.first_network()[0]


def test_every_name_that_status_prints_means_one_experiment():
    names = experiments.status(experiments.all_experiments(), PUBLISHED)["experiment"]
    for name in set(names):
        assert experiments.find_experiment(name).name == name


@pytest.mark.parametrize(
    "source",
    [
        lambda path: "mine/small-seed-3",
        lambda path: str(path),
        lambda path: path,
        lambda path: records.load(path),
        lambda path: records.load(path).experiment,
    ],
    ids=["name", "file as text", "file", "record", "experiment"],
)
def test_whatever_a_person_has_of_a_record_leads_to_its_file(stored, source):
    assert lookup.find_record_file(source(stored)) == stored
    assert lookup.find_record(source(stored)).scores["test"].tolist() == records.load(stored).scores["test"].tolist()


def test_a_folder_of_records_is_found_by_its_name(stored, experiment):
    records.save(make_record(experiment=replace(experiment, name="mine/small-seed-4", seed=4)))
    assert [each.name for each in experiments.find_experiments("mine")] == ["mine/small-seed-3", "mine/small-seed-4"]
    assert lookup.recorded_experiments("min") == []


def test_two_records_of_one_name_are_told_apart_by_their_files(stored, experiment):
    other = replace(experiment, name="mine/small-seed-3", model=CNNConfig(width=4))
    second = records.save(make_record(experiment=other))
    with pytest.raises(RecordError, match="means 2 records; name the file of one") as error:
        records.get("mine/small-seed-3")
    assert str(stored) in str(error.value)
    assert str(second) in str(error.value)


def test_a_name_that_nothing_has_is_refused_with_where_to_look():
    with pytest.raises(UnknownExperiment, match="pneumo status"):
        records.get("nobody")
    with pytest.raises(MissingRecord, match="nobody.json does not exist"):
        records.get("nobody.json")
