"""What has to be ready before the book is rendered; Quarto and the plain edition both run it.

Writes `_variables.yml` from the records, the pages of the API from the docstrings, the chapters as notebooks and what
pages load into `_interactive`, and draws the image for shared links. Drops the executed cells of chapters whose inputs
have changed: jupyter-cache looks at the code of a chapter, not at the package and the records behind it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from tools.chapter_inputs import ChapterInputs

MAKES_VARIABLES = "from tools.variables import variables; variables()"
"""The code whose inputs are those of `_variables.yml`."""

MAKES_CARD = "from tools.social_card import draw; draw('', '')"
"""The code whose inputs are those of the image for shared links."""

MAKES_RECORD_CARDS = (
    "from pneumo import experiments, records; from pneumo.reporting.provenance import record_cards; "
    "record_cards(map(records.get, experiments.all_experiments()))"
)
"""The code whose inputs are those of the cards of records."""


def main() -> int:
    os.chdir(ROOT)
    try:
        from pneumo.errors import PneumoError
        from tools import api_reference, interactive, notebooks, page_model
        from tools.chapter_inputs import ChapterInputs
        from tools.errors import BuildError
    except ModuleNotFoundError as error:
        print(
            f"pre-render: the Python at {sys.executable} has no module {error.name!r}; run `make report`, or `make "
            "test` once and then `quarto render`, or `conda activate pneumo`, or set QUARTO_PYTHON to a Python that "
            "has pneumo",
            file=sys.stderr,
        )
        return 1
    try:
        inputs = ChapterInputs(ROOT)
        profile = os.environ.get("QUARTO_PROFILE", "")
        write_variables(inputs)
        write_social_card(inputs, profile)
        interactive.write(ROOT)
        write_record_cards(inputs)
        api_reference.write_pages(ROOT)
        notebooks.write_all(ROOT, profile)
        if missing := page_model.write(ROOT, ROOT / interactive.OUTPUT):
            print(f"pre-render: the pages have no model to try: {missing}", flush=True)
        stale = drop_stale_cells(inputs, profile)
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
    import yaml

    from tools.variables import variables

    text = yaml.safe_dump(variables(), allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(head + text, encoding="utf-8")


def write_social_card(inputs: ChapterInputs, profile: str) -> None:
    """Draw the image that `book: open-graph: image` names, unless it was drawn from the same inputs."""
    from tools import settings, social_card

    book = settings.read(ROOT, profile).values["book"]
    image = (book.get("open-graph") or {}).get("image")
    if image:
        social_card.write(ROOT / image, book["title"], book.get("subtitle", ""), inputs.of(MAKES_CARD))


def write_record_cards(inputs: ChapterInputs) -> None:
    """Write what pages show of each record, unless it was made from the same inputs."""
    from tools import interactive

    folder = ROOT / interactive.OUTPUT
    stamp, digest = folder / "record-cards.fingerprint", inputs.of(MAKES_RECORD_CARDS)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    from pneumo import experiments, records
    from pneumo.reporting.provenance import record_cards

    cards = record_cards(map(records.get, experiments.all_experiments()), project=ROOT)
    interactive.write_data("record-cards.js", "pneumoRecordCards", cards, folder)
    stamp.write_text(digest, encoding="utf-8")


def drop_stale_cells(inputs: ChapterInputs, profile: str) -> list[str]:
    """Drop the executed cells of the chapters whose inputs are not those of the last render; return their paths."""
    from tools import cell_cache, settings

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
