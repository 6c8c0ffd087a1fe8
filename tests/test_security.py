"""What is promised and no other test holds: no pickle is read, and the book executes its own chapters alone."""

import ast
import shutil
from pathlib import Path

import pytest

from plain_edition import execute
from plain_edition.build import build
from tools.errors import BuildError

ROOT = Path(__file__).parent.parent

READERS = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal", "numpy", "np", "torch", "pandas", "pd"}
"""Modules, by the names they are imported as, that can read a pickle."""

SAFE = {"np.load": {"allow_pickle": False}, "torch.load": {"weights_only": True}}
"""Readers that read none where this argument is given. A memory map reads none in any case."""


def reads(tree: ast.AST) -> list[ast.Call]:
    """Calls of load, loads, Unpickler or read_pickle of one of the READERS."""
    return [
        call
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("load", "loads", "Unpickler", "read_pickle")
        and ast.unparse(call.func.value) in READERS
    ]


def is_safe(call: ast.Call) -> bool:
    given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
    wanted = SAFE.get(ast.unparse(call.func), {"": None})
    return given.get("mmap_mode") == "r" or wanted.items() <= given.items()


def test_what_can_read_a_pickle_is_told_not_to_wherever_the_package_calls_it():
    files = sorted((ROOT / "pneumo").rglob("*.py"))
    calls = [(path, call) for path in files for call in reads(ast.parse(path.read_text(encoding="utf-8")))]
    assert [f"{path}:{call.lineno}" for path, call in calls if not is_safe(call)] == []
    assert {"np.load", "torch.load"} == {ast.unparse(call.func) for _, call in calls}  # or the search finds nothing


@pytest.mark.parametrize("code", ["pickle.load(f)", "torch.load(f)", "torch.load(f, weights_only=False)", "np.load(f)"])
def test_the_search_for_pickles_finds_one(code):
    assert [is_safe(call) for call in reads(ast.parse(code))] == [False]


def test_only_chapters_that_the_book_lists_are_executed(tmp_path, monkeypatch):
    book = tmp_path / "book"
    shutil.copytree(ROOT / "tests/plain_edition/small_book", book)
    for stray in ("stray.qmd", "report/stray.qmd", "report/_numbers.qmd"):
        (book / stray).write_text("```{python}\nopen('executed', 'w')\n```\n")
    (book / "report/stray.ipynb").write_text("{}")
    executed = []

    def noted(_, chapters):
        executed.extend(str(chapter.path) for chapter in chapters)
        raise BuildError(["seen enough"])

    monkeypatch.setattr(execute, "execute", noted)
    with pytest.raises(BuildError, match="seen enough"):
        build(book)
    assert executed == ["index.qmd", "report/numbers.qmd", "report/links.qmd"]
