"""Make or mend the environment: `.venv` with exactly what requirements.lock names, and pneumo itself, editable.

    python3 tools/setup.py                make it, mend it, or leave it where it is whole
    python3 tools/setup.py --supported    exit status 0 where pneumo runs on this Python and this machine

The lock is the complete set of packages, so pip installs it as it stands and resolves nothing. An environment that was
left unfinished is made anew; pip's cache spares the downloads. Make runs this with the system's Python: it imports the
standard library alone, in the syntax of Python 3.6, so that an old Python can say that it is too old.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_SYSTEM = {("linux", "x86_64"): (2, 28), ("linux", "aarch64"): (2, 28), ("darwin", "arm64"): (14,)}
"""Versions of glibc and of macOS that the wheels of PyTorch and ONNX Runtime need."""
SECONDS_BETWEEN_LINES = 5
OWN_NAMES = {"bin", "include", "lib", "lib64", "share", "etc", "tmp", "first.lock", "setup.log", ".ready", ".gitignore"}
"""What a half-made environment may hold. A folder with other names and no pyvenv.cfg holds somebody's files."""
PIP_TASKS = "TARGET PREFIX ROOT CONSTRAINT REQUIREMENT REQUIRE_HASHES NO_BINARY ONLY_BINARY DRY_RUN QUIET VERBOSE LOG"
"""Settings of pip that would install something else, or elsewhere. Those that say how packages are reached stay."""
FAILURES = {
    "No space left on device|Disk quota exceeded": "the disk is full; make room where {venv} is",
    "DO NOT MATCH THE HASHES": "a package is not the locked one: damaged on its way, or altered; empty pip's cache "
    "({venv}/bin/python -m pip cache purge), and if PIP_INDEX_URL names a mirror, try without it",
    r"Connection|Timeout|timed out|IncompleteRead|ProxyError|SSLError|Max retries|name resolution|HTTP error|HTTPError"
    r"|\d (Client|Server) Error|from versions: none": "the packages cannot be reached; check the network. Behind a "
    "proxy, set HTTPS_PROXY=http://host:port; with a mirror, PIP_INDEX_URL=its address; with your own certificate, "
    "PIP_CERT=its file",
    "No matching distribution": "the package index lacks a file; if PIP_INDEX_URL names a mirror, try another one",
    "": "pip failed",
}
"""What pip's output says when it fails, and what is wrong and helps; the first that is found counts."""


class SetupError(Exception):
    """What went wrong and what to do about it."""


def main(arguments):
    """The exit status, or an error for sys.exit to print."""
    trouble = unsupported()
    if trouble or arguments == ["--supported"]:
        return f"setup: {trouble}" if trouble else 0
    try:
        set_up(ROOT)
    except (SetupError, OSError) as error:
        return f"setup: {error}"
    except KeyboardInterrupt:
        print("\nsetup: stopped; the same command goes on, with what pip has downloaded", file=sys.stderr)
        return 130
    return 0


def set_up(root):
    """Leave `root`/.venv whole and marked as ready. Raises SetupError, and OSError where a file cannot be written."""
    with open(str(root / "requirements.lock"), "rb") as lock:
        wait_for_turn(lock)
        start = time.monotonic()
        venv = Path(os.path.realpath(str(root / ".venv")))  # behind a symbolic link, the folder that it names
        venv.mkdir(parents=True, exist_ok=True)
        if made_of(venv) == fingerprint(root) and starts(venv):
            name_python(venv, root)
            return
        reason = reason_to_remake(venv, root)
        if reason:
            tell(f"making .venv for Python {sys.version.split()[0]} ({reason})")
            make_venv(venv)
            announce(venv, root)
        else:
            tell("requirements.lock or pyproject.toml has changed; installing what differs")
        install(venv, root)
        complaints = check(venv, root / "requirements.lock")
        if complaints:
            raise SetupError("the locked packages do not fit together on this machine: " + "; ".join(complaints))
        (venv / ".ready").write_text("\n".join(fingerprint(root)), encoding="utf-8")
        name_python(venv, root)
        tell(f"ready after {time.monotonic() - start:.0f} s")


def name_python(venv, root):
    """Tell Quarto which Python to use, so that `quarto render` works without the environment being active.

    Written to _environment.local, which Quarto reads. A line there that somebody else wrote stays, and counts.
    """
    path, mark = root / "_environment.local", "  # by tools/setup.py"
    line = f"QUARTO_PYTHON={venv}/bin/python{mark}"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [other for other in lines if not other.endswith(mark)]
    if line not in lines and not any(other.startswith("QUARTO_PYTHON=") for other in others):
        path.write_text("\n".join([*others, line]) + "\n", encoding="utf-8")


def tell(text):
    print(f"setup: {text}", flush=True)


def unsupported():
    """Why pneumo cannot run with this Python on this machine and what would help, or "" where it can."""
    oldest, newest = supported_versions(ROOT)
    build = " free-threaded" if "t" in getattr(sys, "abiflags", "") else ""
    python = f"{platform.python_implementation()} {sys.version.split()[0]}{build}"
    if build or "CPython" not in python or not (numbers(oldest) <= sys.version_info[:2] <= numbers(newest)):
        return (
            f"pneumo needs the ordinary CPython {oldest} to {newest}, and {sys.executable} is {python}; "
            f"install one of them, or name one that is here: make PYTHON=/path/to/python{newest}"
        )
    system = numbers(platform.mac_ver()[0] or platform.libc_ver()[1])
    if system < OLDEST_SYSTEM.get((sys.platform, platform.machine()), (999,)):
        return (
            "the packages need Linux with glibc 2.28 or newer, such as Debian 10, Ubuntu 20.04 or RHEL 8, on x86-64 or "
            f"ARM, or macOS 14 or newer on Apple's processor; this is {platform.platform()}"
        )
    return ""


def supported_versions(root):
    """The oldest and the newest supported Python: ("3.11", "3.14") for requires-python = ">=3.11,<3.15"."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    oldest, first_unsupported = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text).groups()
    return f"3.{oldest}", f"3.{int(first_unsupported) - 1}"


def numbers(version):
    return tuple(int(part) for part in re.findall(r"\d+", version))


def wait_for_turn(lock):
    """Wait for another set-up of the same folder, so that `make report` and `make test` can be started together.

    pip inherits the lock on the file: where it outlives its set-up, nothing is cleared under its feet.
    """
    os.set_inheritable(lock.fileno(), True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell("another set-up is at work here; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def fingerprint(root):
    """What an environment is made of: Python's version, the folder, the contents of the lock and of pyproject.toml."""
    files = (root / "requirements.lock", root / "pyproject.toml")
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return ["Python {}.{}".format(*sys.version_info), str(root), *digests]


def made_of(venv):
    """The fingerprint of the environment when it was last finished, or [] where it never was."""
    try:
        return (venv / ".ready").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def starts(venv):
    """Whether the environment's Python starts, is of this version, and has pip."""
    code = f"import pip, sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.call([f"{venv}/bin/python", "-I", "-c", code], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def reason_to_remake(venv, root):
    """Why the environment has to be made from nothing, or "" where it is whole, if perhaps of another lock."""
    made = made_of(venv)
    if not any(venv.iterdir()):
        return "there is none"
    if not made:
        return "the one that is there was left unfinished, or made by another program"
    if made[:2] != fingerprint(root)[:2]:
        return f"the one that is there was made for {' in '.join(made[:2])}"
    return "" if starts(venv) else "the one that is there is broken: its Python does not start, or has no pip"


def locked_names(lock):
    """Names of the packages in a lock; several times where it depends on the platform."""
    return re.findall(r"^([a-z0-9-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)


def announce(venv, root):
    """Say how long it takes and how much. Raises SetupError where the disk has no room for packages and downloads."""
    names = set(locked_names(root / "requirements.lock"))
    heavy = ("nvidia-", "triton") if sys.platform == "linux" else ()  # CUDA, which PyTorch brings on Linux
    large = 1 + sum(name.startswith(heavy) for name in names)
    download, disk = 0.16 * large + 0.006 * len(names), 0.3 * large + 0.016 * len(names)  # GB, fitted to the lock
    tell(
        f"about {download:.1f} GB to download the first time, {disk:.0f} GB on the disk; with a fast connection it "
        f"takes 5 minutes, at 20 Mbit/s {download * 400 / 60:.0f}; stop it whenever you like, the same command goes on"
    )
    free = shutil.disk_usage(str(venv)).free / 1e9
    if free < download + disk:
        raise SetupError(
            f"the packages and their downloads need {download + disk:.1f} GB in {venv}, and {free:.1f} GB are free; "
            "make room, or put the environment on another disk: rm -rf .venv && ln -s /other/disk/pneumo-venv .venv"
        )


def make_venv(venv):
    """An empty environment with pip in the folder `venv`, in place of an earlier one."""
    names = {path.name for path in venv.iterdir()}
    if "pyvenv.cfg" not in names and not names <= OWN_NAMES:
        raise SetupError(f"{venv} holds what is no environment ({min(names - OWN_NAMES)}); move it away")
    # The base Python, for sys.executable may lie in what is cleared.
    command = [getattr(sys, "_base_executable", sys.executable), "-m", "venv", "--clear", str(venv)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
    if run.returncode:
        raise SetupError(f"no environment could be made: {run.stdout.decode(errors='replace').strip()}")


def clean_environment():
    """The environment variables, but for those that would lead Python or pip to install something else or elsewhere."""
    unwanted = {"PYTHONPATH", "PYTHONHOME", *(f"PIP_{name}" for name in PIP_TASKS.split())}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    return dict(environment, PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_PROGRESS_BAR="off")


def install(venv, root):
    """Install the locked packages and pneumo; meanwhile nothing marks the environment as ready. Raises SetupError."""
    before, log = made_of(venv), venv / "setup.log"
    log.write_text("")
    if before:
        (venv / ".ready").unlink()
    try:
        install_lock(venv, root / "requirements.lock")
        tell("installing pneumo itself, editable")
        pip(venv, "--no-deps", "--no-build-isolation", "--editable", str(root))
    except BaseException:
        if before and b"Installing collected packages" not in log.read_bytes():  # nothing was changed yet
            (venv / ".ready").write_text("\n".join(before), encoding="utf-8")
        raise


def install_lock(venv, lock):
    """Install what `lock` names and nothing else: setuptools, with which others are built, then all."""
    builders = venv / "first.lock"
    text = lock.read_text(encoding="utf-8")
    builders.write_text(re.search(r"^setuptools==.*(\n .*)*", text, re.MULTILINE).group(), encoding="utf-8")
    for file in (builders, lock):
        options = ("--no-deps", "--require-hashes", "--no-build-isolation", "--use-pep517")
        pip(venv, *options, "-r", str(file), total=len(locked_names(file)))


def pip(venv, *arguments, total=1):
    """Run `pip install`, tell every few seconds how far it is, and explain it when it fails. Its output is logged."""
    begun = time.monotonic()
    temporary, log = venv / "tmp", venv / "setup.log"  # not /tmp, which may be small
    temporary.mkdir(exist_ok=True)
    command = [f"{venv}/bin/python", "-I", "-u", "-m", "pip", "install", *arguments]
    environment = dict(clean_environment(), TMPDIR=str(temporary))
    with open(str(log), "ab") as sink:
        start = sink.tell()
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=environment, close_fds=False)
    try:
        while process.poll() is None:
            try:
                process.wait(timeout=SECONDS_BETWEEN_LINES)
            except subprocess.TimeoutExpired:
                output = log.read_bytes()[start:].decode(errors="replace")
                tell(f"{progress(output, total)}, {time.monotonic() - begun:.0f} s so far")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        shutil.rmtree(str(temporary), ignore_errors=True)
    if process.returncode:
        raise SetupError(explain(log.read_bytes()[start:].decode(errors="replace"), venv))


def progress(output, total):
    """What pip is at, by its output so far: how many of `total` packages it has seen to, and what it said last."""
    seen = re.findall(r"^(?:Collecting|Processing|Requirement already satisfied:|Ignoring) ", output, re.MULTILINE)
    doing = r"^ *((?:Collecting|Processing|Downloading|Using cached|Building|Installing) .*?)(?::.*| \(from .*)?$"
    said = re.findall(doing, output, re.MULTILINE) or ["looking at what is installed"]
    return f"{len(seen)} of {total} packages: {said[-1][:100]}"


def explain(output, venv):
    """What went wrong and what helps, for the output of a pip that failed."""
    errors = re.findall(r"^ *(?:ERROR|error): .*", output, re.MULTILINE)
    last = (errors or output.strip().splitlines() or ["nothing; it was killed, perhaps for want of memory"])[-1].strip()
    remedy = next(FAILURES[pattern] for pattern in FAILURES if re.search(pattern, output)).format(venv=venv)
    return f"{remedy}; then the same command goes on\nsetup: pip said: {last} (all of it: {venv}/setup.log)"


def check(venv, lock):
    """What `pip check` finds wrong with pneumo and the locked packages, a line each; others were installed by hand."""
    command = [f"{venv}/bin/python", "-I", "-m", "pip", "check"]
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    ours = ["pneumo", *locked_names(lock)]
    lines = [line for line in output.splitlines() if re.sub(r"[-_.]+", "-", line.split(" ")[0]).lower() in ours]
    # pip itself chose each file for this platform; newer pips complain of several platform tags in one file.
    return [line for line in lines if not line.endswith("is not supported on this platform")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
