"""Modules that can be imported by their former and by their short names."""

import importlib
import subprocess
import sys

import pytest

import pneumo
from pneumo.deprecation import OtherNames

FINDER = next(finder for finder in sys.meta_path if isinstance(finder, OtherNames))


@pytest.mark.parametrize(("former", "now"), FINDER.moved.items())
def test_a_former_name_imports_the_module_itself_and_says_where_it_is(former, now):
    sys.modules.pop(former, None)
    with pytest.warns(DeprecationWarning, match=f"{former} is now {now}"):
        module = importlib.import_module(former)
    assert module is importlib.import_module(now)
    assert module.__spec__ is not None
    assert module.__spec__.name == now
    assert module.__name__ == now


@pytest.mark.parametrize("name", ["plots", "records", "tables"])
def test_a_short_name_imports_without_a_warning(name, recwarn):
    sys.modules.pop(f"pneumo.{name}", None)
    assert importlib.import_module(f"pneumo.{name}") is getattr(pneumo, name)
    assert not [each for each in recwarn if issubclass(each.category, DeprecationWarning)]


def test_from_former_import_works_in_a_fresh_process():
    imports = (
        "from pneumo.config import CNNConfig",
        "from pneumo.data.dicom import decode_dicom",
        "import pneumo.tables",
    )
    done = subprocess.run([sys.executable, "-c", "; ".join(imports)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pneumo.nothing")


def test_the_finder_is_there_once():
    importlib.reload(pneumo)
    assert sum(isinstance(finder, OtherNames) for finder in sys.meta_path) == 1
