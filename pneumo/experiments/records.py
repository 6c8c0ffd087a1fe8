"""Records: one JSON file for each experiment that was run.

A record holds what was run, how the training went, what was predicted for every image, and where it all came from.
Metrics are computed from it when they are wanted, so a new metric needs no new training. The images a record speaks
of are listed once, in a split file beside the records, and its predictions follow that order.

    records/first-network/seed-0-3f2a9c1b4d5e.json
    records/splits/chest-xray-9d1c2b3a4f5e.csv
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo.errors import MissingRecord, RecordError
from pneumo.evaluation import metrics
from pneumo.experiments import config
from pneumo.experiments.config import Experiment
from pneumo.experiments.wording import duration_in_words, variant_in_words
from pneumo.io.digests import json_digest
from pneumo.io.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "PARTS",
    "SCORED_PARTS",
    "Record",
    "check_writable",
    "find",
    "find_path",
    "folder",
    "folders",
    "get",
    "load",
    "load_all",
    "paths",
    "probabilities",
    "published_folder",
    "read_split",
    "record_path",
    "save",
    "split_frame",
]


def __dir__() -> list[str]:
    return sorted(__all__)


FORMAT = 1
PARTS = ("train", "validation", "test")
SCORED_PARTS = {"validation": "validation", "stressed": "validation", "test": "test"}
"""What images are scored as, and the part of the split they belong to: "stressed" are the validation images as another
machine might have taken them."""
RECORD_FIELD_TYPES = {
    "experiment": dict, "history": list, "scores": dict, "selection": dict, "provenance": dict, "split": dict
}  # fmt: skip
"""What a record file holds besides its format, recipe, key and digest. `from_weights` may be absent."""

SPLIT_COLUMNS = ("image", "patient", "label", "subtype", "part")

MIN_FREE_BYTES = 1_200_000
"""Bytes that must be free for a record: twice those of the book's largest with its split file."""


def folder() -> Path:
    """Where new records are stored: $PNEUMO_RECORDS, or `records` in the current folder.

    >>> isinstance(folder(), Path)
    True
    """
    return Path(os.environ.get("PNEUMO_RECORDS") or "records")


def published_folder() -> Path:
    """The published records of the study: in the installed package, or beside it in a clone of the repository.

    >>> (published_folder() / "splits").is_dir()
    True
    """
    package = Path(__file__).parents[1]
    installed = package / "published_records"
    return installed if installed.is_dir() else package.parent / "records"


def folders(root: str | Path | None = None) -> list[Path]:
    """Where records are looked for, in this order.

    `root` alone where it is given; or else $PNEUMO_RECORDS alone where it is set; or else `records` in the current
    folder and then `published_folder()`.

    >>> folders(Path("my-records"))
    [PosixPath('my-records')]
    """
    if root is not None or os.environ.get("PNEUMO_RECORDS"):
        return [Path(root or folder())]
    if folder().is_dir() and folder().samefile(published_folder()):
        return [folder()]
    return [folder(), published_folder()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """What one experiment gave.

    history: one row an epoch: epoch, train_loss, train_accuracy, validation_loss, validation_accuracy,
        learning_rate, seconds. Empty where nothing was trained by epochs.
    scores: by the names of SCORED_PARTS, the logit of the positive class for each image, in the order of the split
        file. A model that reads no images has no "stressed".
    selection: what was chosen (epoch, threshold) and on which part of the data.
    provenance: data digest, versions, commit, machine, seconds, peak memory.
    split: the images of every part (image, patient, label, subtype, part).
    from_weights: what figures show of the trained weights, which are no part of a record. "theta", of a spatial
        transformer: the sampling grid of each validation image, (N, 2, 3). "weight_changes", of a pretrained network:
        how far training moved each layer, {layer: (relative, rms)}, see `pneumo.models.layer_changes`. "saliency", of
        `ReevaluationConfig.saliency`: see `pneumo.experiments.saliency.measure_saliency`.

    >>> record = pneumo.records.get("first-network/seed-0")
    >>> record
    Record(first-network/seed-0: AUC 0.926 on 624 test images)
    >>> record.frame("test").columns.tolist()
    ['image', 'patient', 'label', 'subtype', 'score', 'probability']
    """

    experiment: Experiment
    scores: dict[str, np.ndarray]
    split: pd.DataFrame
    selection: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    from_weights: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, scores in self.scores.items():
            images = np.count_nonzero(self.split["part"] == SCORED_PARTS.get(part, part))
            if np.shape(scores) != (images,):
                shape = " x ".join(map(str, np.shape(scores)))
                raise RecordError(f"{self.experiment.name}: {shape} scores for the {images} images of {part}")

    def __repr__(self) -> str:
        """One line: name, AUC where both classes are there, images."""
        part = "test" if "test" in self.scores else next(iter(self.scores), "")
        if not part:
            return f"Record({self.experiment.name}: no scores)"
        labels = self.frame(part)["label"].to_numpy()
        auc = f"AUC {float(metrics.auc(labels, self.scores[part])):.3f} on " if len(np.unique(labels)) == 2 else ""
        return f"Record({self.experiment.name}: {auc}{len(labels)} {part} images)"

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits, those of its experiment."""
        return self.experiment.key

    @property
    def anchor(self) -> str:
        """Where the book lists this record: the fragment of a link."""
        return f"rec-{self.key[:8]}"

    @property
    def group(self) -> str:
        """The comparison that it belongs to; the experiment's name where it stands alone."""
        return self.experiment.group or self.experiment.name

    @property
    def variant(self) -> str:
        """What it is in its comparison, the same for all seeds; the experiment's name where it stands alone."""
        return self.experiment.variant or self.experiment.name

    @property
    def label(self) -> str:
        """What tables and prose call it: the variant in words, and the seed where a network was trained."""
        seed = f", seed {self.experiment.seed}" if self.history else ""
        return variant_in_words(self.variant) + seed

    @property
    def has_patients(self) -> bool:
        """Whether the patient of every image is known, so that images can be grouped by patient."""
        return bool((self.split["patient"] != "").all())

    def patients(self, part: str) -> np.ndarray | None:
        """The patient of each image of `part`, (N,); None unless the patient of every image is known."""
        return self.frame(part)["patient"].to_numpy() if self.has_patients else None

    @property
    def group_anchor(self) -> str:
        """Where the book lists this record's group."""
        return f"rec-{self.group}"

    @property
    def threshold(self) -> float:
        """The probability from which an image counts as positive, fixed on validation patients."""
        return float(self.selection["threshold"])

    @cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """Probability of the positive class for each image of each part, (N,) float64 in [0, 1]."""
        return {part: probabilities(scores) for part, scores in self.scores.items()}

    def frame(self, part: str) -> pd.DataFrame:
        """One row an image of `part`: image, patient, label, subtype, score, probability.

        Raises KeyError for a part that this record has no scores for.
        """
        if part not in self.scores:
            raise KeyError(f"{self.experiment.name} has no scores for {part!r}, only for {', '.join(self.scores)}")
        rows = (
            self.split[self.split["part"] == SCORED_PARTS.get(part, part)].drop(columns="part").reset_index(drop=True)
        )
        return rows.assign(score=self.scores[part], probability=self.predictions[part])


def save(record: Record, root: str | Path | None = None) -> Path:
    """Write a record atomically and return its path. The split file is written beside it if it is new.

    Raises RecordError, with the remedy, where the folder cannot be written or the disk is full.

    >>> save(pneumo.records.get("first-network/seed-0"), Path("my-records")).name
    'seed-0-a690b4dc8660.json'
    """
    root = Path(root or folder())
    with _explain_write_errors(root, "what was trained is kept"):
        return _save(record, root)


def check_writable(experiment: Experiment, root: str | Path | None = None) -> None:
    """Find out before hours of training, not after them, that the record of an experiment could not be written.

    Writes MIN_FREE_BYTES bytes to where `save` would, in an anonymous temporary file; makes no folder.
    Raises RecordError, with the remedy, where the folder cannot be written or the disk is full.

    >>> check_writable(pneumo.experiments.first_network()[0], Path("my-records"))
    """
    root = Path(root or folder())
    for place in (record_path(experiment, root).parent, root / "splits"):
        with _explain_write_errors(place, "nothing was trained yet"):
            there = next(path for path in (place, *place.parents) if os.path.lexists(path))
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(bytes(MIN_FREE_BYTES))
                file.flush()
                os.fsync(file.fileno())  # some file systems refuse only now


@contextmanager
def _explain_write_errors(place: Path, work: str) -> Iterator[None]:
    """work: what has become of it."""
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{place} cannot be written ({error.strerror}); make room, check its permissions or set PNEUMO_RECORDS to "
            f"another folder, and say the same command again: {work}"
        ) from error


def record_path(experiment: Experiment, root: str | Path) -> Path:
    """Where the record of this experiment is stored below `root`.

    >>> record_path(pneumo.experiments.first_network()[0], Path("records")).as_posix()
    'records/first-network/seed-0-a690b4dc8660.json'
    """
    return Path(root) / f"{experiment.name}-{experiment.key}.json"


def _save(record: Record, root: Path) -> Path:
    split = _save_split(record, root)
    body = {
        "format": FORMAT,
        "recipe": config.RECIPE,
        "key": record.key,
        "experiment": config.to_dict(record.experiment),
        "split": split,
        "selection": record.selection,
        "history": record.history,
        # Four decimals of a logit keep the ranking where a rounded probability would tie at 1.
        "scores": {part: np.round(np.asarray(scores, float), 4).tolist() for part, scores in record.scores.items()},
        "provenance": record.provenance,
    }
    if record.from_weights:
        body["from_weights"] = record.from_weights
    path = record_path(record.experiment, root)
    _write(path, _dumps({**body, "digest": json_digest(body)}))
    return path


def load(path: str | Path) -> Record:
    """Read one record. Raises RecordError for a file that is broken, altered, foreign or of a newer version.

    >>> load(published_folder() / "first-network/seed-0-a690b4dc8660.json")
    Record(first-network/seed-0: AUC 0.926 on 624 test images)
    """
    path = Path(path)
    body, digest = _read(path)
    if not isinstance(body, dict) or "format" not in body or "experiment" not in body:
        raise RecordError(f"{path} is not a record of pneumo; keep only records in this folder")
    if body["format"] != FORMAT:
        raise RecordError(f"{path} has record format {body['format']!r}, this version reads {FORMAT}; update pneumo")
    if body.pop("digest", None) != digest:
        raise RecordError(f"{path} was changed after it was written (its digest does not fit); restore it or run again")
    for name, kind in RECORD_FIELD_TYPES.items():
        if not isinstance(body.get(name), kind):
            raise RecordError(f"{path} has no {kind.__name__} called {name}; restore it or run the experiment again")
    try:
        return Record(
            experiment=config.from_dict(body["experiment"]),
            history=body["history"],
            scores={part: np.asarray(scores, float) for part, scores in body["scores"].items()},
            selection=body["selection"],
            provenance=body["provenance"],
            from_weights=dict(body.get("from_weights", {})),
            split=read_split(path, body["split"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"{path}: {error}; restore it or run the experiment again") from error


def _read(path: Path) -> tuple[Any, str]:
    """What a JSON file holds, and the digest of all of it but "digest"."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        entries = body.items() if isinstance(body, dict) else ()
        return body, json_digest({name: value for name, value in entries if name != "digest"})
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror}); check what it is and its permissions") from error
    except (ValueError, RecursionError) as error:  # no text, no JSON, NaN, numbers and nesting without end
        raise RecordError(f"{path} is not JSON ({error}); delete it and run the experiment again") from error


def find(experiment: Experiment, root: str | Path | None = None) -> Record | None:
    """The record of this experiment, or None.

    Several comparisons can share one record: it has the name of the experiment that is asked for, whatever its file is
    called.

    >>> find(pneumo.experiments.first_network()[0])
    Record(first-network/seed-0: AUC 0.926 on 624 test images)
    """
    path = find_path(experiment, root)
    if path is None:
        return None
    record = load(path)
    # The key leaves defaults out; a default that was changed since shows here.
    return replace(record, experiment=experiment) if record.experiment.same_as(experiment) else None


def find_path(experiment: Experiment, root: str | Path | None = None) -> Path | None:
    """The file of this experiment's record, or None: of its own name, or of another that has the same key.

    >>> find_path(pneumo.experiments.first_network()[0]).name
    'seed-0-a690b4dc8660.json'
    """
    for each in folders(root):
        path = record_path(experiment, each)
        if path.exists():
            return path
    same_key = (path for each in folders(root) for path in each.rglob(f"*-{experiment.key}.json"))
    return next(same_key, None)


def get(experiment: Experiment | str | Path, root: str | Path | None = None) -> Record:
    """The record of this experiment. Raises MissingRecord that says how to make it.

    experiment: also by its name, or by the path of its record's file; see `pneumo.experiments.lookup`.

    >>> get("first-network/seed-0").experiment.seed
    0
    """
    if isinstance(experiment, str | Path):
        from pneumo.experiments.lookup import find_record  # which knows the study, and the study knows records

        return find_record(experiment, root)
    record = find(experiment, root)
    if record is None:
        raise MissingRecord(
            f"{experiment.name} has no record in {' or '.join(map(str, folders(root)))}; make it with: "
            f"pneumo run {experiment.group or experiment.name}"
            f"  (about {duration_in_words(experiment.minutes)} for this one on 2 cores)"
        )
    return record


def paths(root: str | Path | None = None) -> list[Path]:
    """Every record file, folder by folder (see `folders`), sorted within each; of one key, the first file.

    >>> all(path.suffix == ".json" for path in paths())
    True
    """
    found: dict[str, Path] = {}
    for each in folders(root):
        for path in sorted(each.rglob("*.json")):
            found.setdefault(path.stem.rsplit("-", 1)[-1], path)
    return list(found.values())


def load_all(root: str | Path | None = None) -> Iterator[Record]:
    """Every record, in the order of `paths`.

    >>> next(load_all()).has_patients
    True
    """
    return (load(path) for path in paths(root))


# Split files ---------------------------------------------------------------------------------------------------------


def split_frame(table: pd.DataFrame, parts: Iterable[tuple[str, np.ndarray]]) -> pd.DataFrame:
    """The rows of a data set's table that are used, part after part, with the columns of a split file.

    >>> dataset = pneumo.data.load("phantom")
    >>> parts = pneumo.data.split(dataset.table)
    >>> split_frame(dataset.table, [("test", parts.test)])["part"].unique().tolist()
    ['test']
    """
    import pandas as pd

    frames = [table.iloc[rows].assign(part=part) for part, rows in parts]
    return pd.concat(frames, ignore_index=True).loc[:, list(SPLIT_COLUMNS)]


def _save_split(record: Record, root: Path) -> dict[str, str]:
    text = record.split.to_csv(index=False, lineterminator="\n")
    digest = hashlib.sha256(text.encode()).hexdigest()
    images = getattr(record.experiment.model, "elsewhere", "") or record.experiment.data.name
    name = f"splits/{_slug(images)}-{digest[:12]}.csv"
    if not (root / name).exists():
        _write(root / name, text)
    return {"file": name, "sha256": digest}


def read_split(record_path: str | Path, reference: dict[str, str]) -> pd.DataFrame:
    """The split file that a record refers to. Raises ValueError if it is missing or was changed."""
    if not re.fullmatch(r"splits/[\w.-]+\.csv", reference["file"]):
        raise ValueError(f"its split file {reference['file']!r} is none of the folder splits")
    root = next((parent for parent in Path(record_path).parents if (parent / reference["file"]).is_file()), None)
    if root is None:
        raise ValueError(f"its split file {reference['file']} is missing")
    return _parse_split(root / reference["file"], reference["sha256"])


@lru_cache(maxsize=32)
def _parse_split(path: Path, sha256: str) -> pd.DataFrame:
    import pandas as pd

    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"its split file {path} was changed after it was written")
    text = dict.fromkeys(("image", "patient", "subtype", "part"), str)
    return pd.read_csv(path, dtype={**text, "label": "int8"}, keep_default_na=False)


# Files ---------------------------------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _dumps(body: dict[str, Any]) -> str:
    """One line for each entry of the record, so that a difference between two records can be read."""
    lines = [f"{json.dumps(name)}: {_dump_entry(value)}" for name, value in body.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _dump_entry(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(json.dumps(row, allow_nan=False) for row in value) + "\n]"
    if isinstance(value, dict):
        entries = (f"{json.dumps(name)}: {json.dumps(entry, allow_nan=False)}" for name, entry in value.items())
        return "{\n  " + ",\n  ".join(entries) + "\n}"
    return json.dumps(value, allow_nan=False)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in Path(name).stem.lower()).strip("-") or "data"


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Probabilities in [0, 1] of logits.

    >>> probabilities(np.array([0.0]))
    array([0.5])
    """
    values = np.asarray(logits, float)
    return np.array([_expit(logit) for logit in values.ravel().tolist()]).reshape(values.shape)


def _expit(logit: float) -> float:
    """SciPy's to the last bit, which NumPy's `exp` would not give; SciPy takes a tenth of a prediction to import."""
    try:
        return 1 / (1 + math.exp(-logit))
    except OverflowError:
        return 0.0
