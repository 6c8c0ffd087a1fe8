"""Names that chapters use: variables, references and citations, found line by line before anything runs.

Whatever is missing is reported with its file and line and, where a known name is close to it, with that name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from plain_edition.check import INLINE_CODE, INLINE_MATH
from tools.chapters import FENCE, Cell, Chapter

VARIABLE = re.compile(r"(?<!\{)\{\{<\s*var\s+([\w.-]+)\s*>\}\}")
AT = re.compile(r"(?<![\w@\\/.])-?@([A-Za-z][\w:.-]*\w)")
REFERENCE = re.compile(r"(?:[Ff]ig|[Tt]bl|[Ee]q|[Ss]ec)-")
LABEL = re.compile(r"\{[^}\n]*#((?:fig|tbl|eq|sec)-[\w-]+)")
CAPTIONS = ("fig-cap", "fig-subcap", "tbl-cap")


@dataclass(frozen=True, kw_only=True)
class Names:
    """All that can be named. labels: None where cells may print more of them, so that none can be called unknown."""

    variables: frozenset[str]
    labels: frozenset[str] | None
    citations: frozenset[str]


def known_names(chapters: Iterable[Chapter], variables: Mapping[str, object], citations: Iterable[str]) -> Names:
    """The names of a book: variables by their dotted names, labels of all chapters, keys of the bibliography."""
    chapters = list(chapters)
    printed = any(cell.options.get("output") == "asis" for chapter in chapters for cell in chapter.cells)
    labels = frozenset(label for chapter in chapters for label in _labels(chapter))
    return Names(
        variables=frozenset(_dotted(variables)),
        labels=None if printed else labels,
        citations=frozenset(citations),
    )


def problems(chapter: Chapter, names: Names) -> list[str]:
    """The names that a chapter uses and that there are not, each as "file:line: what is missing; did you mean ...?"."""
    found = []
    for line, text in _lines(chapter):
        found += [f"{chapter.path}:{line}: {problem}" for problem in _missing(text, names)]
    return found


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean NAME?" where a known name is close to `name`, or "".

    >>> suggestion("fig-audti", ["fig-audit", "fig-curves"])
    '; did you mean fig-audit?'
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _missing(text: str, names: Names) -> Iterator[str]:
    for name in VARIABLE.findall(text):
        if name not in names.variables:
            yield f"missing variable {name}{suggestion(name, names.variables)}"
    for key in AT.findall(text):
        label = key[0].lower() + key[1:]
        if key in names.citations:
            continue
        if not REFERENCE.match(key):
            yield f"missing citation @{key}{suggestion(key, names.citations)}"
        elif names.labels is not None and label not in names.labels:
            yield f"unresolved reference @{key}{suggestion(label, names.labels)}"


def _lines(chapter: Chapter) -> Iterator[tuple[int, str]]:
    """The numbered lines of prose outside code, and the captions of cells with the line of the cell."""
    for piece in chapter.pieces:
        if isinstance(piece, Cell):
            for option in CAPTIONS:
                value = piece.options.get(option, "")
                yield from ((piece.line, str(text)) for text in (value if isinstance(value, list) else [value]))
            continue
        marks = ""
        for number, line in enumerate(piece.text.splitlines(), piece.line):
            fence = FENCE.match(line)
            if marks:
                marks = "" if fence and fence["marks"].startswith(marks) and not fence["info"] else marks
            elif fence:
                marks = fence["marks"]
            else:
                yield number, INLINE_MATH.sub("", INLINE_CODE.sub("", line))


def _labels(chapter: Chapter) -> Iterator[str]:
    for prose in chapter.prose:
        yield from LABEL.findall(prose.text)
    for cell in chapter.cells:
        if cell.label:
            yield cell.label
            parts = cell.options.get("fig-subcap")
            yield from (
                f"{cell.label}-{place}" for place in range(1, 1 + (len(parts) if isinstance(parts, list) else 0))
            )


def _dotted(values: Mapping[str, object], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def chapter_named(name: str, chapters: Iterable[PurePosixPath]) -> PurePosixPath | None:
    """The chapter that a path or a stem means: "report/scaling.qmd" or "scaling"; None where there is none."""
    return next((path for path in chapters if name in (str(path), path.name, path.stem)), None)
