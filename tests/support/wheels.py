"""An index of packages in a folder, made by hand: what pip installs in these tests, without a network."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def make(folder: Path, name: str, version: str, *, requires: Sequence[str] = (), extras: Sequence[str] = ()) -> Path:
    """A wheel of a package with one module, `<name>/__init__.py`, which knows its version. Returns its path."""
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {other}" for other in requires]
    files = {
        f"{name}/__init__.py": f"version = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA": "\n".join(metadata) + "\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return write(folder, name, version, {path: text.encode() for path, text in files.items()})


def of_installed(folder: Path, name: str) -> Path:
    """A wheel of a package that this Python has, as it is installed. Returns its path."""
    installed = importlib.metadata.distribution(name)
    left_out = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    files = {
        str(path): Path(installed.locate_file(path)).read_bytes()
        for path in installed.files or ()
        if ".." not in path.parts and path.suffix != ".pyc" and path.name not in left_out
    }
    return write(folder, name, installed.version, files)


def write(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> Path:
    """A wheel of these files, with its RECORD."""
    record = io.StringIO()
    csv.writer(record).writerows([path, "", len(content)] for path, content in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name_within, content in files.items():
            archive.writestr(name_within, content)
        archive.writestr(f"{name}-{version}.dist-info/RECORD", record.getvalue())
    return path


def lock(index: Path, *packages: str, wrong_hashes: bool = False) -> str:
    """The text of a lock of these packages in `index`, each named by how its file begins, such as "b-1.0"."""
    entries = []
    for package in packages:
        (path,) = index.glob(f"{package}[-.]*")
        name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
        digest = "0" * 64 if wrong_hashes else hashlib.sha256(path.read_bytes()).hexdigest()
        entries.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n    # via pneumo (pyproject.toml)\n")
    return "".join(entries)


def environment(index: Path) -> dict[str, str]:
    """The environment variables with which pip sees `index` and nothing else, whatever this machine's settings are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
