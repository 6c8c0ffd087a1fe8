"""The settings of a Quarto book that a render of either kind needs: chapters, output folder, environment variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from tools.environment import kernel_environment
from tools.errors import BuildError

APPENDICES = "Appendices"
"""What Quarto writes above the appendices in the navigation."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `_quarto.yml`, a profile's `_quarto-<profile>.yml` and the environment files say.

    project: the folder of `_quarto.yml`. profile: the profile's name, or "".
    values: the two YAML files, merged.
    chapters: the .qmd files in reading order, relative to `project`, those of parts and the appendices included.
    parts: the title of each part, by its first chapter; "Appendices" by the first appendix.
    appendices: those of `chapters` that stand under `appendices`.
    output: the folder that a render writes, relative to `project`.
    environment: the variables of kernels and of pre-render scripts.
    """

    project: Path
    profile: str
    values: Mapping[str, object]
    chapters: tuple[PurePosixPath, ...]
    parts: Mapping[PurePosixPath, str]
    appendices: tuple[PurePosixPath, ...]
    output: PurePosixPath
    environment: Mapping[str, str]


def read(project: Path, profile: str = "") -> Settings:
    """Read the settings of the book in `project`, with those of `profile` laid over them.

    Raises BuildError where a file is missing, or a chapter is not the path of a file.
    """
    values = _merged_files(project, profile)
    book = values.get("book", {})
    parts = _parts(project, book.get("chapters"))
    appendices = tuple(_chapter(project, entry) for entry in book.get("appendices") or ())
    if appendices:
        parts.append((APPENDICES, appendices))
    return Settings(
        project=project,
        profile=profile,
        values=values,
        chapters=tuple(chapter for _, chapters in parts for chapter in chapters),
        parts={chapters[0]: title for title, chapters in parts if title},
        appendices=appendices,
        output=PurePosixPath(values.get("project", {}).get("output-dir", "_book")),
        environment=kernel_environment(project, profile),
    )


def _merged_files(project: Path, profile: str) -> dict:
    merged: dict = {}
    for name in ["_quarto.yml"] + ([f"_quarto-{profile}.yml"] if profile else []):
        path = project / name
        if not path.is_file():
            raise BuildError([f"{path}: no such file"])
        merged = _merged(merged, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return merged


def _merged(base: object, addition: object) -> object:
    """Quarto's rule for profiles: mappings merge key by key, lists are joined, any other value replaces the first."""
    if isinstance(base, dict) and isinstance(addition, dict):
        both = {key: _merged(base[key], addition[key]) for key in base if key in addition}
        return {**base, **addition, **both}
    if isinstance(base, list) and isinstance(addition, list):
        return base + [value for value in addition if value not in base]
    return addition


def _parts(project: Path, entries: Iterable[object] | None) -> list[tuple[str, tuple[PurePosixPath, ...]]]:
    """Each part's title, "" for a chapter that stands in none, and its chapters."""
    parts = []
    for entry in entries or ():
        if not isinstance(entry, dict):
            parts.append(("", (_chapter(project, entry),)))
            continue
        title, chapters = entry.get("part"), entry.get("chapters")
        if not isinstance(title, str) or not isinstance(chapters, list) or not chapters:
            raise BuildError(
                [f"_quarto.yml: book: chapters: {entry!r} is no part; give it a part: TITLE and chapters:"]
            )
        parts.append((title, tuple(_chapter(project, chapter) for chapter in chapters)))
    return parts


def _chapter(project: Path, entry: object) -> PurePosixPath:
    if not isinstance(entry, str):
        raise BuildError([f"_quarto.yml: book: chapters: {entry!r} is not the path of a .qmd file"])
    if not (project / entry).is_file():
        raise BuildError([f"_quarto.yml: book: chapters: {entry}: no such file"])
    return PurePosixPath(entry)
