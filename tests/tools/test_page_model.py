"""The model in the page: what is said where it cannot be made. That it is right is tested in a browser."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import interactive, page_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path) -> Path:
    """A project with the lock of npm and nothing installed."""
    sources = tmp_path / interactive.SOURCES
    sources.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / interactive.SOURCES / name, sources)
    (tmp_path / "site").mkdir()
    return tmp_path


def written(project: Path) -> dict:
    text = (project / "site" / page_model.SCRIPT).read_text(encoding="utf-8")
    return json.loads(text.removeprefix(f"window.{page_model.VARIABLE} = ").removesuffix(";\n"))


def test_without_node_the_page_is_told_so_and_the_next_render_tries_again(project, monkeypatch):
    monkeypatch.setattr(page_model, "_npm", lambda path: None)
    assert page_model.write(project, project / "site") == "Node.js was not found"
    assert written(project) == {"missing": "Node.js was not found"}
    monkeypatch.setattr(page_model, "install", lambda sources: project)
    monkeypatch.setattr(page_model, "page_model", lambda model, runtime: {"graph": "made"})
    assert page_model.write(project, project / "site") == ""
    assert written(project) == {"graph": "made"}


def test_where_npm_fails_the_page_is_told_its_first_reason(project, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "npm warn old\nnpm error code ENOTFOUND\nnpm error more\n")
    monkeypatch.setattr(page_model, "_npm", lambda path: "/npm")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: failed)
    assert page_model.write(project, project / "site") == (
        "npm did not install ONNX Runtime (npm error code ENOTFOUND)"
    )


def test_without_the_exporter_the_page_is_told_what_was_missing(project, monkeypatch):
    monkeypatch.setattr(page_model, "install", lambda sources: project)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert page_model.write(project, project / "site") == "onnx and onnxscript were not installed"


def test_a_script_of_the_same_files_is_left_alone(project, monkeypatch):
    monkeypatch.setattr(page_model, "install", lambda sources: project)
    monkeypatch.setattr(page_model, "page_model", lambda model, runtime: {"graph": "made"})
    page_model.write(project, project / "site")
    monkeypatch.setattr(page_model, "page_model", lambda model, runtime: pytest.fail("made again"))
    assert page_model.write(project, project / "site") == ""


def test_the_lock_names_no_server():
    lock = json.loads((ROOT / interactive.SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())
