"""Archives of tiny radiographs on disk, and places of a test's own."""

import zipfile
from pathlib import Path

import pytest


@pytest.fixture
def write_folder(tmp_path):
    """Write files below tmp_path / name; returns that folder."""

    def write(files: dict[str, bytes], name: str = "chest_xray") -> Path:
        for path, content in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return tmp_path / name

    return write


@pytest.fixture
def write_zip(tmp_path):
    """Write files into the archive tmp_path / name; returns its path."""

    def write(files: dict[str, bytes], name: str = "chest_xray.zip") -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        return tmp_path / name

    return write


@pytest.fixture
def own_places(tmp_path, monkeypatch):
    """Nothing of the user's machine is searched or written; returns the folder in its stead, the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PNEUMO_DATA", raising=False)
    return tmp_path
