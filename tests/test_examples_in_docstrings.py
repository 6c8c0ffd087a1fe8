"""Every public function has an example, and the examples in docstrings give what they say."""

import doctest
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import pneumo
from pneumo import records
from tools import api_reference

PACKAGE = Path(pneumo.__file__).parent

MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if ">>>" in path.read_text(encoding="utf-8") and path.name != "__init__.py"
)

READERS_HAVE = {"np": np, "pd": pd, "torch": torch, "nn": nn, "plt": plt, "pneumo": pneumo, "Path": Path}
"""What an example takes for granted, besides the names of its own module."""

WITHOUT = {
    "pneumo.data.get": "downloads",
    "pneumo.data.read_archive": "of a file of the reader's own; `load` is what opens it",
    "pneumo.data.read_medmnist": "of a file that is not in the repository",
    "pneumo.data.read_pcam": "of a file that is not in the repository",
    "pneumo.classical.fit": "fits features that the recipes and the chapter extract",
    "pneumo.classical.importances": "of a fitted learner",
    "pneumo.classical.scores": "of a fitted learner",
    "pneumo.experiments.cluster.run_on_slurm": "needs a cluster",
    "pneumo.experiments.pipeline.compute_results": "trains; `run` is what calls it",
    "pneumo.experiments.pipeline.load_soup": "needs weights that a record does not hold",
    "pneumo.experiments.pipeline.load_trained_network": "needs weights that a record does not hold",
    "pneumo.experiments.runner.run_with_threads": "trains; `run_all` is what calls it",
    "pneumo.records.read_split": "of a record's own reference; `load` is what calls it",
    "pneumo.inference.evaluate_files": "of the reader's own images: recipes/own_csv.py",
    "pneumo.inference.export_onnx": "takes a minute: recipes/onnx_elsewhere.py",
    "pneumo.inference.find_files": "of the reader's own images: recipes/own_dicoms.py",
    "pneumo.inference.pack": "needs weights that a record does not hold: recipes/own_folder.py",
    "pneumo.inference.predict_files": "of the reader's own images; `pneumo predict` is what calls it",
    "pneumo.inference.read_contents": "of the reader's own images",
    "pneumo.inference.save_model": "needs weights that a record does not hold; `pack` is what calls it",
    "pneumo.analysis.acquisition": "of a whole comparison; the chapter on acquisition",
    "pneumo.analysis.chapter_effects": "of the whole study; the first page",
    "pneumo.analysis.choosing": "of several models together; the chapter on acquisition",
    "pneumo.analysis.comparisons.check_claims": "of a chapter; CONTRIBUTING.md",
    "pneumo.analysis.comparisons.variants": "in the example of `difference`",
    "pneumo.analysis.cross_validation": "of all folds together; the chapter on tumours",
    "pneumo.analysis.summaries.display_name": "of a table's own names",
    "pneumo.analysis.triage": "of validation predictions; the chapter on acquisition",
    "pneumo.augment.exchange_styles": "of a batch in training; the chapter on acquisition",
    "pneumo.experiments.acquisition_evidence": "as `acquisition_variants`; the chapter on acquisition",
    "pneumo.experiments.acquisition_external": "as `acquisition_variants`; the chapter on acquisition",
    "pneumo.experiments.acquisition_transferred": "as `acquisition_variants`; the chapter on acquisition",
    "pneumo.experiments.acquisition_variants": "a list of experiments; the chapter on acquisition",
    "pneumo.experiments.occluded_recipes": "as `acquisition_evidence`; the chapter on acquisition",
    "pneumo.experiments.occluded_variants": "as `acquisition_evidence`; the chapter on acquisition",
    "pneumo.experiments.patchcamelyon": "needs the files of PatchCamelyon",
    "pneumo.inference.from_picture": "as `from_array`",
    "pneumo.inference.unpack": "writes into the cache; `pneumo unpack` is what calls it",
    "pneumo.interpret.curves": "of many images; the chapter on acquisition",
    "pneumo.interpret.randomisation_check": "of many images; the chapter on acquisition",
    "pneumo.plots.effect_forest": "of the whole study; the first page",
    "pneumo.training.joined": "of the images of an experiment; `pipeline` calls it",
    "pneumo.training.standardised": "of the images of an experiment; `pipeline` calls it",
    "pneumo.analysis.external_validation": "of an evaluation: recipes/own_csv.py",
    "pneumo.analysis.finetuning": "needs weights that a record does not hold; the chapter on transfer learning",
    "pneumo.analysis.leakage": "needs the radiographs; the chapter on data",
    "pneumo.analysis.model_selection": "of the selected models together; the chapter on model selection",
    "pneumo.analysis.phantom_localisation": "trains; the chapter on interpretation",
    "pneumo.analysis.robustness": "of a whole comparison; the chapter on interpretation",
    "pneumo.analysis.strata": "of several models together; the chapter on interpretation",
    "pneumo.analysis.transformer_windows": "needs weights that a record does not hold",
    "pneumo.plots.attention_windows": "needs weights; the chapter on spatial transformers",
    "pneumo.plots.correlation_scatter": "of a whole comparison; the chapter on transfer learning",
    "pneumo.plots.learning_rate_sweep": "of a whole comparison; the chapter on optimisers",
    "pneumo.plots.most_confident_errors": "needs the radiographs; the chapter on the first network",
    "pneumo.plots.optimizer_paths": "of several paths together; the chapter on optimisers",
    "pneumo.plots.robustness_curves": "of a whole comparison; the chapter on interpretation",
    "pneumo.plots.runtime_scaling": "of measurements; the chapter on computational cost",
    "pneumo.plots.weight_change": "needs weights; the chapter on transfer learning",
    "pneumo.plots.window_against_displacement": "needs weights; the chapter on spatial transformers",
    "pneumo.plots.window_size_histograms": "needs weights; the chapter on spatial transformers",
    "pneumo.tables.beside_libraries": "of measurements; the chapter on computational cost",
    "pneumo.tables.claims": "of measurements; the chapter on computational cost",
    "pneumo.tables.epoch_seconds": "of measurements; the chapter on the architecture",
    "pneumo.tables.measured_on": "of measurements; the chapter on computational cost",
}
"""Public functions, and modules of such, that need not have an example, with the reason and where they are shown."""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder of the reader's own, with the published records at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PNEUMO_RECORDS", str(records.published_folder()))


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name, desk):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in examples_of(importlib.import_module(name)):
        runner.run(test)
    assert runner.failures == 0


def examples_of(module: ModuleType) -> list[doctest.DocTest]:
    """The examples of what a module defines, decorated functions too, which doctest by itself passes over."""
    names = {**READERS_HAVE, **vars(module)}
    defined = {id(value): value for value in map(inspect.unwrap, filter(callable, vars(module).values()))}
    own = [value for value in defined.values() if getattr(value, "__module__", "") == module.__name__]
    finder = doctest.DocTestFinder()
    return [test for value in own for test in finder.find(value, value.__qualname__, module=module, globs=names)]


def test_every_public_function_has_an_example_or_a_reason_for_having_none():
    entries = {
        f"{package}.{name}": value
        for package, each in api_reference.documented().items()
        for name, value in each.items()
    }
    without = {
        name
        for name, value in entries.items()
        if inspect.isfunction(value) and ">>>" not in (inspect.getdoc(value) or "")
    }
    excused = {name for name in without if name in WITHOUT or name.rpartition(".")[0] in WITHOUT}
    assert without - excused == set()
    unneeded = {key for key in WITHOUT if not any(name == key or name.startswith(f"{key}.") for name in without)}
    assert unneeded == set()
