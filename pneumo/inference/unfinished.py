"""What a prediction of many files has finished, kept until all are, so that one that was stopped goes on.

The journal is a hidden file beside the CSV file, or in the folder of pictures where there is no CSV file: JSON, a line
for the call and one for each file that was looked at, in their order, and a last one where the call was interrupted and
has written its rows. It counts only as far as the outputs are still there: whoever removes them starts over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

INTERRUPTED = {"interrupted": True}
"""The last line of the journal of a call that was interrupted; one that was killed had no time to write it, nor its CSV
file."""


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
def journal(
    path: Path | None,
    call: dict[str, Any],
    signatures: Sequence[list[Any]],
    *,
    csv_path: Path | None = None,
    cam_folder: Path | None = None,
) -> Iterator[Journal]:
    """Yields the journal of a call, with what an earlier one finished; removes it when the block ends without an error,
    or before anything is finished.

    call: what the results depend on besides the files; of another call nothing is taken over. signatures: by which each
    file is known, in their order; what was finished is taken over up to the first file that is another one now.
    csv_path, cam_folder: the outputs. Nothing is taken over where the CSV file of an interrupted call was removed, and
    nothing from the first picture on that was: the `picture` of an entry is its name in the folder.
    """
    if path is None:
        yield Journal()
        return
    goes_on = is_unfinished(path, call)
    earlier = _finished(path, signatures, csv_path, cam_folder) if goes_on else []
    new_folder = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept, whole = Journal(earlier=earlier), False
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
            kept.file = file
            kept.add(earlier)
            try:
                yield kept
            except KeyboardInterrupt:
                file.write(json.dumps(INTERRUPTED) + "\n")
                raise
        whole = True
    finally:
        if whole or not (kept.finished or goes_on):  # outputs of an earlier call may still be there
            path.unlink(missing_ok=True)
            if new_folder:
                with suppress(OSError):  # something is in it
                    path.parent.rmdir()


def _finished(
    path: Path, signatures: Sequence[list[Any]], csv_path: Path | None, cam_folder: Path | None
) -> list[dict[str, Any]]:
    """The entries whose files are the same and whose outputs are still there, up to the first that is not so."""
    lines = _entries(path)
    if INTERRUPTED in lines and csv_path is not None and not csv_path.is_file():
        return []
    entries: list[dict[str, Any]] = []
    for entry, signature in zip(lines, signatures, strict=False):
        if entry.get("signature") != signature or not _has_picture(entry, cam_folder):
            break
        entries.append(entry)
    return entries


def _entries(path: Path) -> list[dict[str, Any]]:
    """The lines after the first, up to one that was cut off."""
    entries: list[dict[str, Any]] = []
    with path.open(encoding="utf-8") as file, suppress(ValueError):
        file.readline()
        for line in file:
            entries.append(json.loads(line))  # noqa: PERF401 (those before an error are kept)
    return entries


def _has_picture(entry: dict[str, Any], cam_folder: Path | None) -> bool:
    """Whether the picture of an entry is there, where it should have one."""
    if cam_folder is None or "problem" in entry:
        return True
    return "picture" in entry and (cam_folder / entry["picture"]).is_file()
