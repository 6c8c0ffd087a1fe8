"""What a prediction of many files has finished, kept until all are, so that one that was stopped goes on.

The journal is a hidden file beside the CSV file, or in the folder of pictures where there is no CSV file: JSON, a line
for the call and one for each file that was looked at, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(kw_only=True, eq=False)
class Journal:
    """file: open for writing; None where nothing is kept. earlier: entries of the files that an earlier call finished.
    finished: files so far."""

    file: IO[str] | None = None
    earlier: list[dict[str, Any]] = field(default_factory=list)
    finished: int = 0

    def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Keep what was finished: from now on a later call need not do it again."""
        self.finished += len(entries)
        if self.file is not None:
            self.file.writelines(json.dumps(entry) + "\n" for entry in entries)
            self.file.flush()


def journal_path(csv_path: Path | None, cam_folder: Path | None) -> Path | None:
    """Where the journal of a call with these outputs is; None for one that leaves nothing behind."""
    if csv_path is not None:
        return csv_path.with_name(f".{csv_path.name}.unfinished")
    return None if cam_folder is None else cam_folder / ".unfinished"


def is_unfinished(path: Path | None, call: dict[str, Any] | None = None) -> bool:
    """Whether the outputs beside a journal are those of a call that was stopped, which the same call may replace.

    call: as in `journal`; None for whatever call it was.
    """
    return path is not None and path.is_file() and (call is None or _call_of(path) == call)


def _call_of(path: Path) -> Any:
    try:
        with path.open(encoding="utf-8") as file:
            return json.loads(file.readline())
    except (OSError, ValueError):
        return None


@contextmanager
def journal(path: Path | None, call: dict[str, Any], signatures: Sequence[list[Any]]) -> Iterator[Journal]:
    """Yields the journal of a call, with what an earlier one finished; removes it when the block ends without an error.

    call: what the results depend on besides the files; of another call nothing is taken over. signatures: by which each
    file is known, in their order; what was finished is taken over up to the first file that is another one now.
    """
    if path is None:
        yield Journal()
        return
    earlier = _finished(path, call, signatures)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept, whole = Journal(earlier=earlier), False
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
            kept.file = file
            kept.add(earlier)
            yield kept
        whole = True
    finally:
        if whole or not kept.finished:
            path.unlink(missing_ok=True)


def _finished(path: Path, call: dict[str, Any], signatures: Sequence[list[Any]]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    if not is_unfinished(path, call):
        return entries
    with path.open(encoding="utf-8") as file, suppress(ValueError):  # where its last line was cut off
        file.readline()
        for line, signature in zip(file, signatures, strict=False):
            entry = json.loads(line)
            if entry["signature"] != signature:
                break
            entries.append(entry)
    return entries
