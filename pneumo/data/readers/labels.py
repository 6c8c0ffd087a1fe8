"""Labels from a CSV file beside the images, as the publishers of large archives give them.

| publisher         | image               | patient            | label                                                 |
|-------------------|---------------------|--------------------|-------------------------------------------------------|
| NIH ChestX-ray14  | Image Index         | Patient ID         | Finding Labels: Pneumonia|Effusion, or No Finding     |
| RSNA              | patientId, no .dcm  | patientId          | Target: 0 or 1, a row for each box                    |
| CheXpert          | Path                | patient... in Path | a column for each finding: 1, 0, -1 (uncertain), none |
| VinDr-CXR         | image_id, no .dicom |                    | class_name, a row for each box and reader             |
| VinDr-PCXR        | image_id, no .dicom |                    | a column for each finding: 0 or 1                     |
| one of one's own  | image               | patient            | label: 0 and 1, or two classes                        |

No label is guessed: what is neither `positive` nor `negative` has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pneumo.data.readers.formats import DICOM_SUFFIXES, IMAGE_SUFFIXES, has_suffix
from pneumo.data.readers.layout import SPLIT_OF_FOLDER, same_name
from pneumo.errors import DataError, listed

DEFAULT_POSITIVE = "pneumonia"
"""The class that is label 1 where none is named; in any case."""

OTHERS = "*"
"""As `negative`: every image that is not positive has label 0."""

_IMAGE_COLUMNS = ("image", "image index", "image_id", "path", "patientid", "filename", "file", "dicom_id")
_PATIENT_COLUMNS = ("patient", "patient id", "patient_id", "patientid", "subject_id")
_LABEL_COLUMNS = ("label", "finding labels", "target", "class_name", "class", "finding")

_NUMBERS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": None, "-1.0": None}
"""Labels as numbers; CheXpert's -1 is uncertain."""


@dataclass(frozen=True, kw_only=True)
class ImageLabel:
    """What a CSV file says of an image.

    label: 0, 1, or None where there is none. patient: "" where unknown. split: "train", "val", "test", or "".
    line: of the file, the first that names the image.
    """

    image: str
    label: int | None
    patient: str
    split: str
    line: int


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """A CSV file of labels. rows: one an image. classes: names of label 0 and label 1."""

    path: Path
    rows: tuple[ImageLabel, ...]
    classes: tuple[str, str]


def read_labels(path: str | Path, *, positive: str | None = None, negative: str | None = None) -> LabelFile:
    """Read a CSV file of labels, its columns in any case.

    positive: the class that is label 1, in any case: a value of the column of labels, or the name of a column of 0 and
        1; by default DEFAULT_POSITIVE. negative: the class that is label 0, likewise; by default the other one of two
        values, or the 0 of a column; OTHERS for every other image.
    Several rows of an image are taken together. An image of other classes, uncertain or without a value has no label,
    nor has one whose readers disagree: label 1 in one row and the class `negative` in another.
    Raises DataError for a file that is no such table, labels of several classes without `negative`, a class that there
    is not, and, without `negative`, an image with label 0 in one row and 1 in another.
    """
    path = Path(path)
    table = _read_table(path)
    wanted = positive or DEFAULT_POSITIVE
    image, patient = _column(table, _IMAGE_COLUMNS), _column(table, _PATIENT_COLUMNS)
    if image is None:
        raise DataError(
            f"{path} has no column image but {listed(list(table.columns))}; the first line must name the columns "
            "image, label and, if known, patient"
        )
    column = _column(table, _LABEL_COLUMNS)
    finding = _column(table, (wanted.casefold(),))
    if column == "label" or finding is None:
        if column is None:
            raise DataError(
                f"{path} has no column label and no column {wanted} but {listed(list(table.columns))}; the first line "
                "must name the columns image, label and, if known, patient"
            )
        labels, classes = _from_values(path, table[column].str.strip().tolist(), wanted, negative)
    else:
        labels, classes = _from_columns(path, table, finding, negative)
    frame = pd.DataFrame(
        {
            "image": table[image],
            "patient": table[patient].str.strip() if patient else table[image].map(_patient_in_path),
            "split": table["split"].str.strip().str.lower().map(SPLIT_OF_FOLDER).fillna("") if "split" in table else "",
        }
    )
    return LabelFile(path=path, rows=tuple(_merged(path, frame, labels, negative)), classes=classes)


def match_images(labels: LabelFile, names: Sequence[str], *, missing_allowed: bool) -> dict[str, ImageLabel]:
    """What the file says of each image that it names.

    names: paths of the images, separated by "/". A row names an image by its path, by the end of its path, by a path
    that ends in it, or by its file name, with or without its ending.
    missing_allowed: whether rows may name images that are not there.
    Raises DataError for a row that means two images, two rows that mean one, and for a file of which no row means any.
    """
    ends = _ends(names)
    found: dict[str, ImageLabel] = {}
    for row in labels.rows:
        candidates = _candidates(row.image, ends)
        if not candidates and missing_allowed:
            continue
        if len(candidates) != 1:
            reason = "is none of the images" if not candidates else f"means {' and '.join(candidates[:3])}"
            raise DataError(
                f"{labels.path}, line {row.line}: {row.image!r} {reason}; give its path below the folder or archive"
            )
        other = found.setdefault(candidates[0], row)
        if other is not row:
            raise DataError(
                f"{labels.path}, lines {other.line} and {row.line} both mean {candidates[0]}; keep one of them"
            )
    if not found:
        raise DataError(
            f"{labels.path} names none of the {len(names)} images; its first is {labels.rows[0].image!r}, and theirs "
            f"{names[0]!r}"
            if labels.rows
            else f"{labels.path} has no rows; it labels nothing"
        )
    return found


# The table -----------------------------------------------------------------------------------------------------------


def _read_table(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        separator = ";" if ";" in header and "," not in header else ","  # as spreadsheets write it in many countries
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
        )
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist, seen from {Path.cwd()}; check the path of the labels") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a CSV file ({error}); check its path and its content") from error
    table.columns = table.columns.str.strip().str.casefold()
    doubled = [name for name in table.columns if f"{name}.1" in table] + list(table.columns[table.columns.duplicated()])
    if doubled:
        raise DataError(f"{path} has two columns {doubled[0]}; keep one")
    return table


def _column(table: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first column with one of these names."""
    return next((name for name in names if name in table), None)


def _patient_in_path(image: str) -> str:
    """CheXpert's patient, "patient00001", which stands in the path alone; "" in another path."""
    match = re.search(r"(?:^|/)(patient\d+)/", image)
    return match[1] if match else ""


def _from_values(
    path: Path, values: list[str], positive: str, negative: str | None
) -> tuple[list[set[int | None]], tuple[str, str]]:
    """Labels of the rows from a column of classes, and the names of the classes."""
    if all(value in _NUMBERS for value in values if value):
        return [{_NUMBERS[value]} if value else {None} for value in values], _class_names(positive, negative)
    findings = [[finding.strip() for finding in value.split("|") if finding.strip()] for value in values]
    known = sorted({finding for row in findings for finding in row}, key=lambda name: (name.casefold(), name))
    classes: dict[str, str] = {}  # as first written, by how it is compared
    for finding in known:
        classes.setdefault(finding.casefold(), finding)
    ill = _known_class(positive, classes)
    if ill is None:
        raise DataError(
            f"{path} has the labels {listed(list(classes.values()))}; give 0 and 1, or two classes of which one is "
            f"{positive!r}; name another one with --positive (positive= in Python)"
        )
    others = [name for name in classes if name != ill]
    if negative is None and len(others) > 1:
        raise DataError(
            f"{path} has the labels {listed(list(classes.values()))}; give 0 and 1, or two classes of which one is "
            f"{positive!r}, or say which one is label 0 with --negative (negative= in Python), {OTHERS!r} for all "
            "others"
        )
    if negative is None or negative == OTHERS:
        healthy = set(others)
    else:
        name = _known_class(negative, classes)
        if name is None:
            raise DataError(
                f"{path} has the labels {listed(list(classes.values()))}, and none is {negative!r}; name another one "
                f"with --negative (negative= in Python), {OTHERS!r} for all that are not {positive}"
            )
        healthy = {name}
    numbers = {name: 1 if name == ill else 0 if name in healthy else None for name in classes}
    named = classes[next(iter(healthy))] if len(healthy) == 1 else f"not {classes[ill]}"
    return [{numbers[finding.casefold()] for finding in row} or {None} for row in findings], (named, classes[ill])


def _known_class(wanted: str, classes: dict[str, str]) -> str | None:
    """The key of a class by its name."""
    return next((key for key, name in classes.items() if same_name(name, wanted)), None)


def _from_columns(
    path: Path, table: pd.DataFrame, positive: str, negative: str | None
) -> tuple[list[set[int | None]], tuple[str, str]]:
    """Labels of the rows from a column of 0 and 1 for each finding, and the names of the classes."""
    ill = _as_numbers(path, positive, table[positive].str.strip().tolist())
    if negative is None:
        return [{label} for label in ill], _class_names(positive, None)
    if negative == OTHERS:  # what is not mentioned is not there
        values = table[positive].str.strip()
        return [{label if value else 0} for label, value in zip(ill, values, strict=True)], _class_names(positive, None)
    if negative.casefold() not in table:
        raise DataError(
            f"{path} has no column {negative} but {listed(list(table.columns))}; name one with --negative (negative= "
            "in Python)"
        )
    healthy = _as_numbers(path, negative, table[negative.casefold()].str.strip().tolist())
    labels = [1 if one == 1 else 0 if other == 1 else None for one, other in zip(ill, healthy, strict=True)]
    return [{label} for label in labels], (negative, positive)


def _as_numbers(path: Path, column: str, values: list[str]) -> list[int | None]:
    wrong = [value for value in values if value and value not in _NUMBERS]
    if wrong:
        raise DataError(f"{path} has {wrong[0]!r} in its column {column}; give 0, 1, -1 (uncertain) or nothing")
    return [_NUMBERS[value] if value else None for value in values]


def _class_names(positive: str, negative: str | None) -> tuple[str, str]:
    return (negative if negative not in (None, OTHERS) else f"not {positive}", positive)


def _merged(path: Path, frame: pd.DataFrame, labels: list[set[int | None]], negative: str | None) -> list[ImageLabel]:
    """One row an image."""
    merged: dict[str, tuple[int, set[int | None], str, str]] = {}
    rows = zip(frame["image"], frame["patient"], frame["split"], labels, strict=True)
    for line, (image, patient, split, found) in enumerate(rows, start=2):
        if not image.strip():
            raise DataError(f"{path}, line {line} names no image; complete or remove it")
        first, together, *others = merged.setdefault(image, (line, set(), patient, split))
        together |= found
        if others != [patient, split]:
            raise DataError(f"{path}, lines {first} and {line} give {image!r} another patient or split; keep one")
        if {0, 1} <= together and negative is None:
            raise DataError(f"{path} labels {image!r} more than once, as 0 and as 1; keep one line of each")
    return [
        ImageLabel(image=image, label=_one_label(found, negative), patient=patient, split=split, line=line)
        for image, (line, found, patient, split) in merged.items()
    ]


def _one_label(found: set[int | None], negative: str | None) -> int | None:
    """The label of the findings of an image. With another beside the negative class, it is not healthy either."""
    if 1 in found:
        return None if 0 in found and negative != OTHERS else 1
    return 0 if found == {0} else None


# Names ---------------------------------------------------------------------------------------------------------------


def _ends(names: Sequence[str]) -> dict[str, list[str]]:
    """Names by each end of their path, with and without the ending of the file."""
    ends: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            for key in {end, _stem(end)}:
                ends.setdefault(key, []).append(name)
    return ends


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0] if has_suffix(name, (*IMAGE_SUFFIXES, *DICOM_SUFFIXES)) else name


def _candidates(image: str, ends: dict[str, list[str]]) -> list[str]:
    """The names that a row can mean: one that is the whole of it, else all that end in it, else one that it ends in."""
    wanted = image.replace("\\", "/").removeprefix("./")
    for key in (wanted, wanted.strip(), _stem(wanted)):  # the ending of the last, as where archives were saved again
        found = ends.get(key, [])
        if found:
            return [name for name in found if name == key] or found
    parts = wanted.split("/")
    for start in range(1, len(parts)):
        end = "/".join(parts[start:])
        if end in ends.get(end, []):
            return [end]
    return []
