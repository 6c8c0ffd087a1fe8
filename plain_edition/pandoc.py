"""Calls of pandoc."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pypandoc

from plain_edition.book import Book
from tools.errors import BuildError

if TYPE_CHECKING:
    from plain_edition.numbering import NumberedBook, NumberedChapter

HERE = Path(__file__).parent
POSITION = re.compile(r"^\[WARNING\] |\s+at line \d+ column \d+")


def run(arguments: list[str], text: str, *, where: str) -> str:
    """Feed `text` to pandoc and return what it writes.

    Whatever pandoc or one of our filters has to say is a problem of the text: raises BuildError with one line for
    each, which begins with `where`.
    """
    command = [pypandoc.get_pandoc_path(), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode or done.stderr.strip():
        # The position is one in the composed text, which nobody has written.
        lines = [POSITION.sub("", line) for line in done.stderr.splitlines() if line.strip()]
        raise BuildError([f"{where}: {line}" for line in lines] or [f"{where}: pandoc ended with {done.returncode}"])
    return done.stdout


def citation_keys(bibliography: Path) -> list[str]:
    """The keys of a BibTeX file."""
    references = run([str(bibliography), "--to=csljson"], "", where=bibliography.name)
    return [reference["id"] for reference in json.loads(references)]


def meta(value: object) -> dict:
    """A Python value as pandoc metadata; text is literal, not Markdown."""
    if isinstance(value, dict):
        return {"t": "MetaMap", "c": {key: meta(entry) for key, entry in value.items()}}
    if isinstance(value, list):
        return {"t": "MetaList", "c": [meta(entry) for entry in value]}
    if isinstance(value, bool):
        return {"t": "MetaBool", "c": value}
    return {"t": "MetaString", "c": str(value)}


def layout_metadata(book: Book, chapter: PurePosixPath, target: str, index: Path) -> dict:
    """What layout.lua and the citation processor need for one chapter.

    chapter: its path in the project. target: "html", "typst" or "epub". index: the file of `index_file`.
    """
    values = {"target": target, "chapter_path": chapter, "index_file": index, "pdf_code": book.pdf_code}
    return meta(values)["c"] | citation_metadata(book)


def citation_metadata(book: Book) -> dict:
    """What the citation processor needs."""
    if not book.bibliography:
        return {}
    return meta({"bibliography": book.project / book.bibliography, "link-citations": True})["c"]


def inlines(text: str) -> dict:
    """One paragraph of Markdown as pandoc metadata."""
    blocks = json.loads(run(["--from=markdown", "--to=json"], text, where="_quarto.yml"))["blocks"]
    return {"t": "MetaInlines", "c": blocks[0]["c"] if blocks else []}


def text_of(node: object) -> str:
    """The words of a part of pandoc's document tree, without its markup and its notes."""
    if isinstance(node, list):
        return "".join(map(text_of, node))
    if not isinstance(node, dict):
        return ""
    kind, content = node.get("t"), node.get("c")
    if kind == "Str":
        return str(content)
    if kind in ("Space", "SoftBreak", "LineBreak"):
        return " "
    if kind in ("Code", "Math"):
        return content[1]
    return "" if kind == "Note" else text_of(content)


def laid_out(book: Book, numbered: NumberedBook, target: str, index: Path) -> list[dict]:
    """Each chapter's document after layout.lua. target: "typst" or "epub", where all chapters are one document."""

    def one(chapter: NumberedChapter) -> dict:
        path = chapter.chapter.path
        document = {**chapter.document, "meta": layout_metadata(book, path, target, index)}
        options = ["--from=json", "--to=json", f"--lua-filter={HERE / 'layout.lua'}"]
        return json.loads(run(options, json.dumps(document), where=str(path)))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(one, numbered.chapters))


def bibliography() -> list[dict]:
    """The heading and the place of the references of a whole book."""
    heading = [1, ["bibliography", ["unnumbered"], []], [{"t": "Str", "c": "References"}]]
    return [{"t": "Header", "c": heading}, {"t": "Div", "c": [["refs", [], []], []]}]


@contextmanager
def index_file(index: str) -> Iterator[Path]:
    """The index as a file for layout.lua, for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.json"
        path.write_text(index, encoding="utf-8")
        yield path
