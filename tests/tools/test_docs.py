"""What is written about the project: its form, and that it names what exists."""

import re
import tomllib
from pathlib import Path

import pytest

import pneumo

ROOT = Path(__file__).parents[2]
CHAPTERS = [ROOT / "index.qmd", *sorted((ROOT / "report").glob("*.qmd"))]
GUIDES = [
    Path("README.md"),
    Path("CONTRIBUTING.md"),
    *(path.relative_to(ROOT) for path in sorted((ROOT / "docs").glob("*.md"))),
    Path("tests/README.md"),
    Path("pneumo/inference/weights/README.md"),
]
TO_BE_MADE = re.compile(r"NAME|^(_|\.venv)|^(radiographs|pictures|train|test)/|FOLDER|GROUP")
"""What a reader makes or replaces, and therefore is not here."""

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


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_every_path_that_a_guide_names_exists(guide):
    text = (ROOT / guide).read_text(encoding="utf-8")
    code = [word for span in re.findall(r"`([^`\n]+)`", text) for word in span.split()]
    paths = [
        word for word in code if re.fullmatch(r"[\w./-]+/|[\w./-]+\.(py|md|qmd|yml|yaml|toml|svg|png|json|lock)", word)
    ]
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [
        path
        for path in {*paths, *links}
        if not TO_BE_MADE.search(path) and not any((ROOT / base / path).exists() for base in ("", guide.parent))
    ]
    assert missing == []


def test_the_changelog_says_where_every_module_has_moved():
    table = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    missing = {old: new for old, new in pneumo._MOVED.items() if f"| `pneumo.{old}` | `pneumo.{new}` |" not in table}
    assert missing == {}


OTHER_WORDS = re.compile(
    r"trusted|\bclues?\b|stressed|\bfilms?\b|call(s|ed) ill|by heart|whiteness|\bcures?\b|second look|we take along"
)
"""What the field calls: selected model, shortcut, perturbed, radiograph, predicted positive, overfitting, opacity,
regulariser, test-time augmentation; and a summary."""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_prose_and_captions_use_the_words_of_the_field(path):
    text = path.read_text(encoding="utf-8")
    captions = re.findall(r"^#\| (?:fig|tbl)-(?:cap|alt): .*", text, flags=re.M)
    outside_cells = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S).split("\n")
    identifiers = re.compile(r"\{\{<.*?>\}\}|@[\w-]+|`[^`]*`|#[\w-]+")
    lines = [*captions, *outside_cells]
    assert [line for line in lines if OTHER_WORDS.search(identifiers.sub("", line.lower()))] == []


def architecture() -> str:
    return (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_every_folder_of_the_package_is_in_the_map():
    folders = {path.parent.name for path in (ROOT / "pneumo").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `pneumo/(\w+)/` \|", architecture(), flags=re.M)) == folders


def test_every_folder_at_the_top_has_its_purpose_in_the_readme_and_in_the_map():
    kept = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
    folders = {path.name for path in kept if any(path.glob("*.*"))} - {"data", "build", "dist"}
    folders = {name for name in folders if not name.endswith(".egg-info")}
    for text in ((ROOT / "README.md").read_text(encoding="utf-8"), architecture()):
        assert folders <= set(re.findall(r"^\| `(\w+)/` \|", text, flags=re.M))


def test_the_layers_of_the_map_are_those_of_the_import_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers" and "pneumo.cli" in c["layers"])
    table = architecture().split("| layer |")[1].split("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line) for line in table.split("\n")]
    assert list(filter(None, rows)) == [re.findall(r"pneumo\.(\w+)", layer) for layer in layers]
