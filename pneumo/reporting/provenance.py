"""What was run, when, and on which machines with which versions: lists of records, and a card for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pneumo import experiments
from pneumo.experiments import records as stored
from pneumo.experiments.config import to_dict
from pneumo.experiments.wording import group_in_words, variant_in_words
from pneumo.reporting.formatting import NBSP, Markdown, format_count, format_duration, markdown

if TYPE_CHECKING:
    from pathlib import Path

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
        words = group_in_words(group)
        for place, (variant, members) in enumerate(variants.items()):
            # In each row, for a table goes on on further pages, and readers sort it.
            comparison = words if place else f"[{words}]{{#{members[0].group_anchor}}}"
            rows.append({"comparison": comparison, **_variant_row(variant, members)})
    return markdown(pd.DataFrame(rows))


def machines(records: Iterable[Record]) -> Markdown:
    """A table of the machines and versions that made the records: one row for each set of them.

    Columns: processor, cores, threads of each run, memory, versions, records (how many) and dates (of the first and the
    last).
    """
    made: dict[tuple[str, ...], list[Record]] = {}
    for record in _distinct(records):
        made.setdefault(_machine(record.provenance), []).append(record)
    columns = ("processor", "cores", "threads", "memory", "versions")
    rows = [
        {
            **dict(zip(columns, facts, strict=True)),
            "records": len(members),
            **_dates(members),
        }
        for facts, members in made.items()
    ]
    return markdown(pd.DataFrame(rows))


def record_cards(records: Iterable[Record], *, project: Path) -> dict[str, Any]:
    """What a page shows of each record, as JSON values.

    project: the folder to which `file` is relative; "" for a record that lies elsewhere. Returns
        facts       texts that many records share: data, machines, versions
        records     one card a record: anchor, groupAnchor, group, name, key, seed, settings (those that are not the
                    default, by dotted name), file, date, commit, time; data, machine and versions as places in facts
    """
    facts: dict[str, int] = {}

    def place(text: str) -> int:
        return facts.setdefault(text, len(facts))

    cards = [
        {
            "anchor": record.anchor,
            "groupAnchor": record.group_anchor,
            "group": record.group,
            "groupCommand": record.group in experiments.GROUPS,
            "name": record.experiment.name,
            "key": record.key,
            "seed": record.experiment.seed,
            "settings": _settings(record),
            "file": _file(record, project),
            "date": record.provenance["date"][:10],
            "commit": record.provenance["commit"][:7] or "unknown",
            "time": f"{format_duration(record.provenance['seconds'])}, "
            f"{format_count(record.provenance['peak_memory_mb'])} MB",
            "data": place(_data_in_words(record)),
            "machine": place(_machine_in_words(record.provenance["machine"])),
            "versions": place(_versions_in_words(record.provenance["versions"])),
        }
        for members in _by_group(records).values()
        for record in members
    ]
    return {"facts": list(facts), "records": cards}


def _distinct(records: Iterable[Record]) -> list[Record]:
    """Each record once, where it first stands."""
    found: dict[str, Record] = {}
    for record in records:
        found.setdefault(record.key, record)
    return list(found.values())


def _variant_row(variant: str, members: Sequence[Record]) -> dict[str, str]:
    ordered = sorted(members, key=lambda record: record.experiment.seed)
    keys = [f"[{record.key[:SHOWN_DIGITS]}]{{.record #{record.anchor}}}" for record in ordered]
    return {
        "variant": variant_in_words(variant),
        "keys, by seed": ", ".join(keys),
        **_dates(members),
        "time": format_duration(sum(record.provenance["seconds"] for record in members)).replace(" ", NBSP),
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


def _by_group(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records group by group, each in the first group that has it."""
    groups: dict[str, list[Record]] = {}
    for record in {record.key: record for record in reversed(list(records))}.values():
        groups.setdefault(record.group, []).insert(0, record)
    return {name: groups[name] for name in reversed(groups)}


def _settings(record: Record) -> dict[str, str]:
    """The configuration of a record as dotted names and values: {"training.batch_size": "32", ...}."""
    values = to_dict(record.experiment, defaults=False)
    flat = pd.json_normalize(
        {key: value for key, value in values.items() if key not in (*record.experiment.NOT_IDENTITY, "seed")}
    )
    return {str(key): str(value) for key, value in flat.iloc[0].items() if value is not None}


def _file(record: Record, project: Path) -> str:
    """ "" for one that lies elsewhere."""
    path = stored.find_path(record.experiment)
    if path is None or not path.resolve().is_relative_to(project.resolve()):
        return ""
    return path.resolve().relative_to(project.resolve()).as_posix()


def _data_in_words(record: Record) -> str:
    data, settings = record.provenance["data"], record.experiment.data
    pixels = data.get("pixels_sha256")
    read = f"pixels {pixels[:12]}…" if pixels else "no pixels read"
    return f"{settings.name}, version {data['version']}, {settings.image_size} pixels a side, {read}"


def _machine_in_words(machine: Mapping[str, Any]) -> str:
    accelerator = "" if machine["accelerator"] == "none" else f", {machine['accelerator']}"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['memory_gb']} GB{accelerator}"
    )


def _versions_in_words(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())
