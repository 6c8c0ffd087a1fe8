"""Text for streams of other people's encodings."""

from __future__ import annotations

from typing import TextIO


def encodable(text: str, stream: TextIO) -> str:
    """Text in which letters that a stream's encoding lacks are written out: "\\u5c0f" on a terminal of cp1252."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="backslashreplace").decode(encoding)
