"""The pages of the API: what the package's docstrings say, as Markdown that both editions of the book can set.

The pre-render step writes a file for each of PACKAGES into the folder API_FOLDER; a cell of an appendix shows it:

    from tools import api_reference
    api_reference.page("_api/pneumo.data.md")

Docstrings here are plain text: paragraphs, lines "name: meaning" for arguments, indented tables, and examples with >>>.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any, ForwardRef

from pneumo.reporting.formatting import Markdown

API_FOLDER = "_api"

PACKAGES = {
    "pneumo": "api-experiments",
    "pneumo.data": "api-data",
    "pneumo.phantom": "api-data",
    "pneumo.augment": "api-data",
    "pneumo.features": "api-data",
    "pneumo.models": "api-models",
    "pneumo.training": "api-models",
    "pneumo.classical": "api-models",
    "pneumo.interpret": "api-models",
    "pneumo.experiments": "api-experiments",
    "pneumo.records": "api-experiments",
    "pneumo.inference": "api-experiments",
    "pneumo.evaluation": "api-evaluation",
    "pneumo.analysis": "api-evaluation",
    "pneumo.plots": "api-figures",
    "pneumo.tables": "api-figures",
}
"""The public packages and modules, and the appendix that shows each: report/NAME.qmd."""

NOT_IN_PDF = '::: {.content-visible when-format="html"}'
"""Opens what the site and the EPUB show, and the PDF does not: signatures and docstrings would double its pages."""

CODE_COLUMNS = 76
"""Columns of a signature beyond which each argument gets a line."""

ARGUMENT = re.compile(r"^(?:X|[a-z_][\w.]*)(?:, [a-z_][\w.]*)*: ")
LISTED = re.compile(r"^(?:\d+\.|-) ")
"""What begins an item of a list: a number or a dash."""

DIRECTIVE = re.compile(r" *# doctest: .*$", re.MULTILINE)
"""What an example says to the tests, and not to readers."""

ROW = re.compile(r"^\s{2,}(\S.*?)\s{2,}(\S.*)$")
SENTENCE_ENDS = (".", ":", "!", "?")
MARKDOWN_CHARACTERS = re.compile(r"([\\*_~^<>$@#|\[\]{}])")


_SHORT_NAMES = {
    "pneumo.records": "pneumo.experiments.records",
    "pneumo.plots": "pneumo.reporting.plots",
    "pneumo.tables": "pneumo.reporting.tables",
}
"""Modules that `pneumo` shows under shorter names."""


def write_pages(project: Path) -> None:
    """Write the Markdown of each package into API_FOLDER, one file each, where the code has changed since.

    project: the folder of the book and the package.
    """
    folder, digest = project / API_FOLDER, _code_digest(project)
    stamp = folder / "digest"
    if stamp.exists() and stamp.read_text() == digest:
        return
    folder.mkdir(exist_ok=True)
    entries = documented()
    links = _links(entries)
    for package in PACKAGES:
        path, text = folder / f"{package}.md", package_markdown(package, entries[package], links)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    stamp.write_text(digest)


def _code_digest(project: Path) -> str:
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted((project / "pneumo").rglob("*.py*"))]:
        if path.suffix in (".py", ".pyi"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def page(path: str) -> Markdown:
    """What `write_pages` wrote, for the last line of a cell. path: from the project's folder."""
    return Markdown(Path(path).read_text(encoding="utf-8"))


def documented() -> dict[str, dict[str, Any]]:
    """The functions and classes of each of PACKAGES by name, each in the first package that has it.

    `pneumo` itself comes last and so has nothing of its own: its page is a list of links.
    """
    seen: set[int] = set()
    entries: dict[str, dict[str, Any]] = {}
    for package in sorted(PACKAGES, key=lambda package: package == "pneumo"):
        entries[package] = {}
        # The shortest name of each: `experiments.plan`, not `experiments.planning.plan`.
        for name, value in sorted(public(_module(package)).items(), key=lambda item: (item[0].count("."), item[0])):
            if id(value) not in seen:
                seen.add(id(value))
                entries[package][name] = value
    return entries


def public(module: ModuleType) -> dict[str, Any]:
    """The public functions and classes of a module by name; those of its own public modules as "module.name".

    Public is what `__all__` names, and without it, what the module itself defines.
    """
    names = getattr(module, "__all__", None)
    found: dict[str, Any] = {}
    for name in sorted(names or vars(module)):
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            if not name.startswith("_") and (names or value.__module__ == module.__name__):
                found[name] = value
        elif inspect.ismodule(value) and names and _belongs_to(value, module):
            found |= {f"{name}.{below}": each for below, each in public(value).items()}
    return found


def _belongs_to(value: ModuleType, module: ModuleType) -> bool:
    """Whether a module has no page of its own, and is shown on that of the package above it."""
    own_pages = {*PACKAGES, *_SHORT_NAMES.values()}
    if module.__name__ == "pneumo":
        return False
    return value.__name__.startswith(f"{module.__name__}.") and value.__name__ not in own_pages


def _module(package: str) -> ModuleType:
    return importlib.import_module(_SHORT_NAMES.get(package, package))


def package_markdown(package: str, entries: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """The page of a package: its summary, then, for the site and the EPUB, the rest of its docstring and its names.

    entries: see `documented`. links: to each public name, by the full name.
    """
    module = _module(package)
    summary, *rest = inspect.cleandoc(module.__doc__ or "").split("\n\n")
    shown_in_pdf = [f"## {package} {{#{_anchor(package)}}}", _inline(summary, {})]
    lines = [*_blocks("\n\n".join(rest), links)]
    if not entries:
        names = [name for name in module.__all__ if f"{package}.{name}" in links]
        lines.append("\n".join(f"- {_code(f'`{package}.{name}`', links)}" for name in names))
    for name, value in entries.items():
        lines += [f"### {name} {{#{_anchor(f'{package}.{name}')} .unnumbered}}", _entry(name, value, links)]
    return "\n\n".join([*shown_in_pdf, NOT_IN_PDF, *filter(None, lines), ":::"]) + "\n"


def _links(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The link to each public name by its full names: where it is documented, and where else it can be imported."""
    links: dict[str, str] = {}
    places: dict[int, str] = {}
    for package, each in entries.items():
        links[package] = f"/report/{PACKAGES[package]}.qmd#{_anchor(package)}"
        for name, value in each.items():
            places[id(value)] = f"/report/{PACKAGES[package]}.qmd#{_anchor(f'{package}.{name}')}"
    for package in PACKAGES:
        known = {name: places[id(value)] for name, value in public(_module(package)).items() if id(value) in places}
        links |= {f"{package}.{name}": place for name, place in known.items()}
    return links


def docstring_markdown(value: Any, links: Mapping[str, str]) -> str:
    """The docstring of a function, class or module as Markdown."""
    text = inspect.getdoc(value) or ""
    return "\n\n".join(_blocks(_an_argument_a_line(text, value), links))


def _an_argument_a_line(text: str, value: Any) -> str:
    """A docstring in which each argument that is explained begins a line, and so does what is returned or raised."""
    try:
        names = inspect.signature(value).parameters
    except (TypeError, ValueError):  # a property, a module
        return text
    known = "|".join(map(re.escape, names))
    if not known:
        return text
    explained = rf"(?:{known})(?:, (?:{known}))*: "
    text = re.sub(rf"; (?={explained})", ".\n", text)
    return re.sub(rf"(?<=\.) (?={explained}|Returns |Raises |Columns )", "\n", text)


def signature(name: str, value: Any) -> str:
    """`name` with its arguments as they are written, an argument a line where they are long."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):  # a class of the interpreter's own
        return name
    arguments, starred = [], False
    for each in found.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not starred:
            arguments.append("*")
        starred = starred or each.kind in (each.VAR_POSITIONAL, each.KEYWORD_ONLY)
        if each.name != "self":
            arguments.append(_argument(each))
    returned = ""
    if not inspect.isclass(value) and found.return_annotation is not found.empty:
        returned = f" -> {_annotation(found.return_annotation)}"
    line = f"{name}({', '.join(arguments)}){returned}"
    if len(line) <= CODE_COLUMNS:
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in arguments) + f"){returned}"


def _argument(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = "" if parameter.annotation is parameter.empty else f": {_annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}{kind}"
    # A default that is made anew for each call, or a long configuration, is named in the docstring.
    long = dataclasses.is_dataclass(parameter.default) or "<" in repr(parameter.default)
    shown = "..." if long else repr(parameter.default)
    return f"{parameter.name}{kind} = {shown}" if kind else f"{parameter.name}={shown}"


def _annotation(annotation: Any) -> str:
    if isinstance(annotation, ForwardRef):  # of a named tuple
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _entry(name: str, value: Any, links: Mapping[str, str]) -> str:
    kind = "class " if inspect.isclass(value) else ""
    parts = [f"```python\n{kind}{signature(name, value)}\n```", docstring_markdown(value, links)]
    if inspect.isclass(value):
        parts += [_member(member, each, links) for member, each in _members(value)]
    return "\n\n".join(part for part in parts if part)


def _members(value: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class itself defines and documents."""
    for name, member in vars(value).items():
        function = member.fget if isinstance(member, property) else member
        documented = inspect.isfunction(function) and function.__doc__
        if not name.startswith("_") and documented:
            yield name, member


def _member(name: str, member: Any, links: Mapping[str, str]) -> str:
    shown = name if isinstance(member, property) else signature(name, member)
    return f"```python\n.{shown}\n```\n\n{docstring_markdown(member, links)}"


# Docstrings -----------------------------------------------------------------------------------------------------------


def _blocks(text: str, links: Mapping[str, str]) -> Iterator[str]:
    """The blocks of a docstring as Markdown."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if lines[0].lstrip().startswith(">>>") or _is_code(textwrap.dedent(paragraph)):
            yield f"```python\n{DIRECTIVE.sub('', textwrap.dedent(paragraph))}\n```"
        elif all(line.startswith("    ") for line in lines):
            yield f"```text\n{textwrap.dedent(paragraph)}\n```"
        else:
            yield from _prose(lines, links)


def _is_code(paragraph: str) -> bool:
    """Whether a paragraph is Python that assigns or calls something, as the examples of a package are."""
    try:
        statements = ast.parse(paragraph).body
    except SyntaxError:
        return False
    return any(
        isinstance(each, ast.Assign) or isinstance(getattr(each, "value", None), ast.Call) for each in statements
    )


@dataclasses.dataclass
class _Item:
    """Lines that belong together, and the rows of an indented table below them, [name, meaning, ...] each."""

    lines: list[str]
    rows: list[list[str]] = dataclasses.field(default_factory=list)

    @property
    def is_in_list(self) -> bool:
        return bool(ARGUMENT.match(self.lines[0]) or LISTED.match(self.lines[0]))

    def goes_on_with(self, line: str) -> bool:
        """Whether an unindented line is the next of this item, and not the first of another."""
        if ARGUMENT.match(line) or LISTED.match(line) or self.rows:
            return False
        return not (ARGUMENT.match(self.lines[0]) and self.lines[-1].endswith(SENTENCE_ENDS))

    def add(self, line: str) -> None:
        if row := ROW.match(line):
            self.rows.append([*row.groups()])
        else:
            (self.rows[-1] if self.rows else self.lines).append(line.strip())

    def markdown(self, links: Mapping[str, str]) -> str:
        text = " ".join(self.lines)
        rows = [f"- `{name}`: {_inline(' '.join(meaning), links)}" for name, *meaning in self.rows]
        if self.is_in_list:
            return "\n".join([_item(text, links), *(f"    {row}" for row in rows)])
        return "\n\n".join([_inline(text, links), *(["\n".join(rows)] if rows else [])])


def _prose(lines: list[str], links: Mapping[str, str]) -> Iterator[str]:
    """Sentences, with lists where lines begin "name: " or stand in an indented table, and examples that follow without
    an empty line."""
    items: list[_Item] = []
    for line in lines:
        if items and (line.startswith("  ") or items[-1].goes_on_with(line)):
            items[-1].add(line)
        else:
            items.append(_Item([line]))
    for in_list, group in groupby(items, key=lambda item: item.is_in_list):
        texts = [item.markdown(links) for item in group]
        yield from ["\n".join(texts)] if in_list else texts


def _item(text: str, links: Mapping[str, str]) -> str:
    """An item of a list: an argument and its meaning, or an item with its number or dash."""
    argument = ARGUMENT.match(text)
    if argument:
        return f"- `{text[: argument.end() - 2]}`: {_inline(text[argument.end() :], links)}"
    number, step = text.split(" ", 1)
    return f"{number} {_inline(step, links)}"


def _inline(text: str, links: Mapping[str, str]) -> str:
    """A line of prose: code stays, names that have a place in the API lead to it, the rest means what it says."""
    pieces = ['`""`' if piece == '""' else piece for piece in re.split(r'(`[^`]+`|"")', text)]
    return "".join(
        _code(piece, links) if piece.startswith("`") and len(piece) > 1 else MARKDOWN_CHARACTERS.sub(r"\\\1", piece)
        for piece in pieces
    )


def _code(piece: str, links: Mapping[str, str]) -> str:
    link = links.get(piece.strip("`"))
    return f"[{piece}]({link})" if link else piece


def _anchor(name: str) -> str:
    return "api-" + name.replace(".", "-").replace("_", "-")
