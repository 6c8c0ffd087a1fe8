"""A .qmd file taken apart: front matter, prose, and the Python cells between."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from tools.errors import BuildError

FENCE = re.compile(r"^(?P<indent>\s*)(?P<marks>`{3,}|~{3,})\s*(?P<info>[^`]*?)\s*$")
OPTION = re.compile(r"^#\|\s?(.*)$")
ESCAPED = re.compile(r"\{\{\{<(.*?)>\}\}\}")
VARIABLE = re.compile(r"\{\{<\s*var\s+([\w.-]+)\s*>\}\}")


@dataclass(frozen=True, kw_only=True)
class Prose:
    """Markdown between two cells. line: number of its first line in the file, from 1."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A Python cell.

    number: from 1 within the chapter. line: of the opening fence. code_line: of the first line of `code`.
    options: the `#|` lines, read as YAML. error: why they could not be read, or "".
    """

    number: int
    line: int
    code_line: int
    code: str
    options: Mapping[str, object] = field(default_factory=dict)
    error: str = ""

    @property
    def label(self) -> str:
        """The cell's label, or "" for a cell without one."""
        return str(self.options.get("label", ""))

    @property
    def name(self) -> str:
        """What messages and file names call the cell: its label, or "cell-3"."""
        return self.label or f"cell-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One .qmd file. path: relative to the project."""

    path: PurePosixPath
    front_matter: Mapping[str, object]
    pieces: tuple[Prose | Cell, ...]

    @property
    def page(self) -> PurePosixPath:
        """Where the chapter's page stands in the site."""
        return self.path.with_suffix(".html")

    @property
    def files(self) -> PurePosixPath:
        """The folder of the images that its cells draw, in the site."""
        return self.path.with_name(f"{self.path.stem}_files")

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Cell))

    @property
    def prose(self) -> tuple[Prose, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Prose))


def read(project: Path, path: PurePosixPath) -> Chapter:
    """Read the chapter at `path`, relative to `project`. Raises BuildError where its front matter is not YAML."""
    try:
        return parse((project / path).read_text(encoding="utf-8"), path)
    except yaml.YAMLError as error:
        problem = f"{path}:1: the front matter is not YAML: {str(error).splitlines()[0]}"
        raise BuildError([problem]) from error


def parse(text: str, path: PurePosixPath) -> Chapter:
    """Take a chapter apart. What is wrong with a cell's options stands in `Cell.error`.

    Raises yaml.YAMLError where the front matter is not YAML.
    """
    lines = text.splitlines()
    front_matter, start = _front_matter(lines)
    return Chapter(path=path, front_matter=front_matter, pieces=tuple(_pieces(lines, start)))


def substituted(text: str, variables: Mapping[str, object]) -> tuple[str, list[tuple[str, int]]]:
    """`text` with the values of its `{{< var name >}}`; a triple brace stands for a double one, unread.

    Returns the text, and the name and the line (from 0) of every variable without a value.
    """
    missing = []

    def value(match: re.Match[str]) -> str:
        found: object = variables
        for part in match[1].split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is None or isinstance(found, Mapping | list):
            missing.append((match[1], text.count("\n", 0, match.start())))
            return ""
        return str(found)

    held = ESCAPED.sub(lambda match: f"\0{match[1]}\1", text)
    return VARIABLE.sub(value, held).replace("\0", "{{<").replace("\1", ">}}"), missing


def _front_matter(lines: list[str]) -> tuple[dict, int]:
    """The YAML between two lines of three hyphens, and the index of the line after it."""
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), len(lines))
    return yaml.safe_load("\n".join(lines[1:end])) or {}, min(end + 1, len(lines))


def _pieces(lines: list[str], start: int) -> list[Prose | Cell]:
    pieces: list[Prose | Cell] = []
    prose_start, index, cells = start, start, 0
    while index < len(lines):
        fence = FENCE.match(lines[index])
        if not fence:
            index += 1
            continue
        end = _closing_fence(lines, index, fence["marks"])
        if fence["info"].startswith("{python") and not fence["indent"]:
            cells += 1
            pieces += _prose(lines, prose_start, index)
            pieces.append(_cell(lines, index, end, cells))
            prose_start = end + 1
        index = end + 1
    return pieces + _prose(lines, prose_start, len(lines))


def _closing_fence(lines: list[str], opening: int, marks: str) -> int:
    """Index of the line that closes the fence opened at `opening`, or of the end of the file."""
    for index in range(opening + 1, len(lines)):
        line = lines[index].strip()
        if len(line) >= len(marks) and set(line) == {marks[0]}:
            return index
    return len(lines)


def _prose(lines: list[str], start: int, end: int) -> list[Prose]:
    text = "\n".join(lines[start:end])
    return [Prose(line=start + 1, text=text)] if text.strip() else []


def _cell(lines: list[str], opening: int, closing: int, number: int) -> Cell:
    body = lines[opening + 1 : closing]
    option_lines = []
    for line in body:
        option = OPTION.match(line)
        if not option:
            break
        option_lines.append(option[1])
    options, error = _options("\n".join(option_lines))
    return Cell(
        number=number,
        line=opening + 1,
        code_line=opening + 2 + len(option_lines),
        code="\n".join(body[len(option_lines) :]).rstrip("\n"),
        options=options,
        error=error,
    )


def _options(text: str) -> tuple[dict, str]:
    try:
        options = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        return {}, f"the cell's options are not YAML: {str(error).splitlines()[0]}"
    if not isinstance(options, dict):
        return {}, f"the cell's options are not `name: value` lines: {text!r}"
    return options, ""
