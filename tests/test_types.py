"""Whoever uses the package from an editor or a type checker sees types, and what the stubs promise is there."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STUBBED = ["pneumo", *(f"pneumo.{name}" for name in ("experiments", "models", "training", "interpret", "inference"))]

SCRIPT = """
from typing import assert_type

import numpy as np
import pneumo

model = pneumo.load_model()
assert_type(model, pneumo.Model)
assert_type(model.predict(["a.png"]).ndim, int)
assert_type(model.predict_proba(["a.png"]).ndim, int)
record = pneumo.run(pneumo.experiments.first_network()[0])
assert_type(record, pneumo.Record)
assert_type(pneumo.load_model(record), pneumo.Model)
assert_type(record.threshold, float)
pneumo.plots.roc([record]).set_title("first network")
classifier = pneumo.PneumoniaClassifier()
assert_type(classifier.fit(np.zeros((4, 8, 8), np.uint8), np.array([0, 1, 0, 1])), pneumo.PneumoniaClassifier)
assert_type(pneumo.models.cost(pneumo.models.CNNConfig(), 64).parameters, int)
assert_type(pneumo.records.get(pneumo.experiments.find_experiment("first-network/seed-0")), pneumo.Record)
"""

MISTAKES = """
import pneumo

pneumo.load_model().predcit([])
pneumo.run("first-network")
pneumo.models.CNNConfig(widht=8)
"""


def errors_in(folder: Path, script: str) -> list[tuple[int, str]]:
    """What pyright says of a user's script: (line, message)."""
    pytest.importorskip("basedpyright", reason="the type checker of the extra test")
    (folder / "script.py").write_text(script)
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "basic", "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(folder)]
    command += ["--pythonpath", sys.executable, str(folder / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [(each["range"]["start"]["line"], each["message"]) for each in found if each["severity"] == "error"]


def test_a_users_script_has_types(tmp_path):
    assert errors_in(tmp_path, SCRIPT) == []


def test_a_misspelt_name_and_a_wrong_argument_are_found_before_anything_runs(tmp_path):
    assert sorted({line for line, _ in errors_in(tmp_path, MISTAKES)}) == [3, 4, 5]


def stub_names(module: str) -> list[str]:
    path = ROOT / module.replace(".", "/") / "__init__.pyi"
    imports = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
    return sorted(alias.name for node in imports for alias in node.names)


@pytest.mark.parametrize("module", STUBBED)
def test_a_stub_names_what_is_there_at_run_time_and_nothing_else(module):
    loaded = importlib.import_module(module)
    assert stub_names(module) == sorted(loaded.__all__) == sorted(dir(loaded))
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("training.stream", "training.make_generator"),
        ("training.changed", "training.perturb_once"),
        ("training.Classifier", "training.TrainingModule"),
        ("experiments.ReadingConfig", "experiments.ReevaluationConfig"),
        ("inference.Familiarity", "inference.InputStatistics"),
        ("inference.learn", "inference.fit_input_statistics"),
        ("inference.find", "inference.find_files"),
        ("interpret.Overlays", "interpret.GradCamOverlays"),
        ("interpret.last_average", "interpret.last_pooling_layer"),
    ],
)
def test_a_former_name_still_works_and_says_what_replaces_it(former, present):
    package, name = former.split(".")
    module = importlib.import_module(f"pneumo.{package}")
    with pytest.warns(DeprecationWarning, match=f"pneumo.{former} is now pneumo.{present}"):
        found = getattr(module, name)
    assert found is getattr(module, present.split(".")[1])


def test_every_package_and_the_published_records_are_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "pneumo").rglob("__init__.py")}
    assert set(settings["packages"]) == packages | {"pneumo.published_records"}
    assert settings["package-dir"] == {"pneumo.published_records": "records"}
    wanted = settings["package-data"]["pneumo.published_records"]
    found = {path for pattern in wanted for path in (ROOT / "records").glob(pattern)}
    assert found == {path for path in (ROOT / "records").rglob("*") if path.is_file()}
