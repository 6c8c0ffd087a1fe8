"""Download a file: with a progress bar, verified by its checksum, and resumed where it broke off."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from tqdm import tqdm

from pneumo.errors import DataError
from pneumo.io.digests import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

# requests takes a fifth of a second to import, and most programs that could download never do.

MAX_STALLED_ATTEMPTS = 5
"""Attempts in a row without a further byte after which a download is given up."""

TIMEOUT_SECONDS = (10, 60)
"""To wait for a connection, and for the next bytes."""

BLOCK_BYTES = 1 << 14
"""Size of a write; a broken connection loses at most this much."""


def download(
    url: str,
    path: Path,
    *,
    checksum: str | None = None,
    check: Callable[[Path], None] | None = None,
    progress: bool = True,
    pause: float = 1.0,
) -> Path:
    """Download a file, unless it is there already.

    checksum: of the file, e.g. "md5:750601b1f35ba3300ea97c75c52ff8f6". check: raises DataError for a wrong file, where
        the publisher gives no checksum. Both apply before the file gets its name, and to a file that is there already.
    pause: seconds before the second attempt; twice as long before each one after it.

    Until it is complete and verified the file is called PATH.part; a later call goes on from there.
    Returns `path`. Raises DataError for a failed download, a wrong file and a folder that cannot be written; a file
    that was at `path` stays.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise DataError(f"{path.parent} cannot be written ({error}); name another folder") from error
    with FileLock(lock):
        if path.exists():
            _verify(path, checksum, check, remedy="it was left as it is; move it away and try again")
            return path
        part = path.with_name(path.name + ".part")
        _fetch_all(url, part, progress, pause)
        try:
            _verify(part, checksum, check, remedy=f"try again; if it persists, see {url} for a newer version")
        except DataError:
            part.unlink()  # otherwise every later attempt would go on from it
            raise
        os.replace(part, path)
    return path


def _fetch_all(url: str, part: Path, progress: bool, pause: float) -> None:
    """Fetch until the file is whole, going on where a connection broke off."""
    import requests

    failures = 0
    while True:
        before = _size(part)
        try:
            return _fetch(url, part, progress)
        except requests.RequestException as error:
            failures = 1 if _size(part) > before else failures + 1
            if not _is_temporary(error) or failures == MAX_STALLED_ATTEMPTS:
                raise DataError(
                    f"{url} cannot be downloaded ({error}). Try again to go on from the {_size(part):,} bytes that are "
                    f"here, or download it in a browser and save it as {part.with_suffix('')}"
                ) from error
        except OSError as error:
            raise DataError(f"{part} cannot be written ({error}); make room or name another folder") from error
        time.sleep(pause * 2 ** (failures - 1))


def _is_temporary(error: requests.RequestException) -> bool:
    """Whether the same request may succeed later, as after a broken connection or from a busy server."""
    import requests

    if isinstance(error, requests.HTTPError):
        status = error.response.status_code if error.response is not None else 0
        return status == 429 or status >= 500
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _fetch(url: str, part: Path, progress: bool) -> None:
    """One request: for the rest of the file, or for all of it where the server cannot send a part."""
    import requests

    have = _size(part)
    headers = {"User-Agent": "pneumo", "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 416 and content_range == f"bytes */{have}":
            return  # the file was whole already
        if response.status_code == 416 or (response.status_code == 206 and f"bytes {have}-" not in content_range):
            part.unlink()  # what is here does not belong to this file
            raise requests.ConnectionError(f"the server cannot go on from byte {have}")
        response.raise_for_status()
        have = have if response.status_code == 206 else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(
                desc=part.stem,
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                disable=None if progress else True,
            ) as bar,
        ):
            for block in response.iter_content(BLOCK_BYTES):
                file.write(block)
                bar.update(len(block))
    if total is not None and _size(part) != total:
        raise requests.ConnectionError(f"broke off after {_size(part):,} of {total:,} bytes")


def _verify(path: Path, checksum: str | None, check: Callable[[Path], None] | None, remedy: str) -> None:
    """Raises DataError unless the file passes both. remedy: ends the message."""
    if checksum is not None:
        algorithm, _, wanted = checksum.partition(":")
        found = file_digest(path, algorithm)
        if found != wanted:
            raise DataError(f"{path} is not the publisher's file: its {algorithm} is {found}, not {wanted}; {remedy}")
    if check is not None:
        try:
            check(path)
        except DataError as error:
            raise DataError(f"{path} is not the publisher's file: {error}; {remedy}") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
