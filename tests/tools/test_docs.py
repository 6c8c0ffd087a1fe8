"""What is written about the project: its form, and that it names what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = [ROOT / "index.qmd", *sorted((ROOT / "report").glob("*.qmd"))]

SENTENCE_END = re.compile(r"""[.?!][)"”*_]*\s+(?=[A-Z0-9*_@`$\[({"“])""")
ABBREVIATION = re.compile(r"\b(et al|e\.g|i\.e|cf|vs|approx|Dr|Fig|Eq|No|pp?)\.$")
NOT_PROSE = re.compile(r"^\s*(#|\||: |:::|!\[|- |\* |\d+\. |\[\^)")


def prose(text: str) -> list[tuple[int, str]]:
    """The numbered lines outside code, equations, tables, headings, captions and lists."""
    lines, fence, equation, in_list = [], "", False, False
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            fence = "" if line.strip() == fence else fence
        elif line.startswith("```"):
            fence = re.match("`+", line).group()
        elif line.startswith("$$"):
            equation = line.count("$$") == 1 and not equation
        elif NOT_PROSE.match(line):
            in_list = re.match(r"\s*(- |\* |\d+\. |\[\^)", line) is not None
        elif not line.strip():
            in_list = False
        elif not (equation or in_list):
            lines.append((number, line))
    return lines


def sentences(line: str) -> list[str]:
    """The sentences of a line. A stop inside code, mathematics or brackets ends none."""
    ends = []
    for end in SENTENCE_END.finditer(line):
        before = line[: end.start() + 1]
        open_pair = before.count("`") % 2 or before.count("$") % 2
        open_bracket = any(before.count(a) > line[: end.end()].count(b) for a, b in ("()", "[]"))
        if not (ABBREVIATION.search(before) or open_pair or open_bracket):
            ends.append(end.end())
    return [line[a:b].strip() for a, b in zip([0, *ends], [*ends, len(line)], strict=True)]


def test_sentences_are_told_apart():
    assert sentences("One ends. Another begins.") == ["One ends.", "Another begins."]
    assert sentences("Is it? {{< var a.b >}} says so.") == ["Is it?", "{{< var a.b >}} says so."]
    assert sentences("As Tan et al. Found, e.g. Fig. 3 of 0.5 vs. 7 (One. Two.) and `a. B` are one.")[1:] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_line_of_prose_holds_one_sentence(path):
    """A change of a sentence is then a change of one line."""
    found = [(number, line) for number, line in prose(path.read_text(encoding="utf-8")) if len(sentences(line)) > 1]
    assert found == []
