"""A trained model on a user's own radiographs, with labels or without.

    evaluation = evaluate_files(pneumo.load_model(), "radiographs.zip")
    evaluation.predictions                       # one row an image
    pneumo.plots.roc([evaluation.record()])      # every table and figure of the package

The model and its threshold are frozen: nothing is fitted to these images.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import NamedTuple

import pandas as pd
from PIL import Image
from scipy.special import logit
from tqdm import tqdm

from pneumo.data.readers.dicom import image_size as dicom_image_size
from pneumo.data.readers.dicom import is_dicom
from pneumo.data.readers.names import parse_file_name
from pneumo.errors import DataError
from pneumo.experiments.config import Experiment
from pneumo.experiments.records import Record
from pneumo.inference.files import File, find_files, read_contents
from pneumo.inference.model import BATCH_SIZE, Model
from pneumo.inference.radiograph import Radiograph

POSITIVE = "pneumonia"
"""The class that is label 1 where the user names none; in any case."""

PROBABILITY_MARGIN_OF_LOGITS = 1e-12
"""A probability is kept this far from 0 and 1, so that its logit is finite."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a model predicts for a user's images.

    model: with its frozen threshold. source: where the images are.
    predictions: one row an image that could be read: image, probability, decision, warning, width and height of the
        original in pixels, label (0, 1, or missing), patient ("" where unknown).
    unreadable: why each of the other files could not be read.
    """

    model: Model
    source: Path
    predictions: pd.DataFrame
    unreadable: tuple[str, ...]

    @property
    def labelled(self) -> pd.DataFrame:
        """The predictions of images with a label."""
        known = self.predictions.dropna(subset=["label"])
        return known.astype({"label": "int8"}).reset_index(drop=True)

    @property
    def has_both_classes(self) -> bool:
        """Whether there are labels of both classes, without which no metric is defined."""
        return len(set(self.labelled["label"].tolist())) == 2

    def record(self) -> Record:
        """The labelled predictions as the part "test" of a record, for tables and figures; it is stored nowhere.

        Raises DataError unless both classes are among the labels.
        """
        frame = self.labelled
        if not self.has_both_classes:
            classes = len(set(frame["label"].tolist()))
            raise DataError(f"{self.source}: {len(frame)} labelled images of {classes} class(es); metrics need both")
        data = self.model.experiment.data
        probabilities = frame["probability"].clip(PROBABILITY_MARGIN_OF_LOGITS, 1 - PROBABILITY_MARGIN_OF_LOGITS)
        return Record(
            experiment=Experiment(
                name=f"evaluation of {self.source.name}",
                data=replace(data, name=str(self.source), version=""),
                model=self.model.experiment.model,
            ),
            scores={"test": logit(probabilities.to_numpy())},
            split=frame[["image", "patient", "label"]].assign(subtype="", part="test"),
            selection={"threshold": self.model.threshold},
        )


def evaluate_files(
    model: Model,
    path: str | Path,
    *,
    labels: str | Path | None = None,
    positive: str = POSITIVE,
    progress: bool = True,
) -> Evaluation:
    """Predict every radiograph of a folder or zip archive, and put the labels beside the predictions.

    path: see `pneumo.inference.files.find_files`.
    labels: a CSV file with the columns image (a path below `path`, or a file's name where no two files share it),
        label and, if known, patient. Without it, images are labelled where each lies in one of two class folders, of
        which one is called `positive`; otherwise they have no label.
    positive: the class that is label 1, in any case. In a CSV file labels may also be 0 and 1.
    Raises DataError for a path without images, labels of images that are not there or that contradict each other, and
    other labels than those of two classes.
    """
    path = Path(path)
    files, problems = find_files([path])
    if not files:
        raise problems[0]
    names = [_name_below(file, path) for file in files]
    known = _from_csv(Path(labels), names, positive) if labels is not None else _from_folders(names, positive)
    rows, unreadable = [], [str(problem) for problem in problems]
    bar = tqdm(total=len(files), desc="predicting", unit=" images", delay=1, disable=not progress)
    with ThreadPoolExecutor() as pool, bar:
        for batch in _batches(zip(names, read_contents(files), strict=True)):
            decoded = list(pool.map(lambda item: _decoded(model, *item), batch))
            bar.update(len(decoded))
            unreadable += [str(each) for each in decoded if isinstance(each, DataError)]
            readable = [each for each in decoded if isinstance(each, _Decoded)]
            predictions = (
                model.predict_radiographs([(each.name, each.radiograph) for each in readable]) if readable else []
            )
            for each, prediction in zip(readable, predictions, strict=True):
                size = {"width": each.width, "height": each.height}
                rows.append({**prediction._asdict(), **size, **known[each.name]._asdict()})
    columns = ["image", "probability", "decision", "warning", "width", "height", "label", "patient"]
    frame = pd.DataFrame(rows, columns=columns).astype({"label": "Int8"})
    return Evaluation(model=model, source=path, predictions=frame, unreadable=tuple(unreadable))


class _Known(NamedTuple):
    """What is known of an image. label: None where there is none. patient: "" where unknown."""

    label: int | None
    patient: str


class _Decoded(NamedTuple):
    name: str
    radiograph: Radiograph
    width: int
    height: int


def _name_below(file: File, path: Path) -> str:
    """A file's path below the folder or archive that was named; a single file's own name."""
    if file.member is not None:
        return file.member
    return file.path.relative_to(path).as_posix() if path.is_dir() else file.path.name


def _batches(
    items: Iterator[tuple[str, tuple[File, bytes | DataError]]],
) -> Iterator[list[tuple[str, tuple[File, bytes | DataError]]]]:
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch


def _decoded(model: Model, name: str, item: tuple[File, bytes | DataError]) -> _Decoded | DataError:
    file, data = item
    if isinstance(data, DataError):
        return data
    try:
        radiograph = model.radiograph(data, file.name)
        width, height = _image_size(data)
    except DataError as error:
        return error
    return _Decoded(name, radiograph, width, height)


def _image_size(data: bytes) -> tuple[int, int]:
    """Width and height of the original in pixels, of a file that has been decoded without complaint."""
    if is_dicom(data):
        return dicom_image_size(data)
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        return image.size


def _from_folders(names: list[str], positive: str) -> dict[str, _Known]:
    folders = {name: PurePath(name).parent.name for name in names}
    classes = set(folders.values())
    wanted = [folder for folder in classes if folder.lower() == positive.lower()]
    labelled = len(classes) == 2 and len(wanted) == 1
    patients = _patients(names)
    return {
        name: _Known(int(folder == wanted[0]) if labelled else None, patients[name]) for name, folder in folders.items()
    }


def _patients(names: list[str]) -> dict[str, str]:
    """Patients by the names of the files; "" for all unless every name tells one."""
    parsed = {name: parse_file_name(name).patient for name in names}
    return parsed if all(parsed.values()) else dict.fromkeys(names, "")


def _from_csv(path: Path, names: list[str], positive: str) -> dict[str, _Known]:
    table = _read_csv(path)
    matched = _matched(path, table["image"].tolist(), names)
    values = _as_labels(path, table["label"].tolist(), positive)
    given = dict(zip(matched, zip(values, table["patient"].tolist(), strict=True), strict=True))
    known = {name: _Known(*given.get(name, (None, ""))) for name in names}
    if any(each.label is not None and not each.patient for each in known.values()):
        return {name: each._replace(patient="") for name, each in known.items()}
    return known


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a CSV file ({error}); check its path and its content") from error
    table.columns = table.columns.str.strip().str.lower()
    absent = [column for column in ("image", "label") if column not in table]
    if absent:
        raise DataError(
            f"{path} has no column {' and no column '.join(absent)} but {', '.join(table.columns)}; "
            "the first line must name the columns image, label and, if known, patient"
        )
    return table if "patient" in table else table.assign(patient="")


def _matched(path: Path, wanted: list[str], names: list[str]) -> list[str]:
    """The name of the file that each row of the labels means."""
    by_file_name: dict[str, list[str]] = {}
    for name in names:
        by_file_name.setdefault(PurePath(name).name, []).append(name)
    whole, found = set(names), []
    for row, image in enumerate(wanted, start=2):
        candidates = [image] if image in whole else by_file_name.get(image, [])
        if len(candidates) != 1:
            reason = "is none of the images" if not candidates else f"means {' and '.join(candidates[:3])}"
            raise DataError(f"{path}, line {row}: {image!r} {reason}; give its path below the folder or archive")
        found += candidates
    doubled = [name for name, count in Counter(found).items() if count > 1]
    if doubled:
        raise DataError(f"{path} labels {doubled[0]!r} more than once; keep one line of each")
    return found


def _as_labels(path: Path, values: list[str], positive: str) -> list[int | None]:
    """0 and 1 of a column of labels; None where a cell is empty."""
    texts = [value.strip().lower() for value in values]
    classes = sorted(set(texts) - {""})
    if set(classes) <= {"0", "1"}:
        numbers = {"0": 0, "1": 1}
    elif len(classes) <= 2 and positive.lower() in classes:
        numbers = {name: int(name == positive.lower()) for name in classes}
    else:
        raise DataError(
            f"{path} has the labels {', '.join(classes[:5])}{', …' if len(classes) > 5 else ''}; give 0 and 1, or two "
            f"classes of which one is {positive!r} (name another with --positive)"
        )
    return [numbers.get(text) for text in texts]
