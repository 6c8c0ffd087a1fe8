"""Each chapter as a notebook to download: its prose with the numbers put in, and its cells, not executed."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import nbformat
import yaml

from tools import chapters, settings
from tools.chapters import Cell, Chapter, substituted

FOLDER = PurePosixPath("notebooks")
"""Where the notebooks are, in the project and on the site; `_quarto.yml` names them as resources."""

LINKS = "links.json"
"""The file of that folder that says what each chapter's page links to; book.lua and the plain edition read it."""

MEASURED = re.compile(r"\[([^\]]*)\]\([^)]*\)\{\.measured\}")
DIV = re.compile(r"^:{3,}.*$", re.MULTILINE)
TITLE = re.compile(r'title="([^"]*)"')
ATTRIBUTES = re.compile(r"\s*\{[#.][^}]*\}")
FIRST = (
    "*A chapter of a book, as a notebook. Its cells need the package: run `pip install .` in a clone of the project. "
    "Figures and tables are those of the book, from the records. Save it under another name before you change it: to "
    "render the book writes it anew.*"
)
TOP_FOLDER = """# The cells are to run in the project's top folder.
import os
from pathlib import Path

if not Path("_quarto.yml").exists() and Path("../_quarto.yml").exists():
    os.chdir("..")"""


def write_all(project: Path, profile: str = "") -> None:
    """Write a notebook of each chapter that has cells, and LINKS, into FOLDER. `_variables.yml` has to be there.

    Raises BuildError where the settings or a chapter cannot be read.
    """
    book = settings.read(project, profile)
    variables = yaml.safe_load((project / "_variables.yml").read_text(encoding="utf-8")) or {}
    repository = str(dict(book.values["book"]).get("repo-url", "")).rstrip("/")
    links = {}
    for path in book.chapters:
        chapter = chapters.read(project, path)
        if chapter.cells:
            notebook = FOLDER / f"{path.stem}.ipynb"
            (project / FOLDER).mkdir(exist_ok=True)
            write(chapter, variables, project / notebook)
            links[str(path)] = _links(path, notebook, repository)
    if links:
        (project / FOLDER / LINKS).write_text(json.dumps(links, indent=1) + "\n", encoding="utf-8")


def links(project: Path, chapter: PurePosixPath) -> list[dict[str, str]]:
    """What the chapter's page links to, "text" and "href" of each; empty where there is no notebook of it.

    chapter: the path of its .qmd file, relative to `project`.
    """
    path = project / FOLDER / LINKS
    return json.loads(path.read_text(encoding="utf-8")).get(str(chapter), []) if path.exists() else []


def _links(chapter: PurePosixPath, notebook: PurePosixPath, repository: str) -> list[dict[str, str]]:
    up = "../" * (len(chapter.parts) - 1)
    found = [{"text": "Download this chapter as a notebook", "href": f"{up}{notebook}"}]
    if address := binder_address(repository, notebook):
        found.append({"text": "Run it on Binder", "href": address})
    return found


def binder_address(repository: str, notebook: PurePosixPath) -> str:
    """The address at which Binder opens a notebook of a repository on GitHub or GitLab; "" for any other.

    >>> binder_address("https://github.com/owner/name", PurePosixPath("notebooks/scaling.ipynb"))
    'https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab%2Ftree%2Fnotebooks%2Fscaling.ipynb'
    """
    host = re.fullmatch(r"https://(github|gitlab)\.com/(.+?)(?:\.git)?", repository)
    if not host:
        return ""
    place = f"gh/{host[2]}" if host[1] == "github" else f"gl/{urllib.parse.quote(host[2], safe='')}"
    return f"https://mybinder.org/v2/{place}/HEAD?urlpath={urllib.parse.quote(f'lab/tree/{notebook}', safe='')}"


def write(chapter: Chapter, variables: Mapping[str, object], path: Path) -> None:
    """Write the chapter as a notebook to `path`. variables: the values of `{{< var ... >}}`."""
    cells = [nbformat.v4.new_markdown_cell(FIRST), nbformat.v4.new_code_cell(TOP_FOLDER)]
    for piece in chapter.pieces:
        if isinstance(piece, Cell):
            cells.append(nbformat.v4.new_code_cell(piece.code))
            continue
        text, _ = substituted(piece.text, variables)
        cells.append(nbformat.v4.new_markdown_cell(_plain(text)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # random ones would differ in each render
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _plain(text: str) -> str:
    """Markdown without what only Quarto understands: a callout is its title in bold and its text."""
    text = DIV.sub(lambda div: f"**{title[1]}**\n" if (title := TITLE.search(div[0])) else "", text)
    return ATTRIBUTES.sub("", MEASURED.sub(r"\1", text)).strip()
