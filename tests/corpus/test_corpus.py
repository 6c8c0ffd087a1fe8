"""Whatever lies on the disk: the right result, or one error that names the file and the remedy.

The table of inputs is in `hostile_images`, `hostile_archives` and `hostile_arrays`. Each is opened through the library
and through the command line.
"""

import re
import warnings
from types import SimpleNamespace

import hostile_archives
import hostile_arrays
import hostile_images
import numpy as np
import pytest
from case import SIZE

from pneumo import classical, data, experiments, records
from pneumo.cli import main
from pneumo.config import ClassicalConfig, Experiment
from pneumo.data.duplicates import warn_of_copies
from pneumo.errors import PneumoError
from pneumo.features.configuration import PixelsConfig

CASES = (*hostile_images.CASES, *hostile_archives.CASES, *hostile_arrays.CASES)

corpus = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def nothing_of_the_users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(path):
    """All of a data set, as an experiment reads it: its dataset, split and pixels."""
    dataset = data.load(path)
    parts = data.split(dataset.table)
    pixels = data.pixels(dataset, size=SIZE, jobs=1, progress=False)
    warn_of_copies(dataset.table, pixels, parts)
    return dataset, parts, pixels


def test_the_corpus_has_sixty_inputs_and_more_each_of_its_own_name():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@corpus
def test_an_input_gives_the_right_result_or_an_error_with_file_and_remedy(case, tmp_path):
    path = case.write(tmp_path)
    if case.refused:
        with warnings.catch_warnings(), pytest.raises(PneumoError) as caught:
            warnings.simplefilter("ignore")                          # patients may be unknown; the error is what counts
            read(path)
        for pattern in case.refused:
            assert re.search(pattern, str(caught.value)), f"{pattern!r} is not in: {caught.value}"
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        dataset, parts, pixels = read(path)
    assert bool(said) == bool(case.warned)
    assert all(re.search(case.warned, str(warning.message)) for warning in said)
    assert len(dataset) == len(parts.train) + len(parts.validation) + len(parts.test) == case.images
    assert dataset.has_patients == (not case.unknown and path.suffix != ".npz")
    if case.odd:
        image, expected = case.odd
        row = dataset.table.index[dataset.table["image"] == image][0]
        difference = pixels.rows([row])[0].astype(int) - expected
        assert np.abs(difference).max() <= 2


@pytest.fixture
def learning_nothing(monkeypatch):
    """Learners that score an image by its mean: what is tried here comes before, the data, and after, the record."""
    monkeypatch.setattr(classical, "fit", lambda *_, **__: SimpleNamespace(parameters={}))
    monkeypatch.setattr(classical, "scores", lambda fitted, measurements: measurements.mean(axis=1))


def tiny() -> list[Experiment]:
    """An experiment that reads every pixel."""
    model = ClassicalConfig(learner="logistic", features=PixelsConfig(), folds=2)
    return [Experiment(name="tiny/pixels", data=experiments.study_data(SIZE), model=model)]


@corpus
@pytest.mark.filterwarnings("ignore")                                # the command line prints them, and goes on
def test_the_command_line_ends_with_a_record_or_with_one_error(case, learning_nothing, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PNEUMO_DATASET", str(case.write(tmp_path)))
    monkeypatch.setitem(experiments.GROUPS, "tiny", tiny)
    status = main(["run", "tiny"])
    error = capsys.readouterr().err
    if not case.refused:
        assert status == 0
        assert len(records.paths()) == 1
        return
    assert status == 1
    assert records.paths() == []
    (first, *listed) = [line for line in error.splitlines() if not re.match("$|decoding |experiments", line)]
    assert first.startswith("pneumo: ")
    assert all(line.startswith("  ") for line in listed)             # the files that cannot be read, one a line
