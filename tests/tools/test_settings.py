"""What `_quarto.yml`, profiles and environment files say; environment files as Quarto's own parser reads them."""

from pathlib import PurePosixPath

import pytest

from tools import settings
from tools.environment import kernel_environment, read_environment
from tools.errors import BuildError


def test_a_profile_replaces_values_and_adds_to_lists(tmp_path):
    for name in ("one.qmd", "two.qmd"):
        (tmp_path / name).write_text("# Title\n")
    (tmp_path / "_quarto.yml").write_text("lang: en\nbook: {title: Book, chapters: [one.qmd]}\n")
    (tmp_path / "_quarto-demo.yml").write_text("project: {output-dir: _demo}\nbook: {chapters: [one.qmd, two.qmd]}\n")
    read = settings.read(tmp_path, "demo")
    assert read.chapters == (PurePosixPath("one.qmd"), PurePosixPath("two.qmd"))
    assert read.output == PurePosixPath("_demo")
    assert read.values == {
        "lang": "en",
        "book": {"title": "Book", "chapters": ["one.qmd", "two.qmd"]},
        "project": {"output-dir": "_demo"},
    }


@pytest.mark.parametrize(
    ("chapters", "message"),
    [
        ("[none.qmd]", "chapters: none.qmd: no such file"),
        ("[{part: A}]", "is no part; give it a part: TITLE"),
    ],
)
def test_what_is_no_chapter_is_named(tmp_path, chapters, message):
    (tmp_path / "_quarto.yml").write_text(f"book: {{title: Book, chapters: {chapters}}}\n")
    with pytest.raises(BuildError, match=message):
        settings.read(tmp_path)


def test_a_profile_without_its_file_is_refused(tmp_path):
    (tmp_path / "_quarto.yml").write_text("lang: en\n")
    with pytest.raises(BuildError, match="_quarto-none.yml: no such file"):
        settings.read(tmp_path, "none")


def test_an_environment_file_is_read_below_its_profile_and_the_local_one(tmp_path):
    (tmp_path / "_environment").write_text("# a comment\nA=1\nB='two words'\n\nC=3 # why\n")
    (tmp_path / "_environment-demo").write_text("A=demo\nC=demo\n")
    (tmp_path / "_environment.local").write_text("C=local\n")
    assert read_environment(tmp_path, "demo", {}) == {"A": "demo", "B": "two words", "C": "local"}


def test_only_values_without_quotes_name_variables(tmp_path):
    (tmp_path / "_environment").write_text("""B=two\nA=${B} $B ${C}\nQ="${B}"\nS='$B'\n""")
    found = read_environment(tmp_path, "", {"C": "given"})
    assert found == {"B": "two", "A": "two two given", "Q": "${B}", "S": "$B"}


def test_a_file_may_name_what_a_file_above_it_sets(tmp_path):
    (tmp_path / "_environment").write_text("FOLDER=${ROOT}/cache\n")
    (tmp_path / "_environment-demo").write_text("ROOT=/demo\n")
    assert read_environment(tmp_path, "demo", {})["FOLDER"] == "/demo/cache"


def test_a_line_without_an_equals_sign_is_named(tmp_path):
    (tmp_path / "_environment").write_text("A=1\nnonsense\n")
    with pytest.raises(BuildError, match="_environment:2: 'nonsense' is not KEY=value"):
        read_environment(tmp_path)


def test_a_backend_of_the_users_shell_does_not_reach_the_kernels(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    assert "MPLBACKEND" not in kernel_environment(tmp_path)
