"""The documented subset of Quarto's Markdown: what a chapter may use, found line by line before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from tools.chapters import FENCE, Cell, Chapter, parse

FRONT_MATTER = {"title", "subtitle"}
DIV_CLASSES = {
    "content-visible",
    "content-hidden",
    "subtitle",
    *(f"callout-{kind}" for kind in ("note", "tip", "warning", "important", "caution")),
}
DIV_KEYS = {"title", "collapse", "layout-ncol", "when-format", "unless-format", "when-profile", "unless-profile"}
FORMATS = {"html", "typst"}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(entry) for entry in value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


# Each cell option: whether a value is right, and what right means.
OPTIONS: dict[str, tuple[Callable[[object], bool], str]] = {
    "label": (lambda value: _is_text(value) and re.fullmatch(r"[\w-]+", value) is not None, "letters, digits, hyphens"),
    "fig-cap": (_is_text, "a text; captions of parts go to fig-subcap"),
    "fig-subcap": (_is_texts, "a list of texts"),
    "fig-alt": (lambda value: _is_text(value) or _is_texts(value), "a text, or a list with one text a figure"),
    "tbl-cap": (_is_text, "a text"),
    "layout-ncol": (lambda value: type(value) is int and value > 0, "a number of columns"),
    "echo": (_is_flag, "true or false"),
    "eval": (_is_flag, "true or false"),
    "include": (_is_flag, "true or false"),
    "warning": (_is_flag, "true or false"),
    "output": (lambda value: _is_flag(value) or value == "asis", "true, false or asis"),
    "code-fold": (lambda value: _is_flag(value) or value == "show", "true, false or show"),
    "code-summary": (_is_text, "a text"),
}

# What prose may not hold outside code and mathematics.
NUMBERED = re.compile(r"\{\{<\s*var\s+((?:[\w-]+\.)*\d+(?:\.[\w-]+)*)\s*>\}\}")
"""A variable with a part that is a number."""

REFUSED = [
    (re.compile(r"\{\{<\s*(?!\s|var\s)([\w-]*).*?>\}\}"), "shortcode {0}, unlike var,"),
    (re.compile(r"(</?[a-zA-Z][\w-]*(?:\s[^>]*)?/?>)"), "raw HTML {0}, which vanishes in the PDF"),
    (re.compile(r"^\s*(\\[a-zA-Z]+)\{"), "raw TeX {0}, which vanishes everywhere but in LaTeX"),
    (re.compile(r"\{[^}]*\.(column-[\w-]+|aside|panel-[\w-]+)"), "class {0}"),
    (re.compile(r"(\{=\w+\})"), "raw content {0}, which vanishes in the other format"),
]
INLINE_CODE = re.compile(r"(`+)(?!`)(.*?)(?<!`)\1(?!`)(\{=\w+\})?")
INLINE_MATH = re.compile(r"\$(?!\s)[^$]*(?<!\s)\$(?!\d)")
DIV = re.compile(r"^\s*:{3,}\s*(?P<attributes>\S.*?)\s*:*$")
CLOSING_DIV = re.compile(r"^\s*:{3,}\s*$")
INLINE_CELL = re.compile(r"`\{(python|r|julia)\}\s")


def check(path: Path) -> list[str]:
    """Problems of the chapter at `path`, each as "file:line: what is wrong"; [] for a chapter within the subset."""
    return problems(parse(path.read_text(encoding="utf-8"), PurePosixPath(path)))


def problems(chapter: Chapter) -> list[str]:
    """Problems of a chapter that has been read, each as "file:line: what is wrong", in the order of the lines."""
    found = [
        (1, f"front matter {key!r} is not supported; settings belong in _quarto.yml")
        for key in chapter.front_matter
        if key not in FRONT_MATTER
    ]
    for cell in chapter.cells:
        found += ((cell.line, problem) for problem in _cell_problems(cell))
    for prose in chapter.prose:
        found += _prose_problems(prose.text, prose.line)
    return [f"{chapter.path}:{line}: {problem}" for line, problem in sorted(found)]


def _cell_problems(cell: Cell) -> Iterator[str]:
    if cell.error:
        yield cell.error
    if not cell.code.strip():
        yield "the cell has no code"
    if "{{<" in cell.code:
        yield "a shortcode in a cell's code; Quarto would replace it"
    for name, value in cell.options.items():
        if name not in OPTIONS:
            yield f"cell option {name!r} is not supported"
        elif not OPTIONS[name][0](value):
            yield f"cell option {name}: {value!r} is not {OPTIONS[name][1]}"
    yield from _float_problems(cell)


def _float_problems(cell: Cell) -> Iterator[str]:
    for prefix, caption in (("fig-", "fig-cap"), ("tbl-", "tbl-cap")):
        labelled, captioned = cell.label.startswith(prefix), caption in cell.options
        if labelled and not captioned:
            yield f"{cell.label} has no {caption}"
        if captioned and not labelled:
            yield f"{caption} without a label that begins with {prefix}"
    if cell.label.startswith("fig-") and "fig-alt" not in cell.options:
        yield f"{cell.label} has no fig-alt; say what is there for those who cannot see it"
    if "fig-subcap" in cell.options and not cell.label.startswith("fig-"):
        yield "fig-subcap without a label that begins with fig-"
    if "{{<" in str(cell.options.get("fig-alt", "")):
        yield "a shortcode in fig-alt, which is text and cannot hold a link"


def _prose_problems(text: str, first: int) -> Iterator[tuple[int, str]]:
    marks, in_math = "", False
    open_divs: list[int] = []
    for number, line in enumerate(text.splitlines(), first):
        fence = FENCE.match(line)
        if marks:  # inside a listing
            closes = fence and fence["marks"].startswith(marks) and not fence["info"]
            marks = "" if closes else marks
        elif fence:
            marks = fence["marks"]
            yield from ((number, problem) for problem in _listing_problems(fence["info"]))
        else:
            outside, in_math = _without_display_math(line, in_math)
            yield from ((number, problem) for problem in _line_problems(outside))
            if DIV.match(outside):
                open_divs.append(number)
            elif CLOSING_DIV.match(outside) and open_divs:
                open_divs.pop()
            elif CLOSING_DIV.match(outside):
                yield number, "::: closes a div that was never opened"
    yield from ((number, "the div is never closed") for number in open_divs)
    if marks:
        yield first + len(text.splitlines()) - 1, f"a code block opened with {marks} is never closed"


def _listing_problems(info: str) -> Iterator[str]:
    if re.match(r"\{python", info):
        yield "a cell must begin at the left margin"
    elif re.match(r"\{(=|[a-z])", info):
        yield f"code block {info}; only {{python}} cells and plain listings are known"


def _without_display_math(line: str, in_math: bool) -> tuple[str, bool]:
    """What of `line` stands outside `$$ ... $$`, and whether the next line begins inside."""
    parts = line.split("$$")
    outside = parts[1::2] if in_math else parts[0::2]
    return " ".join(outside), in_math != (len(parts) % 2 == 0)


def _line_problems(line: str) -> Iterator[str]:
    if any("{{<" in code[2] and "{{{<" not in code[2] for code in INLINE_CODE.finditer(line)):
        yield "a shortcode in inline code, which cannot hold the link to a record; write it outside the backticks"
    if INLINE_CELL.search(line):
        yield "inline code to execute, which Quarto's cache refuses; use {{< var name >}}"
    for name in NUMBERED.findall(line):
        yield f"{{{{< var {name} >}}}}, of which Quarto takes a number for a place in a list; name that part otherwise"
    stripped = INLINE_MATH.sub("$$", INLINE_CODE.sub(r"``\3", line.replace("{{{<", "").replace(">}}}", "")))
    for pattern, message in REFUSED:
        for match in pattern.finditer(stripped):
            yield message.format(match[1]) + " is not supported"
    div = DIV.match(stripped)
    if div:
        yield from _div_problems(div["attributes"])


def _div_problems(attributes: str) -> Iterator[str]:
    if not attributes.startswith("{"):
        attributes = "{." + attributes.split()[0] + "}"
    unquoted = re.sub(r"\"[^\"]*\"", '""', attributes)
    for name in re.findall(r"(?<=[\s{])\.([\w-]+)", unquoted):
        if name not in DIV_CLASSES and not name.startswith(("column-", "panel-")) and name != "aside":
            yield f"a div of class {name} is not supported"
    for key, value in re.findall(
        r"([\w-]+)=\"?([^\"\s}]*)",
        attributes if '"' not in attributes else re.sub(r"title=\"[^\"]*\"", 'title=""', attributes),
    ):
        if key not in DIV_KEYS:
            yield f"a div's attribute {key} is not supported"
        elif key.endswith("-format") and value == "pdf":
            yield f"{key}={value!r} means LaTeX to Quarto; use typst"
        elif key.endswith("-format") and value not in FORMATS:
            yield f"{key}={value!r} is not supported; use one of {', '.join(sorted(FORMATS))}"
