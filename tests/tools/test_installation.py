"""The lock is installed as it stands, and all that describes the environment agrees: pyproject.toml, requirements.lock,
environment.yml, the set-up, the workflows.
"""

import json
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from support import wheels

from tools import setup

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "python-gdcm": "gdcm"}
NOT_IN_CONDA = {"pypandoc-binary", "typst"}
"""What only the plain edition needs; the conda environment has Quarto, which brings both."""

project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
declared = [Requirement(text) for text in (*project["dependencies"], *extras["book"], *extras["test"])]
linters = [Requirement(text) for text in extras["lint"]]
oldest, newest = setup.supported_versions(ROOT)
supported = [f"3.{minor}" for minor in range(int(oldest[2:]), int(newest[2:]) + 1)]
lock = (ROOT / "requirements.lock").read_text()
locked = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, flags=re.MULTILINE)


def conda_requirements() -> dict[str, Requirement]:
    """What environment.yml asks for, from conda and, where conda has it not, from pip."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (from_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    texts = [entry for entry in (*entries, *from_pip) if isinstance(entry, str) and not entry.startswith("--")]
    return {requirement.name: requirement for requirement in map(Requirement, texts)}


def installed(venv: Path) -> dict[str, str]:
    """Versions of the packages in an environment, but for pip and what it came with."""
    command = [venv / "bin/python", "-I", "-m", "pip", "list", "--format", "json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return {package["name"]: package["version"] for package in listed if package["name"] not in ("pip", "setuptools")}


# The lock is installed as it stands


@pytest.fixture
def lock_of(index, tmp_path):
    """Writes a lock of setuptools and these packages of the index; returns its path."""

    def write(*packages: str) -> Path:
        path = tmp_path / "requirements.lock"
        path.write_text(wheels.lock(index, "setuptools", *packages))
        return path

    return write


def test_a_newer_release_of_a_locked_extra_changes_nothing(venv, index, lock_of):
    locked = lock_of("a-1.0", "b-1.0")
    assert (index / "b-1.1-py3-none-any.whl").exists()  # `a` asks for b[more]>=1, and would be given this one
    setup.install_lock(venv, locked)
    assert installed(venv) == {"a": "1.0", "b": "1.0"}
    assert setup.check(venv, locked) == []


def test_a_newer_release_of_a_locked_extra_would_stop_pips_resolver(venv, lock_of):
    with pytest.raises(setup.SetupError, match="all requirements must have their versions pinned"):
        setup.pip(venv, "--require-hashes", "-r", str(lock_of("a-1.0", "b-1.0")))


def test_what_the_lock_does_not_name_is_not_installed_and_is_missed_afterwards(venv, lock_of):
    locked = lock_of("a-1.0")
    setup.install_lock(venv, locked)
    assert installed(venv) == {"a": "1.0"}
    (complaint,) = setup.check(venv, locked)
    assert complaint.startswith("a 1.0 requires b")


def test_packages_installed_by_hand_are_not_complained_about(venv, lock_of):
    setup.install_lock(venv, lock_of("a-1.0"))
    assert setup.check(venv, lock_of("b-1.0")) == []


def test_a_file_that_is_not_the_locked_one_is_refused(venv, index, tmp_path):
    locked = tmp_path / "requirements.lock"
    locked.write_text(wheels.lock(index, "setuptools") + wheels.lock(index, "b-1.0", wrong_hashes=True))
    with pytest.raises(setup.SetupError, match="is not the locked one: damaged on its way, or altered"):
        setup.install_lock(venv, locked)


def test_a_package_without_a_wheel_is_built_with_the_locked_setuptools(venv, index, lock_of, tmp_path):
    (tmp_path / "old-1.0").mkdir()
    (tmp_path / "old-1.0/setup.py").write_text("from setuptools import setup; setup(name='old', version='1.0')")
    (tmp_path / "old-1.0/PKG-INFO").write_text("Metadata-Version: 2.1\nName: old\nVersion: 1.0\n")
    with tarfile.open(index / "old-1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "old-1.0", "old-1.0")
    setup.install_lock(venv, lock_of("old-1.0"))
    assert installed(venv) == {"old": "1.0"}


def test_what_builds_packages_is_the_locked_setuptools_alone():
    (builder,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert Requirement(builder).name == "setuptools"
    assert "setuptools" in {name for name, _ in locked}


# The descriptions agree


def test_python_versions_agree_everywhere():
    assert SpecifierSet(project["requires-python"]) == SpecifierSet(f">={oldest},<3.{int(newest[2:]) + 1}")
    declared_versions = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), flags=re.MULTILINE)
    assert declared_versions == supported
    tests = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())
    assert tests["jobs"]["tests"]["strategy"]["matrix"]["python"] == supported
    named = re.search(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE).group(1).split()
    assert named == [".venv/bin/python", "python3", *(f"python{version}" for version in reversed(supported))]
    readme = (ROOT / "README.md").read_text()
    assert f"Python {oldest} to {newest}" in readme


@pytest.mark.parametrize("version", supported)
@pytest.mark.parametrize(("platform", "machine"), [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")])
def test_every_declared_package_is_locked_once_for_every_python_and_platform(version, platform, machine):
    environment = {
        "python_version": version, "python_full_version": f"{version}.1", "sys_platform": platform, "os_name": "posix",
        "platform_machine": machine, "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip
    heads = re.findall(r"^([A-Za-z0-9._-]+)==\S+(?: ; (.*?))? \\$", lock, flags=re.MULTILINE)
    assert len(heads) == len(locked)
    here = [name for name, marker in heads if not marker or Marker(marker).evaluate(environment)]
    assert len(here) == len(set(here))
    assert {canonicalize_name(requirement.name) for requirement in (*declared, *linters)} <= set(here)


def test_every_declared_package_is_locked_at_a_version_it_allows():
    for requirement in (*declared, *linters):
        name = canonicalize_name(requirement.name)
        versions = [version for locked_name, version in locked if canonicalize_name(locked_name) == name]
        assert versions, f"{name} is not in requirements.lock; run make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{name}: {versions}"


def test_every_locked_package_has_a_hash():
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    assert len(entries) == len(locked)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_names_no_index():
    assert "://" not in lock


def test_conda_has_what_is_declared_with_the_same_bounds():
    conda = conda_requirements()
    wanted = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in declared if r.name not in NOT_IN_CONDA}
    assert {name: conda[name].specifier for name in wanted if name in conda} == wanted
    assert set(conda) - set(wanted) == {"python", "quarto", "pip"}
    assert conda["python"].specifier == SpecifierSet(project["requires-python"])


def test_the_malicious_releases_of_lightning_are_excluded():
    lightning = next(requirement for requirement in declared if requirement.name == "pytorch-lightning")
    assert not any(lightning.specifier.contains(version) for version in ("2.6.2", "2.6.3"))
    assert "lightning" not in {name for name, _ in locked}


def test_zenodo_and_citation_agree():
    zenodo = json.loads((ROOT / ".zenodo.json").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert zenodo["title"] == citation["title"]
    assert zenodo["upload_type"] == citation["type"]
    assert zenodo["license"] == citation["license"] == project["license"]
    assert zenodo["creators"] == [{"name": author["name"]} for author in citation["authors"]]
    assert zenodo["version"] == citation["version"] == project["version"]
    dois = [reference["doi"] for reference in citation["references"]]
    assert [related["identifier"] for related in zenodo["related_identifiers"]][: len(dois)] == dois
