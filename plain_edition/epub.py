"""The EPUB: all chapters in one book for readers, made by pandoc."""

from __future__ import annotations

import json
from pathlib import Path

from plain_edition import pandoc
from plain_edition.book import Book
from plain_edition.numbering import NumberedBook

STYLESHEET = "epub.css"


def write(book: Book, numbered: NumberedBook, folder: Path) -> None:
    """Write the book's EPUB into `folder`, which holds the images. Raises BuildError where pandoc complains."""
    with pandoc.index_file(numbered.index) as index:
        documents = pandoc.laid_out(book, numbered, "epub", index)
    blocks = [block for document in documents for block in document["blocks"]]
    values = {"lang": book.language, "title": book.title, "subtitle": book.subtitle, "author": book.author}
    metadata = pandoc.meta({**values, "description": book.description})["c"] | pandoc.citation_metadata(book)
    if book.bibliography:
        blocks += pandoc.bibliography()
    document = {**documents[0], "blocks": blocks, "meta": metadata}
    options = [
        "--from=json",
        "--to=epub3",
        "--mathml",
        "--toc-depth=2",
        "--split-level=1",
        "--citeproc",
        f"--resource-path={folder}",
        f"--css={pandoc.HERE / STYLESHEET}",
        f"--output={folder / book.epub_name}",
    ]
    pandoc.run(options, json.dumps(document), where=book.epub_name)
