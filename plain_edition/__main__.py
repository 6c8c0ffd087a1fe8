"""Render the book: `python -m plain_edition [--profile demo] [--project DIR] [--to html|pdf|all]`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from plain_edition.build import FORMATS, build
from tools.errors import BuildError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m plain_edition", description="Render the book without Quarto.")
    parser.add_argument("--project", type=Path, default=Path("."), metavar="DIR", help="folder of _quarto.yml")
    parser.add_argument("--profile", default=os.environ.get("QUARTO_PROFILE", ""), help="also read _quarto-PROFILE.yml")
    parser.add_argument("--to", choices=FORMATS, default="all", help="what to make (default: %(default)s)")
    arguments = parser.parse_args()
    start = time.monotonic()
    try:
        made = build(arguments.project, profile=arguments.profile, to=arguments.to)
    except BuildError as error:
        print(f"\nThe book was not rendered:\n{error}", file=sys.stderr)
        return 1
    print(f"rendered in {time.monotonic() - start:.0f} s")
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
