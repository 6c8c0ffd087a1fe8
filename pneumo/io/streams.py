"""Standard output and error, whatever encoding they have."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def escaped_output() -> Iterator[None]:
    """Write out what the encoding of a standard stream lacks, as \\u5c0f, in place of an error.

    Names are other people's, and where output goes into a file on Windows its encoding knows 256 characters.
    """
    changed = []
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors not in ("backslashreplace", "replace", "ignore"):
            changed.append((stream, stream.errors))
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in changed:
            if not stream.closed:
                stream.reconfigure(errors=errors)
