"""What has to be ready before the book is rendered; Quarto and the plain edition both run it.

Writes `_variables.yml` from the records, and makes chapters forget executed cells that no longer fit: jupyter-cache
looks at the code of a chapter, not at the package and the records behind it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pneumo import data, records  # noqa: E402
from pneumo.data.pixel_cache import cache_folder  # noqa: E402
from pneumo.errors import PneumoError  # noqa: E402
from tools import cell_cache, settings  # noqa: E402


def main() -> int:
    os.chdir(ROOT)
    try:
        state = fingerprint()
        write_variables(state)
    except PneumoError as error:
        print(f"pre-render: {error}", file=sys.stderr)
        return 1
    forget_stale_cells(state, os.environ.get("QUARTO_PROFILE", ""))
    return 0


def write_variables(state: str) -> None:
    """Write `_variables.yml`, unless it was made from this very state."""
    path, head = ROOT / "_variables.yml", f"# made from {state}\n"
    if path.exists() and path.read_text(encoding="utf-8").startswith(head):
        return
    from tools.variables import variables

    text = yaml.safe_dump(variables(), allow_unicode=True, sort_keys=False, width=10_000)
    path.write_text(head + text, encoding="utf-8")


def forget_stale_cells(state: str, profile: str) -> None:
    """Drop the executed cells of every chapter if the package, the records or the data at hand have changed."""
    book = settings.read(ROOT, profile)
    for chapter in book.chapters:
        folder = cell_cache.folder(ROOT, chapter, book.environment)
        stamp = folder / f"{chapter.stem}.fingerprint"
        if not stamp.exists() or stamp.read_text() != state:
            cell_cache.drop(folder, chapter)
            folder.mkdir(parents=True, exist_ok=True)
            stamp.write_text(state)


def fingerprint() -> str:
    """Digest of everything that cells depend on besides their own code."""
    digest = hashlib.sha256()
    root = records.folder()
    code = [*(ROOT / "pneumo").rglob("*.py"), *(ROOT / "tools").glob("*.py"), *(ROOT / "benchmarks").glob("*.[pj]*")]
    for path in (*sorted(code), *records.paths(root), *sorted(root.glob("splits/*.csv"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(data.load().source.signature.encode())
    # Trained weights are looked at where there are any; their names are the experiments' keys.
    digest.update(" ".join(sorted(path.name for path in (cache_folder() / "weights").glob("*"))).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
