"""Chapters as notebooks: what they hold, where they run, and what a page links to."""

import shutil
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from nbclient import NotebookClient

from tools import notebooks

SMALL_BOOK = Path(__file__).resolve().parents[1] / "plain_edition/small_book"

NUMBERS = PurePosixPath("report/numbers.qmd")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(SMALL_BOOK, tmp_path / "book"))
    (copy / "_variables.yml").write_text("cnn:\n  auc: '0.953'\n")
    return copy


def test_a_chapter_becomes_its_prose_with_the_numbers_and_its_cells(project):
    notebooks.write_all(project)
    notebook = nbformat.read(project / "notebooks/numbers.ipynb", as_version=4)
    nbformat.validate(notebook)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "A footnote, with an area of 0.953." in prose
    assert "{{< var" not in prose
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 8
    assert "os.chdir" in code[0]
    assert code[1].startswith("import matplotlib.pyplot as plt")


def test_a_chapter_without_cells_has_no_notebook(project):
    notebooks.write_all(project)
    assert sorted(path.name for path in (project / "notebooks").iterdir()) == ["links.json", "numbers.ipynb"]
    assert notebooks.links(project, PurePosixPath("report/links.qmd")) == []


def test_before_the_first_render_no_page_links_to_a_notebook(project):
    assert notebooks.links(project, NUMBERS) == []


@pytest.mark.parametrize("opened_in", [".", "notebooks"])
def test_the_cells_run_in_the_top_folder_wherever_the_notebook_is_opened(project, opened_in):
    notebooks.write_all(project)
    notebook = nbformat.read(project / "notebooks/numbers.ipynb", as_version=4)
    notebook.cells = [*notebook.cells[:2], nbformat.v4.new_code_cell("os.getcwd()")]
    NotebookClient(notebook, resources={"metadata": {"path": str(project / opened_in)}}).execute()
    (output,) = notebook.cells[-1].outputs
    assert output["data"]["text/plain"] == repr(str(project.resolve()))


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("https://github.com/owner/name", "gh/owner/name"),
        ("https://github.com/owner/name.git", "gh/owner/name"),
        ("https://github.com/owner/name/", "gh/owner/name"),
        ("https://gitlab.com/group/sub/name", "gl/group%2Fsub%2Fname"),
    ],
)
def test_a_page_offers_binder_where_the_repository_has_an_address_that_binder_knows(project, repository, place):
    settings = project / "_quarto.yml"
    settings.write_text(settings.read_text().replace("book:\n", f"book:\n  repo-url: {repository}\n", 1))
    notebooks.write_all(project)
    assert notebooks.links(project, NUMBERS) == [
        {"text": "Download this chapter as a notebook", "href": "../notebooks/numbers.ipynb"},
        {
            "text": "Run it on Binder",
            "href": f"https://mybinder.org/v2/{place}/HEAD?urlpath=lab%2Ftree%2Fnotebooks%2Fnumbers.ipynb",
        },
    ]


@pytest.mark.parametrize("repository", ["", "https://example.org/owner/name", "https://github.com.example.org/o/n"])
def test_without_such_an_address_only_the_download_is_offered(repository):
    assert notebooks.binder_address(repository, PurePosixPath("notebooks/numbers.ipynb")) == ""
