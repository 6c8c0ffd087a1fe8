"""How a command ends: by a signal, a reader that has gone, a name that the terminal lacks."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pneumo import cli
from pneumo.cli import main

COMMANDS = {
    "run": ["run", "x"],
    "status": ["status"],
    "data list": ["data", "list"],
    "data get": ["data", "get", "chest-xray"],
    "predict": ["predict", "a.png"],
    "evaluate": ["evaluate", "folder"],
    "export": ["export", "a.onnx"],
    "pack": ["pack", "x", "a"],
}


def command_that(monkeypatch, work) -> None:
    """Have `pneumo status` do something else."""
    monkeypatch.setattr(cli, "_status", work)


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_command_with_its_status_and_one_line(name, status, monkeypatch, capsys):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    found = signal.getsignal(number)
    before = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    signal.signal(number, before)  # under `nohup` SIGHUP is ignored, and stays so
    try:
        command_that(monkeypatch, lambda _: signal.raise_signal(number))
        assert main(["status"]) == status
        assert capsys.readouterr().err == "pneumo: stopped; nothing was written\n"
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, found)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_becomes_of_its_work_when_it_is_stopped(name, monkeypatch, capsys):
    def stop(_options) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_" + name.replace(" ", "_"), stop)
    assert main(COMMANDS[name]) == 130
    goes_on = name in ("run", "data get")
    assert capsys.readouterr().err == f"pneumo: {cli.GOES_ON if goes_on else cli.NOTHING_WRITTEN}\n"


def test_a_signal_that_comes_out_as_another_error_still_ends_the_command(monkeypatch, capsys):
    def convert(_options) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as interruption:  # as Python does where a class is made during an import
            raise RuntimeError("Error calling __set_name__") from interruption

    command_that(monkeypatch, convert)
    assert main(["status"]) == 143
    assert capsys.readouterr().err.count("\n") == 1


def test_a_fault_of_the_program_is_not_taken_for_an_interruption(monkeypatch):
    def fail(_options) -> None:
        raise ZeroDivisionError

    command_that(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        main(["status"])


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_signal_that_the_user_has_ignored_stays_so(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        command_that(monkeypatch, lambda _: signal.raise_signal(signal.SIGHUP) or 0)
        assert main(["status"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_ends_a_command_that_does_not(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from pneumo import cli\n"
        "def work(_):\n"
        "    try: Path('ready').touch(); time.sleep(60)\n"
        "    finally: Path('stopping').touch(); time.sleep(60)\n"
        "cli._status = work\n"
        "sys.exit(cli.main(['status']))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent.parent)}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    for file in ("ready", "stopping"):
        while not (tmp_path / file).exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM


# A command in a process of its own -----------------------------------------------------------------------------------


def started(*arguments: str, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parent.parent)} | options.pop("variables", {})
    return subprocess.Popen([sys.executable, "-m", "pneumo.cli", *arguments], env=environment, **options)


def test_a_command_is_stopped_while_it_imports(tmp_path):
    # A module that stands for PyTorch and takes its time.
    (tmp_path / "pandas.py").write_text(
        "import pathlib, time; pathlib.Path('importing').touch(); time.sleep(60)", encoding="utf-8"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(cli.__file__).parent.parent)])
    process = started("status", variables={"PYTHONPATH": path}, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "importing").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "pneumo: stopped; nothing was written\n")


def test_a_reader_that_ends_early_is_no_error(tmp_path):
    process = started("status", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()  # as `head` does
    with process.stderr as stream:
        error = stream.read()
    assert process.wait(600) == 128 + signal.SIGPIPE
    assert "roken pipe" not in error
    assert "Traceback" not in error


def test_a_pipe_that_breaks_elsewhere_is_an_error(monkeypatch, capsys):
    def fail(_options) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    command_that(monkeypatch, fail)
    assert main(["status"]) == 1
    assert "Broken pipe" in capsys.readouterr().err


def test_what_the_encoding_of_the_output_lacks_is_written_out(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict")
    monkeypatch.setattr(sys, "stdout", output)
    command_that(monkeypatch, lambda _: print("小児 é") or 0)
    assert main(["status"]) == 0
    assert output.buffer.getvalue() == b"\\u5c0f\\u5150 \xe9" + os.linesep.encode()
    assert output.errors == "strict"
