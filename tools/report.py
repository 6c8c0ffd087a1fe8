"""Render the book, with Quarto or as the plain edition: `python -m tools.report [--profile demo]`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tools import settings

ROOT = Path(__file__).resolve().parent.parent
QUARTO_NEEDED = (1, 9)
INSTALL_LIMIT = 600  # seconds, against a download that hangs; 130 MB take one minute at 20 Mbit/s
SECONDS_OF_SILENCE = 10
TRIED = Path(sys.prefix) / ".quarto-tried"


EVERYTHING = "all"
"""What `pneumo run` calls all experiments of the book."""


def main() -> int:
    options = argparse.ArgumentParser(prog="make report")
    options.add_argument("--profile", choices=("demo",), help="a Quarto profile")
    profile = options.parse_args().profile
    os.chdir(ROOT)
    # Without the shell's MPLBACKEND, which would keep the kernels from showing figures.
    shell = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment = {**shell, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if profile:
        environment["QUARTO_PROFILE"] = profile
    if profile == "demo" and (status := train_demo(environment)):
        return status
    quarto = find_quarto()
    if quarto:
        tell(f"rendering with Quarto, {quarto}")
        return subprocess.run([quarto, "render"], env=environment, check=False).returncode or show(profile)
    tell("without Quarto this is the plain edition, from the same chapters; it takes a few minutes the first time")
    return subprocess.run([sys.executable, "-m", "plain_edition"], env=environment, check=False).returncode


def train_demo(environment: dict[str, str]) -> int:
    """Run every experiment of the book on the phantom, so that the chapters find their records."""
    print("demo: training every experiment on synthetic radiographs", flush=True)
    command = [sys.executable, "-m", "pneumo.cli", "run", EVERYTHING, "--jobs", "2"]
    demo = {**settings.read(ROOT, "demo").environment, **environment, "PNEUMO_LIMIT_MINUTES": "inf"}
    return subprocess.run(command, env=demo, check=False).returncode


def find_quarto() -> str | None:
    """A Quarto that is new enough: on the path, in this environment, or installed now (tried once per environment)."""
    for candidate in (shutil.which("quarto"), str(Path(sys.prefix) / "bin" / "quarto")):
        if candidate and is_new_enough(candidate):
            return candidate
    if os.environ.get("QUARTO") == "no":
        return None
    if TRIED.exists():
        tell(f"{TRIED.read_text().strip()}; to try again: rm {TRIED}")
        return None
    tell("no Quarto 1.9 or newer here; trying to install it, 130 MB, once per environment, usually within a minute")
    tell(f"it stops after {INSTALL_LIMIT // 60} minutes at most; to do without: make report QUARTO=no")
    start = time.monotonic()
    installed = install_quarto()
    TRIED.write_text(f"Quarto {'was installed' if installed else 'could not be installed'} in this environment\n")
    tell(f"{TRIED.read_text().strip()} ({time.monotonic() - start:.0f} s)")
    local = Path(sys.prefix) / "bin" / "quarto"
    return str(local) if installed and local.exists() and is_new_enough(str(local)) else None


def install_quarto() -> bool:
    """Whether pip could install quarto-cli, which downloads Quarto from its own site while it builds.

    Its dependencies are in the lock already, so nothing else is installed.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--retries", "0", "--timeout", "30"]
    # A session of its own, so that a download that hangs ends with all its children.
    process = subprocess.Popen(
        [*pip, "quarto-cli>=1.9,<2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return wait(process, INSTALL_LIMIT)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(process: subprocess.Popen, limit: float) -> bool:
    """Whether `process` ends well within `limit` seconds; tells every few seconds that it goes on."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        try:
            return process.wait(SECONDS_OF_SILENCE) == 0
        except subprocess.TimeoutExpired:
            tell(f"installing Quarto, {time.monotonic() - start:.0f} s so far")
    return False


def tell(text: str) -> None:
    print(f"report: {text}", flush=True)


def is_new_enough(quarto: str) -> bool:
    try:
        output = subprocess.run([quarto, "--version"], capture_output=True, text=True, timeout=300, check=True).stdout
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
