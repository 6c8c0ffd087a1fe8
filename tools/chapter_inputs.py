"""What the cells of a chapter depend on besides their own code: the package's code, records, weights and data.

jupyter-cache finds an executed chapter by the code of its cells. Whether that code would still put out the same depends
on more, and of all there is, on little: on the definitions it can reach, on the records of the experiments it names,
on their trained weights and on the images at hand where it looks at them, and on the files it names.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path, PurePosixPath

from pneumo import data, experiments, records
from pneumo.data.catalogue import default_name
from pneumo.experiments.config import Experiment
from pneumo.io.paths import weights_path
from tools import chapters
from tools.code_graph import CodeGraph, Definition, Source, parsed, read_sources, texts_in

PACKAGES = ("pneumo", "benchmarks", "tools")
"""Folders of the project whose code can be imported."""

KNOWN_BY_VALUE = (
    Definition("pneumo.experiments.runner", "_run_and_save"),  # trains what has no record: the record is an input
    Definition("pneumo.experiments.builders", "data_config"),  # looks a version up: it is part of the key
    Definition("pneumo.experiments.lookup", "recorded_experiments"),  # of the user's own: none of the book's
    Definition("pneumo.experiments.lookup", "_named"),  # what a user names; chapters give experiments themselves
    Definition("pneumo.deprecation", "OtherNames"),  # imports what a user names by a former name; chapters use none
)
"""Definitions whose results are inputs themselves, or that no chapter uses: the code behind them is no input."""

LOOKS_AT_IMAGES = Definition("pneumo.data.catalogue", "load")
LOOKS_FOR_WEIGHTS = Definition("pneumo.io.paths", "weights_path")
READS_ALL_RECORDS = {Definition("pneumo.experiments.records", name) for name in ("paths", "load_all")}


class ChapterInputs:
    """Digests of everything that pieces of the book's code depend on.

    project: the folder of the book and its packages. sources: the code of PACKAGES, by default as it is in `project`.
    root: the folder of records; by default those of `records.folders`.
    """

    def __init__(self, project: Path, sources: dict[str, Source] | None = None, *, root: Path | None = None) -> None:
        self.project = project
        self.root = root
        self.graph = CodeGraph(sources or read_sources(project, PACKAGES), not_followed=KNOWN_BY_VALUE)
        self._file_digest = cache(_file_digest)
        self._signature = cache(_signature)

    def chapter(self, path: PurePosixPath) -> str:
        """Digest of what the cells of a chapter, `path` in the project, depend on."""
        return self.of("\n".join(cell.code for cell in chapters.read(self.project, path).cells))

    def of(self, code: str) -> str:
        """Digest of what a piece of code depends on, besides the code."""
        reached = sorted(self.graph.reach(code))
        named = list(self.experiments_in(reached))
        digest = hashlib.sha256()
        for line in (
            *(f"code {each.module} {each.name} {text}" for each in reached if (text := self.graph.digest(each))),
            *(f"record {each.key} {self._record(each)}" for each in named),
            *(f"file {_place(path, self.project)} {self._file_digest(path)}" for path in self._files(code, reached)),
            *(self._weights(named) if LOOKS_FOR_WEIGHTS in reached else ()),
            *(self._images(named) if LOOKS_AT_IMAGES in reached else ()),
        ):
            digest.update(line.encode() + b"\n")
        return digest.hexdigest()

    def experiments_in(self, reached: Iterable[Definition]) -> list[Experiment]:
        """The experiments that definitions name: all that functions of the book's definitions return.

        Those of the whole book where any definition reads all records there are; never experiments of the user's own.
        """
        reached = set(reached)
        if reached & READS_ALL_RECORDS:
            reached |= self._definitions.keys()
        named = {each.key: each for name, make in self._definitions.items() if name in reached for each in make()}
        return [named[key] for key in sorted(named)]

    @cached_property
    def _definitions(self) -> dict[Definition, Callable[[], list[Experiment]]]:
        """The functions that define the book's experiments: those that need no argument, of the chapters' modules."""
        modules = {make.__module__ for make in experiments.GROUPS.values()}
        return {
            Definition(module, name): cache(lambda function=function: list(_experiments_of(function())))
            for module in sorted(modules)
            for name, function in inspect.getmembers(import_module(module), inspect.isfunction)
            if function.__module__ == module and not name.startswith("_") and _needs_no_argument(function)
            if function not in experiments.ON_REQUEST.values()  # whose data need not be here
        }

    @cached_property
    def _recorded(self) -> set[str]:
        """The keys of all records."""
        return {path.stem.rsplit("-", 1)[-1] for path in records.paths(self.root)}

    def _record(self, experiment: Experiment) -> str:
        """Digest of an experiment's record, "" where there is none."""
        path = records.find_path(experiment, self.root) if experiment.key in self._recorded else None
        return self._file_digest(path) if path else ""

    def _weights(self, named: Iterable[Experiment]) -> Iterator[str]:
        for experiment in named:
            path = weights_path(experiment.key)
            if path.is_file():
                status = path.stat()
                yield f"weights {experiment.key} {status.st_size} {status.st_mtime_ns}"

    def _images(self, named: Iterable[Experiment]) -> Iterator[str]:
        names = {default_name(), *(experiment.data.name for experiment in named)}
        return (f"images {name} {self._signature(name)}" for name in sorted(names))

    def _files(self, code: str, reached: Iterable[Definition]) -> list[Path]:
        """The files that code names by a text: from the project's folder, or below its module's own folder."""
        found = set(_existing(self.project, texts_in(parsed(code))))
        for definition in reached:
            texts = self.graph.texts(definition)
            folder = self.graph.modules[definition.module].source.path.parent
            found |= set(_existing(self.project, texts))
            found |= {path for path in self._data_files if path.name in texts and path.is_relative_to(folder)}
        return sorted(found)

    @cached_property
    def _data_files(self) -> list[Path]:
        """The files in the packages' folders that are no code."""
        files = (path for package in PACKAGES for path in (self.project / package).rglob("*"))
        return [path for path in files if path.suffix not in (".py", ".pyi", ".pyc", ".md") and path.is_file()]


def _place(path: Path, project: Path) -> str:
    """The path as it is written in any copy of the project, so that executed cells can be moved with it."""
    return (path.relative_to(project) if path.is_relative_to(project) else path).as_posix()


def _existing(folder: Path, texts: Iterable[str]) -> Iterator[Path]:
    # A name of a file has no line breaks, and 255 bytes at most.
    names = (text for text in texts if "." in text and "\n" not in text and len(text.encode()) < 256)
    return (folder / name for name in names if (folder / name).is_file())


def _experiments_of(result: object) -> Iterator[Experiment]:
    """The experiments in what a definition returns: a list, or a mapping of them."""
    values = result.values() if isinstance(result, dict) else result if isinstance(result, list | tuple) else [result]
    return (value for value in values if isinstance(value, Experiment))


def _needs_no_argument(function: Callable) -> bool:
    return all(
        parameter.default is not parameter.empty or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in inspect.signature(function).parameters.values()
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _signature(name: str) -> str:
    """Of a data set, "" where it is not on this machine."""
    try:
        return data.load(name).source.signature
    except data.DataError:
        return ""
