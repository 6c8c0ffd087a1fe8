"""Which record is behind which number: the list of all records, and a card for each that pages show in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pneumo import experiments
from pneumo.experiments import records as stored
from pneumo.experiments.config import to_dict
from pneumo.reporting.formatting import format_count, format_duration, literal, markdown

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo.experiments.records import Record

KEY_DIGITS = 8
"""Digits of a key that the list shows, as many as an anchor has."""


def provenance(records: Iterable[Record]) -> str:
    """Markdown with one table: for each group of experiments its command, dates, commits and the keys of its records.

    A record that several groups share stands in the first of them. Rows and keys have the anchors that measured numbers
    in the text link to (`Record.group_anchor`, `Record.anchor`).
    """
    rows = [_group_row(members) for members in _by_group(records).values()]
    caption = ": The records of this book. A key is the end of a record's file name. {#tbl-records}"
    return f"{markdown(pd.DataFrame(rows)).text}\n\n{caption}"


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
            "data": place(_data(record)),
            "machine": place(_machine(record.provenance["machine"])),
            "versions": place(_versions(record.provenance["versions"])),
        }
        for members in _by_group(records).values()
        for record in members
    ]
    return {"facts": list(facts), "records": cards}


def _by_group(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records group by group, each in the first group that has it."""
    groups: dict[str, list[Record]] = {}
    for record in {record.key: record for record in reversed(list(records))}.values():
        groups.setdefault(record.group, []).insert(0, record)
    return {name: groups[name] for name in reversed(groups)}


def _group_row(records: list[Record]) -> dict[str, str]:
    first = records[0]
    dates = sorted(record.provenance["date"][:10] for record in records)
    commits = sorted({record.provenance["commit"][:7] or "unknown" for record in records})
    keys = (f"[`{record.key[:KEY_DIGITS]}`]{{.record #{record.anchor}}}" for record in records)
    return {
        "experiments": f"[{literal(first.group)}]{{#{first.group_anchor}}}",
        "records": str(len(records)),
        "made": dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        "commit": ", ".join(f"`{commit}`" for commit in commits),
        "keys": " ".join(keys),
    }


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


def _data(record: Record) -> str:
    data, settings = record.provenance["data"], record.experiment.data
    pixels = data.get("pixels_sha256")
    read = f"pixels {pixels[:12]}…" if pixels else "no pixels read"
    return f"{settings.name}, version {data['version']}, {settings.image_size} pixels a side, {read}"


def _machine(machine: Mapping[str, Any]) -> str:
    accelerator = "" if machine["accelerator"] == "none" else f", {machine['accelerator']}"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['memory_gb']} GB{accelerator}"
    )


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in versions.items())
