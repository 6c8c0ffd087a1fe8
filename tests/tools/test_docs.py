"""What is written about the project: its form, and that it names what exists."""

import argparse
import re
import shlex
import tomllib
from pathlib import Path

import pytest

import pneumo
from pneumo import cli

ROOT = Path(__file__).parents[2]
CHAPTERS = [ROOT / "index.qmd", *sorted((ROOT / "report").glob("*.qmd"))]
GUIDES = [
    Path("README.md"),
    Path("CONTRIBUTING.md"),
    *(path.relative_to(ROOT) for path in sorted((ROOT / "docs").glob("*.md"))),
    Path("recipes/README.md"),
    Path("tests/README.md"),
    Path("pneumo/inference/weights/README.md"),
]
TO_BE_MADE = re.compile(r"NAME|^(_|\.venv)|^(radiographs|pictures|train|test|my-model|new|other)/|FOLDER|GROUP")
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


def sources() -> str:
    """All Python files but the tests, and the environment of the book and of its demonstration."""
    folders = ("pneumo", "tools", "plain_edition", "benchmarks")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in [*files, *sorted(ROOT.glob("_environment*"))])


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_every_constant_that_a_guide_names_exists(guide):
    text = (ROOT / guide).read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:\w+\.)*([A-Z][A-Z0-9_]+)`", text))
    defined = set(re.findall(r"^([A-Z][A-Z0-9_]+)(?:: [^=\n]+)? ?=", sources(), flags=re.M))
    assert named - defined == set()


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_every_environment_variable_that_a_guide_names_is_read(guide):
    named = set(re.findall(r"PNEUMO_[A-Z]+(?:_[A-Z]+)*", (ROOT / guide).read_text(encoding="utf-8")))
    assert {variable for variable in named if variable not in sources()} == set()


def commands(text: str) -> list[list[str]]:
    """The words after `pneumo` of each command in the code of a guide."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    code = [*spans, *re.findall(r"^ {4,}(\S.*)$", text, flags=re.M)]
    found = [re.match(r"(?:PNEUMO_\w+=\S+ )*pneumo (.+)", line) for line in code]
    return [shlex.split(match[1], comments=True) for match in found if match]


def parsers(parser: argparse.ArgumentParser, name: str = "pneumo") -> dict[str, argparse.ArgumentParser]:
    """Each command of the command line by its words."""
    below = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: parser} | {
        words: found
        for choices in below
        for word, child in choices.items()
        for words, found in parsers(child, f"{name} {word}").items()
    }


PARSERS = parsers(cli._parser())


def unknown_words(words: list[str]) -> list[str]:
    """The commands and options in the words after `pneumo` that the command line does not know."""
    name = "pneumo"
    for word in words:
        if f"{name} {word}" not in PARSERS:
            break
        name = f"{name} {word}"
    takes_a_command = PARSERS[name]._subparsers is not None
    options = [word for word in words if word.startswith("-") and word not in PARSERS[name]._option_string_actions]
    # `pneumo data` alone names the command with all below it.
    rest = words[len(name.split()) - 1 :]
    return options + (rest[:1] if takes_a_command and rest and not rest[0].startswith("-") else [])


def test_commands_and_options_that_do_not_exist_are_found():
    text = "`pneumo runs`, `pneumo data put`, `pneumo run --job`\n\n    PNEUMO_DATA=a pneumo pack b  # c\n"
    assert commands(text) == [["runs"], ["data", "put"], ["run", "--job"], ["pack", "b"]]
    assert [unknown_words(words) for words in commands(text)] == [["runs"], ["put"], ["--job"], []]
    assert unknown_words(["data"]) == unknown_words(["--help"]) == []


@pytest.mark.parametrize("guide", [*GUIDES, Path("CHANGELOG.md")], ids=str)
def test_every_command_that_a_guide_names_exists(guide):
    named = commands((ROOT / guide).read_text(encoding="utf-8"))
    assert [words for words in named if unknown_words(words)] == []


@pytest.mark.parametrize("command", PARSERS)
def test_help_shows_no_escaped_percent_sign(command):
    assert "%%" not in PARSERS[command].format_help()


def test_every_command_is_in_the_readme():
    """But `pneumo pack`, which only those need who publish a model."""
    named = [" ".join(["pneumo", *words]) for words in commands((ROOT / "README.md").read_text(encoding="utf-8"))]
    final = [command for command, parser in PARSERS.items() if parser._subparsers is None and command != "pneumo pack"]
    assert [command for command in final if not any(line.startswith(command) for line in named)] == []


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
    folders = {path.name for path in kept if any(path.glob("*.*"))} - {"data", "build", "dist", "notebooks"}
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
