"""Former names of public things: they work for now, and warn with the name that replaces them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
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
