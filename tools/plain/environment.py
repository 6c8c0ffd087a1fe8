"""The environment files of a Quarto project: variables for kernels and pre-render scripts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from string import Template

from tools.plain.errors import BuildError


def read_environment(project: Path, profile: str = "") -> dict[str, str]:
    """The variables of `_environment`, below those of `_environment-<profile>`, below those of `_environment.local`.

    A value may name another variable, `${HOME}/cache`. Missing files count as empty. Raises BuildError for a line
    that is not KEY=value.
    """
    names = ["_environment"] + ([f"_environment-{profile}"] if profile else []) + ["_environment.local"]
    found: dict[str, str] = {}
    for name in names:
        for key, value in _assignments(project / name):
            found[key] = Template(value).safe_substitute({**found, **os.environ})
    return found


def kernel_environment(project: Path, profile: str = "") -> dict[str, str]:
    """The variables of a kernel: this process's own, and the files' where this process has none of that name."""
    environment = {**read_environment(project, profile), **os.environ}
    if profile:
        environment["QUARTO_PROFILE"] = profile
    # The environment's own commands come first, also where the environment has not been activated.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return environment


def _assignments(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise BuildError([f"{path.name}:{number}: {line!r} is not KEY=value"])
        value = value.strip()
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        found.append((key.strip(), value[1:-1] if quoted else value.split(" #")[0].rstrip()))
    return found
