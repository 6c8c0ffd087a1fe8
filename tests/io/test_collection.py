import gc
import importlib
import subprocess
import sys

import pytest

from pneumo.io.collection import paused_collection


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_afterwards_as_it_was(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ModuleNotFoundError), paused_collection():
            importlib.import_module("no_such_module")
        with paused_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_a_program_that_ends_without_collection_says_all_it_has_to_say_and_keeps_its_status():
    script = (
        "import atexit, sys; from pneumo.io.collection import end_without_collection; end_without_collection(); "
        "atexit.register(print, 'registered later'); print('written', end=''); sys.exit(3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "writtenregistered later\n", "")
