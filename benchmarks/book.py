"""The book: the plain edition of a copy of the project, cold, warm, and after a change; and the package's own start.

The copy is rendered by `python -m plain_edition`, as `make report` does where there is no Quarto. Its records are those
of the project. Cold: nothing is decoded and no chapter was executed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import environment, scratch, seconds
from benchmarks.results import Claim
from pneumo import data

ROOT = Path(__file__).parent.parent
NOT_COPIED = (".*", "__pycache__", "*.egg-info", "_book*", "_demo", "_variables.yml", "data")
EXECUTED = re.compile(r"^\[\d+/\d+\] (?P<chapter>\S+\.qmd): executed, (?P<seconds>[\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """project: the folder of the book. changed: its chapter that is changed. formats: "html", or "all" with the PDF.

    rounds: of the warm render. starts: of the command and the import.
    """

    project: Path
    changed: str
    formats: str
    rounds: int
    starts: int


FULL = Sizes(project=ROOT, changed="report/first-network.qmd", formats="all", rounds=3, starts=9)
QUICK = Sizes(
    project=ROOT / "tests/plain_edition/small_book", changed="report/numbers.qmd", formats="html", rounds=1, starts=2
)


def measure(sizes: Sizes) -> Iterator[Claim]:
    """Seconds of whole commands, Python's start among them."""
    yield from _starts(sizes.starts)
    with scratch() as folder, environment(_same_data()):
        project = folder / "book"
        shutil.copytree(sizes.project, project, ignore=shutil.ignore_patterns(*NOT_COPIED))
        yield from _renders(project, sizes)


def _renders(project: Path, sizes: Sizes) -> Iterator[Claim]:
    cold, chapters = _render(project, sizes.formats)
    slowest = max(chapters, key=chapters.__getitem__)
    yield Claim(
        name="book/cold",
        what="time to render the whole book as the plain edition, nothing executed before",
        values=(cold,),
        unit="s",
        at_most=90,
        details={"chapter_seconds": chapters},
    )
    yield Claim(
        name="book/slowest-chapter",
        what=f"time to execute the chapter that takes longest ({_in_words(slowest)}), two chapters at a time",
        values=(chapters[slowest],),
        unit="s",
        at_most=20,
    )
    yield Claim(
        name="book/warm",
        what="time to render it again, nothing changed",
        values=tuple(_render(project, sizes.formats)[0] for _ in range(sizes.rounds)),
        unit="s",
        at_most=15,
    )
    _change(project / sizes.changed)
    took, chapters = _render(project, sizes.formats)
    yield Claim(
        name="book/changed-chapter",
        what=f"chapters executed after a change of one ({_in_words(sizes.changed)})",
        values=(len(chapters),),
        at_least=1,
        at_most=1,
        details={"executed": sorted(chapters), "seconds": took},
    )


def _in_words(chapter: str) -> str:
    """A chapter's file as a reader knows it: "first network"."""
    return Path(chapter).stem.replace("-", " ")


def _render(project: Path, formats: str) -> tuple[float, dict[str, float]]:
    """Seconds of a render, and of each chapter that was executed in it."""
    command = [sys.executable, "-m", "plain_edition", "--project", str(project), "--to", formats]
    output: list[str] = []

    def work() -> None:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the book was not rendered:\n{done.stdout}{done.stderr}")
        output.append(done.stdout)

    took = seconds(work)
    return took, {found["chapter"]: float(found["seconds"]) for found in EXECUTED.finditer(output[0])}


def _change(chapter: Path) -> None:
    """Add a comment to the chapter's first cell, which makes it another cell."""
    text = chapter.read_text(encoding="utf-8")
    changed = re.sub(r"(^```\{python\}\n.*?)^```$", r"\1# changed\n```", text, count=1, flags=re.MULTILINE | re.DOTALL)
    chapter.write_text(changed, encoding="utf-8")


def _same_data() -> dict[str, str]:
    """Lets the copy find the real radiographs where the project finds them by its own place."""
    path = data.find("chest-xray")
    return {"PNEUMO_DATA": os.environ.get("PNEUMO_DATA", "") if path is None else str(path.resolve().parent)}


def _starts(rounds: int) -> Iterator[Claim]:
    program = str(Path(sys.executable).with_name("pneumo"))
    for name, what, command, target in (
        ("help", "time of `pneumo --help`", [program, "--help"], 0.5),
        ("import", "time of `import pneumo` in a new process", [sys.executable, "-c", "import pneumo"], 0.3),
    ):
        run = partial(subprocess.run, command, capture_output=True, check=True)
        run()  # now the files are in the system's memory
        yield Claim(
            name=f"book/{name}",
            what=what,
            values=tuple(seconds(run) for _ in range(rounds)),
            unit="s",
            at_most=target,
        )
