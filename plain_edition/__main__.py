"""Render the book: `python -m plain_edition [--profile demo] [--project DIR] [--to html|pdf|all]`.

One chapter: `python -m plain_edition --chapter regularisation [--watch]`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from plain_edition.build import FORMATS, build, build_chapter
from tools.errors import BuildError

WATCHED = (".qmd", ".yml", ".bib", ".css", ".lua", ".js", ".html")
SECONDS_BETWEEN_LOOKS = 0.5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m plain_edition", description="Render the book without Quarto.")
    parser.add_argument("--project", type=Path, default=Path("."), metavar="DIR", help="folder of _quarto.yml")
    parser.add_argument("--profile", default=os.environ.get("QUARTO_PROFILE", ""), help="also read _quarto-PROFILE.yml")
    parser.add_argument("--to", choices=FORMATS, default="all", help="what to make (default: %(default)s)")
    parser.add_argument("--chapter", metavar="NAME", help="render this chapter alone, into the site that is there")
    parser.add_argument("--watch", action="store_true", help="with --chapter: render it again after each change")
    arguments = parser.parse_args()
    if arguments.watch and not arguments.chapter:
        parser.error("--watch needs --chapter NAME")
    try:
        status = _render(arguments)
        while arguments.watch:
            _wait_for_change(arguments.project)
            status = _render(arguments)
    except KeyboardInterrupt:
        return 0
    return status


def _render(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    try:
        if arguments.chapter:
            made = [build_chapter(arguments.project, arguments.chapter, profile=arguments.profile)]
        else:
            made = build(arguments.project, profile=arguments.profile, to=arguments.to)
    except BuildError as error:
        print(f"\nThe book was not rendered:\n{error}", file=sys.stderr)
        return 1
    print(f"rendered in {time.monotonic() - start:.0f} s")
    for path in made:
        print(path, flush=True)
    return 0


def _wait_for_change(project: Path) -> None:
    """Return when a file that a page is made of has changed: chapters, settings, the bibliography, the theme."""
    before = _times(project)
    print("waiting for a change; stop with Ctrl-C", flush=True)
    while _times(project) == before:
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _times(project: Path) -> dict[Path, int]:
    folders = (project, project / "report", project / "report/theme", Path(__file__).parent)
    files = (path for folder in folders for path in folder.glob("*") if path.suffix in WATCHED)
    return {path: path.stat().st_mtime_ns for path in files}


if __name__ == "__main__":
    sys.exit(main())
