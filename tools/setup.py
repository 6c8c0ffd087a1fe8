"""Make the environment: `.venv` with exactly what requirements.lock names, and pneumo itself, editable.

Run by make with the system's Python, before anything is installed, so it imports the standard library alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST, FIRST_UNSUPPORTED = (3, 11), (3, 13)


def main() -> int:
    if not OLDEST <= sys.version_info[:2] < FIRST_UNSUPPORTED:
        print(f"pneumo needs Python 3.11 or 3.12, this is {sys.version.split()[0]}; try: make PYTHON=python3.11")
        return 1
    start = time.monotonic()
    if not PYTHON.exists():
        step("making the virtual environment .venv")
        if run(sys.executable, "-m", "venv", VENV):
            print("could not make .venv; on Debian: apt install python3-venv")
            return 1
    step("installing the locked packages (about 3 GB the first time, PyTorch most of it)")
    if run(PYTHON, "-m", "pip", "install", "--require-hashes", "-r", ROOT / "requirements.lock"):
        print("the installation failed; what is here is kept, and the same command goes on from it")
        return 1
    step("installing pneumo itself, editable")
    if run(PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT):
        return 1
    (VENV / ".ready").touch()
    step(f"ready after {time.monotonic() - start:.0f} s")
    return 0


def step(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(*command: object) -> int:
    return subprocess.run([str(part) for part in command], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
