"""What pages load: modules joined into one script."""

from pathlib import Path

import pytest

from tools import interactive
from tools.errors import BuildError

ROOT = Path(__file__).parents[2]


def modules(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_a_module_stands_after_those_that_it_imports_and_once(tmp_path):
    modules(
        tmp_path,
        a='import { b } from "./b.js";\nimport { c } from "./c.js";\nb(c);\n',
        b='import { c } from "./c.js";\nexport function b() {\n  return c;\n}\n',
        c="export const c = 1;\n",
    )
    assert interactive.join_modules(tmp_path, "a.js") == (
        '(() => {\n"use strict";\n\nconst c = 1;\n\nfunction b() {\n  return c;\n}\n\nb(c);\n})();\n'
    )


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"a": 'import { b } from "./b.js";\n'}, "a.js: imports b.js, which does not exist"),
        ({"a": 'import { b } from "./b.js";\n', "b": "const b = 1;\n"}, "imports b, which b.js does not export"),
        (
            {"a": 'import { b } from "./b.js";\nconst c = b;\n', "b": "export const b = 1;\nconst c = 2;\n"},
            "c is defined in b.js too; rename one",
        ),
        ({"a": 'import * as b from "./b.js";\n', "b": "export const b = 1;\n"}, r"`import \* as b"),
        ({"a": "export default 1;\n"}, "`export default 1;`"),
        (
            {
                "a": 'import { b } from "./b.js";\nexport const a = b;\n',
                "b": 'import { a } from "./a.js";\nexport const b = a;\n',
            },
            "a.js: imports itself by way of a.js and b.js",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_named(tmp_path, texts, problem):
    with pytest.raises(BuildError, match=problem):
        interactive.join_modules(modules(tmp_path, **texts), "a.js")


def test_files_that_have_not_changed_are_left_alone(tmp_path):
    interactive.write(ROOT, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    interactive.write(ROOT, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_every_module_is_part_of_the_script():
    """A module that nothing imports would be dead code."""
    script = interactive.join_modules(ROOT / interactive.SOURCES, interactive.ENTRY)
    for path in (ROOT / interactive.SOURCES).glob("*.js"):
        assert path.read_text(encoding="utf-8").splitlines()[0] in script, path
