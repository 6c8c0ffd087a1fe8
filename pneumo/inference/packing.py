"""From an experiment that was run here to a model file that others can use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cattrs
import numpy as np
from joblib import cpu_count
from safetensors.torch import load_file, save_file

from pneumo import data
from pneumo.data.decode import FIELD_RULES, resize_to_square
from pneumo.data.grey import GreyRule, standardise
from pneumo.data.headers import headers
from pneumo.errors import DataError, MissingRecord
from pneumo.experiments import config, records
from pneumo.experiments.builders import load_data
from pneumo.experiments.lookup import RecordSource, find_record_file
from pneumo.inference import training_images
from pneumo.inference.input_checks import InputStatistics, fit_input_statistics
from pneumo.inference.model import FORMAT, NOTE, member_experiments, trained_networks
from pneumo.inference.quantisation import quantise
from pneumo.inference.working_point import calibration_of, to_json
from pneumo.io.files import atomic_write, check_replaceable
from pneumo.io.paths import cache_folder, weights_path


def pack(
    source: RecordSource,
    path: str | Path,
    *,
    root: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write the model file of a recorded experiment whose weights and images are on this machine; return its path.

    source: the experiment, its record, the path of its record's file, or its name. root: the folder of records.
    overwrite: whether a file that is there may be replaced.
    Raises MissingRecord for a missing record or missing weights; DataError for missing images, for an experiment
    without a network that reads images as they are, and for a file that may not be replaced.
    """
    path = Path(path)
    check_replaceable(path, overwrite, wanted="file")
    file = find_record_file(source, root)
    record = records.load(file)
    dataset = load_data(record.experiment.data)
    return save_model(
        file,
        path,
        input_statistics=_training_statistics(record, dataset, progress),
        images=image_digests(record, dataset, progress=progress),
    )


def packed(source: RecordSource, *, progress: bool = True) -> Path:
    """The model file of a recorded experiment in the cache, which is written where it is not there yet.

    Arguments and errors as in `pack`.
    """
    file = find_record_file(source)
    stored = json.loads(file.read_text(encoding="utf-8"))
    path = cache_folder() / "models" / f"{stored['key']}-{stored['digest'][:12]}.safetensors"
    if not path.is_file():
        pack(file, path, progress=progress)
    return path


def save_model(
    record: str | Path,
    path: str | Path,
    *,
    input_statistics: InputStatistics,
    images: Mapping[str, Iterable[bytes]] | None = None,
    weights: list[Path] | None = None,
) -> Path:
    """Write the model file of a record; return its path.

    record: its file. images: digests of the images of each part, see `image_digests`; None leaves them out, and the
        model then cannot tell whether it is evaluated on its own images.
    weights: a file for each network, as `pneumo.experiments.runner` writes them; by default those on this machine.
    Raises MissingRecord where weights are missing, and DataError for an experiment without a network.
    """
    record, path = Path(record), Path(path)
    stored = records.load(record)
    files = (
        [weights_path(member.key) for member in member_experiments(stored.experiment)] if weights is None else weights
    )
    tensors = {}
    for number, file in enumerate(files):
        if not file.is_file():
            raise MissingRecord(
                f"{file}, trained weights of {stored.experiment.name}, is not on this machine: weights are no part of "
                "a record. Move the record away and run the experiment again"
            )
        tensors |= {f"{number}.{name}": value for name, value in quantise(load_file(file)).items()}
    metadata = {
        "format": FORMAT,
        "experiment": json.dumps(config.to_dict(stored.experiment)),
        "threshold": repr(stored.threshold),
        "record": stored.key,
        "record_sha256": json.loads(record.read_text(encoding="utf-8"))["digest"],
        "familiarity": json.dumps(cattrs.unstructure(input_statistics)),
        "note": NOTE,
    }
    calibration = calibration_of(stored)
    if calibration is not None:
        metadata["calibration"] = to_json(calibration)
    if images is not None:
        metadata["images"] = training_images.to_json(images)
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata)
    return path


def unpack(path: str | Path | None = None) -> list[Path]:
    """Write the weights of a model file to where experiments look for those that were trained; return their paths.

    path: of the file; by default the model that comes with the package. Its networks can then be evaluated again
    (`ReevaluationConfig`). Weights that are there stay, since those of the file were rounded to 16 bits, which moves a
    probability by 0.0004 at most. Raises DataError as `load_model` does.
    """
    written = []
    for member, network in trained_networks(path):
        target = weights_path(member.key)
        if not target.is_file():
            with atomic_write(target) as temporary:
                save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
        written.append(target)
    return written


def image_digests(record: records.Record, dataset: data.Dataset, *, progress: bool = True) -> dict[str, list[bytes]]:
    """Digests of a record's training and validation images by part, each as its model reads that file by itself.

    dataset: the record's. Raises DataError where it lacks some of them.
    """
    settings = record.experiment.data
    rows = {part: _rows_of(record, dataset, part) for part in training_images.PARTS}
    if settings.resize not in FIELD_RULES:
        array = data.pixels(dataset, size=settings.image_size, resize=settings.resize, progress=progress).array
        return {part: [_digest(array[row], settings.grey) for row in rows[part]] for part in rows}
    # The cached squares of these rules may be cut by a table of original shapes, which a file by itself does not tell.
    with ThreadPoolExecutor(cpu_count()) as pool:
        squares = partial(_square, dataset, settings)
        return {part: [_digest(square, settings.grey) for square in pool.map(squares, rows[part])] for part in rows}


def _square(dataset: data.Dataset, settings: config.DataConfig, row: int) -> np.ndarray:
    image = dataset.source.image(row, settings.image_size)
    return resize_to_square(image, settings.image_size, settings.resize)


def _digest(square: np.ndarray, grey: GreyRule) -> bytes:
    return training_images.image_digest(standardise(square[None], grey)[0])


def _rows_of(record: records.Record, dataset: data.Dataset, part: str) -> list[int]:
    """The rows of a data set that are a part of a record. Raises DataError where some are missing."""
    images = record.split.loc[record.split["part"] == part, "image"]
    numbers = {image: row for row, image in enumerate(dataset.table["image"])}
    missing = [image for image in images if image not in numbers]
    if missing:
        what = "training" if part == "train" else part
        raise DataError(f"{dataset.name} here lacks {len(missing)} {what} images, first {missing[0]}; get all of it")
    return [numbers[image] for image in images]


def _training_statistics(record: records.Record, dataset: data.Dataset, progress: bool) -> InputStatistics:
    """Of the training images, and of no other."""
    settings = record.experiment.data
    rows = np.array(_rows_of(record, dataset, "train"))
    pixels = data.pixels(dataset, size=settings.image_size, resize=settings.resize, progress=progress)
    array = standardise(pixels.array[rows], settings.grey)
    try:
        sides = headers(dataset).iloc[rows]
    except DataError:  # not kept as files: a MedMNIST array has no shape but its own
        return fit_input_statistics(array)
    return fit_input_statistics(array, (sides["width"] / sides["height"]).to_numpy())
