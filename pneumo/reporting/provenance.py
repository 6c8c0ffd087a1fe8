"""The page that lists every record: what was run, when, where and with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pneumo.experiments.config import to_dict
from pneumo.reporting.formatting import format_count, format_duration, literal, markdown

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def provenance(records: Iterable[Record]) -> str:
    """Markdown with a section for each group of experiments: what its records share, and a table of the records.

    A record that several groups share stands in the first of them. Sections and rows have the anchors that measured
    numbers in the text link to (`Record.group_anchor`, `Record.anchor`).
    """
    groups: dict[str, list[Record]] = {}
    for record in {record.key: record for record in reversed(list(records))}.values():
        groups.setdefault(record.group, []).insert(0, record)
    return "\n\n".join(_section(name, members) for name, members in groups.items())


def _section(name: str, records: Sequence[Record]) -> str:
    first = records[0]
    settings = [_settings(record) for record in records]
    shared = {key: value for key, value in settings[0].items() if all(other.get(key) == value for other in settings)}
    rows = [_record_row(record, each, shared) for record, each in zip(records, settings, strict=True)]
    machine = first.provenance["machine"]
    accelerator = "" if machine["accelerator"] == "none" else f", {machine['accelerator']}"
    pixels = first.provenance["data"].get("pixels_sha256", "none read")[:12]
    versions = ", ".join(f"{package} {version}" for package, version in first.provenance["versions"].items())
    configured = ", ".join(f"{key} = {literal(value)}" for key, value in shared.items())
    lines = [
        f"### {name} {{#{first.group_anchor}}}",
        f"Configuration, where it is not the default: {configured}.",
        f"Digest of the pixels: {pixels}. Machine: {machine['processor']}, {machine['cores']} cores, threads for each "
        f"run: {machine['threads']}, {machine['memory_gb']} GB{accelerator}. Versions: {versions}.",
        markdown(pd.DataFrame(rows)).text,
        f": The records of {name}. {{#tbl-{first.group_anchor}}}",
    ]
    return "\n\n".join(lines)


def _settings(record: Record) -> dict[str, str]:
    """The configuration of a record as dotted names and values: {"training.batch_size": "32", ...}."""
    values = to_dict(record.experiment, defaults=False)
    flat = pd.json_normalize(
        {key: value for key, value in values.items() if key not in ("name", "minutes", "group", "variant", "seed")}
    )
    return {str(key): str(value) for key, value in flat.iloc[0].items() if value is not None}


def _record_row(record: Record, settings: Mapping[str, str], shared: Mapping[str, str]) -> dict[str, str]:
    facts = record.provenance
    own = [f"{key.split('.')[-1]} = {literal(value)}" for key, value in settings.items() if key not in shared]
    return {
        "experiment": f"[{record.variant}]{{#{record.anchor}}}",
        "differs in": ", ".join([*own, f"seed = {record.experiment.seed}"]),
        "key": f"`{record.key[:8]}`",
        "commit": f"`{facts['commit'][:7] or 'unknown'}`",
        "date": facts["date"][:10],
        "time": format_duration(facts["seconds"]),
        "memory": f"{format_count(facts['peak_memory_mb'])} MB",
    }
