"""Every script of recipes/ runs as its docstring says, on synthetic radiographs."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.labelled_folder import labelled_folder

from pneumo import records

RECIPES = Path(__file__).parents[1] / "recipes"


def dicoms(folder: Path) -> Path:
    pytest.importorskip("pydicom", reason='needs the extra "dicom"')
    from support.dicom_files import dicom, saved

    folder.mkdir()
    levels = np.random.default_rng(0).integers(0, 4096, (2, 40, 40)).astype(np.uint16)
    for number, values in enumerate(levels):
        (folder / f"{number}.dcm").write_bytes(saved(dicom(values, StudyInstanceUID=f"1.2.{number}")))
    return folder


def labels(folder: Path) -> Path:
    images = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    path = folder.parent / "labels.csv"
    pd.DataFrame({"image": images, "label": [int("PNEUMONIA" in image) for image in images]}).to_csv(path, index=False)
    return path


def images(folder: Path) -> Path:
    return labelled_folder(folder / "radiographs", each=12)


ARGUMENTS: dict[str, Callable[[Path], list[object]]] = {
    "own_folder": lambda folder: [labelled_folder(folder / "radiographs", side=64)],
    "own_dicoms": lambda folder: [dicoms(folder / "dicoms")],
    "own_csv": lambda folder: [path := images(folder), labels(path)],
    "own_network": lambda folder: ["phantom"],
    "own_training_loop": lambda folder: ["phantom"],
    "cross_validation": lambda folder: ["phantom"],
    "grad_cam": lambda folder: [images(folder)],
    "other_threshold": lambda folder: [images(folder)],
    "onnx_elsewhere": lambda folder: [next(images(folder).rglob("*.png"))],
    "poster_figure": lambda folder: [],
}

WRITTEN = {
    "own_folder": ["my-model.safetensors"],
    "own_dicoms": ["predictions.csv"],
    "own_csv": ["evaluation.csv", "evaluation.html"],
    "grad_cam": ["grad-cam"],
    "onnx_elsewhere": ["model.onnx"],
    "poster_figure": ["poster.svg", "poster.pdf"],
}


def started(name: str, arguments: list[object], folder: Path, monkeypatch) -> None:
    """Run a recipe in a folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(RECIPES / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_recipe_does_what_it_says(name, tmp_path, monkeypatch, capsys):
    if name == "onnx_elsewhere":
        pytest.importorskip("onnxscript", reason='needs the extra "onnx"')
    if name == "poster_figure":
        monkeypatch.setenv("PNEUMO_RECORDS", str(records.published_folder()))
    started(name, ARGUMENTS[name](tmp_path), tmp_path, monkeypatch)
    assert capsys.readouterr().out.strip()
    assert [file for file in WRITTEN.get(name, []) if not (tmp_path / file).exists()] == []


@pytest.mark.parametrize("name", ["own_folder", "grad_cam", "other_threshold", "own_dicoms"])
def test_a_recipe_takes_a_zip_as_well_as_a_folder(name, tmp_path, monkeypatch, capsys):
    (folder,) = ARGUMENTS[name](tmp_path)
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", folder)
    started(name, [archive], tmp_path, monkeypatch)
    assert "zipped.zip/" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - {"poster_figure"}))
def test_without_an_argument_a_recipe_says_how_it_is_called(name, tmp_path, monkeypatch):
    if name == "own_dicoms":
        pytest.importorskip("pydicom", reason='needs the extra "dicom"')
    if name == "onnx_elsewhere":
        pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')
    with pytest.raises(SystemExit, match=f"python recipes/{name}\\.py"):
        started(name, [], tmp_path, monkeypatch)


def test_the_training_loop_takes_all_of_its_steps_however_few_the_images_are(tmp_path, monkeypatch, capsys):
    started("own_training_loop", [images(tmp_path)], tmp_path, monkeypatch)  # two batches an epoch, or fewer
    assert capsys.readouterr().out.count("loss") == 20


def test_a_threshold_is_judged_with_numbers_of_images_and_intervals(tmp_path, monkeypatch, capsys):
    started("other_threshold", [images(tmp_path)], tmp_path, monkeypatch)
    out = capsys.readouterr().out
    assert re.search(r"chosen on \d+ positive images, judged on 12, \d+ of them positive", out)
    assert len(re.findall(r"(?:sensitivity|specificity) \d\.\d{3} \(\d\.\d{3} to \d\.\d{3}\)", out)) == 4


def test_every_recipe_is_tested_and_described_in_the_gallery():
    scripts = sorted(path.stem for path in RECIPES.glob("*.py"))
    assert scripts == sorted(ARGUMENTS)
    gallery = (RECIPES / "README.md").read_text(encoding="utf-8")
    assert [name for name in scripts if f"| `{name}.py` |" not in gallery] == []


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_recipe_is_short_and_says_its_command(name):
    text = (RECIPES / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.split("\n")) <= 60
    assert f"python recipes/{name}.py" in ast.get_docstring(ast.parse(text))
