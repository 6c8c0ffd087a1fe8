"""Text for streams of other people's encodings, and configurations in a line."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TextIO


def changed_fields(config: Any) -> str:
    """A configuration as Python writes it, without the fields that have their default.

    config: a dataclass, whose fields may be dataclasses again; another value is written as by `repr`.
    """
    if not is_dataclass(config) or isinstance(config, type):
        return repr(config)
    values = {field.name: getattr(config, field.name) for field in fields(config) if field.repr}
    defaults = {field.name: _default(field) for field in fields(config)}
    shown = [f"{name}={changed_fields(value)}" for name, value in values.items() if value != defaults[name]]
    return f"{type(config).__name__}({', '.join(shown)})"


def _default(field: Field[Any]) -> Any:
    """MISSING for a field that has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def encodable(text: str, stream: TextIO) -> str:
    """Text in which letters that a stream's encoding lacks are written out: "\\u5c0f" on a terminal of cp1252."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="backslashreplace").decode(encoding)
