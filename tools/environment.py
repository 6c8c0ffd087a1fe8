"""The environment files of a Quarto project: variables for kernels and pre-render scripts.

Read here and not by python-dotenv, which replaces `${NAME}` in quoted values too and `$NAME` nowhere; Quarto does it
the other way round.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import NamedTuple

from tools.errors import BuildError


class Assignment(NamedTuple):
    """A line of an environment file. quoted: its value stands as it is, without variables in it."""

    key: str
    value: str
    quoted: bool


def read_environment(project: Path, profile: str = "", given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of `_environment`, below those of `_environment-<profile>`, below those of `_environment.local`.

    A value without quotes may name a variable, `${HOME}/cache`: of the same file, of a file above it, or of `given`.
    Missing files count as empty. Raises BuildError for a line that is not KEY=value.
    """
    names = ["_environment.local"] + ([f"_environment-{profile}"] if profile else []) + ["_environment"]
    found: dict[str, str] = {}
    for name in names:
        assignments = list(_assignments(project / name))
        values = {assignment.key: assignment.value for assignment in assignments}
        for key, value, quoted in assignments:
            values[key] = value if quoted else Template(value).safe_substitute({**found, **given, **values})
        found = {**values, **found}
    return found


def kernel_environment(project: Path, profile: str = "") -> dict[str, str]:
    """The variables of a kernel: this process's own, and the files' where this process has none of that name."""
    # A backend that the user's shell names for plots in windows would keep the kernels from showing figures.
    shell = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment = {**read_environment(project, profile), **shell}
    if profile:
        environment["QUARTO_PROFILE"] = profile
    # The environment's own commands come first, also where the environment has not been activated.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return environment


def _assignments(path: Path) -> Iterator[Assignment]:
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise BuildError([f"{path.name}:{number}: {line!r} is not KEY=value"])
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        yield Assignment(key.strip(), value[1:-1] if quoted else value.split(" #")[0].rstrip(), quoted)
