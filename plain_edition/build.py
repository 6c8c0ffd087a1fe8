"""From a book's sources to its site and its PDF: the only place that joins the steps."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from plain_edition import book as books
from plain_edition import check, epub, execute, lookup, markdown, numbering, pandoc, pdf, site
from plain_edition.book import Book
from plain_edition.execute import Execution
from plain_edition.numbering import NumberedBook
from tools import cell_cache
from tools import chapters as chapter_files
from tools.chapters import Chapter
from tools.errors import BuildError, stop_on

FORMATS = ("html", "pdf", "all")


def build(project: Path, *, profile: str = "", to: str = "all") -> list[Path]:
    """Render the book in `project` and return the paths made: the site's first page, the EPUB, the PDF.

    to: "html", "pdf" or "all". The output folder is replaced as a whole, and only when everything has succeeded.
    Raises BuildError, which lists every problem found by the step that failed.
    """
    book = books.load(project.resolve(), profile)
    if book.pre_render:
        _tell("running the pre-render scripts")
        books.pre_render(book)
    variables = books.read_variables(book.project)
    keys = pandoc.citation_keys(book.project / book.bibliography) if book.bibliography else []
    chapters = _read_chapters(book, variables, keys)
    _tell("executing the chapters")
    executions = execute.execute(book, chapters)
    scratch = book.project / f"{book.output}.new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        texts = _compose(book, chapters, executions, variables, scratch)
        numbered = numbering.number(book, chapters, texts, keys)
        made = _set(book, numbered, scratch, to)
        _replace(book.project / book.output, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _keep_index(book, numbered)
    return [book.project / book.output / name for name in made]


def build_chapter(project: Path, name: str, *, profile: str = "") -> Path:
    """Render one chapter into the site that is there, and return its page.

    name: its path or its stem. Numbers of the other chapters are those of the last whole render; the pre-render scripts
    are not run, so that numbers from records are those of that render too. Raises BuildError as `build` does, for a
    name that is no chapter, and where the book has not been rendered as a whole yet.
    """
    book = books.load(project.resolve(), profile)
    path = lookup.chapter_named(name, book.chapters)
    if path is None:
        near = lookup.suggestion(name, [stem for each in book.chapters for stem in (str(each), each.stem)])
        raise BuildError([f"{name} is no chapter of _quarto.yml{near}"])
    kept, output = _index_path(book), book.project / book.output
    if not kept.exists() or not (output / "index.html").exists():
        raise BuildError(["one chapter needs the numbers of the others; render the whole book once"])
    variables = books.read_variables(book.project)
    keys = pandoc.citation_keys(book.project / book.bibliography) if book.bibliography else []
    (chapter,) = (each for each in _read_chapters(book, variables, keys) if each.path == path)
    texts = _compose(book, [chapter], execute.execute(book, [chapter]), variables, output)
    numbered = numbering.renumber(book, chapter, texts[path], json.loads(kept.read_text(encoding="utf-8")))
    site.copy_images(book, numbered, output)
    site.write_page(book, numbered, path, output)
    return output / chapter.page


def _read_chapters(book: Book, variables: Mapping[str, object], keys: list[str]) -> list[Chapter]:
    """The book's chapters. Raises BuildError with everything that can be found in them before a cell is run."""
    problems: list[str] = []
    chapters = []
    for path in book.chapters:
        try:
            chapters.append(chapter_files.read(book.project, path))
        except BuildError as error:
            problems += error.problems
    names = lookup.known_names(chapters, variables, keys)
    for chapter in chapters:
        problems += sorted({*check.problems(chapter), *lookup.problems(chapter, names)}, key=_line)
    stop_on(problems)
    return chapters


def _line(problem: str) -> int:
    """The line of a problem "file:line: what is wrong"."""
    return int(problem.split(":")[1])


def _compose(
    book: Book,
    chapters: list[Chapter],
    executions: Mapping[PurePosixPath, Execution],
    variables: Mapping[str, object],
    folder: Path,
) -> dict[PurePosixPath, str]:
    """The Markdown of each chapter; images of its cells are written into `folder`."""
    texts, problems = {}, []
    for chapter in chapters:
        try:
            texts[chapter.path] = markdown.compose(book, chapter, executions[chapter.path], variables, folder)
        except BuildError as error:
            problems += error.problems
    stop_on(problems)
    return texts


def _set(book: Book, numbered: NumberedBook, scratch: Path, to: str) -> list[str]:
    """Write the site, the PDF or both into `scratch` and return their names."""
    site.copy_images(book, numbered, scratch)
    made = []
    if to in ("html", "all"):
        _tell("setting the site")
        site.write(book, numbered, scratch, with_downloads=to == "all")
        made.append("index.html")
    if to == "all" and "epub" in book.downloads:
        _tell("setting the EPUB")
        epub.write(book, numbered, scratch)
        made.append(book.epub_name)
    if to in ("pdf", "all"):
        _tell("setting the PDF")
        pdf.write(book, numbered, scratch)
        made.append(book.pdf_name)
    return made


def _index_path(book: Book) -> Path:
    return cell_cache.folder(book.project, PurePosixPath("index.qmd"), book.environment) / "plain-edition-index.json"


def _keep_index(book: Book, numbered: NumberedBook) -> None:
    """Keep the numbers of all chapters, for a render of one of them."""
    path = _index_path(book)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbering.summary(numbered)), encoding="utf-8")


def _replace(output: Path, new: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    new.rename(output)


def _tell(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", flush=True)
