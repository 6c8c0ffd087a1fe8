"""Records by what a person has of them: an experiment, a record, its file, or the name that `pneumo status` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from pneumo.errors import MissingRecord, RecordError
from pneumo.experiments import records
from pneumo.experiments.config import Experiment

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

RecordSource: TypeAlias = "Experiment | Record | str | Path"
"""An experiment, its record, the path of the record's file, or the name of the experiment."""


def find_record_file(source: RecordSource, root: str | Path | None = None) -> Path:
    """The file of the record that is meant.

    source: see `RecordSource`. root: the folder of records; by default those of `records.folders`.
    Raises MissingRecord where there is none, with the command that makes it, UnknownExperiment for a name that no
    experiment has, and RecordError for a name that several stored records share.

    >>> find_record_file("first-network/seed-0").name
    'seed-0-a690b4dc8660.json'
    """
    if is_record_file(source):
        return Path(source)
    experiment = find_record(source, root).experiment
    path = records.find_path(experiment, root)
    if path is None:
        raise MissingRecord(
            f"{experiment.name} has no record that is stored; store it with pneumo.records.save(record)"
        )
    return path


def is_record_file(source: object) -> TypeGuard[str | Path]:
    """Whether this is the path of a file that, by its ending, is a record.

    >>> is_record_file("first-network/seed-0")
    False
    """
    return isinstance(source, str | Path) and Path(source).suffix == ".json" and Path(source).is_file()


def find_record(source: RecordSource, root: str | Path | None = None) -> Record:
    """The record that is meant; a record itself is returned as it is. Arguments and errors as in `find_record_file`.

    >>> find_record("first-network/seed-0").experiment.seed
    0
    """
    if is_record_file(source):
        return records.load(source)
    if isinstance(source, str | Path):
        source = _named(str(source), root)
    return records.get(source, root) if isinstance(source, Experiment) else source


def recorded_experiments(name: str, root: str | Path | None = None) -> list[Experiment]:
    """The experiments of stored records by name: of one ("films/cnn-seed-0") or of all in a folder ("films").

    Also finds what the study does not define, such as experiments of one's own. Empty where none has that name.

    >>> [each.seed for each in recorded_experiments("first-network")]
    [0, 1, 2, 3, 4]
    """
    return [records.load(path).experiment for path in _stored(name, root)]


def own_experiments(root: str | Path | None = None) -> list[Experiment]:
    """The experiments of stored records that the study does not define, neither by name nor by configuration.

    >>> own_experiments()
    []
    """
    from pneumo.experiments.study import all_experiments

    study = all_experiments()
    known = {experiment.name for experiment in study} | {experiment.key for experiment in study}
    # The key stands at the end of a file's name, so that the study's own records need not be read.
    others = (path for path in records.paths(root) if path.stem.rpartition("-")[2] not in known)
    return [each for each in (records.load(path).experiment for path in others) if each.name not in known]


def _stored(name: str, root: str | Path | None) -> Iterator[Path]:
    for folder in records.folders(root):
        for path in sorted(folder.rglob("*.json")):
            stored = path.relative_to(folder).as_posix().rpartition("-")[0]
            if stored == name or stored.startswith(f"{name}/"):
                yield path


def _named(name: str, root: str | Path | None) -> Experiment:
    """The one experiment of a name: the study's, or else that of a stored record."""
    from pneumo.experiments.study import find_experiment, is_defined

    paths = [] if is_defined(name) else list(_stored(name, root))
    if len(paths) > 1:
        raise RecordError(f"{name!r} means {len(paths)} records; name the file of one: {', '.join(map(str, paths))}")
    if paths:
        return records.load(paths[0]).experiment
    if name.endswith(".json"):
        raise MissingRecord(f"{name} does not exist; give the path of a record's file, or a name of `pneumo status`")
    return find_experiment(name)
