"""One Markdown text a chapter, in plain pandoc Markdown: variables put in, cells replaced by their code and outputs."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from plain_edition.book import Book
from plain_edition.execute import Execution
from tools.chapters import Cell, Chapter, substituted
from tools.errors import BuildError

ANSI = re.compile(r"\x1b\[[0-9;]*m")
MAX_NARROW_WIDTH = 420
"""CSS pixels of an image that a phone shows whole; a wider one keeps its size there and scrolls."""

DARK_FIGURE = """
@media (prefers-color-scheme: dark) {
  [style*="fill: #fdfdfb"] { fill: #15181b !important }
  [style*="fill: #26292c"] { fill: #d9dcdf !important }
  [style*="fill: #0072b2"] { fill: #56b4e9 !important }
  [style*="fill: #ad4c00"] { fill: #f08a3c !important }
}
"""
"""A figure with photographs on a dark page: its paper and its text change, the photographs do not."""

IMAGES = {"image/svg+xml": "svg", "image/png": "png"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image that a cell drew.

    path: relative to the chapter. width: in CSS pixels, or None for the file's own. is_drawing: whether it has lines
    and text alone and no photograph, so that its light and dark may change places.
    """

    path: str
    width: int | None
    is_drawing: bool = False

    def markdown(self, alternative: str) -> str:
        width = f' width="{self.width}px"' if self.width else ""
        narrow = " .narrow" if self.width and self.width <= MAX_NARROW_WIDTH else ""
        drawing = " .drawing" if self.is_drawing else ""
        return f'![]({self.path}){{fig-alt="{_quoted(alternative)}"{width}{narrow}{drawing}}}'


def compose(book: Book, chapter: Chapter, execution: Execution, variables: Mapping[str, object], site: Path) -> str:
    """The chapter as Markdown; the images of its cells are written into the folder `site`.

    Raises BuildError where a variable is missing or an output cannot be shown in both formats.
    """
    problems: list[str] = []
    parts = [_heading(chapter)]
    for piece in chapter.pieces:
        if isinstance(piece, Cell):
            composer = _CellComposer(book, chapter, piece, site)
            text = composer.markdown(execution.outputs.get(piece.number, []))
            problems += composer.problems
        else:
            text = piece.text
        text, missing = substituted(text, variables)
        for name, line in missing:
            line = piece.line if isinstance(piece, Cell) else piece.line + line
            problems.append(f"{chapter.path}:{line}: missing variable {name}; _variables.yml has no such value")
        parts.append(text)
    if problems:
        raise BuildError(problems)
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(chapter: Chapter) -> str:
    title, subtitle = (chapter.front_matter.get(key) for key in ("title", "subtitle"))
    return (f"# {title}" if title else "") + (f"\n\n::: {{.subtitle}}\n{subtitle}\n:::" if subtitle else "")


def _svg_width(svg: str) -> int | None:
    """The width that a drawing states in points, in CSS pixels."""
    stated = re.search(r'<svg\b[^>]*?\bwidth="([\d.]+)pt"', svg)
    return round(float(stated[1]) * 96 / 72) if stated else None


def _quoted(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())


def _fenced(text: str, attributes: str = "") -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{attributes}\n{text}\n{marks}"


def _div(attributes: str, content: str) -> str:
    return f"::: {{{attributes}}}\n{content}\n:::"


class _CellComposer:
    """Turns one cell into Markdown and gathers what is wrong with it."""

    def __init__(self, book: Book, chapter: Chapter, cell: Cell, site: Path):
        self.cell = cell
        self.options = {**book.cell_options, **cell.options}
        self.chapter = chapter
        self.site = site
        self.where = f"{chapter.path}:{cell.line}: cell {cell.number} ({cell.name})"
        self.problems: list[str] = []

    def markdown(self, outputs: list[NotebookNode]) -> str:
        if not self.options.get("include", True):
            return ""
        code = self._code() if self.options["echo"] else ""
        shown = self._outputs(outputs) if self.options.get("output", True) else ""
        return "\n\n".join(part for part in (code, shown) if part)

    def _code(self) -> str:
        listing = _fenced(self.cell.code.strip("\n"), "{.python}")
        fold = self.options.get("code-fold", False)
        if not fold:
            return _div(".cell-code", listing)
        summary = _quoted(str(self.options.get("code-summary", "Code")))
        return _div(f'.cell-code fold="{"show" if fold == "show" else "true"}" summary="{summary}"', listing)

    def _outputs(self, outputs: list[NotebookNode]) -> str:
        texts: list[str] = []
        pictures: list[Picture] = []
        drawn = any(kind in output.get("data", {}) for output in outputs for kind in IMAGES)
        for output in _joined_streams(outputs):
            if drawn and self._is_axes(output):
                continue
            shown = self._output(output, len(pictures))
            (pictures if isinstance(shown, Picture) else texts).append(shown)
        label = self.cell.label
        if label.startswith("tbl-"):
            return _div(f"#{label}", "\n\n".join([*texts, str(self.options.get("tbl-cap", ""))]))
        if label.startswith("fig-") and pictures:
            return "\n\n".join([*filter(None, texts), self._figure(pictures)])
        if label.startswith("fig-"):
            self.problems.append(f"{self.where}: drew no figure; its last line should leave one open")
        return "\n\n".join([*filter(None, texts), *self._plain_pictures(pictures)])

    def _is_axes(self, output: NotebookNode) -> bool:
        """Whether `output` is the value of a last line that drew, `<Axes: ...>`, which Quarto leaves out as well.

        Quarto would show an array of them, so that is a problem.
        """
        if output.output_type != "execute_result" or set(output.data) != {"text/plain"}:
            return False
        text = output.data["text/plain"].strip()
        if "\n" in text and "<Axes" in text:
            self.problems.append(
                f"{self.where}: shows {text.splitlines()[0]} beside its figure; "
                "end the cell's last line with a semicolon"
            )
        return re.fullmatch(r"[<(\[].*[>)\]]", text) is not None or "<Axes" in text

    def _output(self, output: NotebookNode, pictures: int) -> str | Picture:
        """One output as Markdown or as a picture; "" for what is not shown."""
        if output.output_type == "stream":
            return self._stream(output)
        data = output.get("data", {})
        for kind, ending in IMAGES.items():
            if kind in data:
                return self._picture(data[kind], ending, output.metadata.get(kind, {}), pictures)
        if "text/markdown" in data:
            return data["text/markdown"]
        if "text/html" in data:
            self.problems.append(
                f"{self.where}: puts out HTML, which the PDF cannot show; display Markdown instead, "
                "for a table Markdown(frame.to_markdown())"
            )
            return ""
        if "text/plain" in data:
            return _div(".cell-output", _fenced(data["text/plain"]))
        self.problems.append(f"{self.where}: puts out {', '.join(data) or output.output_type}, which cannot be shown")
        return ""

    def _stream(self, output: NotebookNode) -> str:
        if output.name == "stderr" and not self.options["warning"]:
            return ""
        if self.options.get("output") == "asis" and output.name == "stdout":
            return output.text
        text = ANSI.sub("", output.text).rstrip()
        return _div(f".cell-output .cell-output-{output.name}", _fenced(text)) if text else ""

    def _picture(self, data: str, ending: str, metadata: Mapping[str, int], pictures: int) -> Picture:
        name = f"{self.cell.name}-{pictures + 1}.{ending}"
        folder = self.site / self.chapter.files
        folder.mkdir(parents=True, exist_ok=True)
        is_drawing = ending == "svg" and "<image" not in data
        if ending == "svg" and not is_drawing:
            data = data.replace("</style>", f"{DARK_FIGURE}</style>", 1)
        (folder / name).write_bytes(data.encode() if ending == "svg" else base64.b64decode(data))
        width = metadata.get("width") or (_svg_width(data) if ending == "svg" else None)
        return Picture(path=f"{self.chapter.files.name}/{name}", width=width, is_drawing=is_drawing)

    def _figure(self, pictures: list[Picture]) -> str:
        label, caption = self.cell.label, str(self.options.get("fig-cap", ""))
        alternatives = self._alternatives(len(pictures))
        subcaptions = self.options.get("fig-subcap") or []
        if subcaptions and len(subcaptions) != len(pictures):
            self.problems.append(f"{self.where}: {len(subcaptions)} fig-subcap for {len(pictures)} figures")
            return ""
        shown = [picture.markdown(text) for picture, text in zip(pictures, alternatives, strict=True)]
        for index, subcaption in enumerate(subcaptions):
            shown[index] = f"::: {{#{label}-{index + 1}}}\n{shown[index]}\n\n{subcaption}\n:::"
        columns = f' layout-ncol="{self.options["layout-ncol"]}"' if "layout-ncol" in self.options else ""
        return _div(f"#{label}{columns}", "\n\n".join([*shown, caption]))

    def _plain_pictures(self, pictures: list[Picture]) -> list[str]:
        return [
            picture.markdown(text) for picture, text in zip(pictures, self._alternatives(len(pictures)), strict=True)
        ]

    def _alternatives(self, count: int) -> list[str]:
        """An alternative text for each of `count` pictures; one text for several is used for each of them."""
        texts = self.options.get("fig-alt", "")
        texts = texts if isinstance(texts, list) else [str(texts)] * count
        if len(texts) != count or (count and not all(texts)):
            given = sum(map(bool, texts))
            self.problems.append(f"{self.where}: {count} figures and {given} alternative texts; give each its fig-alt")
            return [""] * count
        return texts


def _joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """`outputs` with neighbouring pieces of one stream made one, as they were printed."""
    joined: list[NotebookNode] = []
    for output in outputs:
        previous = joined[-1] if joined else None
        if (
            previous is not None
            and output.output_type == previous.output_type == "stream"
            and output.name == previous.name
        ):
            joined[-1] = NotebookNode({**previous, "text": previous.text + output.text})
        else:
            joined.append(output)
    return joined
