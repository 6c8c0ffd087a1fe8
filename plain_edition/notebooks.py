"""Each chapter as a notebook to download: its prose with the numbers put in, and its cells, not executed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import nbformat

from plain_edition.markdown import substituted
from tools.chapters import Cell, Chapter

MEASURED = re.compile(r"\[([^\]]*)\]\([^)]*\)\{\.measured\}")
DIV = re.compile(r"^:{3,}.*$", re.MULTILINE)
TITLE = re.compile(r'title="([^"]*)"')
ATTRIBUTES = re.compile(r"\s*\{[#.][^}]*\}")
FIRST = (
    "*A chapter of a book, as a notebook. Its cells need the package: run `pip install .` in a clone of the project, "
    "and this notebook from its top folder. Figures and tables are those of the book, from the records.*"
)


def write(chapter: Chapter, variables: Mapping[str, object], path: Path) -> None:
    """Write the chapter as a notebook to `path`. variables: the values of `{{< var ... >}}`."""
    cells = [nbformat.v4.new_markdown_cell(FIRST)]
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
