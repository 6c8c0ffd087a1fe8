"""Whatever lies on the disk: the right result, or one error that names the file and the remedy.

The table of inputs is in `hostile_images`, `hostile_archives`, `hostile_arrays` and `hostile_dicom`. Each is opened
through the library and through the command line: as a data set, and what is one odd image among others also as people's
own radiographs.
"""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from corpus import hostile_archives, hostile_arrays, hostile_dicom, hostile_images
from corpus.case import SIZE

from pneumo import classical, data, experiments, inference, records
from pneumo.cli import main
from pneumo.data.duplicates import warn_of_duplicates
from pneumo.errors import DataError, PneumoError
from pneumo.experiments.config import ClassicalConfig, CNNConfig, DataConfig, Experiment
from pneumo.features.configuration import PixelsConfig

DATA_SETS = (*hostile_images.CASES, *hostile_archives.CASES, *hostile_arrays.CASES)
OWN = (*hostile_images.CASES, *hostile_dicom.CASES)

data_sets = pytest.mark.parametrize("case", DATA_SETS, ids=lambda case: case.name)
own_radiographs = pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def nothing_of_the_users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(path):
    """All of a data set, as an experiment reads it: its dataset, split and pixels."""
    dataset = data.load(path)
    parts = data.split(dataset.table)
    pixels = data.pixels(dataset, size=SIZE, jobs=1, progress=False)
    warn_of_duplicates(dataset.table, pixels, parts)
    return dataset, parts, pixels


def test_the_corpus_has_sixty_inputs_and_more_each_of_its_own_name():
    cases = (*DATA_SETS, *hostile_dicom.CASES)
    assert len({case.name for case in cases}) == len(cases) >= 60


# As a data set -------------------------------------------------------------------------------------------------------


@data_sets
def test_an_input_gives_the_right_result_or_an_error_with_file_and_remedy(case, tmp_path):
    path = case.write(tmp_path)
    if case.refused:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # patients may be unknown; the error is what counts
            with pytest.raises(PneumoError) as caught:
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
    monkeypatch.setattr(
        classical, "fit", lambda *_, **__: SimpleNamespace(parameters={}, candidates=pd.DataFrame(columns=["seconds"]))
    )
    monkeypatch.setattr(classical, "scores", lambda fitted, measurements: measurements.mean(axis=1))


def tiny() -> list[Experiment]:
    """An experiment that reads every pixel."""
    model = ClassicalConfig(learner="logistic", features=PixelsConfig(), folds=2)
    return [Experiment(name="tiny/pixels", data=experiments.study_data(SIZE), model=model)]


@data_sets
@pytest.mark.filterwarnings("ignore")  # the command line prints them, and goes on
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
    notices = "$|decoding |experiments|.* has no record in"
    (first, *listed) = [line for line in error.splitlines() if not re.match(notices, line)]
    assert first.startswith("pneumo: ")
    assert all(line.startswith("  ") for line in listed)  # the files that cannot be read, one a line


# As people's own radiographs -----------------------------------------------------------------------------------------


class MeanGrey(torch.nn.Module):
    """Says of an image what its mean grey level is. (N, 1, H, W) in [0, 1] -> (N,)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2, 3))


@pytest.fixture
def model() -> inference.Model:
    """One that learnt nothing: what is tried here is what it is given to read."""
    return inference.Model(
        experiment=Experiment(
            name="none/0", data=DataConfig(name="none", version="", image_size=SIZE), model=CNNConfig()
        ),
        threshold=0.5,
        record="",
        record_sha256="",
        input_statistics=inference.InputStatistics(mean=((0,) * SIZE,) * SIZE),
        ensemble=MeanGrey(),
    )


def look(model, path):
    """All that lies at a path, as the model reads it: the pixels by name, and the errors."""
    files, problems, _ = inference.find_files([path])
    pixels, errors = {}, [str(problem) for problem in problems]
    for file, content in inference.read_contents(files):
        try:
            pixels[file.name] = model.radiograph(content, file.name).pixels
        except DataError as error:
            errors.append(str(error))
    return pixels, errors


@own_radiographs
def test_of_peoples_own_radiographs_each_is_read_right_or_refused_with_file_and_remedy(case, model, tmp_path):
    path = case.write(tmp_path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        pixels, errors = look(model, path)
    assert len(pixels) == case.images - bool(case.refused)
    if case.refused:
        (error,) = errors
        assert all(re.search(pattern, error) for pattern in case.refused), error
        return
    assert errors == []
    assert bool(said) == bool(case.warned)
    assert all(re.search(case.warned, str(warning.message)) for warning in said)
    image, expected = case.odd
    (levels,) = [levels for name, levels in pixels.items() if name.endswith(image)]
    assert np.abs(levels.astype(int) - expected).max() <= 2


@own_radiographs
@pytest.mark.filterwarnings("ignore")  # the command line prints them, and goes on
def test_the_command_line_predicts_all_but_what_it_names_in_one_line(case, model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(inference, "load_model", lambda _: model)
    status = main(["predict", "--csv", "table.csv", str(case.write(tmp_path))])
    error = capsys.readouterr().err
    named = [line for line in error.splitlines() if not re.match(r"\s*$|predicting: |\d+ read, ", line)]
    read = case.images - bool(case.refused)
    assert Path("table.csv").exists() == bool(read)  # no table of nothing
    table = pd.read_csv("table.csv") if read else pd.DataFrame()
    assert len(table) == read
    if case.refused:
        assert status == (3 if read else 1)
        (line,) = named
        assert line.startswith("pneumo: ")
        assert all(re.search(pattern, line) for pattern in case.refused)
        return
    assert (status, named) == (0, [])
    image, expected = case.odd
    (probability,) = table["probability"][table["file"].str.endswith(image)]
    assert probability == pytest.approx(1 / (1 + np.exp(-np.mean(expected) / 255)), abs=0.002)
