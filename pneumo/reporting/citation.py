"""How to cite the project, from its CITATION.cff."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pneumo.reporting.formatting import Markdown


def bibtex(path: Path | str = "CITATION.cff") -> Markdown:
    """The BibTeX entry of a citation file, as a listing to copy.

    The year is that of its date-released, and where there is none the entry says that the version is unreleased.
    A DOI or an address is given where the file has one.
    """
    facts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    released = str(facts.get("date-released", ""))
    fields = {
        "title": facts["title"],
        "author": " and ".join(_author(each) for each in facts["authors"]),
        "version": facts["version"],
        **({"year": released[:4]} if released else {"note": "Unreleased version"}),
        **{name: facts[key] for name, key in (("doi", "doi"), ("url", "repository-code")) if key in facts},
    }
    lines = [f"  {name:<7} = {{{value}}}," for name, value in fields.items()]
    return Markdown("\n".join(["```", "@software{pneumo,", *lines, "}", "```"]))


def version(path: Path | str = "CITATION.cff") -> str:
    """The version and its date, "0.1.0 (2026-01-31)", or "0.1.0 (unreleased)"."""
    facts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return f"{facts['version']} ({facts.get('date-released', 'unreleased')})"


def _author(person: dict[str, str]) -> str:
    """A person as "family, given"; a group in braces, so that its name stays whole."""
    if "name" in person:
        return f"{{{person['name']}}}"
    return re.sub(r", $", "", f"{person['family-names']}, {person.get('given-names', '')}")
