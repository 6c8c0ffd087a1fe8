"""The command line as a new user meets it."""

import argparse

import pytest

from pneumo import cli
from pneumo.cli import TASKS, TERMINAL_COLUMNS, main


def test_the_help_fits_a_terminal_and_shows_every_command_under_one_task(monkeypatch):
    monkeypatch.setenv("COLUMNS", str(TERMINAL_COLUMNS))
    parser = cli._parser()
    text = parser.format_help()
    assert [line for line in text.split("\n") if len(line) > TERMINAL_COLUMNS] == []
    (commands,) = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    shown = [command for each in TASKS.values() for command in each]
    assert sorted(shown) == sorted(commands.choices)
    assert all(f"\n  {command} " in text for command in shown)


def test_every_example_of_the_help_is_a_command_that_is_understood():
    examples = [line.split()[1:] for line in cli.EXAMPLES.split("\n") if line.startswith("  pneumo ")]
    assert len(examples) > 4
    for words in examples:
        assert callable(cli._parser().parse_args(words).command)


def test_the_listing_of_data_sets_fits_a_terminal_but_for_paths(capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert "chest-xray" in lines
    phantom = lines[lines.index("phantom") + 1 :]
    assert "built in" in " ".join(phantom)
    assert not any("not on this machine" in line for line in phantom)
    assert [line for line in lines if len(line) > TERMINAL_COLUMNS and "/" not in line] == []


def test_a_table_that_exists_is_refused_in_the_first_second(tmp_path, capsys, monkeypatch):
    """Before the model, and with it PyTorch, is loaded."""
    (tmp_path / "out.csv").write_text("mine")
    monkeypatch.setattr("pneumo.inference.load_model", lambda model: pytest.fail("the model was loaded first"))
    assert main(["predict", "radiographs", "--csv", str(tmp_path / "out.csv")]) == 1
    assert capsys.readouterr().err.startswith("pneumo: ")
    assert (tmp_path / "out.csv").read_text() == "mine"
