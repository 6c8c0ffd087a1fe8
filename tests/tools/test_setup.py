"""The set-up makes an environment whole from whatever it finds, and says what is missing where it cannot."""

from __future__ import annotations

import ast
import os
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
        real = (ROOT / "pyproject.toml").read_text()
        requires_python = next(line for line in real.splitlines() if line.startswith("requires-python"))
        build_system = real[: real.index("[project]")]
        ours = f'[project]\nname = "pneumo"\nversion = "1"\n{requires_python}\n'
        (root / "pyproject.toml").write_text(build_system + ours)
        self.lock("1.0")

    def lock(self, version: str) -> None:
        """Lock setuptools, a and this version of b."""
        packages = (self.index / f"{package}-py3-none-any.whl" for package in ("a-1.0", f"b-{version}"))
        (self.root / "requirements.lock").write_text(wheels.lock(*self.index.glob("setuptools-*"), *packages))

    def command(self) -> list[str]:
        return [sys.executable, str(self.root / "tools/setup.py")]

    def start(self) -> subprocess.Popen:
        """The set-up, in a session of its own."""
        return subprocess.Popen(
            self.command(), env=wheels.environment(self.index), cwd=self.root, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def set_up(self, **variables: str) -> str:
        """Run the set-up and return what it says. Raises AssertionError, with that, unless it succeeds."""
        environment = wheels.environment(self.index) | variables
        run = subprocess.run(self.command(), env=environment, cwd=self.root, text=True, capture_output=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def versions(self) -> str:
        """What the environment's Python finds of the locked packages and of pneumo."""
        code = "import a, b, pneumo, setuptools; print(a.version, b.version, pneumo.__file__)"
        run = subprocess.run([self.venv / "bin/python", "-I", "-c", code], text=True, capture_output=True)
        return run.stdout.strip() or run.stderr

    @property
    def whole(self) -> str:
        return f"1.0 1.0 {self.root / 'pneumo/__init__.py'}"


@pytest.fixture
def project(tmp_path: Path, index: Path) -> Project:
    """A project in which nothing was set up."""
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project", index)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory, index: Path) -> tuple[Project, str]:
    """A project, and what its first set-up said."""
    project = Project(tmp_path_factory.mktemp("shared"), index)
    return project, project.set_up()


@pytest.fixture
def made(first_run: tuple[Project, str]) -> Project:
    """A project whose environment is whole."""
    project, _ = first_run
    project.set_up()
    assert project.versions() == project.whole
    return project


# A whole environment


def test_the_first_run_says_what_it_will_take_and_makes_everything(first_run):
    project, said = first_run
    assert project.versions() == project.whole
    assert f"making .venv for Python {sys.version.split()[0]}" in said
    assert "GB to download" in said and "GB on the disk" in said
    assert "3 of 3 packages" in said


def test_a_whole_environment_is_left_alone_in_silence(made):
    assert made.set_up() == ""


def test_a_changed_lock_is_followed_without_making_the_environment_anew(made):
    (made.venv / "kept").touch()
    made.lock("1.1")
    made.set_up()
    assert made.versions().startswith("1.0 1.1 ")
    made.lock("1.0")
    made.set_up()
    assert made.versions() == made.whole
    assert (made.venv / "kept").exists()


def test_a_change_of_pyproject_alone_costs_no_look_at_the_lock(made):
    with (made.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    said = made.set_up()
    assert "installing pneumo itself" in said and "packages" not in said
    assert made.set_up() == ""


def test_two_at_once_wait_for_each_other(made):
    (made.venv / ".ready").unlink()
    both = [made.start(), made.start()]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("another set-up is at work here" in text for text in said) == 1
    assert made.versions() == made.whole


# Environments that are broken or half made


def test_an_environment_whose_python_is_gone_is_made_anew(made):
    for name in (made.venv / "bin").glob("python*"):
        name.unlink()
    (made.venv / "bin/python").symlink_to("/nowhere/python3")
    assert "its Python does not start" in made.set_up()
    assert made.versions() == made.whole


def test_packages_that_a_kill_left_half_installed_are_installed_again(made):
    (site,) = made.venv.glob("lib/python3*/site-packages")
    (site / "a/__init__.py").write_text("")                      # half written
    (site / "b-1.0.dist-info/RECORD").unlink()                   # written, but for the end
    (site / "~ackage").mkdir()                                   # moved aside for an update that never came
    (made.venv / "tmp").mkdir()
    (made.venv / ".ready").unlink()
    said = made.set_up()
    assert "a 1.0 was left half-installed" in said and "b 1.0 was left half-installed" in said
    assert made.versions() == made.whole
    assert not (site / "~ackage").exists()
    assert not (made.venv / "tmp").exists()


def test_a_file_that_two_packages_share_is_damage_to_neither(venv, capsys):
    (site,) = venv.glob("lib/python3*/site-packages")
    (site / "shared.so").write_text("12345")
    for name, size in (("first", 3), ("second", 5)):
        (site / f"{name}-1.0.dist-info").mkdir()
        (site / f"{name}-1.0.dist-info/RECORD").write_text(f"shared.so,sha256=x,{size}\n")
    setup.forget_damaged(venv, {"first", "second"})
    assert capsys.readouterr().out == ""
    (site / "shared.so").write_text("1")
    setup.forget_damaged(venv, {"first", "second"})
    assert "first 1.0 was left half-installed" in capsys.readouterr().out


def test_a_set_up_that_is_killed_goes_on_when_started_again(project):
    process = project.start()
    while not list(project.venv.glob("lib/python3*/site-packages/setuptools/*")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (project.venv / ".ready").exists()
    project.set_up()
    assert project.versions() == project.whole


def test_an_environment_without_pip_is_remade(venv):
    assert setup.reason_to_remake(venv, venv.parent) == ""
    shutil.rmtree(next(venv.glob("lib/python3*/site-packages/pip")))
    assert "has no pip" in setup.reason_to_remake(venv, venv.parent)


def test_an_environment_of_another_python_is_remade(venv, monkeypatch):
    monkeypatch.setattr(setup, "python_version", lambda venv: "3.9")
    assert "is of Python 3.9, and this is 3." in setup.reason_to_remake(venv, venv.parent)


def test_an_environment_that_was_moved_is_remade(venv):
    (venv / ".ready").write_text("Python 3.11\n/elsewhere\n0\n")
    assert "made for another folder" in setup.reason_to_remake(venv, venv.parent)


def test_a_half_made_environment_is_cleared(tmp_path):
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").write_text("")
    setup.make_venv(tmp_path / "venv")
    assert setup.python_version(tmp_path / "venv")


def test_a_folder_that_is_no_environment_is_not_touched(project):
    project.venv.mkdir()
    (project.venv / "thesis.tex").touch()
    run = subprocess.run(project.command(), text=True, capture_output=True)
    assert run.returncode == 1
    assert "holds what is no environment (thesis.tex); move it away" in run.stderr
    assert (project.venv / "thesis.tex").exists()


def test_the_environment_may_be_a_link_to_a_folder(tmp_path):
    (tmp_path / "large-disk").mkdir()
    (tmp_path / ".venv").symlink_to(tmp_path / "large-disk")
    setup.make_venv(setup.find_place(tmp_path / ".venv"))
    assert setup.python_version(tmp_path / ".venv")
    assert (tmp_path / ".venv").is_symlink()
    assert (tmp_path / "large-disk/pyvenv.cfg").exists()


def test_the_folder_of_a_dangling_link_is_made(tmp_path):
    (tmp_path / ".venv").symlink_to(tmp_path / "gone/venv")
    assert setup.find_place(tmp_path / ".venv") == tmp_path / "gone/venv"
    assert (tmp_path / "gone/venv").is_dir()


def test_a_link_to_what_cannot_be_made_becomes_a_folder(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / ".venv").symlink_to(tmp_path / "file/venv")
    assert setup.find_place(tmp_path / ".venv") == tmp_path / ".venv"
    assert (tmp_path / ".venv").is_dir() and not (tmp_path / ".venv").is_symlink()


# Where it cannot be done


def test_no_room_on_the_disk_is_said_beforehand(project, monkeypatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5e8))
    project.venv.mkdir()
    wanted = r"need 1\.\d GB more in .*\.venv, and 0\.5 GB are free; make room.*ln -s"
    with pytest.raises(setup.SetupError, match=wanted):
        setup.check_disk(project.venv, project.root)


def test_a_full_disk_names_the_place_to_make_room(venv):
    output = "Installing collected packages: a\nERROR: Could not install: [Errno 28] No space left on device\n"
    message = str(setup.explain(output, venv))
    assert "the disk is full" in message and f"make room where {venv} is" in message


def test_an_index_that_cannot_be_reached_is_one_message_with_the_remedies(venv, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(setup.SetupError) as failure:
        setup.install_lock(venv, lock)
    for part in ("cannot be reached", "HTTPS_PROXY", "PIP_INDEX_URL", "PIP_CERT", "the same command goes on"):
        assert part in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_a_connection_that_breaks_is_tried_again(venv, tmp_path, monkeypatch):
    (tmp_path / "requirements.lock").write_text("a==1.0\nb==1.0\n")
    failures = [setup.BrokenDownload("broken"), setup.BrokenDownload("broken")]
    runs = []

    def pip(venv, arguments, progress):
        runs.append(arguments)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(setup, "pip", pip)
    setup.install_lock(venv, tmp_path / "requirements.lock")
    assert len(runs) == 3
    failures += [setup.BrokenDownload("broken")] * 3
    with pytest.raises(setup.BrokenDownload):
        setup.install_lock(venv, tmp_path / "requirements.lock")


def test_a_file_that_is_not_the_locked_one_is_refused(venv, index, tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text(wheels.lock(index / "b-1.0-py3-none-any.whl", wrong_hashes=True))
    with pytest.raises(setup.SetupError, match="is not the locked one: damaged on its way, or altered"):
        setup.install_lock(venv, lock)


def test_an_index_without_the_locked_release_is_said_to_be_incomplete(venv, tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("b==7.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(setup.SetupError, match=r"No matching distribution found for b==7\.0.*\n.*may be incomplete"):
        setup.install_lock(venv, lock)


def test_a_python_without_venv_is_told_which_package_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(setup.SetupError, match=r"apt install python3\.\d+-venv"):
        setup.make_venv(tmp_path)


@pytest.mark.parametrize("version", [(3, 6, 8), (3, 10, 13), (3, 15, 0)])
def test_an_unsupported_python_is_refused_by_name(version, monkeypatch):
    text = ".".join(map(str, version))
    other = SimpleNamespace(version_info=version, version=f"{text} (main)", executable="/a/python")
    monkeypatch.setattr(setup, "sys", other)
    oldest, newest = setup.supported_versions(ROOT)
    assert setup.unsupported() == (
        f"pneumo needs Python {oldest} to {newest}, and /a/python is {text}; install one of them, or name one that is "
        f"here: make PYTHON=/path/to/python{newest}"
    )


def test_an_intel_mac_is_refused(monkeypatch):
    monkeypatch.setattr(setup.sys, "platform", "darwin")
    monkeypatch.setattr(setup.platform, "machine", lambda: "x86_64")
    assert "PyTorch has no packages for darwin on x86_64" in setup.unsupported()


def test_an_old_python_can_read_the_script():
    ast.parse((ROOT / "tools/setup.py").read_text(), feature_version=(3, 6))


# What is run, and with what


def test_variables_that_would_install_elsewhere_are_dropped_and_those_for_the_network_kept(monkeypatch):
    kept = {"PIP_INDEX_URL": "http://mirror/simple", "HTTPS_PROXY": "http://proxy:3128", "PIP_CERT": "/c.pem"}
    dropped = {"PIP_TARGET": "/t", "PIP_PREFIX": "/p", "PIP_CONSTRAINT": "/c", "PYTHONPATH": "/x", "PYTHONHOME": "/h"}
    for name, value in (kept | dropped | {"PIP_USER": "1"}).items():
        monkeypatch.setenv(name, value)
    environment = setup.clean_environment()
    assert {name: environment[name] for name in kept} == kept
    assert not set(dropped) & set(environment)
    assert environment["PIP_USER"] == "0"


@pytest.fixture
def path_of_pythons(tmp_path):
    """Makes a PATH whose Pythons are scripts: name and what each does."""
    folder = tmp_path / "path"
    folder.mkdir()
    for tool in ("make", "sh"):
        (folder / tool).symlink_to(shutil.which(tool))

    def make(**scripts: str) -> str:
        for name, script in scripts.items():
            path = folder / name.replace("_", ".")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return str(folder)

    return make


WORKS, SHIM_OF_NOTHING, TOO_OLD = f'exec {sys.executable} "$@"', "exit 127", "exit 1"


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        ({"python3": WORKS, "python3_14": WORKS}, "python3"),
        ({"python3": TOO_OLD, "python3_14": SHIM_OF_NOTHING, "python3_13": WORKS}, "python3.13"),
        ({"python3_11": WORKS}, "python3.11"),
        ({"python3": TOO_OLD}, "python3"),      # which then says what is needed
    ],
)
def test_make_takes_the_first_python_that_starts_and_is_supported(pythons, chosen, project, path_of_pythons):
    run = subprocess.run(
        ["make", "--dry-run", ".venv/.ready"], cwd=project.root, text=True, capture_output=True,
        env={"PATH": path_of_pythons(**pythons)},
    )  # fmt: skip
    assert run.stdout.splitlines() == [f"{chosen} tools/setup.py"], run.stderr


def test_progress_is_told_at_intervals_whatever_pip_does(capsys, monkeypatch):
    clock = iter(range(0, 1000, 3))  # seconds
    monkeypatch.setattr(setup.time, "monotonic", lambda: next(clock))
    progress = setup.Progress(4)
    progress.follow("Ignoring appnope: markers 'sys_platform == \"darwin\"' don't match your environment\n")
    progress.follow("Collecting numpy==2.4.6 (from -r requirements.lock (line 1))\n")
    progress.follow("Processing /index/my_package-1.0-py3-none-any.whl (from -r requirements.lock (line 9))\n")
    progress.follow("Requirement already satisfied: zipp==4.1.2 in ./lib (from -r requirements.lock (line 12))\n")
    progress.follow("  Downloading torch-2.14.1-cp312-cp312-manylinux_2_28_x86_64.whl (426.3 MB)\n")
    for _ in range(5):
        progress.tell_if_silent()
    said = capsys.readouterr().out
    assert "setup: 2 of 4 packages: numpy 2.4.6\n" in said
    assert "setup: 3 of 4 packages: my_package 1.0\n" in said
    assert "setup: 4 of 4 packages: zipp 4.1.2\n" in said
    assert "setup: 4 of 4 packages: downloading torch 2.14.1 (426.3 MB), " in said
