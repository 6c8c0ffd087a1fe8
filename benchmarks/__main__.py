"""Measure what the project claims about speed: `python -m benchmarks [NAME ...] [--quick] [--folder DIR]`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks import results
from benchmarks.results import Claim, Measurement, Point
from pneumo.experiments.allocator import disable_malloc_trim
from pneumo.experiments.provenance import measured

NAMES = ("training", "libraries", "reading", "predicting", "memory", "features", "study", "scaling", "book")
MAX_IDLE_LOAD = 0.5
"""Processes that want to run, averaged over the last minute; above it a machine counts as busy."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks and save their results. Returns the exit status, 0 even where a target is missed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    folder = options.folder or (Path(tempfile.mkdtemp(prefix="pneumo-benchmark-")) if options.quick else results.FOLDER)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the targets are for processors, and both sides must use the same
    load = os.getloadavg()[0]
    if load > MAX_IDLE_LOAD:
        print(f"benchmarks: this machine is busy (load {load:.1f}); times, and perhaps ratios, will be off", flush=True)
    for name in options.names or NAMES:
        print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
        measurement = measure(name, quick=options.quick)
        results.save(results.load(folder).with_measurement(name, measurement), folder)
    print(folder / "RESULTS.md")
    return 0


def measure(name: str, *, quick: bool) -> Measurement:
    """Run one benchmark by its name and print each claim as it is measured."""
    benchmark = import_module(f"benchmarks.{name}")
    found: list[Claim | Point] = []
    load = os.getloadavg()[0]
    with measured() as provenance:
        for claim_or_point in benchmark.measure(benchmark.QUICK if quick else benchmark.FULL):
            found.append(claim_or_point)
            print(f"  {_line(claim_or_point)}", flush=True)
    return Measurement(
        claims=tuple(claim for claim in found if isinstance(claim, Claim)),
        points=tuple(point for point in found if isinstance(point, Point)),
        provenance={**provenance, "load_before": load},
    )


def _line(found: Claim | Point) -> str:
    if isinstance(found, Point):
        return f"{found.curve}; {found.quantity} {found.amount:,}: {median(found.seconds):.3g} s"
    verdict = "" if found.reached else "  NOT REACHED"
    return f"{found.name}: {found.measured}; {found.target}{verdict}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--folder", type=Path, help="for results (default: benchmarks, or a new one with --quick)")
    return parser


if __name__ == "__main__":
    disable_malloc_trim()  # as `pneumo run` does
    sys.exit(main())
