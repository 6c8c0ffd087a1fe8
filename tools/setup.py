"""Make or mend the environment: `.venv` with exactly what requirements.lock names, and pneumo itself, editable.

    python3 tools/setup.py                make it, mend it, or leave it where it is whole
    python3 tools/setup.py --supported    exit status 0 where pneumo runs on this Python and this machine

The lock is the complete set of packages, so it is installed as it stands: nothing is resolved again (`--no-deps`), and
what has to be built is built with the locked setuptools. A package published later changes nothing.

Make runs this with the system's Python before anything is installed. It imports the standard library alone, and keeps
to the syntax of Python 3.6, so that an old Python can say that it is too old.
"""

import contextlib
import csv
import fcntl
import hashlib
import importlib.util
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_GLIBC, OLDEST_MACOS = (2, 28), (14,)  # of PyTorch's and ONNX Runtime's packages
MACHINES = ("x86_64", "aarch64", "arm64")
SECONDS_BETWEEN_LINES, SECONDS_OF_SILENCE = 2, 10
PACKAGES_AT_ONCE = 16  # what a kill costs at most is one such batch
ATTEMPTS = 3
OWN_NAMES = {"bin", "include", "lib", "lib64", "share", "etc", "tmp", "setup.log", ".ready", ".gitignore"}
"""What a half-made environment may hold. A folder with anything else and no pyvenv.cfg is no environment of ours."""

NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|NameResolutionError|Max retries exceeded|SSLError"
    r"|CERTIFICATE_VERIFY_FAILED|Connection (?:aborted|refused|reset|broken)|IncompleteRead|Network is unreachable"
    r"|\(from versions: none\)"  # all that pip says where an index does not answer at all
    r"|Temporary failure in name resolution|HTTP error \d+|HTTPError|\b[45]\d\d (?:Client|Server) Error"
)


class SetupError(Exception):
    """What went wrong and what to do about it, for whoever ran make."""


def main(arguments):
    trouble = unsupported()
    if arguments == ["--supported"]:
        return 1 if trouble else 0
    try:
        if trouble:
            raise SetupError(trouble)
        set_up(ROOT)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; the same command goes on from what is here", file=sys.stderr)
        return 130
    return 0


def set_up(root):
    """Leave `root`/.venv whole and marked as ready. Raises SetupError, which says what is to be done."""
    if is_ready(root):
        return
    with one_at_a_time(root):
        if is_ready(root):  # made by the other one meanwhile
            return
        start = time.monotonic()
        venv = find_place(root / ".venv")
        reason = reason_to_remake(venv, root)
        announce(root, venv, reason)
        check_disk(venv, root)
        if reason:
            make_venv(venv)
        install_everything(root, venv)
        complaints = check(venv, root / "requirements.lock")
        if complaints:
            raise SetupError("the locked packages do not fit together on this machine: " + "; ".join(complaints))
        (venv / ".ready").write_text("\n".join(fingerprint(root)) + "\n", encoding="utf-8")
        tell(f"ready after {time.monotonic() - start:.0f} s")


# What this machine is


def unsupported():
    """Why pneumo cannot run with this Python on this machine and what would help, or "" where it can."""
    oldest, newest = supported_versions(ROOT)
    wanted = f"pneumo needs Python {oldest} to {newest}"
    other = f"install one of them, or name one that is here: make PYTHON=/path/to/python{newest}"
    version = sys.version.split()[0]
    if not as_numbers(oldest) <= sys.version_info[:2] <= as_numbers(newest):
        return f"{wanted}, and {sys.executable} is {version}; {other}"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        build = "free-threaded" if sys.implementation.name == "cpython" else platform.python_implementation()
        return f"{wanted} in its ordinary build, and {sys.executable} is {build} {version}; {other}"
    machine = platform.machine()
    if machine not in MACHINES or (sys.platform == "darwin" and machine == "x86_64"):
        return f"PyTorch has no packages for {sys.platform} on {machine}; use Linux or a Mac with Apple's processor"
    if sys.platform == "darwin" and as_numbers(platform.mac_ver()[0])[:1] < OLDEST_MACOS:
        return f"the packages need macOS {OLDEST_MACOS[0]} or newer, this is {platform.mac_ver()[0]}"
    if sys.platform == "linux" and glibc() < OLDEST_GLIBC:
        return "the packages need Linux with glibc 2.28 or newer: Debian 10, Ubuntu 20.04, RHEL 8; Alpine has none"
    return ""


def supported_versions(root):
    """The oldest and the newest supported Python as texts, from requires-python: (">=3.11,<3.15") gives 3.11, 3.14."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    major, oldest, first_unsupported = re.search(r'requires-python = ">=(3)\.(\d+),<3\.(\d+)"', text).groups()
    return f"{major}.{oldest}", f"{major}.{int(first_unsupported) - 1}"


def as_numbers(version):
    return tuple(int(part) for part in re.findall(r"\d+", version))


def glibc():
    """Version of the C library as numbers; () where it is another one."""
    try:
        return as_numbers(os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (ValueError, OSError):
        return ()


# What is there already


def fingerprint(root):
    """What the environment is made of, a line each: Python's version, the folder, the lock, pyproject.toml."""
    files = (root / "requirements.lock", root / "pyproject.toml")
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return [f"Python {sys.version_info[0]}.{sys.version_info[1]}", str(root), *digests]


def made_of(venv):
    """The fingerprint of what an environment was last made of, or [] where it was never finished."""
    try:
        return (venv / ".ready").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def is_ready(root):
    venv = root / ".venv"
    return made_of(venv) == fingerprint(root) and python_version(venv) != ""


def python_version(venv):
    """Version of an environment's Python, such as "3.12", or "" where it does not start or has no pip."""
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        run = subprocess.run([str(python(venv)), "-I", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return run.stdout.decode().strip() if run.returncode == 0 else ""


def python(venv):
    return venv / "bin" / "python"


def find_place(venv):
    """The folder that holds the environment, made if need be; behind a symbolic link, the folder that it names."""
    place = Path(os.path.realpath(str(venv)))
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if not venv.is_symlink():
            raise SetupError(f"{place} cannot be made a folder ({error.strerror}); move away what is there") from error
        tell(f".venv is a link to {place}, which cannot be made ({error.strerror}); it becomes a folder here instead")
        venv.unlink()
        venv.mkdir()
        place = venv
    return place


def reason_to_remake(venv, root):
    """Why the environment has to be made from nothing, or "" where it can be used as it is or completed."""
    if not any(venv.iterdir()):
        return "there is none"
    version, this = python_version(venv), f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not version:
        return "the one that is there is broken: its Python does not start, or has no pip"
    if version != this:
        return f"the one that is there is of Python {version}, and this is {this}"
    if made_of(venv)[1:2] not in ([], [str(root)]):
        return "the one that is there was made for another folder"
    return ""


def read_lock(lock):
    """A lock's entries: for each its package's name, and its text with the hashes."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8").strip())
    return [(normal(re.split(r"==|\s", entry)[0]), entry) for entry in entries]


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# Before anything is changed


def announce(root, venv, reason):
    download, disk = gigabytes(root)
    if reason:
        tell(f"making .venv for Python {sys.version.split()[0]} ({reason})")
        tell(
            f"about {download:.1f} GB to download the first time, {disk:.0f} GB on the disk; "
            f"with a fast connection it takes 5 minutes, at 20 Mbit/s {download * 400 / 60:.0f}; "
            "stop it whenever you like, the same command goes on"
        )
    else:
        tell(f"bringing .venv to what requirements.lock says ({venv})")


def gigabytes(root):
    """About how much is downloaded, and how much the environment takes once installed: a sum over the lock.

    On Linux PyTorch brings CUDA's libraries, which are most of it.
    """
    names = {name for name, _ in read_lock(root / "requirements.lock")}
    cuda = [name for name in names if name.startswith(("nvidia-", "triton"))] if sys.platform == "linux" else []
    large = len(cuda) + ("torch" in names)
    return 0.16 * large + 0.006 * len(names), 0.3 * large + 0.016 * len(names)


def check_disk(venv, root):
    """Raises SetupError where the file system of `venv` has no room for the packages and their downloads."""
    needed = (gigabytes(root)[1] + 1) * 1e9 - size_of(venv)  # 1 GB for the largest batch of downloads
    free = shutil.disk_usage(str(venv)).free
    if free < needed:
        raise SetupError(
            f"the packages need {needed / 1e9:.1f} GB more in {venv}, and {free / 1e9:.1f} GB are free; make room, "
            "or put the environment on another disk: rm -rf .venv && ln -s /other/disk/pneumo-venv .venv"
        )


def size_of(folder):
    """Bytes of the files in `folder`, links not followed."""
    total = 0
    for parent, _, names in os.walk(str(folder)):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


@contextlib.contextmanager
def one_at_a_time(root):
    """Wait for another set-up of the same folder, so that `make report` and `make test` can be started together."""
    with open(str(root / "requirements.lock"), "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another set-up is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            pass
        yield


# Making it


def make_venv(venv):
    """An empty environment in `venv`, with pip, whatever an earlier attempt left there."""
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise SetupError(
            f"{sys.executable} comes without venv, which Debian and Ubuntu package apart; "
            f"install it: sudo apt install python{version}-venv"
        )
    names = {path.name for path in venv.iterdir()}
    if "pyvenv.cfg" not in names and not names <= OWN_NAMES:
        strange = sorted(names - OWN_NAMES)[0]
        raise SetupError(f"{venv} holds what is no environment ({strange}); move it away, then make again")
    base = getattr(sys, "_base_executable", "") or sys.executable  # this may run in the very environment it clears
    command = [base, "-m", "venv", "--clear", str(venv)]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment())
    if run.returncode:
        raise SetupError(f"no environment could be made: {run.stdout.decode(errors='replace').strip()}")


def clean_environment():
    """The environment variables without those that would lead Python or pip to install something else or elsewhere.

    What says how packages are reached stays: proxies, PIP_INDEX_URL, PIP_CERT and the like.
    """
    unwanted = {"PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"}
    options = "TARGET PREFIX ROOT CONSTRAINT REQUIREMENT REQUIRE_HASHES NO_BINARY ONLY_BINARY UPGRADE IGNORE_INSTALLED"
    unwanted |= {"PIP_" + name for name in (options + " DRY_RUN REPORT QUIET VERBOSE LOG").split()}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment.update(PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_PROGRESS_BAR="off")
    environment.setdefault("PIP_DEFAULT_TIMEOUT", "60")
    return environment


def install_everything(root, venv):
    """The locked packages and pneumo itself into `venv`. What is there is kept, what is half there is done again."""
    lock = root / "requirements.lock"
    lock_is_installed = made_of(venv)[:3] == fingerprint(root)[:3]  # pyproject.toml alone has changed
    if not lock_is_installed:
        with contextlib.suppress(FileNotFoundError):
            (venv / ".ready").unlink()  # a kill from here on must not pass for a whole environment
        forget_damaged(venv, {name for name, _ in read_lock(lock)})
    temporary = venv / "tmp"  # not /tmp, which may be small; what a killed attempt left in it goes
    shutil.rmtree(str(temporary), ignore_errors=True)
    temporary.mkdir()
    try:
        if not lock_is_installed:
            install_lock(venv, lock, first=build_requirements(root))
        tell("installing pneumo itself, editable")
        pip(venv, ["install", "--no-deps", "--no-build-isolation", "--editable", str(root)])
    finally:
        shutil.rmtree(str(temporary), ignore_errors=True)


def build_requirements(root):
    """Names of what pyproject.toml needs to build pneumo; they are in the lock."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    inner = re.search(r"\[build-system\][^[]*?requires = \[([^]]*)\]", text).group(1)
    return {normal(re.match(r"[\w.-]+", quoted).group()) for quoted in re.findall(r'"([^"]+)"', inner)}


def install_lock(venv, lock, first=()):
    """Install what `lock` names, at its versions, from files of its hashes, and nothing else.

    lock: a complete set, as `make lock` writes it; a package that it does not name is not installed.
    first: names of packages that build others, installed before these.
    Raises SetupError when the network fails, the disk is full or a file is not the locked one.
    """
    entries = read_lock(lock)
    builders = [entry for name, entry in entries if name in first]
    others = [entry for name, entry in entries if name not in first]
    batches = [others[i : i + PACKAGES_AT_ONCE] for i in range(0, len(others), PACKAGES_AT_ONCE)]
    progress = Progress(len(entries))
    for batch in ([builders] if builders else []) + batches:
        install_batch(venv, batch, progress)


def install_batch(venv, entries, progress):
    """Install these entries of a lock; where a download breaks off, begin it again."""
    batch = venv / "tmp" / "batch.lock"
    batch.parent.mkdir(exist_ok=True)
    batch.write_text("\n".join(entries) + "\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--no-build-isolation", "--use-pep517"]
    before = progress.done
    for attempt in range(1, ATTEMPTS + 1):
        progress.done = before
        try:
            return pip(venv, ["install", *options, "-r", str(batch)], progress)
        except BrokenDownload:
            if attempt == ATTEMPTS:
                raise
            progress.tell("the connection broke; trying again")


def forget_damaged(venv, names):
    """Make pip install again what a kill or a full disk left unfinished, by removing its entry among the installed.

    A package is whole when its list of files is there and every file has a listed size. Two packages may list the same
    file, as NVIDIA's do, and the later one's stands.
    names: of the packages to look at.
    """
    for site in (venv / "lib").glob("python3*/site-packages"):
        for leftover in site.glob("~*"):  # what pip had moved aside
            shutil.rmtree(str(leftover), ignore_errors=True)
        listed = {entry: listed_sizes(entry) for entry in site.glob("*.dist-info")}
        sizes = {}
        for file, size in (pair for pairs in listed.values() for pair in pairs):
            sizes.setdefault(file, set()).add(size)
        for entry, pairs in listed.items():
            name, version = entry.name[: -len(".dist-info")].rsplit("-", 1)
            whole = pairs and all(size_or_none(site / file) in sizes[file] for file, _ in pairs)
            if normal(name) in names and not whole:
                tell(f"{name} {version} was left half-installed; installing it again")
                shutil.rmtree(str(entry), ignore_errors=True)


def listed_sizes(entry):
    """The files of a package, relative to site-packages, and their sizes, from its RECORD; [] where there is none."""
    try:
        with open(str(entry / "RECORD"), encoding="utf-8", newline="") as file:
            return [(row[0], int(row[2])) for row in csv.reader(file) if len(row) == 3 and row[2]]
    except (OSError, ValueError):
        return []


def size_or_none(path):
    try:
        return os.path.getsize(str(path))
    except OSError:
        return None


def check(venv, lock):
    """What `pip check` finds wrong with locked packages and pneumo, a line each; others were installed by hand."""
    run = subprocess.run(
        [str(python(venv)), "-I", "-m", "pip", "check"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environment(),
    )  # fmt: skip
    names = {name for name, _ in read_lock(lock)} | {"pneumo"}
    lines = run.stdout.decode(errors="replace").splitlines()
    # pip itself chose each file for this platform; newer pips complain of several platform tags in one file.
    lines = [line for line in lines if not line.endswith("is not supported on this platform")]
    return [line for line in lines if line.strip() and normal(line.split()[0]) in names]


# Running pip


class BrokenDownload(SetupError):
    """The network failed after something had come."""


def pip(venv, arguments, progress=None):
    """Run pip, tell every few seconds how far it is, and explain it when it fails.

    Its whole output is in setup.log in `venv`.
    """
    command = [str(python(venv)), "-I", "-u", "-m", "pip", *arguments]
    environment = dict(clean_environment(), TMPDIR=str(venv / "tmp"))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    lines = queue.Queue()
    threading.Thread(target=read_lines, args=(process.stdout, lines), daemon=True).start()
    output = []
    try:
        with open(str(venv / "setup.log"), "a", encoding="utf-8") as log:
            for line in iter_lines(lines, progress):
                log.write(line)
                output.append(line)
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        raise explain("".join(output), venv)


def iter_lines(lines, progress):
    """The lines of a queue until None, each told to `progress`, which is also asked where none comes for long."""
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            if progress:
                progress.tell_if_silent()
            continue
        if line is None:
            return
        if progress:
            progress.follow(line)
        yield line


def read_lines(stream, lines):
    with stream:
        for line in stream:
            lines.put(line.decode(errors="replace"))
    lines.put(None)


class Progress:
    """What pip is at, by its output. total: packages in the lock; done: those that pip has begun or left out."""

    def __init__(self, total):
        self.total, self.done, self.doing = total, 0, "starting"
        self.told = self.begun = time.monotonic()

    def follow(self, line):
        words = line.split()
        if line.startswith("Ignoring "):  # another platform's or another Python's
            self.done += 1
        elif line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            self.done += 1
            self.begin(package(words[3] if words[0] == "Requirement" else words[1]))
            if self.done == self.total or time.monotonic() - self.told >= SECONDS_BETWEEN_LINES:
                self.tell(self.doing)
        elif line.startswith("  Downloading ") and len(words) > 3 and words[-1] in ("MB)", "GB)"):
            self.begin(f"downloading {package(words[1])} {words[-2]} {words[-1]}")
        elif line.startswith("Installing collected packages: "):
            self.begin("unpacking")

    def begin(self, doing):
        self.doing, self.begun = doing, time.monotonic()

    def tell_if_silent(self):
        now = time.monotonic()
        if now - self.told >= SECONDS_OF_SILENCE:
            self.tell(f"{self.doing}, {now - self.begun:.0f} s so far")

    def tell(self, text):
        self.told = time.monotonic()
        tell(f"{self.done} of {self.total} packages: {text}")


def package(file):
    """Name and version out of what pip says: numpy==2.4.6, or the path of numpy-2.4.6-cp311-cp311-manylinux.whl."""
    name = os.path.basename(file)
    return name.replace("==", " ") if "==" in name else " ".join(name.split("-")[:2]).replace(".tar.gz", "")


def explain(output, venv):
    """The error to raise for what pip put out when it failed."""
    on = "then the same command goes on from what is here"
    errors = [line.strip() for line in output.splitlines() if line.startswith(("ERROR:", "error:"))]
    last = (errors or output.strip().splitlines() or ["pip was killed, perhaps for want of memory"])[-1]
    log = f"(the whole output: {venv / 'setup.log'})"
    if re.search(r"No space left on device|Disk quota exceeded", output):
        return SetupError(f"the disk is full: {last}; make room where {venv} is, {on} {log}")
    if "DO NOT MATCH THE HASHES" in output:
        return SetupError(
            f"a downloaded package is not the locked one: damaged on its way, or altered; empty pip's cache "
            f"({python(venv)} -m pip cache purge), if PIP_INDEX_URL names a mirror try without it, {on} {log}"
        )
    if NETWORK.search(output):
        error = BrokenDownload if "  Downloading " in output else SetupError
        return error(
            f"the packages cannot be reached: {last}\nsetup: check the network. Behind a proxy, set "
            "HTTPS_PROXY=http://host:port; with a mirror, PIP_INDEX_URL=its address; with a certificate of your own, "
            f"PIP_CERT=its file; {on} {log}"
        )
    if "No matching distribution found" in output:
        return SetupError(
            f"{last}\nsetup: the package index that pip uses lacks this file; if PIP_INDEX_URL names a mirror, it may "
            f"be incomplete: name another one, {on} {log}"
        )
    return SetupError(f"pip failed: {last} {log}; when that is mended the same command goes on")


def tell(text):
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
