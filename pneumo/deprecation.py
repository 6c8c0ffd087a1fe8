"""Former names of public things: they work for now, and warn with the name that replaces them."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def with_former_names(package: str, current: Callable[[str], Any], renamed: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that also knows former names.

    package: the module's name. current: the `__getattr__` for the names that it has now.
    renamed: the present name for each former one.
    """

    def getattr_(name: str) -> Any:
        if name not in renamed:
            return current(name)
        warnings.warn(f"{package}.{name} is now {package}.{renamed[name]}", DeprecationWarning, stacklevel=2)
        return current(renamed[name])

    return getattr_


class OtherNames:
    """Finds modules by other names than that of their file, so that `import` knows them too, and not only attributes.

    It is a finder and loader of `sys.meta_path`, and gives the module itself, not a copy of it.
    """

    def __init__(self, moved: Mapping[str, str], short: Mapping[str, str]) -> None:
        """moved: the present name of each former one; an import by it warns. short: of names that are current too."""
        self.names, self.moved = {**moved, **short}, moved
        self.specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """For one of the names, a specification that loads the module by its present name; for any other, None."""
        if name not in self.names:
            return None
        return ModuleSpec(name, self)  # pyright: ignore[reportArgumentType]  a loader by its methods

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name in self.moved:
            warnings.warn(f"{spec.name} is now {self.moved[spec.name]}", DeprecationWarning, stacklevel=2)
        module = importlib.import_module(self.names[spec.name])
        self.specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run again; the import system has given the module a new `__spec__`, which is taken back."""
        name = module.__spec__.name if module.__spec__ else ""
        if name in self.specs:
            module.__spec__ = self.specs.pop(name)


def importable(moved: Mapping[str, str], short: Mapping[str, str]) -> None:
    """Make modules importable by other names, see `OtherNames`. Done once, however often it is called."""
    if not any(isinstance(finder, OtherNames) for finder in sys.meta_path):
        sys.meta_path.append(OtherNames(moved, short))  # pyright: ignore[reportArgumentType]  a finder by its methods
