"""Predictions: the first answer of `pneumo predict`, and many files against a plain loop over onnxruntime.

The loop is what a program that has the exported model would do: open each file with Pillow, resize it, run the session.
It checks nothing, warns of nothing and keeps nothing. Both read the same files and give the same probabilities.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import onnxruntime_loop
from benchmarks.measuring import cores, environment, in_turns, scratch, seconds
from benchmarks.radiographs import PICTURES, jpeg
from benchmarks.results import Claim
from pneumo import data
from pneumo.inference import export_onnx, load_model, predict_files

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """files: of the many. side: of each, in pixels. starts: of a program that answers. rounds: over the many files."""

    files: int
    side: int
    starts: int
    rounds: int


FULL = Sizes(files=10_000, side=512, starts=9, rounds=1)
QUICK = Sizes(files=3, side=64, starts=1, rounds=1)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Seconds to the first answer for one file and for many, and files per second by those of the plain loop."""
    with scratch() as folder, environment({"PYTHONUNBUFFERED": "1"}):
        paths = write_files(folder / "files", sizes)
        model = load_model()
        exported = export_onnx(model, folder / "model.onnx")
        yield from _first_answers(paths, exported, sizes.starts)
        ways = {
            "pneumo": partial(_predicted, model, folder / "files", len(paths)),
            "onnxruntime": partial(_looped, exported, paths),
        }
        rates = in_turns(ways, sizes.rounds)
        yield Claim(
            name="predicting/many",
            what=f"`pneumo predict` of {len(paths):,} files of {sizes.side} pixels: files a second, divided by those "
            "of a plain loop over ONNX Runtime",
            values=tuple(rates["pneumo"] / rates["onnxruntime"]),
            at_least=1.0,
            details={
                "cores": cores(),
                "files_per_second": {name: median(values.tolist()) for name, values in rates.items()},
            },
        )


def _first_answers(paths: Sequence[Path], exported: Path, starts: int) -> Iterator[Claim]:
    program = [sys.executable, "-m", "pneumo.cli", "predict"]
    plain = [sys.executable, "-m", "benchmarks.onnxruntime_loop", str(exported)]
    for name, what, ours, others in (
        ("one", "one file", [*program, str(paths[0])], [*plain, str(paths[0])]),
        ("first-of-many", f"the first of {len(paths):,} files", [*program, str(paths[0].parent)], None),
    ):
        ways = {"pneumo": partial(_seconds_to_row, ours, paths)}
        if others is not None:
            ways["onnxruntime"] = partial(
                seconds, partial(subprocess.run, others, cwd=ROOT, capture_output=True, check=True)
            )
        took = in_turns(ways, starts, warm_up=1)  # after which the files are in the system's memory
        yield Claim(
            name=f"predicting/{name}",
            what=f"`pneumo predict`: time from the command to the answer for {what}",
            values=tuple(took["pneumo"]),
            unit="s",
            at_most=2.0,
            details={"seconds": {name: median(values.tolist()) for name, values in took.items()}},
        )


def write_files(folder: Path, sizes: Sizes) -> list[Path]:
    """As many JPEG files of phantoms; PICTURES of them differ."""
    phantom = data.phantom(data.PhantomConfig(patients=PICTURES, size=sizes.side)).source
    pictures = [jpeg(phantom.image(row)) for row in range(min(PICTURES, sizes.files))]
    folder.mkdir()
    paths = [folder / f"{number:05d}.jpeg" for number in range(sizes.files)]
    for number, path in enumerate(paths):
        path.write_bytes(pictures[number % len(pictures)])
    return paths


def _seconds_to_row(command: Sequence[str], paths: Sequence[Path]) -> float:
    """Seconds until a command has printed the row of the first file; it is then stopped."""

    def work() -> None:
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            found = any(paths[0].name in line for line in process.stdout)
            process.kill()
        if not found:
            raise RuntimeError(f"{' '.join(command)} gave no answer for {paths[0].name}")

    return seconds(work)


def _predicted(model: Any, folder: Path, files: int) -> float:
    """Files per second of the whole command, but for its start."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return files / seconds(lambda: predict_files(model, [folder], progress=False))


def _looped(exported: Path, paths: Sequence[Path]) -> float:
    return len(paths) / seconds(lambda: onnxruntime_loop.probabilities(exported, paths))
