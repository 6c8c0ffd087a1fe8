"""The first pass over all chapters: numbers, and the index by which chapters refer to one another."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from plain_edition import pandoc
from plain_edition.book import Book
from tools.chapters import Chapter
from tools.errors import BuildError, stop_on


@dataclass(frozen=True, kw_only=True)
class NumberedChapter:
    """A chapter as pandoc's document tree, with its numbers.

    number: "2", "A" for an appendix, or "" for an unnumbered chapter. title: as text. document: pandoc's JSON.
    """

    chapter: Chapter
    number: str
    title: str
    heading: str
    document: dict


@dataclass(frozen=True, kw_only=True)
class NumberedBook:
    """All chapters in reading order. index: what layout.lua reads to resolve references, as JSON."""

    chapters: tuple[NumberedChapter, ...]
    index: str


def number(
    book: Book, chapters: list[Chapter], texts: Mapping[PurePosixPath, str], citations: list[str]
) -> NumberedBook:
    """Number every chapter's sections, figures, tables and equations.

    texts: Markdown by chapter path. citations: the keys of the bibliography.
    Raises BuildError for labels used twice and for what number.lua finds.
    """
    numbers = _chapter_numbers(book, chapters, texts)
    arguments = [(book, chapter, numbers[chapter.path], texts[chapter.path]) for chapter in chapters]
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda given: _number_chapter(*given), arguments))
    numbered = tuple(result[0] for result in results)
    indices = {result[0].chapter.path: result[1] for result in results}
    stop_on(f"{path}: {problem}" for path, index in indices.items() for problem in index["problems"])
    return NumberedBook(chapters=numbered, index=_joined(numbered, indices, citations))


def summary(numbered: NumberedBook) -> dict:
    """What a render of one chapter needs of the others: the index, and the number and title of each, as JSON."""
    chapters = [
        {"path": str(each.chapter.path), "number": each.number, "title": each.title, "heading": each.heading}
        for each in numbered.chapters
    ]
    return {"chapters": chapters, "index": json.loads(numbered.index)}


def renumber(book: Book, chapter: Chapter, text: str, before: dict) -> NumberedBook:
    """The book with one chapter numbered anew. before: the `summary` of the last whole render.

    Of the other chapters only number and title are known; their documents are empty.
    Raises BuildError for what number.lua finds, and where the book's chapters are others than in `before`.
    """
    known = {each["path"]: each for each in before["chapters"]}
    if set(known) != set(map(str, book.chapters)):
        raise BuildError(["_quarto.yml has other chapters than the last whole render; render the whole book once"])
    mine, index = _number_chapter(book, chapter, known[str(chapter.path)]["number"], text)
    stop_on(f"{chapter.path}: {problem}" for problem in index["problems"])
    labels = {name: label for name, label in before["index"]["labels"].items() if label["path"] != str(chapter.path)}
    labels |= {name: {**label, "path": str(chapter.path)} for name, label in index["labels"].items()}
    page = {
        "page": str(chapter.page),
        "heading": mine.heading,
        "identifiers": dict.fromkeys(index["identifiers"], True),
        "not_in_pdf": dict.fromkeys(index["not_in_pdf"], True),
    }
    pages = {**before["index"]["pages"], str(chapter.path): page}
    others = (
        NumberedChapter(
            chapter=Chapter(path=PurePosixPath(path), front_matter={}, pieces=()),
            number=each["number"],
            title=each["title"],
            heading=each["heading"],
            document={"blocks": []},
        )
        for path, each in known.items()
    )
    chapters = tuple(mine if each.chapter.path == chapter.path else each for each in others)
    return NumberedBook(chapters=chapters, index=json.dumps({**before["index"], "labels": labels, "pages": pages}))


def _chapter_numbers(
    book: Book, chapters: list[Chapter], texts: Mapping[PurePosixPath, str]
) -> dict[PurePosixPath, str]:
    """ "1", "2", ... for the chapters, "A", "B", ... for the appendices; "" for a heading marked as unnumbered."""
    figures, letters = map(str, itertools.count(1)), iter(string.ascii_uppercase)
    numbers = {}
    for chapter in chapters:
        heading = next((line for line in texts[chapter.path].splitlines() if line.startswith("# ")), "")
        unnumbered = ".unnumbered" in heading or heading.rstrip().endswith("{-}")
        numbers[chapter.path] = "" if unnumbered else next(letters if chapter.path in book.appendices else figures)
    return numbers


def _number_chapter(book: Book, chapter: Chapter, number: str, text: str) -> tuple[NumberedChapter, dict]:
    options = [
        "--from=markdown",
        "--to=json",
        *(f"--lua-filter={book.project / filter}" for filter in book.filters),
        f"--lua-filter={pandoc.HERE / 'number.lua'}",
        f"--metadata=chapter:{number}",
        f"--metadata=profile:{book.profile}",
    ]
    document = json.loads(pandoc.run(options, text, where=str(chapter.path)))
    index = json.loads(document["meta"].pop("index")["c"])
    document["meta"] = {}
    numbered = NumberedChapter(
        chapter=chapter, number=number, title=index["title"], heading=index["heading"], document=document
    )
    return numbered, index


def _joined(numbered: tuple[NumberedChapter, ...], indices: Mapping[PurePosixPath, dict], citations: list[str]) -> str:
    labels: dict[str, dict] = {}
    problems = []
    for path, index in indices.items():
        for identifier, label in index["labels"].items():
            if identifier in labels:
                problems.append(f"{path}: the label {identifier} is used in {labels[identifier]['path']} already")
            labels[identifier] = {**label, "path": str(path)}
    if problems:
        raise BuildError(problems)
    pages = {
        str(each.chapter.path): {
            "page": str(each.chapter.page),
            "heading": each.heading,
            "identifiers": dict.fromkeys(indices[each.chapter.path]["identifiers"], True),
            "not_in_pdf": dict.fromkeys(indices[each.chapter.path]["not_in_pdf"], True),
        }
        for each in numbered
    }
    return json.dumps({"pages": pages, "labels": labels, "citations": dict.fromkeys(citations, True)})
