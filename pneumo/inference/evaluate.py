"""A trained model on a user's own radiographs, with labels or without.

    evaluation = evaluate_files(pneumo.load_model(), "radiographs.zip")
    evaluation.predictions                       # one row an image
    pneumo.plots.roc([evaluation.record()])      # every table and figure of the package

The model and its threshold are frozen: nothing is fitted to these images.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import NamedTuple

import pandas as pd
from scipy.special import logit
from tqdm import tqdm

from pneumo.data.marks import has_mark
from pneumo.data.readers.image import image_size
from pneumo.data.readers.labels import DEFAULT_POSITIVE, match_images, read_labels
from pneumo.data.readers.layout import same_name
from pneumo.data.readers.names import parse_file_name
from pneumo.errors import DataError, listed
from pneumo.experiments.config import Experiment
from pneumo.experiments.records import Record
from pneumo.inference.files import File, describe_passed_over, find_files, read_contents
from pneumo.inference.model import Model, Prediction, batches
from pneumo.inference.radiograph import Radiograph

PROBABILITY_MARGIN_OF_LOGITS = 1e-12
"""A probability is kept this far from 0 and 1, so that its logit is finite."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a model predicts for a user's images.

    model: with its frozen threshold. source: where the images are.
    predictions: one row an image that could be read: image, probability, decision, warning, width and height of the
        original in pixels, mark (whether there seems to be a burnt-in letter, see `pneumo.data.marks`), label (0, 1, or
        missing), patient ("" where unknown), part ("train" or "validation" for one of the model's own, else "", see
        `Model.part_of`).
    unreadable: why each of the other files could not be read.
    notices: what else there is to know of the files: which were passed over, why there are no labels, and how many of
        them the model was made from.
    """

    model: Model
    source: Path
    predictions: pd.DataFrame
    unreadable: tuple[str, ...]
    notices: tuple[str, ...] = ()

    @property
    def labelled(self) -> pd.DataFrame:
        """The predictions of images with a label."""
        known = self.predictions.dropna(subset=["label"])
        return known.astype({"label": "int8"}).reset_index(drop=True)

    @property
    def has_both_classes(self) -> bool:
        """Whether there are labels of both classes, without which no metric is defined."""
        return len(set(self.labelled["label"].tolist())) == 2

    @property
    def own_images(self) -> int:
        """How many of the images the model was trained or validated on."""
        return int((self.predictions["part"].to_numpy(str) != "").sum())

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
    positive: str | None = None,
    negative: str | None = None,
    progress: bool = True,
) -> Evaluation:
    """Predict every radiograph of a folder or zip archive, and put the labels beside the predictions.

    path: see `pneumo.inference.files.find_files`.
    labels: a CSV file with the columns image (a path below `path`, or a file's name where no two files share it),
        label and, if known, patient, or as the publishers of large archives give them: see
        `pneumo.data.readers.labels`. Without it, images are labelled where each lies in one of two class folders, of
        which one is called `positive`; otherwise they have no label.
    positive, negative: the classes that are label 1 and label 0, in any case, by default "pneumonia" and the other one;
        see `pneumo.data.readers.labels.read_labels`.
    Raises DataError for a path without images, labels of images that are not there or that contradict each other,
    other labels than those of two classes, and a `positive` that is none of the folders.
    """
    if not str(path):
        raise DataError('path="" is empty; name a folder or a zip archive, "." for the current folder')
    path = Path(path)
    listing = find_files([path])
    files, problems = listing.files, listing.problems
    if not files:
        raise problems[0]
    names = [_name_below(file, path) for file in files]
    notices = [describe_passed_over(listing)]
    if labels is not None:
        known = _from_csv(Path(labels), names, positive, negative)
    else:
        known = _from_folders(names, positive)
        notices.append(_why_unlabelled(known, names, positive or DEFAULT_POSITIVE))
    rows, unreadable = [], [str(problem) for problem in problems]
    bar = tqdm(total=len(files), desc="predicting", unit=" images", delay=1, disable=None if progress else True)
    with ThreadPoolExecutor() as pool, bar:
        for batch in batches(zip(names, read_contents(files), strict=True)):
            decoded = list(pool.map(lambda item: _decoded(model, *item), batch))
            bar.update(len(decoded))
            unreadable += [str(each) for each in decoded if isinstance(each, DataError)]
            readable = [each for each in decoded if isinstance(each, _Decoded)]
            predictions = (
                model.predict_radiographs([(each.name, each.radiograph) for each in readable]) if readable else []
            )
            for each, prediction in zip(readable, predictions, strict=True):
                size = {"width": each.width, "height": each.height, "mark": each.mark}
                part = model.part_of(each.radiograph)
                rows.append({**prediction._asdict(), **size, **known[each.name]._asdict(), "part": part})
    columns = [*Prediction._fields, "width", "height", "mark", "label", "patient", "part"]
    frame = pd.DataFrame(rows, columns=columns).astype({"label": "Int8"})
    notices.append(_said_of_own_images(frame))
    return Evaluation(
        model=model,
        source=path,
        predictions=frame,
        unreadable=tuple(unreadable),
        notices=tuple(filter(None, notices)),
    )


def _said_of_own_images(frame: pd.DataFrame) -> str:
    """That the model was made from some of the images; "" where it was not."""
    counts = Counter(part for part in frame["part"].tolist() if part)
    if not counts:
        return ""
    number = counts.total()
    parts = " and ".join(
        word for part, word in {"train": "training", "validation": "validation"}.items() if counts[part]
    )
    return (
        f"{number:,} of these {len(frame):,} images {'is' if number == 1 else 'are'} among the {parts} images of this "
        "model; figures on them say nothing of new images"
    )


class _Known(NamedTuple):
    """What is known of an image. label: None where there is none. patient: "" where unknown."""

    label: int | None
    patient: str


class _Decoded(NamedTuple):
    name: str
    radiograph: Radiograph
    width: int
    height: int
    mark: bool


def _name_below(file: File, path: Path) -> str:
    """A file's path below the folder or archive that was named; a single file's own name."""
    below = file.path.relative_to(path).as_posix() if path.is_dir() else ""
    return "/".join(filter(None, (below, file.place))) or file.path.name


def _decoded(model: Model, name: str, item: tuple[File, bytes | DataError]) -> _Decoded | DataError:
    file, data = item
    if isinstance(data, DataError):
        return data
    try:
        radiograph = model.radiograph(data, file.name)
        width, height = image_size(data, file.name)
    except DataError as error:
        return error
    return _Decoded(name, radiograph, width, height, has_mark(radiograph.pixels))


def _from_folders(names: list[str], positive: str | None) -> dict[str, _Known]:
    """Labels by the folders; none for any, where there are not two of which one is the positive one.

    Raises DataError where `positive` is given and no folder is called so.
    """
    folders = {name: PurePath(name).parent.name for name in names}
    classes = set(folders.values())
    wanted = [folder for folder in classes if same_name(folder, positive or DEFAULT_POSITIVE)]
    if positive is not None and not wanted:
        found = listed(sorted(folder or "the top folder" for folder in classes))
        raise DataError(f"no folder is called {positive!r}; the images lie in {found}: name one of these as positive")
    labelled = len(classes) == 2 and len(wanted) == 1
    patients = _patients(names)
    return {
        name: _Known(int(folder == wanted[0]) if labelled else None, patients[name]) for name, folder in folders.items()
    }


def _why_unlabelled(known: dict[str, _Known], names: list[str], positive: str) -> str:
    """Why images that lie in folders have no label; "" where they have one, or lie in one folder."""
    folders = sorted({PurePath(name).parent.name or "the top folder" for name in names})
    if len(folders) < 2 or any(each.label is not None for each in known.values()):
        return ""
    return (
        f"no labels: the images lie in {listed(folders)}, and labels need two class folders, one of them called "
        f"{positive}; name it with --positive (positive= in Python), or give --labels (labels=)"
    )


def _patients(names: list[str]) -> dict[str, str]:
    """Patients by the names of the files; "" for all unless every name tells one."""
    parsed = {name: parse_file_name(name).patient for name in names}
    return parsed if all(parsed.values()) else dict.fromkeys(names, "")


def _from_csv(path: Path, names: list[str], positive: str | None, negative: str | None) -> dict[str, _Known]:
    given = match_images(read_labels(path, positive=positive, negative=negative), names, missing_allowed=False)
    known = {
        name: _Known(given[name].label, given[name].patient) if name in given else _Known(None, "") for name in names
    }
    if any(each.label is not None and not each.patient for each in known.values()):
        return {name: each._replace(patient="") for name, each in known.items()}
    return known
