"""The three descriptions of the environment agree: pyproject.toml, requirements.lock, environment.yml."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "python-gdcm": "gdcm"}
NOT_IN_CONDA = {"pypandoc-binary", "typst"}
"""What only the plain edition needs; the conda environment has Quarto, which brings both."""

project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
declared = [Requirement(text) for text in (*project["dependencies"], *extras["book"], *extras["test"])]
lock = (ROOT / "requirements.lock").read_text()
locked = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock, flags=re.MULTILINE)


def conda_requirements() -> dict[str, Requirement]:
    """What environment.yml asks for, from conda and, where conda has it not, from pip."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (from_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    texts = [entry for entry in (*entries, *from_pip) if isinstance(entry, str) and not entry.startswith("--")]
    return {requirement.name: requirement for requirement in map(Requirement, texts)}


def test_every_declared_package_is_locked_at_a_version_it_allows():
    for requirement in declared:
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
    assert str(conda["python"].specifier) == str(Requirement(f"python{project['requires-python']}").specifier)


def test_the_malicious_releases_of_lightning_are_excluded():
    lightning = next(requirement for requirement in declared if requirement.name == "pytorch-lightning")
    assert not any(lightning.specifier.contains(version) for version in ("2.6.2", "2.6.3"))
    assert "lightning" not in {name for name, _ in locked}
