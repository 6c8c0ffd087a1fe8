"""A Quarto book's settings: `_quarto.yml`, a profile's additions, and the environment files."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from tools.plain.environment import kernel_environment
from tools.plain.errors import BuildError


@dataclass(frozen=True, kw_only=True)
class FigureDefaults:
    """How matplotlib draws unless a cell says otherwise; the defaults are Quarto's for HTML."""

    width: float = 7  # inches
    height: float = 5  # inches
    dpi: int = 96
    format: str = "retina"  # "retina", "png" or "svg"


@dataclass(frozen=True, kw_only=True)
class Book:
    """A book to render.

    project: the folder of `_quarto.yml`.
    chapters: paths of the .qmd files in reading order, relative to `project`.
    output: the folder to write, relative to `project`.
    cell_options: what a cell does unless its own `#|` lines say otherwise, by option name.
    banner: Markdown shown on every page, or "".
    environment: the variables of kernels and of the pre-render scripts.
    """

    project: Path
    profile: str
    title: str
    subtitle: str
    author: str
    language: str
    chapters: tuple[PurePosixPath, ...]
    output: PurePosixPath
    pre_render: tuple[str, ...]
    bibliography: str
    banner: str
    cell_options: Mapping[str, object]
    figures: FigureDefaults
    environment: Mapping[str, str]

    @property
    def pdf_name(self) -> str:
        """Quarto's name for the PDF of a book: its title, with hyphens for what a file name should not hold."""
        return re.sub(r"[^\w.-]+", "-", self.title).strip("-") + ".pdf"


def load(project: Path, profile: str = "") -> Book:
    """Read the settings of the book in `project`, with those of `profile` laid over them.

    Raises BuildError where a file is missing or a setting is outside the subset.
    """
    settings = _settings(project, profile)
    book = settings.get("book", {})
    html = (settings.get("format") or {}).get("html") or {}
    if not isinstance(book.get("title"), str) or not book.get("chapters"):
        raise BuildError([f"{project / '_quarto.yml'}: book: title and book: chapters are needed"])
    announcement = settings.get("website", {}).get("announcement", "")
    return Book(
        project=project,
        profile=profile,
        title=book["title"],
        subtitle=book.get("subtitle", ""),
        author=_author(book.get("author", "")),
        language=settings.get("lang", "en"),
        chapters=tuple(_chapter(project, entry) for entry in book["chapters"]),
        output=PurePosixPath(settings["project"].get("output-dir", "_book")),
        pre_render=_listed(settings["project"].get("pre-render")),
        bibliography=_one_bibliography(settings),
        banner=announcement["content"] if isinstance(announcement, dict) else announcement,
        cell_options={"echo": True, "warning": True, **_cell_options(settings.get("execute", {}), html)},
        figures=_figures(html),
        environment=kernel_environment(project, profile),
    )


def pre_render(book: Book) -> None:
    """Run the scripts that Quarto runs before a render, with this environment's Python, from the project's folder."""
    environment = {
        **book.environment,
        "QUARTO_PROJECT_RENDER_ALL": "1",
        "QUARTO_PROJECT_OUTPUT_DIR": str(book.project / book.output),
    }
    for script in book.pre_render:
        words = shlex.split(script)
        command = [sys.executable, *words[1:]] if words[0] in ("python", "python3") else words
        code = subprocess.run(command, cwd=book.project, env=environment, check=False).returncode
        if code:
            raise BuildError([f"_quarto.yml: pre-render: `{script}` ended with status {code}"])


def read_variables(project: Path) -> dict[str, object]:
    """The values of `{{< var ... >}}`: the content of `_variables.yml`, or nothing where there is none."""
    path = project / "_variables.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def _settings(project: Path, profile: str) -> dict:
    names = ["_quarto.yml"] + ([f"_quarto-{profile}.yml"] if profile else [])
    merged: dict = {}
    for name in names:
        path = project / name
        if not path.is_file():
            raise BuildError([f"{path}: no such file"])
        merged = _merge(merged, yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    merged.setdefault("project", {})
    return merged


def _merge(base: object, addition: object) -> object:
    """Quarto's rule for profiles: mappings merge key by key, lists are joined, any other value replaces the first."""
    if isinstance(base, dict) and isinstance(addition, dict):
        return {
            key: _merge(base[key], addition[key])
            if key in base and key in addition
            else addition.get(key, base.get(key))
            for key in [*base, *(k for k in addition if k not in base)]
        }
    if isinstance(base, list) and isinstance(addition, list):
        return base + [value for value in addition if value not in base]
    return addition


def _chapter(project: Path, entry: object) -> PurePosixPath:
    if not isinstance(entry, str):
        raise BuildError([f"_quarto.yml: book: chapters: {entry!r} is not a path; the plain edition knows no parts"])
    if not (project / entry).is_file():
        raise BuildError([f"_quarto.yml: book: chapters: {entry}: no such file"])
    return PurePosixPath(entry)


def _author(author: object) -> str:
    authors = author if isinstance(author, list) else [author]
    return ", ".join(entry["name"] if isinstance(entry, dict) else str(entry) for entry in authors)


def _listed(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _one_bibliography(settings: dict) -> str:
    files = _listed(settings.get("bibliography"))
    if len(files) > 1:
        raise BuildError([f"_quarto.yml: bibliography: {', '.join(files)}: the plain edition reads one file"])
    return files[0] if files else ""


def _cell_options(execute: dict, html: dict) -> dict[str, object]:
    named = {name: execute[name] for name in ("echo", "eval", "include", "output", "warning") if name in execute}
    return named | {name: html[name] for name in ("code-fold", "code-summary") if name in html}


def _figures(html: dict) -> FigureDefaults:
    names = {"width": "fig-width", "height": "fig-height", "dpi": "fig-dpi", "format": "fig-format"}
    return FigureDefaults(**{field: html[key] for field, key in names.items() if key in html})
