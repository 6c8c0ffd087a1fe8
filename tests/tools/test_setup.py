"""The set-up makes an environment whole from whatever it finds, and says what is missing where it cannot."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import wheels

from tools import setup
from tools.environment import read_environment

ROOT = Path(__file__).resolve().parents[2]


class Project:
    """A small project with the real set-up script, and a lock of packages that are in the hand-made index."""

    def __init__(self, root: Path, index: Path) -> None:
        self.root, self.index, self.venv = root, index, root / ".venv"
        (root / "tools").mkdir()
        (root / "pneumo").mkdir()
        (root / "pneumo/__init__.py").touch()
        shutil.copy(ROOT / "tools/setup.py", root / "tools")
        shutil.copy(ROOT / "Makefile", root)
        build_system, project = (ROOT / "pyproject.toml").read_text().split("[project]\n")
        requires_python = next(line for line in project.splitlines() if line.startswith("requires-python"))
        ours = f'{build_system}[project]\nname = "pneumo"\nversion = "1"\n{requires_python}\n'
        (root / "pyproject.toml").write_text(ours)
        self.lock(b="1.0")

    def lock(self, *, b: str) -> None:
        """Lock setuptools, a and this version of b."""
        (self.root / "requirements.lock").write_text(wheels.lock(self.index, "setuptools", "a-1.0", f"b-{b}"))

    def start(self) -> subprocess.Popen:
        """The set-up, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, self.root / "tools/setup.py"], env=wheels.environment(self.index), start_new_session=True,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def start_and_signal(self, number: int) -> tuple[int, str]:
        """The set-up, signalled while pip runs: its exit status and what it says."""
        process = self.start()
        while not (self.venv / "setup.log").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.killpg(process.pid, number)
        said, _ = process.communicate()
        return process.returncode, said

    def set_up(self, *, status: int = 0) -> str:
        """Run the set-up to its end, check its exit status, and return what it says."""
        process = self.start()
        said, _ = process.communicate()
        assert process.returncode == status, said
        return said

    def versions(self) -> str:
        """Versions of a and b in the environment, and whether its pneumo is the one here."""
        code = "import a, b, pneumo; print(a.version, b.version, pneumo.__file__)"
        run = subprocess.run([self.venv / "bin/python", "-I", "-c", code], text=True, capture_output=True)
        return run.stdout.strip().replace(f"{self.root}/pneumo/__init__.py", "here") or run.stderr


@pytest.fixture
def project(tmp_path: Path, index: Path) -> Project:
    """A project in which nothing was set up."""
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project", index)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, index: Path) -> Project:
    return Project(tmp_path_factory.mktemp("shared"), index)


@pytest.fixture
def made(shared: Project) -> Project:
    """A project whose environment is whole, whatever the test before has done to it."""
    shared.set_up()
    assert shared.versions() == "1.0 1.0 here"
    return shared


def test_a_whole_environment_is_left_alone_in_silence(made):
    assert made.set_up() == ""


def test_quarto_is_told_which_python_to_use_unless_somebody_chose_another(made):
    local = made.root / "_environment.local"
    assert read_environment(made.root, given={})["QUARTO_PYTHON"] == f"{made.venv}/bin/python"
    local.write_text("QUARTO_PYTHON=/other/python\nA=1\n")
    made.set_up()
    assert local.read_text() == "QUARTO_PYTHON=/other/python\nA=1\n"
    local.write_text("A=1\n")
    made.set_up()
    assert read_environment(made.root, given={}) == {"A": "1", "QUARTO_PYTHON": f"{made.venv}/bin/python"}


def test_a_changed_lock_is_installed_over_the_old_one(made):
    (made.venv / "kept").touch()
    made.lock(b="1.1")
    assert "installing what differs" in made.set_up()
    assert made.versions() == "1.0 1.1 here"
    made.lock(b="1.0")
    made.set_up()
    assert made.versions() == "1.0 1.0 here"
    assert (made.venv / "kept").exists()


def test_an_update_that_fails_before_it_changes_anything_leaves_the_environment_ready_for_the_old_lock(made):
    lock = made.root / "requirements.lock"
    old = lock.read_text()
    lock.write_text(old.replace("b==1.0", "b==7.0"))
    made.set_up(status=1)
    lock.write_text(old)
    assert made.set_up() == ""


def test_two_at_once_wait_for_each_other(made):
    (made.venv / ".ready").unlink()
    both = [made.start(), made.start()]
    said = sorted((process.communicate()[0] for process in both), key=len)
    assert said[0] == "setup: another set-up is at work here; waiting for it\n"
    assert made.versions() == "1.0 1.0 here"


def test_an_environment_whose_python_is_gone_is_made_anew(made):
    (made.venv / "bin/python").unlink()
    assert "its Python does not start" in made.set_up()
    assert made.versions() == "1.0 1.0 here"


@pytest.mark.parametrize("made_for", [["Python 3.9", "{root}"], ["Python {version}", "/elsewhere"]])
def test_an_environment_of_another_python_or_another_folder_is_made_anew(made_for, venv):
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    made_for = [text.format(root=ROOT, version=version) for text in made_for]
    (venv / ".ready").write_text("\n".join(made_for))
    assert setup.reason_to_remake(venv, ROOT) == f"the one that is there was made for {' in '.join(made_for)}"


def test_an_environment_without_pip_is_broken(venv):
    assert setup.starts(venv)
    shutil.rmtree(next(venv.glob("lib/python3*/site-packages/pip")))
    assert not setup.starts(venv)


def test_a_set_up_that_is_killed_goes_on_when_started_again(project):
    project.start_and_signal(signal.SIGKILL)
    assert "left unfinished" in project.set_up()
    assert project.versions() == "1.0 1.0 here"


def test_an_interrupted_set_up_says_so_in_one_line(project):
    status, said = project.start_and_signal(signal.SIGINT)
    assert status == 130
    assert said.endswith("\nsetup: stopped; the same command goes on, with what pip has downloaded\n")
    assert "Traceback" not in said


def test_a_folder_that_is_no_environment_is_not_touched(project):
    project.venv.mkdir()
    (project.venv / "thesis.tex").touch()
    assert "holds what is no environment (thesis.tex); move it away" in project.set_up(status=1)
    assert (project.venv / "thesis.tex").exists()


def test_the_environment_may_lie_behind_a_link_even_a_dangling_one(project, tmp_path):
    project.venv.symlink_to(tmp_path / "large-disk/venv")
    project.set_up()
    assert (tmp_path / "large-disk/venv/pyvenv.cfg").exists()
    assert project.versions() == "1.0 1.0 here"


def test_the_announcement_says_how_long_it_takes_and_how_much(capsys):
    setup.announce(ROOT, ROOT)
    assert re.search(r"\d GB to download .* \d GB on the disk; .* takes 5 minutes", capsys.readouterr().out)


def test_no_room_on_the_disk_is_said_beforehand(monkeypatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5e8))
    with pytest.raises(setup.SetupError, match=r"need \d+\.\d GB in .*, and 0\.5 GB are free; make room.*ln -s"):
        setup.announce(ROOT, ROOT)


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("OSError: [Errno 28] No space left on device\n", "the disk is full; make room where /here/.venv is"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "the packages cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "damaged on its way, or altered; empty pip's cache"),
        ("ERROR: No matching distribution found for b==7.0", "the package index lacks a file"),
        ("ERROR: something else", "pip failed"),
        ("", "perhaps for want of memory"),
    ],
)
def test_each_failure_of_pip_has_a_remedy(output, remedy):
    message = setup.explain(output, Path("/here/.venv"))
    assert remedy in message
    assert re.search("then the same command goes on\n.*/here/.venv/setup.log", message)


def test_an_index_that_cannot_be_reached_is_one_message_with_the_remedies(venv, index, tmp_path, monkeypatch):
    (tmp_path / "requirements.lock").write_text(wheels.lock(index, "setuptools"))
    unreachable = {"NO_INDEX": "0", "FIND_LINKS": "", "INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "0"}
    for name, value in unreachable.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    with pytest.raises(setup.SetupError, match=r"cannot be reached.*HTTPS_PROXY.*PIP_INDEX_URL.*PIP_CERT"):
        setup.install_lock(venv, tmp_path / "requirements.lock")


@pytest.mark.parametrize("version", [(3, 6, 8), (3, 10, 13), (3, 15, 0)])
def test_an_unsupported_python_is_refused_by_name(version, monkeypatch):
    text = ".".join(map(str, version))
    other = SimpleNamespace(version_info=version, version=f"{text} (x)", executable="/a/python")
    monkeypatch.setattr(setup, "sys", other)
    assert f"and /a/python is CPython {text}; install one of them" in setup.unsupported()


@pytest.mark.parametrize(
    ("system", "machine", "glibc", "macos"),
    [("linux", "x86_64", "2.27", ""), ("linux", "x86_64", "", ""), ("linux", "i686", "2.36", ""),
     ("darwin", "x86_64", "", "15.1"), ("darwin", "arm64", "", "13.6.1")],
)  # fmt: skip
def test_a_system_without_packages_is_refused(system, machine, glibc, macos, monkeypatch):
    monkeypatch.setattr(setup.sys, "platform", system)
    monkeypatch.setattr(setup.platform, "machine", lambda: machine)
    monkeypatch.setattr(setup.platform, "libc_ver", lambda: ("glibc", glibc))
    monkeypatch.setattr(setup.platform, "mac_ver", lambda: (macos, (), ""))
    assert "glibc 2.28 or newer" in setup.unsupported()


def test_an_old_python_can_read_the_script():
    ast.parse((ROOT / "tools/setup.py").read_text(), feature_version=(3, 6))


def test_variables_that_would_install_elsewhere_are_dropped_and_those_for_the_network_kept(monkeypatch):
    kept = {"PIP_INDEX_URL": "http://mirror/simple", "HTTPS_PROXY": "http://proxy:3128", "PIP_CERT": "/c.pem"}
    dropped = {"PIP_TARGET": "/t", "PIP_PREFIX": "/p", "PIP_CONSTRAINT": "/c", "PYTHONPATH": "/x", "PYTHONHOME": "/h"}
    for name, value in (kept | dropped).items():
        monkeypatch.setenv(name, value)
    environment = setup.clean_environment()
    assert kept.items() <= environment.items()
    assert not set(dropped) & set(environment)


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        ({"python3": "exit 0", "python3.14": "exit 0"}, "python3"),
        ({"python3": "exit 1", "python3.14": "exit 127", "python3.13": "exit 0"}, "python3.13"),
        ({"python3": "exit 1"}, "python3"),  # which then says what is needed
    ],
)
def test_make_takes_the_first_python_that_starts_and_is_supported(pythons, chosen, project):
    for name, script in pythons.items():
        (project.root / name).write_text(f"#!/bin/sh\n{script}\n")
        (project.root / name).chmod(0o755)
    command = [shutil.which("make"), "--dry-run", ".venv/.ready"]
    run = subprocess.run(command, cwd=project.root, text=True, capture_output=True, env={"PATH": str(project.root)})
    assert run.stdout.splitlines() == [f"{chosen} tools/setup.py"], run.stderr


def test_progress_is_how_many_packages_and_what_pip_does():
    output = (
        "Ignoring appnope: markers 'sys_platform == \"darwin\"' don't match your environment\n"
        "Requirement already satisfied: zipp==4.1.2 in ./lib (from -r requirements.lock (line 12))\n"
        "Collecting torch==2.14.1 (from -r requirements.lock (line 1))\n"
        "  Downloading torch-2.14.1-cp312.whl (426.3 MB)\n"
    )
    assert setup.progress(output, 4) == "3 of 4 packages: Downloading torch-2.14.1-cp312.whl (426.3 MB)"
    output += "Installing collected packages: zipp, torch\n"
    assert setup.progress(output, 4) == "3 of 4 packages: Installing collected packages"
