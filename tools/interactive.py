"""What the pages of the book load to do more than show text: one script, one stylesheet, and data beside them.

The sources are the ES modules in `report/interactive/`. They are joined into one ordinary script, because a browser
refuses modules, and anything that a script fetches, to a page that is opened from disk.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tools.errors import BuildError

SOURCES = Path("report") / "interactive"
"""The modules and the stylesheet, in the project."""

ENTRY = "book.js"
"""The module that starts everything else."""

OUTPUT = Path("_interactive")
"""The folder that a render makes in the project, and copies into the site."""

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function |const |class )", re.MULTILINE)
DEFINED = re.compile(r"^(?:export )?(?:async function|function|const|let|class) (\w+)", re.MULTILINE)
UNKNOWN = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def write(project: Path, folder: Path | None = None) -> Path:
    """Write what pages of the book in `project` load into `folder`, by default its `OUTPUT`; return the folder.

    Files that are there as they should be are left alone, so that a preview is not rendered again.
    """
    folder = project / OUTPUT if folder is None else folder
    folder.mkdir(exist_ok=True)
    sources = project / SOURCES
    _write_changed(folder / "interactive.js", join_modules(sources, ENTRY))
    _write_changed(folder / "interactive.css", (sources / "interactive.css").read_text(encoding="utf-8"))
    return folder


def write_data(name: str, variable: str, values: Any, folder: Path) -> None:
    """Write JSON values as a script that sets a variable of the page: a page from disk may load it, a JSON file not."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    _write_changed(folder / name, f"window.{variable} = {text};\n")


def _write_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def join_modules(folder: Path, entry: str) -> str:
    """The module `entry` of a folder and all that it imports as one script, whose names no other script sees.

    Modules import by name, `import { a, b } from "./c.js";`, and export functions, constants and classes where they are
    defined. Raises BuildError for another form, a missing module or export, a circle of imports, and for a name that
    two modules define, since all share one scope.
    """
    modules: dict[str, str] = {}
    _collect(folder, entry, modules, importing=())
    owners: dict[str, str] = {}
    problems = []
    for name, text in modules.items():
        for defined in DEFINED.findall(text):
            if defined in owners:
                problems.append(f"{folder / name}: {defined} is defined in {owners[defined]} too; rename one")
            owners[defined] = name
        problems += _unknown_imports(folder, name, modules)
    if problems:
        raise BuildError(problems)
    bodies = [EXPORT.sub("", IMPORT.sub("", text)).strip() for text in modules.values()]
    return '(() => {\n"use strict";\n\n' + "\n\n".join(bodies) + "\n})();\n"


def _collect(folder: Path, name: str, modules: dict[str, str], importing: tuple[str, ...]) -> None:
    """Add a module to `modules`, after those that it imports."""
    if name in modules:
        return
    if name in importing:
        raise BuildError([f"{folder / name}: imports itself by way of {' and '.join(importing)}"])
    path = folder / name
    if not path.is_file():
        raise BuildError([f"{folder / importing[-1]}: imports {name}, which does not exist"])
    text = path.read_text(encoding="utf-8")
    for _, imported in IMPORT.findall(text):
        _collect(folder, imported, modules, (*importing, name))
    left = UNKNOWN.search(EXPORT.sub("", IMPORT.sub("", text)))
    if left:
        raise BuildError([f'{path}: `{left[0]}` is no import {{ ... }} from "./..." or export of a definition'])
    modules[name] = text


def _unknown_imports(folder: Path, name: str, modules: dict[str, str]) -> list[str]:
    return [
        f"{folder / name}: imports {imported}, which {module} does not export"
        for names, module in IMPORT.findall(modules[name])
        for imported in filter(None, (each.strip() for each in names.split(",")))
        if not re.search(rf"^export (?:async )?(?:function|const|class) {imported}\b", modules[module], re.MULTILINE)
    ]
