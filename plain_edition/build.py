"""From a book's sources to its site and its PDF: the only place that joins the steps."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from plain_edition import book as books
from plain_edition import check, execute, markdown, numbering, pandoc, pdf, site
from plain_edition.book import Book
from plain_edition.execute import Execution
from tools import chapters as chapter_files
from tools.chapters import Chapter
from tools.errors import BuildError, stop_on

FORMATS = ("html", "pdf", "all")


def build(project: Path, *, profile: str = "", to: str = "all") -> list[Path]:
    """Render the book in `project` and return the paths made: the site's first page, the PDF, or both.

    to: "html", "pdf" or "all". The output folder is replaced as a whole, and only when everything has succeeded.
    Raises BuildError, which lists every problem found by the step that failed.
    """
    book = books.load(project.resolve(), profile)
    if book.pre_render:
        _tell("running the pre-render scripts")
        books.pre_render(book)
    chapters = _read_chapters(book)
    _tell("executing the chapters")
    executions = execute.execute(book, chapters)
    scratch = book.project / f"{book.output}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        made = _set(book, chapters, executions, scratch, to)
        _replace(book.project / book.output, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [book.project / book.output / name for name in made]


def _read_chapters(book: Book) -> list[Chapter]:
    problems: list[str] = []
    chapters = []
    for path in book.chapters:
        try:
            chapters.append(chapter_files.read(book.project, path))
        except BuildError as error:
            problems += error.problems
    stop_on([*problems, *(problem for chapter in chapters for problem in check.problems(chapter))])
    return chapters


def _set(
    book: Book, chapters: list[Chapter], executions: Mapping[PurePosixPath, Execution], scratch: Path, to: str
) -> list[str]:
    """Write the site, the PDF or both into `scratch` and return their names."""
    variables = books.read_variables(book.project)
    texts, problems = {}, []
    for chapter in chapters:
        try:
            texts[chapter.path] = markdown.compose(book, chapter, executions[chapter.path], variables, scratch)
        except BuildError as error:
            problems += error.problems
    stop_on(problems)
    keys = pandoc.citation_keys(book.project / book.bibliography) if book.bibliography else []
    numbered = numbering.number(book, chapters, texts, keys)
    site.copy_images(book, numbered, scratch)
    made = []
    if to in ("html", "all"):
        _tell("setting the site")
        site.write(book, numbered, scratch, with_pdf=to == "all")
        made.append("index.html")
    if to in ("pdf", "all"):
        _tell("setting the PDF")
        pdf.write(book, numbered, scratch)
        made.append(book.pdf_name)
    return made


def _replace(output: Path, new: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    new.rename(output)


def _tell(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", flush=True)
