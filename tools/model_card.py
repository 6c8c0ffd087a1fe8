"""Writes the model card and the data sheet of the model that comes with the package, beside its weights.

    python -m tools.model_card

The statements are those of the chapter "Discussion" (its table of the model card), so that the book and the file say
the same; the numbers come from the record that the model's file names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pneumo
from pneumo.analysis import model_selection
from pneumo.inference.model import SHIPPED_MODEL_PATH
from pneumo.reporting.cards import data_sheet, model_card
from tools.chapters import substituted
from tools.variables import variables

ROOT = Path(__file__).resolve().parent.parent
CHAPTER = ROOT / "report" / "discussion.qmd"
FOLDER = SHIPPED_MODEL_PATH.parent

ROW = re.compile(r"^\| ([^|]+) \| (.+) \|$")
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)(?:\{[^}]*\})?")
CITATION = re.compile(r"\s*\[@[^\]]+\]")


def main() -> None:
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """The text of each file, by its name."""
    record = model_selection.select_models()["transferred"]
    shipped = pneumo.load_model().record
    if record.key != shipped:
        raise ValueError(f"the model file holds record {shipped}, the selected one is {record.key}; pack it again")
    return {
        "MODEL_CARD.md": model_card(record, statements(CHAPTER.read_text(encoding="utf-8"), variables())),
        "DATASHEET.md": data_sheet(record),
    }


def statements(chapter: str, values: Mapping[str, object]) -> dict[str, str]:
    """The rows of the chapter's table of the model card, by heading, as plain Markdown.

    values: of the book's variables, nested. Citations are left out, and links keep their words.
    """
    table = chapter.split(": Model card. {#tbl-model-card}")[0].rsplit("|---|---|", 1)[1]
    rows = dict(match.groups() for line in table.strip().split("\n") if (match := ROW.match(line)))
    return {name: _plain(text, values) for name, text in rows.items()}


def _plain(text: str, values: Mapping[str, object]) -> str:
    text, missing = substituted(text, values)
    if missing:
        raise KeyError(f"{', '.join(name for name, _ in missing)}: no variable of the book")
    return LINK.sub(r"\1", CITATION.sub("", text))


if __name__ == "__main__":
    main()
