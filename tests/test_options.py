"""Wrong values on the command line: one line that names the value and what to give, before any work is done."""

import ast
import warnings
from pathlib import Path

import pytest

from pneumo import cli
from pneumo.cli import main

ONLY_ON_TERMINALS = "None if progress else True"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train x --epochs 0", "pneumo train: error: argument --epochs: 0 is too small; give a whole number from 1"),
        ("train x --seed -1", "pneumo train: error: argument --seed: -1 is too small; give a whole number from 0"),
        ("train x --image-size 1.5", "argument --image-size: '1.5' is no whole number; give one from 1"),
        ("run x --jobs 0", "pneumo run: error: argument --jobs: 0 is too small; give a whole number from 1"),
        ("run x --jobs -1", "argument --jobs: -1 is too small"),
        ("run x --cpus 0", "argument --cpus: 0 is too small; give a whole number from 1"),
        ("run x --gpus -1", "argument --gpus: -1 is too small; give a whole number from 0"),
        ("run x --memory 0", "argument --memory: 0 is not above 0; give the number of GB"),
        ("predict x --threshold abc", "argument --threshold: 'abc' is no number"),
        ("predict x --threshold 95", "argument --threshold: 95 is not between 0 and 1; did you mean 0.95?"),
        ("predict x --coverage 1", "argument --coverage: 1 is not between 0 and 1; 0.5 is a half"),
        ("data get", "usage: pneumo data get "),
    ],
)
def test_a_wrong_value_is_wrong_usage_that_says_what_to_give(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words.split())
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "COMMAND ..." not in error  # of all commands, where one is meant


@pytest.mark.parametrize("words", [["predict", ""], ["evaluate", ""], ["train", ""], ["predict", "x", "--csv", ""]])
def test_an_empty_path_is_not_the_current_folder(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert '"" is no path; name a file or a folder, "." for the current folder' in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 0
    assert "your radiographs:\n  predict " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "x", "--csv"], "is a folder, and a file is to be written; name a file"),
        (["evaluate", "x", "--report"], "is a folder, and a file is to be written"),
        (["export"], "is a folder, and a file is to be written"),
    ],
)
def test_a_folder_in_place_of_a_file_is_refused_as_such(words, message, tmp_path, capsys):
    (tmp_path / "a").touch()
    for more in ([], ["--overwrite"]):
        assert main([*words, str(tmp_path), *more]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert "another folder" not in error


def test_pictures_are_not_written_to_a_file(tmp_path, capsys):
    (tmp_path / "a").touch()
    assert main(["predict", "x", "--cam", str(tmp_path / "a"), "--overwrite"]) == 1
    assert "a is a file, and a folder is to be written; name a folder" in capsys.readouterr().err


def test_each_warning_is_one_line_shown_once_and_the_process_is_left_as_it_was(monkeypatch, capsys):
    def warn(_options) -> int:
        for text in ("two\n  lines", "another", "two\n  lines"):
            warnings.warn(text, stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "_status", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        shown, filters = warnings.showwarning, list(warnings.filters)
        assert main(["status"]) == 0
        assert warnings.showwarning is shown
        assert list(warnings.filters) == filters
    assert capsys.readouterr().err == "pneumo: warning: two lines\npneumo: warning: another\n"


def test_every_progress_bar_is_for_terminals_alone():
    """tqdm with disable=None asks whether its output is a terminal."""
    calls = [
        (path.name, {each.arg: ast.unparse(each.value) for each in node.keywords})
        for path in Path(cli.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tqdm"
    ]
    assert len(calls) >= 5
    assert {name: given.get("disable") for name, given in calls if given.get("disable") != ONLY_ON_TERMINALS} == {}
