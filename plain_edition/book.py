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
    parts: the title of each part, by its first chapter. appendices: those of `chapters` that are numbered by letters.
    output: the folder to write, relative to `project`. pdf_name: of the file in it.
    downloads: what is made beside the site and the PDF, "epub".
    description: one paragraph for search engines and shared links, or "".
    stylesheets: CSS files of the site, paths in `project`. social_card: path of the image for shared links, or "".
    footer: Markdown at the foot of every page, or "". favicon: path of the site's icon in `project`, or "".
    repository: address of the project's repository, or "". actions: what pages link to there, of "edit" and "issue".
    site: address at which the book is published, or "".
    filters: pandoc filters that Quarto runs before its own, paths in `project`.
    cell_options: what a cell does unless its own `#|` lines say otherwise, by option name.
    pdf_code: whether the PDF shows the code of cells that the site folds.
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
    parts: Mapping[PurePosixPath, str]
    appendices: tuple[PurePosixPath, ...]
    output: PurePosixPath
    downloads: tuple[str, ...]
    pdf_name: str
    description: str
    stylesheets: tuple[str, ...]
    social_card: str
    footer: str
    favicon: str
    repository: str
    actions: tuple[str, ...]
    site: str
    filters: tuple[str, ...]
    pre_render: tuple[str, ...]
    resources: tuple[str, ...]
    bibliography: str
    banner: str
    cell_options: Mapping[str, object]
    pdf_code: bool
    figures: FigureDefaults
    environment: Mapping[str, str]

    @property
    def epub_name(self) -> str:
        return str(PurePosixPath(self.pdf_name).with_suffix(".epub"))


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
        parts=read.parts,
        appendices=read.appendices,
        output=read.output,
        downloads=_listed(book.get("downloads")),
        pdf_name=_file_name(book.get("output-file") or book["title"]) + ".pdf",
        description=" ".join(str(book.get("description", "")).split()),
        stylesheets=_listed(html.get("css")),
        social_card=_social_card(book.get("open-graph")),
        footer=_footer(book.get("page-footer", "")),
        favicon=book.get("favicon", ""),
        repository=str(book.get("repo-url", "")).rstrip("/"),
        actions=_listed(book.get("repo-actions")),
        site=str(book.get("site-url", "")).rstrip("/"),
        filters=_early_filters(values.get("filters")),
        pre_render=_listed(values.get("project", {}).get("pre-render")),
        resources=_listed(values.get("project", {}).get("resources")),
        bibliography=_one_bibliography(values),
        banner=announcement["content"] if isinstance(announcement, dict) else announcement,
        cell_options={"echo": True, "warning": True, **_cell_options(values.get("execute", {}), html)},
        pdf_code=bool(_typst(values).get("echo", True)),
        figures=_figures({**values, **html}),
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
        if words[0].endswith(".py"):
            words.insert(0, "python")
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


def _file_name(title: str) -> str:
    """As Quarto names the PDF of a book: hyphens for what a file name should not hold."""
    return re.sub(r"[^\w.-]+", "-", title).strip("-")


def _footer(footer: object) -> str:
    """The text of a footer, which Quarto also takes apart into left, center and right."""
    places = footer if isinstance(footer, dict) else {"left": footer}
    return " · ".join(str(places[place]).strip() for place in ("left", "center", "right") if places.get(place))


def _social_card(open_graph: object) -> str:
    return str(open_graph.get("image", "")) if isinstance(open_graph, dict) else ""


def _early_filters(filters: object) -> tuple[str, ...]:
    """The filters before "quarto". Those after it are for what Quarto makes of a chapter."""
    named = _listed(filters)
    return named[: named.index("quarto")] if "quarto" in named else ()


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


def _typst(values: Mapping) -> Mapping:
    typst = (values.get("format") or {}).get("typst")
    return typst if isinstance(typst, dict) else {}


def _figures(values: Mapping) -> FigureDefaults:
    names = {"width": "fig-width", "height": "fig-height", "dpi": "fig-dpi", "format": "fig-format"}
    return FigureDefaults(**{field: values[key] for field, key in names.items() if key in values})
