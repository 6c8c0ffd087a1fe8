"""Render the book, with Quarto or as the plain edition: `python -m tools.report [--profile demo]`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import settings

ROOT = Path(__file__).resolve().parent.parent
QUARTO_NEEDED = (1, 9)
INSTALL_TIMEOUT = 90  # seconds: Quarto is 130 MB where its download site can be reached
TRIED = Path(sys.prefix) / ".quarto-tried"


def main() -> int:
    options = argparse.ArgumentParser(prog="make report")
    options.add_argument("--profile", choices=("demo",), help="a Quarto profile")
    profile = options.parse_args().profile
    os.chdir(ROOT)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if profile:
        environment["QUARTO_PROFILE"] = profile
    if profile == "demo" and (status := train_demo(environment)):
        return status
    quarto = find_quarto()
    if quarto:
        print(f"report: rendering with Quarto, {quarto}", flush=True)
        return subprocess.run([quarto, "render"], env=environment, check=False).returncode or show(profile)
    print("report: no Quarto here, so this is the plain edition", flush=True)
    return subprocess.run([sys.executable, "-m", "plain_edition"], env=environment, check=False).returncode


def train_demo(environment: dict[str, str]) -> int:
    """Run every experiment of the book on the phantom, so that the chapters find their records."""
    print("demo: training every experiment on synthetic radiographs", flush=True)
    command = [sys.executable, "-m", "pneumo.cli", "run", "book", "--jobs", "2"]
    demo = {**settings.read(ROOT, "demo").environment, **environment, "PNEUMO_LIMIT_MINUTES": "inf"}
    return subprocess.run(command, env=demo, check=False).returncode


def find_quarto() -> str | None:
    """A Quarto that is new enough: on the path, in this environment, or installed now (tried once per environment)."""
    for candidate in (shutil.which("quarto"), str(Path(sys.prefix) / "bin" / "quarto")):
        if candidate and is_new_enough(candidate):
            return candidate
    if TRIED.exists():
        return None
    print(f"report: trying to install Quarto ({INSTALL_TIMEOUT} s at most, once per environment)", flush=True)
    start = time.monotonic()
    installed = install_quarto()
    TRIED.write_text(f"quarto-cli: {'installed' if installed else 'could not be installed'}\n")
    print(f"report: {TRIED.read_text().strip()} ({time.monotonic() - start:.0f} s)", flush=True)
    local = Path(sys.prefix) / "bin" / "quarto"
    return str(local) if installed and local.exists() and is_new_enough(str(local)) else None


def install_quarto() -> bool:
    """Whether pip could install quarto-cli, which downloads Quarto from its own site while it builds."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "0", "--timeout", "10"]
    # A session of its own, so that a download that hangs ends with all its children.
    process = subprocess.Popen(
        [*pip, "quarto-cli>=1.9"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return process.wait(INSTALL_TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return False


def is_new_enough(quarto: str) -> bool:
    try:
        output = subprocess.run([quarto, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        return tuple(int(part) for part in output.strip().split(".")[:2]) >= QUARTO_NEEDED
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


def show(profile: str | None) -> int:
    """Print where the book is."""
    output = ROOT / settings.read(ROOT, profile or "").output
    for path in (output / "index.html", *output.glob("*.pdf")):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
