"""A page of the book with what scripts add to it, in a second: no cell is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from plain_edition import numbering, site
from plain_edition.book import load
from tools import interactive
from tools.chapters import parse

ROOT = Path(__file__).parents[2]


def write_page(folder: Path, text: str, *, cards: Mapping[str, Any] | None = None) -> Path:
    """The page of a chapter with this Markdown, in the plain edition's look; returns its path.

    cards: of the records that the page shows, see `pneumo.reporting.provenance.record_cards`.
    """
    (folder / "_quarto.yml").write_text("book:\n  title: Small\n  chapters: [index.qmd]\n", encoding="utf-8")
    (folder / "index.qmd").write_text(text, encoding="utf-8")
    interactive.write(ROOT, folder / "_interactive")
    if cards is not None:
        interactive.write_data("record-cards.js", "pneumoRecordCards", cards, folder / "_interactive")
    book = load(folder)
    chapter = parse(text, PurePosixPath("index.qmd"))
    numbered = numbering.number(book, [chapter], {chapter.path: text}, [])
    output = folder / "site"
    output.mkdir()
    site.copy_images(book, numbered, output)
    site.write(book, numbered, output, with_downloads=False)
    return output / "index.html"


def joined(module: str, expression: str) -> str:
    """A script whose value is that of an expression in the names of a module of `report/interactive/`."""
    script = interactive.join_modules(ROOT / interactive.SOURCES, module)
    return script.removesuffix("})();\n") + f"return ({expression});\n}})()"
