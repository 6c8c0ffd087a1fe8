"""Python's search for garbage in cycles, where there is none to find: while modules are imported, and at the end."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collection() -> Iterator[None]:
    """Import modules without looking for garbage, of which they leave none.

    The collector goes through all objects again each time that their number has grown by a quarter. With PyTorch's
    modules that is a tenth of the time that they take to import. Afterwards it is as it was found.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def end_without_collection() -> None:
    """Have this process end without a last search for garbage, which takes a quarter of PyTorch's import.

    For programs, not for libraries: what is garbage then is not finalised.
    """
    atexit.register(gc.freeze)
