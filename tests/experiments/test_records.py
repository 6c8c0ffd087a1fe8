import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import pneumo
from pneumo import experiments, records
from pneumo.errors import MissingRecord, RecordError, UnknownExperiment
from pneumo.io.digests import json_digest


def test_a_saved_record_is_found_again_with_all_it_holds(record, tmp_path):
    path = records.save(record, tmp_path)
    found = records.find(record.experiment, tmp_path)
    assert path == tmp_path / f"group/seed-3-{record.key}.json"
    assert found.experiment == record.experiment
    assert found.history == record.history
    assert found.selection == record.selection
    assert found.provenance == record.provenance
    pd.testing.assert_frame_equal(found.split, record.split)
    np.testing.assert_array_equal(found.scores["validation"], [-1.0, 0.25, 2.5])


def test_paths_may_be_texts(record, tmp_path):
    folder = str(tmp_path / "mine")
    records.check_writable(record.experiment, folder)
    path = records.save(record, folder)
    assert records.load(str(path)).key == records.get(str(path)).key == records.get(path).key == record.key
    assert records.find(record.experiment, folder).key == record.key
    assert records.paths(folder) == [path] == [records.record_path(record.experiment, folder)]
    assert [each.key for each in records.load_all(folder)] == [record.key]
    assert pneumo.run(record.experiment, root=folder).key == record.key


def test_scores_are_stored_to_four_decimals(record, tmp_path):
    records.save(record, tmp_path)
    assert records.find(record.experiment, tmp_path).scores["test"].tolist() == [40.1234, -3.0, 0.0]


def test_probabilities_are_scipys_to_the_last_bit():
    logits = np.concatenate(
        [np.random.default_rng(0).normal(0, 6, 20_000), [0, -0.0, 709.9, -709.9, 800, -800, np.nan]]
    )
    np.testing.assert_array_equal(records.probabilities(logits), expit(logits))
    assert records.probabilities(np.zeros((2, 3), np.float32)).shape == (2, 3)


def test_a_frame_lines_scores_up_with_the_images_of_its_part(record):
    frame = record.frame("test")
    assert frame["image"].tolist() == ["train/3.png", "train/4.png", "train/5.png"]
    assert frame["label"].tolist() == [1, 0, 1]
    np.testing.assert_allclose(frame["probability"], [1, 1 / (1 + np.e**3), 0.5])


def test_a_record_is_found_whatever_it_was_called(record, tmp_path):
    records.save(record, tmp_path)
    found = records.find(replace(record.experiment, name="elsewhere/x", minutes=9), tmp_path)
    assert found is not None
    assert found.experiment.name == "elsewhere/x"
    assert records.find(replace(record.experiment, seed=4), tmp_path) is None


def test_a_default_that_was_changed_since_voids_the_record(record, tmp_path):
    path = records.save(record, tmp_path)
    body = json.loads(path.read_text())
    del body["digest"]
    body["experiment"]["training"]["batch_size"] = 64  # as if 64 had been the default when it was written
    path.write_text(json.dumps({**body, "digest": json_digest(body)}))
    assert records.find(record.experiment, tmp_path) is None


def test_a_missing_record_names_the_command_that_makes_it(experiment, tmp_path):
    with pytest.raises(MissingRecord, match="pneumo run group"):
        records.get(experiment, tmp_path)


def test_a_record_edited_by_hand_is_refused(record, tmp_path):
    path = records.save(record, tmp_path)
    path.write_text(path.read_text().replace('"threshold": 0.6', '"threshold": 0.5'))
    with pytest.raises(RecordError, match=f"{path}.*digest"):
        records.load(path)


def test_a_record_of_a_newer_format_is_refused(record, tmp_path):
    path = records.save(record, tmp_path)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(RecordError, match="format 2.*update pneumo"):
        records.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]", b'{"a": 1}', b"null"])
def test_a_broken_or_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "stray.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="stray.json"):
        records.load(path)


def test_a_changed_split_file_is_refused(record, tmp_path):
    path = records.save(record, tmp_path)
    split = next(tmp_path.glob("splits/*.csv"))
    split.write_text(split.read_text().replace("train/5.png,e,1", "train/5.png,e,0"))
    with pytest.raises(RecordError, match="split file .* was changed"):
        records.load(path)


def test_a_missing_split_file_is_named(record, tmp_path):
    path = records.save(record, tmp_path)
    split = next(tmp_path.glob("splits/*.csv"))
    split.unlink()
    with pytest.raises(RecordError, match=split.name):
        records.load(path)


def test_records_of_the_same_images_share_one_split_file(record, tmp_path):
    records.save(record, tmp_path)
    records.save(replace(record, experiment=replace(record.experiment, seed=4)), tmp_path)
    assert len(list(tmp_path.glob("splits/*.csv"))) == 1


def test_scores_that_do_not_fit_the_images_are_refused(record):
    with pytest.raises(RecordError, match="2 scores for the 3 images of test"):
        replace(record, scores={"test": np.zeros(2)})


def test_a_score_that_is_not_a_number_is_never_written(record, tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        records.save(replace(record, scores={"test": np.array([0.0, np.nan, 1.0])}), tmp_path)
    assert records.paths(tmp_path) == []


def test_a_writer_that_is_killed_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    script = (
        "import os, signal, pathlib\n"
        "from pneumo import records\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"records._write(pathlib.Path({str(path)!r}), 'new')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_a_full_disk_leaves_neither_a_record_nor_litter(record, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="No space left on device.*make room.*what was trained is kept"):
        records.save(record, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_can_be_written_is_found_so_without_a_trace(experiment, tmp_path):
    records.check_writable(experiment, tmp_path / "not/there/yet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_the_way", ["records", "records/group", "records/splits"])
def test_a_file_in_the_way_of_records_is_found_before_there_is_one(experiment, tmp_path, in_the_way):
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("")
    with pytest.raises(RecordError, match=f"{tmp_path}/records/.*Not a directory.*PNEUMO_RECORDS.*nothing was trained"):
        records.check_writable(experiment, tmp_path / "records")


def test_a_link_to_nothing_in_place_of_the_records_is_found_before_there_is_one(experiment, tmp_path):
    (tmp_path / "records").symlink_to("gone")
    with pytest.raises(RecordError, match="No such file or directory.*nothing was trained"):
        records.check_writable(experiment, tmp_path / "records")


def test_no_record_and_its_split_file_need_more_room_than_is_asked_for():
    folder = Path(__file__).parents[2] / "records"
    largest = [max(path.stat().st_size for path in folder.rglob(kind)) for kind in ("*.json", "*.csv")]
    assert sum(largest) <= records.MIN_FREE_BYTES / 2


# Where records are looked for ----------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty current folder, and published records elsewhere: (records in the current folder, published folder)."""
    here, published = tmp_path / "here", tmp_path / "published"
    here.mkdir()
    published.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("PNEUMO_RECORDS")
    monkeypatch.setattr(records, "published_folder", lambda: published)
    return here / "records", published


def test_a_published_record_is_found_from_any_folder(record, places):
    _, published = places
    records.save(record, published)
    assert records.get(record.experiment).key == record.key
    assert records.paths() == [records.record_path(record.experiment, published)]


def test_a_record_in_the_current_folder_goes_before_the_published_one_of_the_same_key(record, places):
    here, published = places
    records.save(record, published)
    records.save(replace(record, selection={"threshold": 0.7}), here)
    assert records.get(record.experiment).threshold == 0.7
    assert len(records.paths()) == 1


def test_an_experiment_finds_the_published_record_of_its_key_under_another_name(record, places):
    _, published = places
    records.save(record, published)
    assert records.find(replace(record.experiment, name="mine/x")).experiment.name == "mine/x"


def test_new_records_are_stored_in_the_current_folder_and_not_among_the_published(record, places):
    here, published = places
    assert records.save(record).resolve().is_relative_to(here)
    assert list(published.iterdir()) == []


def test_with_the_variable_or_an_explicit_folder_that_one_alone_is_searched(record, places, tmp_path, monkeypatch):
    _, published = places
    for folder in places:
        records.save(record, folder)
    assert records.find(record.experiment, tmp_path / "other") is None
    monkeypatch.setenv("PNEUMO_RECORDS", str(tmp_path / "mine"))
    assert records.find(record.experiment) is None
    assert records.find(record.experiment, published) is not None
    with pytest.raises(MissingRecord, match=f"no record in {tmp_path}/mine; make it with"):
        records.get(record.experiment)


def test_a_missing_record_says_where_it_was_looked_for(experiment, places):
    _, published = places
    with pytest.raises(MissingRecord, match=f"no record in records or {published}; make it with: pneumo run group"):
        records.get(experiment)


def test_the_published_records_of_a_clone_are_those_beside_the_package():
    assert records.published_folder() == Path(__file__).parents[2] / "records"


def test_a_record_is_shown_in_one_line(record):
    assert repr(record) == "Record(group/seed-3: AUC 1.000 on 3 test images)"
    assert repr(replace(record, scores={})) == "Record(group/seed-3: no scores)"


def test_the_one_experiment_of_a_name_is_found_and_several_are_listed():
    assert experiments.find_experiment("first-network/seed-1").seed == 1
    with pytest.raises(
        UnknownExperiment, match="'first-network' means 5 experiments; name one of: first-network/seed-0, "
    ):
        experiments.find_experiment("first-network")


def test_a_label_says_the_variant_in_words_and_the_seed_of_a_trained_network(record):
    named = replace(record, experiment=replace(record.experiment, variant="weight-decay", seed=3))
    assert named.label == "weight decay, seed 3"
    assert replace(named, history=[]).label == "weight decay"
