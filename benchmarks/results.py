"""Results of benchmarks, stored in `results.json` and shown in `RESULTS.md`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import cattrs
import pandas as pd

FOLDER = Path(__file__).parent

CLAIM_COLUMNS = ("benchmark", "claim", "what", "value", "low", "high", "unit", "target", "reached", "date", "processor")
SCALING_COLUMNS = ("benchmark", "curve", "quantity", "amount", "seconds", "low", "high")

HEAD = """\
# What it costs

Made by `make bench`; the raw values are in `results.json`, what is compared with what is said in the code beside it.
"""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One number that was measured, and what it should be.

    name: "training/cnn-64/strong". what: what is divided by what, or what takes how long.
    values: one for each repetition. unit: "" for a ratio.
    at_least, at_most: the target; None where that side is open.
    details: what is needed to judge the number: rates, counts, which data.
    """

    name: str
    what: str
    values: tuple[float, ...]
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median of the repetitions."""
        return median(self.values)

    @property
    def reached(self) -> bool:
        """Whether the median keeps to the target."""
        above = self.at_least is None or self.value >= self.at_least
        below = self.at_most is None or self.value <= self.at_most
        return above and below

    @property
    def target(self) -> str:
        """In words: "at least 0.92", "at most 15 s", "exactly 1", or "" if there is none."""
        if self.at_least is not None and self.at_least == self.at_most:
            return f"exactly {_quantity(self.at_least, self.unit)}"
        bounds = (("at least", self.at_least), ("at most", self.at_most))
        return ", ".join(f"{word} {_quantity(bound, self.unit)}" for word, bound in bounds if bound is not None)

    @property
    def measured(self) -> str:
        """The median, and the range of the repetitions where there are several: "0.94 (0.91 to 0.95)"."""
        if len(self.values) == 1:
            return _quantity(self.value, self.unit)
        low, high = min(self.values), max(self.values)
        return f"{_quantity(self.value, self.unit)} ({_number(low)} to {_number(high)})"


@dataclass(frozen=True, kw_only=True)
class Point:
    """How long an amount of work takes.

    curve: of which the point is one, "epoch". quantity: that is varied, "images". amount: of it.
    seconds: one for each repetition.
    """

    curve: str
    quantity: str
    amount: float
    seconds: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The results of one benchmark.

    provenance: date, seconds, commit, versions and machine, see `pneumo.experiments.provenance.measured`; and
        "load_before", the load of the machine in the minute before.
    """

    claims: tuple[Claim, ...] = ()
    points: tuple[Point, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """The latest measurement of each benchmark, by its name."""

    measurements: Mapping[str, Measurement]

    def claims(self) -> pd.DataFrame:
        """One row a claim, columns CLAIM_COLUMNS; value is the median of the repetitions, low and high their range."""
        rows = [
            (name, claim.name, claim.what, claim.value, min(claim.values), max(claim.values), claim.unit, claim.target,
             claim.reached, measurement.provenance["date"], _machine(measurement.provenance["machine"]))
            for name, measurement in self.measurements.items()
            for claim in measurement.claims
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))

    def scaling(self) -> pd.DataFrame:
        """One row a point, columns SCALING_COLUMNS; seconds is the median of the repetitions."""
        rows = [
            (name, point.curve, point.quantity, point.amount,
             median(point.seconds), min(point.seconds), max(point.seconds))
            for name, measurement in self.measurements.items()
            for point in measurement.points
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(SCALING_COLUMNS))

    def with_measurement(self, name: str, measurement: Measurement) -> Results:
        """These results with one benchmark measured anew."""
        return Results({**self.measurements, name: measurement})


def _machine(facts: dict[str, Any]) -> str:
    return f"{facts['processor']} with {facts['cores']} cores"


def load(folder: Path = FOLDER) -> Results:
    """The results in a folder; none where there is no `results.json`."""
    path = folder / "results.json"
    if not path.exists():
        return Results({})
    return Results(cattrs.structure(json.loads(path.read_text(encoding="utf-8")), dict[str, Measurement]))


def save(results: Results, folder: Path = FOLDER) -> None:
    """Write `results.json` and `RESULTS.md`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    values = _rounded(cattrs.unstructure(dict(results.measurements)))
    _write(folder / "results.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    _write(folder / "RESULTS.md", "\n".join([HEAD, *map(_section, results.measurements.items())]))


def _section(named: tuple[str, Measurement]) -> str:
    """A heading, where and when it was measured, and a table of the claims."""
    name, measurement = named
    facts, machine = measurement.provenance, measurement.provenance["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
    lines = [
        f"## {name}\n",
        f"{facts['date']}, commit {facts['commit'] or 'unknown'}, in {facts['seconds']:.0f} s on {where}, "
        f"load {facts['load_before']:.1f} before; {versions}\n",
    ]
    if measurement.claims:
        table = [(claim.what, claim.measured, claim.target, _verdict(claim)) for claim in measurement.claims]
        frame = pd.DataFrame(table, columns=["claim", "measured", "target", "reached"])
        lines.append(frame.to_markdown(index=False, disable_numparse=True) + "\n")
    return "\n".join(lines)


def _verdict(claim: Claim) -> str:
    if not claim.target:
        return ""
    return "yes" if claim.reached else "**no**"


def _quantity(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    """Three significant digits, whole numbers with all of theirs."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: Any) -> Any:
    """JSON values with four significant digits a fraction: more is noise, and every run would change every line."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(entry) for entry in value]
    return value


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(f"{path.suffix}.draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
