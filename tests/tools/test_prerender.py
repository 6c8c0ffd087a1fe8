"""The step before a render: which executed chapters it drops, and when it writes `_variables.yml` anew."""

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from matplotlib.figure import Figure

from tools import cell_cache, prerender, social_card
from tools.prerender import drop_stale_cells, write_record_cards, write_variables

SCRIPT = Path(prerender.__file__)
ONE, TWO = PurePosixPath("report/one.qmd"), PurePosixPath("report/two.qmd")


class Inputs:
    """Digests of chapters and of the variables, as a test sets them."""

    def __init__(self) -> None:
        self.digests = {ONE: "a", TWO: "a"}
        self.variables = "a"

    def chapter(self, path: PurePosixPath) -> str:
        return self.digests[path]

    def of(self, code: str) -> str:
        return self.variables


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A book of two chapters, both executed."""
    (tmp_path / "_quarto.yml").write_text(f"book:\n  title: Book\n  chapters: [{ONE}, {TWO}]\n")
    (tmp_path / "report").mkdir()
    for chapter in (ONE, TWO):
        (tmp_path / chapter).write_text("# Title\n")
    monkeypatch.setattr(prerender, "ROOT", tmp_path)
    drop_stale_cells(Inputs(), "")
    for chapter in (ONE, TWO):
        keep(tmp_path, chapter)
    return tmp_path


def notebook(code: str) -> nbformat.NotebookNode:
    """A notebook of one executed cell."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, execution_count=1)])


def keep(project: Path, chapter: PurePosixPath) -> None:
    cell_cache.keep(cell_cache.folder(project, chapter, {}), chapter, notebook(str(chapter)))


def is_kept(project: Path, chapter: PurePosixPath) -> bool:
    return cell_cache.find(cell_cache.folder(project, chapter, {}), notebook(str(chapter))) is not None


def test_a_chapter_whose_inputs_have_changed_is_dropped_and_no_other(project):
    inputs = Inputs()
    assert drop_stale_cells(inputs, "") == []
    inputs.digests[TWO] = "b"
    assert drop_stale_cells(inputs, "") == [str(TWO)]
    assert (is_kept(project, ONE), is_kept(project, TWO)) == (True, False)
    keep(project, TWO)
    assert drop_stale_cells(inputs, "") == []
    assert is_kept(project, TWO)


def test_what_quarto_executed_is_dropped_too(project):
    cache = get_cache(str(cell_cache.folder(project, ONE, {})))
    executed = notebook("'as Quarto would'")
    cache.cache_notebook_bundle(CacheBundleIn(executed, "one.quarto_ipynb"))
    cache.db.dispose()
    inputs = Inputs()
    inputs.digests[ONE] = "b"
    assert drop_stale_cells(inputs, "") == [str(ONE)]
    assert cell_cache.find(cell_cache.folder(project, ONE, {}), executed) is None


def test_variables_are_written_anew_when_their_inputs_change(project, monkeypatch):
    inputs, path = Inputs(), project / "_variables.yml"
    monkeypatch.setattr("tools.variables.variables", lambda: {"cnn": {"auc": "0.953"}})
    write_variables(inputs)
    assert path.read_text() == "# made from a\ncnn:\n  auc: '0.953'\n"
    monkeypatch.setattr("tools.variables.variables", lambda: {"cnn": {"auc": "0.954"}})
    write_variables(inputs)
    assert "0.953" in path.read_text()
    inputs.variables = "b"
    write_variables(inputs)
    assert path.read_text() == "# made from b\ncnn:\n  auc: '0.954'\n"


def test_an_interpreter_without_the_packages_gets_one_line_that_says_what_to_do(tmp_path):
    """As when Quarto runs the script with another Python than that of the environment."""
    bare = "import sys; sys.path = [path for path in sys.path if 'site-packages' not in path]; "
    run = f"import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", bare + run], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.match(r"pre-render: the Python at \S+ has no module '\w+'; run `make report`, or", line)


def test_the_card_for_shared_links_is_drawn_again_only_for_other_inputs(tmp_path, monkeypatch):
    drawn = []

    def draw(title: str, subtitle: str) -> Figure:
        drawn.append(title)
        return Figure(figsize=(1, 1))

    monkeypatch.setattr(social_card, "draw", draw)
    for digest in ("a", "a", "b"):
        social_card.write(tmp_path / "card.png", "Title", "Subtitle", digest)
    assert drawn == ["Title", "Title"]


def test_the_cards_of_records_are_written_anew_when_their_inputs_change(project, monkeypatch):
    inputs, path = Inputs(), project / "_interactive/record-cards.js"
    path.parent.mkdir()
    for name, shown in (("a", "a"), ("b", "a")):
        monkeypatch.setattr("pneumo.reporting.provenance.record_cards", lambda *_, name=name, **__: {"records": [name]})
        write_record_cards(inputs)
        assert path.read_text() == f'window.pneumoRecordCards = {{"records":["{shown}"]}};\n'
    inputs.variables = "b"
    write_record_cards(inputs)
    assert '["b"]' in path.read_text()
