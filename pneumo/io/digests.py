"""SHA-256 digests of values and of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def json_digest(value: Any) -> str:
    """SHA-256 of a JSON value in its canonical form (sorted keys, no spaces), 64 hexadecimal digits.

    Raises ValueError for NaN and infinity, which JSON does not have.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def rows_digest(rows: Iterable[Sequence[object]]) -> str:
    """SHA-256 of rows of values, for example names with sizes, 64 hexadecimal digits."""
    text = "\n".join("\t".join(map(str, row)) for row in rows)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Digest of a file's content in hexadecimal. algorithm: a name that `hashlib` knows, "sha256" or "md5"."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
