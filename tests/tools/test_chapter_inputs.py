"""Which chapters are executed anew after a change of code, a record, weights or data. Nothing is rendered."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pneumo import experiments
from pneumo.io.paths import weights_path
from tools import chapter_inputs, settings
from tools.chapter_inputs import PACKAGES, ChapterInputs
from tools.code_graph import Source, read_sources
from tools.prerender import MAKES_VARIABLES

ROOT = Path(__file__).parents[2]
SOURCES = read_sources(ROOT, PACKAGES)
CHAPTERS = {path.stem: path for path in settings.read(ROOT).chapters}
VARIABLES = "_variables.yml"
"""Stands among the chapters for the numbers of the prose, which are written anew."""

EVERYTHING = {*CHAPTERS, VARIABLES}
API_PAGES = {name for name in CHAPTERS if name.startswith("api-")}
READ_NO_RECORD = {"computational-cost", "glossary", "changes", *API_PAGES}


@pytest.fixture(autouse=True)
def data_at_hand(monkeypatch):
    """The same on every machine."""
    monkeypatch.setattr(chapter_inputs, "_signature", lambda name: f"as it was: {name}")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of records that holds the book's."""
    for path in (ROOT / "records").rglob("*.*"):
        (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.relative_to(ROOT)).symlink_to(path)
    return tmp_path / "records"


def digests(sources: dict[str, Source] | None = None, root: Path = ROOT / "records") -> dict[str, str]:
    inputs = ChapterInputs(ROOT, sources or SOURCES, root=root)
    found = {name: inputs.chapter(path) for name, path in CHAPTERS.items()}
    return found | {VARIABLES: inputs.of(MAKES_VARIABLES)}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chapter_inputs, "_signature", lambda name: f"as it was: {name}")
        patch.setenv(
            "PNEUMO_CACHE", "no folder"
        )  # trained weights that happen to lie on this machine count for nothing
        return digests()


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def edited(module: str, edit: Callable[[str], str]) -> dict[str, Source]:
    """The code with one module changed."""
    return {**SOURCES, module: SOURCES[module]._replace(text=edit(SOURCES[module].text))}


def with_another_body(name: str) -> Callable[[str], str]:
    """Changes a function or class: something more stands at its end."""

    def edit(text: str) -> str:
        tree = ast.parse(text)
        found = next(each for each in tree.body if getattr(each, "name", "") == name)
        found.body.append(ast.parse("changed = True").body[0])
        return ast.unparse(tree)

    return edit


def test_comments_and_layout_of_all_code_execute_nothing(before):
    every = {name: each._replace(text=f"# A comment.\n\n{each.text}") for name, each in SOURCES.items()}
    assert changed(before, digests(every)) == set()


def test_docstrings_of_all_code_execute_nothing(before):
    reworded = {name: re.sub(r'"""(?=[A-Z])', '"""In other words: ', each.text) for name, each in SOURCES.items()}
    every = {name: each._replace(text=reworded[name]) for name, each in SOURCES.items()}
    assert sum(every[name] != SOURCES[name] for name in SOURCES) > 100
    assert changed(before, digests(every)) == set()


@pytest.mark.parametrize(
    ("module", "name", "executed"),
    [
        ("pneumo.analysis.model_cost", "model_costs", {"scaling", "solutions"}),
        ("pneumo.analysis.toy_optimisation", "optimizer_path", {"optimizers"}),
        ("pneumo.analysis.leakage", "exclude_images", {"tumours", VARIABLES}),
        (
            "pneumo.analysis.model_selection",
            "select",
            {"index", "model-selection", "discussion", "solutions", VARIABLES},
        ),
        ("pneumo.reporting.plots.performance", "roc", {"first-network", "model-selection"}),
        ("pneumo.reporting.tables", "claims", {"computational-cost"}),
        ("pneumo.features.hog", "hog_picture", {"classical"}),
        ("pneumo.training.optimizers", "build_optimizer", {"first-network", "interpretation"}),
        ("pneumo.training.fitting", "fit", {"interpretation"}),  # the only one that trains: on phantoms
        ("pneumo.experiments.pipeline", "load_trained_network", set()),
        ("pneumo.experiments.pipeline", "_network", set()),  # what it gives is in the records
        ("pneumo.experiments.cluster", "run_on_slurm", set()),
        ("pneumo.cli", "main", set()),
        ("tools.variables", "counts", {VARIABLES}),
        ("tools.report", "show", set()),
        ("pneumo.experiments.records", "load", EVERYTHING - READ_NO_RECORD),
    ],
)
def test_a_change_of_a_definition_executes_the_chapters_that_reach_it(before, module, name, executed):
    assert changed(before, digests(edited(module, with_another_body(name)))) == executed


def test_a_record_of_an_experiment_of_ones_own_executes_nothing(before, folder):
    (folder / "mine").mkdir()
    (folder / "mine/seed-0-0123456789ab.json").write_text("{}")
    (folder / "scaling/mine-seed-0-0123456789ac.json").write_text("{}")
    assert changed(before, digests(root=folder)) == set()


@pytest.mark.parametrize(
    ("experiment", "executed"),
    [
        (experiments.scaling()[0], {"scaling", "solutions"}),
        (experiments.spectra()[0], {"acquisition", "interpretation"}),
        (experiments.tumours()[0], {"tumours", "solutions"}),
        (experiments.recipe_steps()[-1], {"discussion", "solutions"}),
        (next(iter(experiments.occluded().values())), {"interpretation", "acquisition"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("gone", [True, False])
def test_a_changed_and_a_missing_record_execute_the_chapters_that_name_it(before, folder, experiment, executed, gone):
    path = folder / f"{experiment.name}-{experiment.key}.json"
    path.unlink()
    if not gone:
        path.write_text("{}")
    reads_all = {"index", "model-selection", "provenance", VARIABLES}
    assert changed(before, digests(root=folder)) == executed | reads_all


def test_weights_execute_the_chapter_that_looks_for_those_of_its_experiments(before):
    def trained(key: str) -> set[str]:
        weights_path(key).parent.mkdir(parents=True, exist_ok=True)
        weights_path(key).write_bytes(b"weights")
        return changed(before, digests())

    assert trained("0123456789ab") == set()
    # A model can be loaded by the name of an experiment; these two chapters load one and read all records.
    assert trained(experiments.first_network()[0].key) == {"model-selection", "interpretation"}


def test_other_data_at_hand_execute_the_chapters_that_look_at_images(before, monkeypatch):
    monkeypatch.setattr(chapter_inputs, "_signature", lambda name: f"as it was: {name}" + "!" * (name == "breastmnist"))
    assert changed(before, digests()) == {"tumours", "model-selection", VARIABLES}
    monkeypatch.setattr(chapter_inputs, "_signature", lambda name: f"another: {name}")
    no_images = {"index", "acquisition", "optimizers", "regularisation", "scaling", "provenance", "solutions"}
    assert changed(before, digests()) == EVERYTHING - no_images - READ_NO_RECORD


def test_files_that_cells_and_code_name_are_inputs(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "pneumo/weights").mkdir(parents=True)
    source = Source(
        path=tmp_path / "pneumo/__init__.py",
        text="def load(): return Path(__file__).parent / 'weights' / 'model.bin'",
        package=True,
    )

    def digest() -> str:
        code = "import pandas as pd, pneumo\npd.read_csv('report/table.csv'), pneumo.load()"
        return ChapterInputs(tmp_path, {"pneumo": source}, root=tmp_path).of(code)

    seen = {digest()}
    for name in ("report/table.csv", "pneumo/weights/model.bin"):
        for content in ("a", "b"):
            (tmp_path / name).write_text(content)
            seen.add(digest())
    assert len(seen) == 5
    (tmp_path / "pneumo/weights/other.bin").write_text("named by nobody")
    assert digest() in seen


def test_a_cells_own_code_is_no_input():
    # jupyter-cache sees it.
    inputs = ChapterInputs(ROOT, SOURCES, root=ROOT / "records")
    assert inputs.of("import pneumo\nprint(1)") == inputs.of("import pneumo\nprint(2)  # another")
