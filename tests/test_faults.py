"""What machines do to a study: full and read-only disks, clocks that jump, two starts at once, foreign checkpoints."""

import multiprocessing
import os
import pickle
import re
import resource
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from support.privileges import without_privileges

from pneumo import classical, data, experiments, features, models, records, training
from pneumo.cli import main
from pneumo.data import pixel_cache
from pneumo.errors import RecordError
from pneumo.experiments import runner
from pneumo.experiments.config import ClassicalConfig, CNNConfig, Experiment, TrainingConfig
from pneumo.features.configuration import PixelsConfig
from pneumo.training import Images, make_generator

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def quick(monkeypatch, drawn_once) -> Experiment:
    """An experiment on the phantom that learns nothing: what is tried lies before and behind."""
    monkeypatch.setenv("PNEUMO_CACHE", str(drawn_once))
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    fitted = SimpleNamespace(parameters={}, candidates=pd.DataFrame(columns=["seconds"]))
    monkeypatch.setattr(classical, "fit", lambda *_, **__: fitted)
    monkeypatch.setattr(classical, "scores", lambda fitted, measurements: measurements.mean(axis=1))
    model = ClassicalConfig(learner="logistic", features=PixelsConfig())
    return Experiment(name="quick/one", data=experiments.study_data(image_size=16), model=model)


# Permissions and full disks ------------------------------------------------------------------------------------------


def test_an_image_that_may_not_be_read_is_named_with_the_remedy(folder_for_all):
    for name in ("NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_virus_1.jpeg"):
        (folder_for_all / name).parent.mkdir()
        (folder_for_all / name).write_bytes(b"not looked at")
    (folder_for_all / "NORMAL/IM-0001-0001.jpeg").chmod(0)
    dataset = data.load(folder_for_all)
    with without_privileges(), pytest.raises(data.DataError, match=r"IM-0001-0001\.jpeg .*check .* permissions"):
        dataset.source.image(0)


def test_a_folder_that_may_not_be_listed_is_named_with_the_remedy(folder_for_all):
    (folder_for_all / "NORMAL").mkdir(mode=0)
    with without_privileges(), pytest.raises(data.DataError, match=r"NORMAL.*check its permissions"):
        data.load(folder_for_all)


def test_a_read_only_folder_of_records_is_named_with_the_remedy(record, folder_for_all):
    folder_for_all.chmod(0o555)
    with without_privileges(), pytest.raises(RecordError, match=f"{folder_for_all} cannot be written .*PNEUMO_RECORDS"):
        records.save(record, folder_for_all)


def test_a_record_that_may_not_be_read_is_named(record, folder_for_all):
    path = records.save(record, folder_for_all)
    path.chmod(0)
    with without_privileges(), pytest.raises(RecordError, match=f"{path} cannot be read .*permissions"):
        records.load(path)


def test_a_folder_that_is_called_like_a_record_is_refused_by_name(tmp_path):
    (tmp_path / "x.json").mkdir()
    with pytest.raises(RecordError, match=r"x\.json cannot be read .*check what it is"):
        list(records.load_all(tmp_path))


def in_a_process_with_little_room(work, largest: int) -> int:
    """The exit status of work where no file may grow beyond `largest` bytes, as on a disk that fills up."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        os._exit(work())

    process = FORK.Process(target=limited)
    process.start()
    process.join(60)
    return process.exitcode


def trained(monkeypatch) -> list[Experiment]:
    """The experiments that are worked on from now on."""
    work, seen = runner._run_and_save, []

    def noted(experiment, *rest):
        seen.append(experiment)
        return work(experiment, *rest)

    monkeypatch.setattr(runner, "_run_and_save", noted)
    return seen


def test_the_command_line_says_before_training_what_to_do_when_the_record_will_not_fit(quick, monkeypatch, capfd):
    monkeypatch.setitem(experiments.GROUPS, "quick", lambda: [quick])
    seen = trained(monkeypatch)
    assert in_a_process_with_little_room(lambda: main(["run", "quick"]) + len(seen), largest=2000) == 1
    (error,) = capfd.readouterr().err.splitlines()
    assert error.startswith(f"pneumo: {records.folder()}/quick cannot be written (File too large); make room")
    assert error.endswith("nothing was trained yet")
    assert records.paths() == []
    assert main(["run", "quick"]) == 0  # and the same command goes on, with room
    assert len(records.paths()) == 1


@pytest.mark.parametrize("read_only", [".", "quick", "splits"])
def test_records_that_may_not_be_written_are_found_out_before_training(quick, monkeypatch, folder_for_all, read_only):
    monkeypatch.setenv("PNEUMO_CACHE", str(folder_for_all / "cache"))
    root = folder_for_all / "records"
    for name in ("cache", "records", "records/quick", "records/splits"):
        (folder_for_all / name).mkdir()
        (folder_for_all / name).chmod(0o777)
    if read_only == ".":
        (root / "quick").rmdir()
    (root / read_only).chmod(0o555)
    seen = trained(monkeypatch)
    with without_privileges(), pytest.raises(RecordError, match=f"{root}/.* cannot be written .*PNEUMO_RECORDS"):
        runner.run(quick, root=root, progress=False)
    assert seen == []


def test_a_record_that_is_there_needs_no_folder_that_can_be_written(quick, record, monkeypatch, folder_for_all):
    stored = records.save(replace(record, experiment=quick), folder_for_all / "records")
    monkeypatch.setenv("PNEUMO_CACHE", str(folder_for_all / "none"))
    for folder in (stored.parent, folder_for_all / "records", folder_for_all):
        folder.chmod(0o555)
    with without_privileges():
        assert runner.run(quick, root=folder_for_all / "records").experiment == quick


def images(folder: Path) -> data.Pixels:
    """200 images of 16 pixels, whose features of 1024 bytes each are the grey levels."""
    levels = np.random.default_rng(0).integers(0, 256, (200, 16, 16), dtype=np.uint8)
    np.save(folder / "images.npy", levels)
    return data.Pixels(path=folder / "images.npy", shape=levels.shape, digest="a")


def files_of_features() -> list[str]:
    return [path.suffix for path in (pixel_cache.cache_folder() / "features").iterdir() if path.suffix != ".lock"]


def test_a_disk_that_fills_up_while_features_are_written_is_named_and_left_as_it_was(tmp_path, capfd):
    pixels = images(tmp_path)

    def measure() -> int:
        with pytest.raises(data.DataError) as caught:
            features.extract(pixels, PixelsConfig(), progress=False)
        print(caught.value)
        return len(files_of_features())

    assert in_a_process_with_little_room(measure, largest=100_000) == 0
    said = capfd.readouterr().out
    assert f"{pixel_cache.cache_folder()}/features has no room for the pixels features (File too large)" in said
    assert re.search(r"0 MB are needed and [\d,]+ MB are free; free some, or set PNEUMO_CACHE to another disk", said)
    measured = features.extract(pixels, PixelsConfig(), progress=False)
    np.testing.assert_array_equal(np.round(255 * measured), pixels.array.reshape(200, 256))
    assert files_of_features() == [".npy"]


def test_what_a_kill_left_of_features_is_taken_for_none_and_replaced(tmp_path, monkeypatch):
    pixels = images(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        process = FORK.Process(target=features.extract, args=(pixels, PixelsConfig()), kwargs={"progress": False})
        process.start()
        process.join(60)
    assert (process.exitcode, files_of_features()) == (-signal.SIGKILL, [".tmp"])
    measured = features.extract(pixels, PixelsConfig(), progress=False)
    np.testing.assert_array_equal(np.round(255 * measured), pixels.array.reshape(200, 256))
    assert files_of_features() == [".npy"]


def test_a_disk_too_small_for_the_features_is_named_before_they_are_measured(tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=204_799)  # 200 rows of 256 numbers of 4 bytes: 204,800
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    monkeypatch.setattr(data.Pixels, "rows", lambda *_: pytest.fail("measured"))
    with pytest.raises(data.DataError, match=f"{pixel_cache.cache_folder()}/features has no room .*No space left"):
        features.extract(images(tmp_path), PixelsConfig(), progress=False)
    assert files_of_features() == []


def test_a_cache_that_may_not_be_written_is_named_with_the_remedy_when_features_are_measured(
    tmp_path, monkeypatch, folder_for_all
):
    pixels = images(tmp_path)
    monkeypatch.setenv("PNEUMO_CACHE", str(folder_for_all))
    folder_for_all.chmod(0o555)
    with without_privileges(), pytest.raises(data.DataError, match=f"{folder_for_all}/features cannot .* PNEUMO_CACHE"):
        features.extract(pixels, PixelsConfig(), progress=False)


# Clocks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-4000, 4000])
def test_a_clock_that_jumps_changes_neither_pixels_nor_record(quick, monkeypatch, tmp_path, days):
    expected = runner.run(quick, root=tmp_path / "before", progress=False)
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    clock = time.time
    jumped = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: clock() + (days * 86_400 if next(jumped) % 2 else 0))
    found = runner.run(quick, root=tmp_path / "after", progress=False)
    np.testing.assert_array_equal(found.scores["test"], expected.scores["test"])
    assert found.provenance["data"] == expected.provenance["data"]
    assert 0 <= found.provenance["seconds"] < 600


@pytest.mark.parametrize("days", [-4000, 4000])
def test_what_a_killed_start_left_under_another_date_is_no_hindrance(quick, monkeypatch, tmp_path, days):
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path))
    dataset = data.load("phantom")
    expected = data.pixels(dataset, size=4, progress=False)
    half = np.load(expected.path) // 2
    expected.path.unlink()
    for suffix, content in ((".partial", half.tobytes()), (".done", bytes(len(dataset)))):
        path = expected.path.with_suffix(suffix)
        path.write_bytes(content)
        then = time.time() + days * 86_400
        os.utime(path, (then, then))
    assert data.pixels(dataset, size=4, progress=False).digest == expected.digest


# Two at once ---------------------------------------------------------------------------------------------------------


def test_of_two_starts_of_one_experiment_one_works_and_the_other_takes_its_record(quick, monkeypatch, tmp_path):
    work = runner._run_and_save

    def noted(*arguments):
        with (tmp_path / "worked").open("a") as file:
            file.write("x")
        time.sleep(0.3)  # so that the other one comes meanwhile
        return work(*arguments)

    monkeypatch.setattr(runner, "_run_and_save", noted)
    both = [FORK.Process(target=runner.run, args=(quick,), kwargs={"progress": False}) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "worked").read_text() == "x"
    assert len(records.paths()) == 1


def test_the_lock_of_a_start_that_was_killed_holds_nobody_up(quick):
    process = FORK.Process(target=lambda: (runner.lock(quick).acquire(), time.sleep(600)))
    process.start()
    while not (pixel_cache.cache_folder() / "runs" / f"{quick.key}.lock").exists():
        time.sleep(0.01)
    time.sleep(0.1)
    process.kill()
    process.join()
    runner.lock(quick).acquire(timeout=600)


# Foreign checkpoints -------------------------------------------------------------------------------------------------


class Hostile:
    """Runs a command when it is unpickled, were it ever."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def fit(bright_and_dark, checkpoint: Path, width: int = 2) -> np.ndarray:
    pixels, labels = bright_and_dark
    network = models.build(CNNConfig(width=width, depth=2), make_generator(0, 0, "weights"))
    parts = [Images(pixels=pixels, rows=rows, labels=labels[rows]) for rows in (np.arange(64), np.arange(64, 96))]
    training.fit(network, *parts, TrainingConfig(epochs=1), seed=0, checkpoint=checkpoint, progress=False)
    return training.predict(network, parts[1])


@pytest.mark.parametrize("write", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save])
def test_a_checkpoint_with_code_in_it_is_not_executed(bright_and_dark, tmp_path, write):
    write(Hostile(tmp_path / "executed"), tmp_path / "state.ckpt")
    with suppress(Exception):  # whether it is refused or passed over
        fit(bright_and_dark, tmp_path / "state.ckpt")
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_of_another_network_is_left_aside_and_training_begins_again(bright_and_dark, tmp_path):
    expected = fit(bright_and_dark, tmp_path / "undisturbed.ckpt")
    fit(bright_and_dark, tmp_path / "state.ckpt", width=4)
    with pytest.warns(UserWarning, match=r"state\.ckpt cannot be read \(it is another network's\); training starts"):
        again = fit(bright_and_dark, tmp_path / "state.ckpt")
    np.testing.assert_array_equal(again, expected)
