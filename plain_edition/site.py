"""The site: one page a chapter, in our template."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from plain_edition import pandoc, search_index
from plain_edition.book import Book
from plain_edition.numbering import NumberedBook, NumberedChapter
from tools import notebooks
from tools.errors import stop_on

ASSETS = ("style.css", "theme.js", "page.js", "search.js", "previews.js")
STYLESHEET_FILE = re.compile(r"""url\(["']?(?!data:|https?:|#)([^"')]+)["']?\)""")
"""A file that a stylesheet names."""

ACTIONS = {"edit": ("Edit this page", "/edit/main/{path}"), "issue": ("Report a mistake", "/issues/new?title={title}")}
"""What a page links to in the project's repository: the text, and the address below the repository's."""

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


def write(book: Book, numbered: NumberedBook, folder: Path, *, with_downloads: bool) -> None:
    """Write the pages of all chapters and what they need into `folder`.

    with_downloads: whether to link to the PDF and the EPUB.
    """
    assets = folder / "assets"
    assets.mkdir()
    for name in ASSETS:
        shutil.copyfile(pandoc.HERE / name, assets / name)
    shared = _shared_metadata(book) | {"css": _copy_stylesheets(book, assets)}
    for name in filter(None, (book.favicon, _social_card(book))):
        shutil.copyfile(book.project / name, assets / PurePosixPath(name).name)
    if (book.project / f"_{INTERACTIVE}").is_dir():
        shutil.copytree(book.project / f"_{INTERACTIVE}", assets / INTERACTIVE)
    _copy_resources(book, folder)
    with pandoc.index_file(numbered.index) as index:

        def page(position: int) -> None:
            metadata = _page_metadata(book, numbered, position, shared, with_downloads=with_downloads)
            _write_page(book, numbered.chapters[position], metadata, index, folder)

        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(page, range(len(numbered.chapters))))
    _write_indices(numbered, folder, assets)


def write_page(book: Book, numbered: NumberedBook, path: PurePosixPath, folder: Path) -> None:
    """Write the page of one chapter anew into a site that is there; its search and previews stay as they are."""
    position = next(place for place, each in enumerate(numbered.chapters) if each.chapter.path == path)
    shared = _shared_metadata(book) | {"css": [PurePosixPath(name).name for name in book.stylesheets]}
    downloads = (folder / book.pdf_name).exists()
    metadata = _page_metadata(book, numbered, position, shared, with_downloads=downloads)
    with pandoc.index_file(numbered.index) as index:
        _write_page(book, numbered.chapters[position], metadata, index, folder)


def _write_indices(numbered: NumberedBook, folder: Path, assets: Path) -> None:
    """Write what the search and the previews load, as scripts: a page opened from disk may not read other files."""
    paths = [chapter.chapter.page for chapter in numbered.chapters]
    pages = [search_index.read_page((folder / path).read_text(encoding="utf-8"), str(path)) for path in paths]
    previews = {identifier: text for page in pages for identifier, text in page.previews.items()}
    for name, variable, value in (
        ("search-index.js", "searchIndex", search_index.search_entries(pages)),
        ("previews-index.js", "previewTexts", previews),
    ):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        (assets / name).write_text(f"window.{variable} = {text};\n", encoding="utf-8")


def _copy_stylesheets(book: Book, assets: Path) -> list[str]:
    """Copy the book's own stylesheets, and the files that they name, into `assets`; return their names there."""
    names = []
    for source in map(PurePosixPath, book.stylesheets):
        text = (book.project / source).read_text(encoding="utf-8")
        for reference in STYLESHEET_FILE.findall(text):
            file = PurePosixPath(reference)
            shutil.copyfile(book.project / source.parent / file, assets / file.name)
            text = text.replace(reference, file.name)
        (assets / source.name).write_text(text, encoding="utf-8")
        names.append(source.name)
    return names


def _social_card(book: Book) -> str:
    """The image that stands for the book where it is shared, or "" where none was drawn."""
    return book.social_card if book.social_card and (book.project / book.social_card).is_file() else ""


def _shared_metadata(book: Book) -> dict:
    """What template.html shows on every page, but for paths, which differ."""
    markdown = {"banner": book.banner, "footer": book.footer}
    return {name: value for name, text in markdown.items() for value in [pandoc.inlines(text)] if text}


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
    # The table of contents stands on a page twice.
    html = re.sub(r' id="toc-[^"]*"', "", html)
    page.write_text(html, encoding="utf-8")


def _page_metadata(book: Book, numbered: NumberedBook, position: int, shared: dict, *, with_downloads: bool) -> dict:
    """What template.html shows around the chapter at `position`. shared: see `_shared_metadata`, and css."""
    chapter = numbered.chapters[position]
    page = chapter.chapter.page
    entries = [_entry(book, other, page) for other in numbered.chapters]
    entries[position]["current"] = True
    assets = PurePosixPath("assets")
    values = {
        "lang": book.language,
        "pagetitle": book.title if position == 0 else f"{chapter.title} – {book.title}",
        "description": book.description if position == 0 else _opening(chapter) or book.description,
        "book-title": book.title,
        "book-subtitle": book.subtitle,
        "book-author": book.author,
        "root": _relative(assets, page).removesuffix("assets"),
        "home": entries[0]["href"],
        "chapters": entries,
        "css": [_relative(assets / name, page) for name in shared["css"]],
        "actions": [
            *notebooks.links(book.project, chapter.chapter.path),
            *(_action(book, chapter, name) for name in book.actions if book.repository and name in ACTIONS),
        ],
    }
    if book.favicon:
        values["favicon"] = _relative(assets / PurePosixPath(book.favicon).name, page)
    if book.site:
        values["address"] = f"{book.site}/{page}"
    if card := _social_card(book):
        name = PurePosixPath(card).name
        values["social-card"] = f"{book.site}/assets/{name}" if book.site else _relative(assets / name, page)
    if position == 0:
        values["is-first"] = True
    else:
        values["previous"] = entries[position - 1]
    if position + 1 < len(entries):
        values["next"] = entries[position + 1]
    if (book.project / f"_{INTERACTIVE}").is_dir():
        values["interactive"] = True
    if with_downloads:
        values["pdf"] = _relative(PurePosixPath(book.pdf_name), page)
        if "epub" in book.downloads:
            values["epub"] = _relative(PurePosixPath(book.epub_name), page)
    return pandoc.meta(values)["c"] | {name: value for name, value in shared.items() if name != "css"}


def _entry(book: Book, chapter: NumberedChapter, page: PurePosixPath) -> dict:
    """A line of the sidebar, as seen from `page`."""
    entry = {"title": chapter.title, "href": _relative(chapter.chapter.page, page)}
    if chapter.chapter.path in book.parts:
        entry["part"] = book.parts[chapter.chapter.path]
    return entry | ({"number": chapter.number} if chapter.number else {})


def _action(book: Book, chapter: NumberedChapter, name: str) -> dict:
    text, address = ACTIONS[name]
    title = urllib.parse.quote(f"Mistake in {chapter.chapter.path}")
    return {"text": text, "href": book.repository + address.format(path=chapter.chapter.path, title=title)}


def _opening(chapter: NumberedChapter) -> str:
    """The first paragraph of a chapter as text, which asks its question."""
    first = next((block for block in chapter.document["blocks"] if block["t"] == "Para"), None)
    return pandoc.text_of(first)[:300] if first else ""


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
