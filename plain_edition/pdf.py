"""The PDF: all chapters in one document, set by Typst."""

from __future__ import annotations

import json
from pathlib import Path

import typst

from plain_edition import pandoc
from plain_edition.book import Book
from plain_edition.numbering import NumberedBook
from tools.errors import BuildError, stop_on


def write(book: Book, numbered: NumberedBook, folder: Path) -> None:
    """Write the book's PDF into `folder`, which holds the images.

    Raises BuildError with Typst's message where it cannot set the book.
    """
    source = _source(book, numbered)
    try:
        # Only the fonts that come with Typst, so that the PDF is the same everywhere.
        pdf, warnings = typst.compile_with_warnings(
            source.encode(), root=str(folder), font_paths=[], ignore_system_fonts=True
        )
    except typst.TypstError as error:
        raise BuildError([f"{book.pdf_name}: {error}", *error.hints]) from error
    stop_on(f"{book.pdf_name}: {warning}" for warning in warnings)
    (folder / book.pdf_name).write_bytes(pdf)


def _source(book: Book, numbered: NumberedBook) -> str:
    """The book in Typst's language."""
    with pandoc.index_file(numbered.index) as index:
        documents = pandoc.laid_out(book, numbered, "typst", index)
    blocks = []
    for chapter, document in zip(numbered.chapters, documents, strict=True):
        if book.appendices and chapter.chapter.path == book.appendices[0]:
            blocks.append({"t": "RawBlock", "c": ["typst", "#show: appendices"]})
        blocks += document["blocks"]
    if book.bibliography and '"t": "Cite"' in json.dumps(blocks):
        blocks += pandoc.bibliography()
    metadata = (
        pandoc.meta(
            {
                "lang": book.language,
                "title": book.title,
                "subtitle": book.subtitle,
                "author": book.author,
            }
        )["c"]
        | pandoc.citation_metadata(book)
        | ({"banner": pandoc.inlines(book.banner)} if book.banner else {})
    )
    document = {**documents[0], "blocks": blocks, "meta": metadata}
    options = [
        "--from=json",
        "--to=typst-citations-smart",  # quotation marks as they are: Typst would guess their side
        f"--template={pandoc.HERE / 'book.typ'}",
        "--wrap=none",
        "--syntax-highlighting=idiomatic",
        "--citeproc",
    ]
    return pandoc.run(options, json.dumps(document), where=book.pdf_name)
