"""What has to be ready before the book is rendered; Quarto and the plain edition both run it.

Writes `_variables.yml` from the records and the pages of the API from the docstrings, and drops the executed cells of
chapters whose inputs have changed: jupyter-cache looks at the code of a chapter, not at the package and the records
behind it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pneumo.errors import PneumoError  # noqa: E402
from tools import api_reference, cell_cache, settings  # noqa: E402
from tools.chapter_inputs import ChapterInputs  # noqa: E402
from tools.errors import BuildError  # noqa: E402

MAKES_VARIABLES = "from tools.variables import variables; variables()"
"""The code whose inputs are those of `_variables.yml`."""


def main() -> int:
    os.chdir(ROOT)
    try:
        inputs = ChapterInputs(ROOT)
        write_variables(inputs)
        api_reference.write_pages(ROOT)
        stale = drop_stale_cells(inputs, os.environ.get("QUARTO_PROFILE", ""))
    except (PneumoError, BuildError) as error:
        print(f"pre-render: {error}", file=sys.stderr)
        return 1
    if stale:
        print(f"pre-render: to be executed, as what they show has changed: {', '.join(stale)}", flush=True)
    return 0


def write_variables(inputs: ChapterInputs) -> None:
    """Write `_variables.yml`, unless it was made from the same inputs."""
    path, head = ROOT / "_variables.yml", f"# made from {inputs.of(MAKES_VARIABLES)}\n"
    if path.exists() and path.read_text(encoding="utf-8").startswith(head):
        return
    from tools.variables import variables

    text = yaml.safe_dump(variables(), allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(head + text, encoding="utf-8")


def drop_stale_cells(inputs: ChapterInputs, profile: str) -> list[str]:
    """Drop the executed cells of the chapters whose inputs are not those of the last render; return their paths."""
    book = settings.read(ROOT, profile)
    stale = []
    for chapter in book.chapters:
        folder = cell_cache.folder(ROOT, chapter, book.environment)
        stamp, digest = folder / f"{chapter.stem}.fingerprint", inputs.chapter(chapter)
        if not stamp.exists() or stamp.read_text() != digest:
            if cell_cache.drop(folder, chapter):
                stale.append(str(chapter))
            folder.mkdir(parents=True, exist_ok=True)
            stamp.write_text(digest)
    return stale


if __name__ == "__main__":
    sys.exit(main())
