import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumo
from tools import api_reference

RECORDS = Path(__file__).parent.parent / "records"


def modules_after(statement: str) -> set[str]:
    script = f"{statement}; import sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_pneumo_imports_nothing_heavy():
    heavy = {"torch", "pytorch_lightning", "pandas", "numpy", "matplotlib", "sklearn", "skimage", "scipy"}
    assert not modules_after("import pneumo") & heavy


def test_the_command_line_answers_without_importing_anything_heavy():
    heavy = {"torch", "pytorch_lightning", "pandas", "numpy"}
    assert not modules_after("import pneumo.cli as c; c._parser().format_help()") & heavy


def test_defining_experiments_needs_neither_torch_nor_lightning():
    heavy = {"torch", "pytorch_lightning"}
    assert not modules_after("import pneumo; pneumo.experiments.find_experiments('all')") & heavy


def test_asking_for_a_stored_record_needs_neither_torch_nor_lightning():
    heavy = {"torch", "pytorch_lightning"}
    run = f"pneumo.run(pneumo.experiments.first_network()[0], root=pathlib.Path({str(RECORDS)!r}))"
    assert not modules_after(f"import pathlib, pneumo; {run}") & heavy


def test_a_prediction_imports_pytorch_and_the_decoder_and_no_other_library(tmp_path):
    film = tmp_path / "film.png"
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).save(film)
    modules = modules_after(f"from pneumo.cli import main; assert main(['predict', {str(film)!r}]) == 0")
    heavy = {"pandas", "scipy", "sklearn", "skimage", "joblib", "requests", "matplotlib", "xgboost", "sympy", "pydicom"}
    heavy |= {"torchvision", "pytorch_lightning", "onnx", "onnxruntime", "torch._dynamo", "torch._inductor"}
    assert not modules & heavy
    ours = {"pneumo.data.catalogue", "pneumo.data.pixel_cache", "pneumo.phantom", "pneumo.training.fitting"}
    assert not modules & (ours | {"pneumo.inference.packing", "pneumo.inference.estimator", "pneumo.reporting"})


@pytest.mark.parametrize("package", api_reference.PACKAGES)
def test_dir_shows_what_is_public_and_no_more(package):
    module = pneumo if package == "pneumo" else getattr(pneumo, package.removeprefix("pneumo."))
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in dir(module))


def test_everything_that_pneumo_promises_can_be_imported():
    modules_after("import pneumo; [getattr(pneumo, name) for name in pneumo.__all__]")
