"""The site: one page a chapter, in our template."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from plain_edition import pandoc
from plain_edition.book import Book
from plain_edition.numbering import NumberedBook, NumberedChapter
from tools.errors import stop_on

ASSETS = ("style.css", "theme.js", "page.js")

INTERACTIVE = "interactive"
"""What a pre-render script leaves in the folder `_interactive` of the project, in the folder of assets."""


def copy_images(book: Book, numbered: NumberedBook, folder: Path) -> None:
    """Copy the images that the prose shows from the project into `folder`, where those drawn by cells are already.

    Raises BuildError for an image that is in neither.
    """
    problems = []
    for chapter in numbered.chapters:
        for source in _image_sources(chapter.document["blocks"]):
            path = _from_root(chapter.chapter.path, source)
            if (folder / path).is_file():
                continue
            if not (book.project / path).is_file():
                problems.append(f"{chapter.chapter.path}: the image {source} does not exist")
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(book.project / path, folder / path)
    stop_on(problems)


def write(book: Book, numbered: NumberedBook, folder: Path, *, with_pdf: bool) -> None:
    """Write the pages of all chapters and what they need into `folder`. with_pdf: whether to link to the PDF."""
    assets = folder / "assets"
    assets.mkdir()
    for name in ASSETS:
        shutil.copyfile(pandoc.HERE / name, assets / name)
    if (book.project / f"_{INTERACTIVE}").is_dir():
        shutil.copytree(book.project / f"_{INTERACTIVE}", assets / INTERACTIVE)
    _copy_resources(book, folder)
    banner = pandoc.banner_metadata(book)
    with pandoc.index_file(numbered.index) as index:

        def page(position: int) -> None:
            metadata = _page_metadata(book, numbered, position, with_pdf=with_pdf) | banner
            _write_page(book, numbered.chapters[position], metadata, index, folder)

        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(page, range(len(numbered.chapters))))


def _copy_resources(book: Book, folder: Path) -> None:
    for pattern in book.resources:
        for path in filter(Path.is_file, book.project.glob(pattern)):
            copied = folder / path.relative_to(book.project)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)


def _write_page(book: Book, chapter: NumberedChapter, metadata: dict, index: Path, folder: Path) -> None:
    options = [
        "--from=json",
        "--to=html5",
        f"--template={pandoc.HERE / 'template.html'}",
        "--mathml",
        "--wrap=none",
        "--toc",
        "--toc-depth=3",
        f"--lua-filter={pandoc.HERE / 'layout.lua'}",
        "--citeproc",
    ]
    metadata |= pandoc.layout_metadata(book, chapter.chapter.path, "html", index)
    document = {**chapter.document, "meta": metadata}
    page = folder / chapter.chapter.page
    page.parent.mkdir(parents=True, exist_ok=True)
    html = pandoc.run(options, json.dumps(document), where=str(chapter.chapter.path))
    page.write_text(html, encoding="utf-8")


def _page_metadata(book: Book, numbered: NumberedBook, position: int, *, with_pdf: bool) -> dict:
    """What template.html shows around the chapter at `position`."""
    chapter = numbered.chapters[position]
    page = chapter.chapter.page
    entries = [_entry(other, page) for other in numbered.chapters]
    entries[position]["current"] = True
    values = {
        "lang": book.language,
        "pagetitle": f"{chapter.title} – {book.title}" if chapter.title != book.title else book.title,
        "book-title": book.title,
        "book-subtitle": book.subtitle,
        "book-author": book.author,
        "root": _relative(PurePosixPath("assets"), page).removesuffix("assets"),
        "home": entries[0]["href"],
        "chapters": entries,
    }
    if position == 0:
        values["is-first"] = True
    else:
        values["previous"] = entries[position - 1]
    if position + 1 < len(entries):
        values["next"] = entries[position + 1]
    if (book.project / f"_{INTERACTIVE}").is_dir():
        values["interactive"] = True
    if with_pdf:
        values["pdf"] = _relative(PurePosixPath(book.pdf_name), page)
    return pandoc.meta(values)["c"]


def _entry(chapter: NumberedChapter, page: PurePosixPath) -> dict:
    """A line of the sidebar, as seen from `page`."""
    entry = {"title": chapter.title, "href": _relative(chapter.chapter.page, page)}
    return entry | ({"number": chapter.number} if chapter.number else {})


def _relative(target: PurePosixPath, page: PurePosixPath) -> str:
    return os.path.relpath(target, page.parent)


def _from_root(chapter: PurePosixPath, source: str) -> str:
    """An image's path from the project's folder; in Quarto "/" begins there, any other path at the chapter."""
    return os.path.normpath(source.lstrip("/") if source.startswith("/") else chapter.parent / source)


def _image_sources(node: object) -> Iterator[str]:
    """The targets of all images in a part of pandoc's document tree."""
    if isinstance(node, dict):
        if node.get("t") == "Image":
            yield node["c"][2][0]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _image_sources(child)
