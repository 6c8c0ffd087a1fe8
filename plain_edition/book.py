"""A Quarto book's settings, as far as the plain edition understands them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from tools import settings
from tools.errors import BuildError


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
    resources: patterns of files that the site holds as they are, relative to `project`.
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
    resources: tuple[str, ...]
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
    read = settings.read(project, profile)
    values = read.values
    book = values.get("book", {})
    html = (values.get("format") or {}).get("html") or {}
    if not isinstance(book.get("title"), str) or not read.chapters:
        raise BuildError([f"{project / '_quarto.yml'}: book: title and book: chapters are needed"])
    announcement = values.get("website", {}).get("announcement", "")
    return Book(
        project=project,
        profile=profile,
        title=book["title"],
        subtitle=book.get("subtitle", ""),
        author=_author(book.get("author", "")),
        language=values.get("lang", "en"),
        chapters=read.chapters,
        output=read.output,
        pre_render=_listed(values.get("project", {}).get("pre-render")),
        resources=_listed(values.get("project", {}).get("resources")),
        bibliography=_one_bibliography(values),
        banner=announcement["content"] if isinstance(announcement, dict) else announcement,
        cell_options={"echo": True, "warning": True, **_cell_options(values.get("execute", {}), html)},
        figures=_figures(html),
        environment=read.environment,
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


def _author(author: object) -> str:
    authors = author if isinstance(author, list) else [author]
    return ", ".join(entry["name"] if isinstance(entry, dict) else str(entry) for entry in authors)


def _listed(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _one_bibliography(values: Mapping) -> str:
    files = _listed(values.get("bibliography"))
    if len(files) > 1:
        raise BuildError([f"_quarto.yml: bibliography: {', '.join(files)}: the plain edition reads one file"])
    return files[0] if files else ""


def _cell_options(execute: dict, html: dict) -> dict[str, object]:
    named = {name: execute[name] for name in ("echo", "eval", "include", "output", "warning") if name in execute}
    return named | {name: html[name] for name in ("code-fold", "code-summary") if name in html}


def _figures(html: dict) -> FigureDefaults:
    names = {"width": "fig-width", "height": "fig-height", "dpi": "fig-dpi", "format": "fig-format"}
    return FigureDefaults(**{field: html[key] for field, key in names.items() if key in html})
