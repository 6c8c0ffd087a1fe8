"""An index of hand-made packages in a folder, and an empty environment, made once for all tests here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import wheels

from tools import setup


@pytest.fixture(scope="session")
def index(tmp_path_factory) -> Path:
    """A folder of wheels: setuptools, `a`, which needs b with an extra, and two releases of `b`; 1.0 is locked."""
    folder = tmp_path_factory.mktemp("index")
    wheels.of_installed(folder, "setuptools")
    wheels.make(folder, "a", "1.0", requires=["b[more]>=1"])
    wheels.make(folder, "b", "1.0", extras=["more"])
    wheels.make(folder, "b", "1.1", extras=["more"])
    return folder


@pytest.fixture(scope="session")
def empty_venv(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "venv"
    folder.mkdir()
    setup.make_venv(folder)
    return folder


@pytest.fixture
def venv(empty_venv: Path, index: Path, tmp_path: Path, monkeypatch) -> Path:
    """An environment of its own, in which pip sees the index of hand-made packages alone."""
    for name, value in wheels.environment(index).items():
        monkeypatch.setenv(name, value)
    return Path(shutil.copytree(empty_venv, tmp_path / "venv", symlinks=True))
