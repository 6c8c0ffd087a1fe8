"""The lists of records: what was run, when, and on which machines with which versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pneumo.experiments.wording import WORDS
from pneumo.reporting.formatting import Markdown, format_duration, markdown

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

SHOWN_DIGITS = 8
"""Of a record's key, as in the name of its anchor."""


def record_list(records: Iterable[Record]) -> Markdown:
    """A table of all records, one row for each variant of each comparison, with the keys of its seeds.

    A record that several comparisons share stands in the first of them. Comparisons and keys have the anchors that
    measured numbers in the text link to (`Record.group_anchor`, `Record.anchor`). Time is that of all seeds together.
    """
    groups: dict[str, dict[str, list[Record]]] = {}
    for record in _distinct(records):
        groups.setdefault(record.group, {}).setdefault(record.variant, []).append(record)
    rows = []
    for group, variants in groups.items():
        for place, (variant, members) in enumerate(variants.items()):
            anchor = f"[{group.replace('-', ' ')}]{{#{members[0].group_anchor}}}"
            rows.append({"comparison": "" if place else anchor, **_variant_row(variant, members)})
    return markdown(pd.DataFrame(rows))


def machines(records: Iterable[Record]) -> Markdown:
    """A table of the machines and versions that made the records: one row for each set of them.

    Columns: processor, cores, threads of each run, memory, versions, pixels (the first digits of their digest, of each
    data set), records (how many) and dates (of the first and the last).
    """
    made: dict[tuple[str, ...], list[Record]] = {}
    for record in _distinct(records):
        made.setdefault(_machine(record.provenance), []).append(record)
    columns = ("processor", "cores", "threads", "memory", "versions")
    rows = [
        {
            **dict(zip(columns, facts, strict=True)),
            "pixels": _pixels(members),
            "records": len(members),
            **_dates(members),
        }
        for facts, members in made.items()
    ]
    return markdown(pd.DataFrame(rows))


def _distinct(records: Iterable[Record]) -> list[Record]:
    """Each record once, where it first stands."""
    found: dict[str, Record] = {}
    for record in records:
        found.setdefault(record.key, record)
    return list(found.values())


def _variant_row(variant: str, members: Sequence[Record]) -> dict[str, str]:
    ordered = sorted(members, key=lambda record: record.experiment.seed)
    keys = [f"[{record.key[:SHOWN_DIGITS]}]{{#{record.anchor}}}" for record in ordered]
    return {
        "variant": WORDS.get(variant) or variant.replace("-", " "),
        "keys, by seed": ", ".join(keys),
        **_dates(members),
        "time": format_duration(sum(record.provenance["seconds"] for record in members)),
    }


def _dates(members: Sequence[Record]) -> dict[str, str]:
    days = sorted({record.provenance["date"][:10] for record in members})
    return {"date": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"}


def _machine(facts: Mapping[str, Any]) -> tuple[str, ...]:
    machine = facts["machine"]
    processor = machine["processor"]
    if machine["accelerator"] != "none":
        processor = f"{processor}, {machine['accelerator']}"
    versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
    return processor, str(machine["cores"]), str(machine["threads"]), f"{machine['memory_gb']} GB", versions


def _pixels(members: Sequence[Record]) -> str:
    digests = {
        record.experiment.data.name: record.provenance["data"]["pixels_sha256"][:SHOWN_DIGITS]
        for record in members
        if "pixels_sha256" in record.provenance["data"]
    }
    return ", ".join(f"{name} {digest}" for name, digest in digests.items()) or "none read"
