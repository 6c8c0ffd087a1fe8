"""The examples in docstrings give what they say."""

import doctest
import importlib

import pytest

MODULES = [
    "pneumo.augment.ranges",
    "pneumo.evaluation.calibration",
    "pneumo.evaluation.intervals",
    "pneumo.evaluation.metrics",
    "pneumo.evaluation.thresholds",
    "pneumo.experiments.study",
    "pneumo.experiments.config",
    "pneumo.models.configuration",
    "pneumo.models.factory",
    "pneumo.models.summary",
    "pneumo.training.batches",
]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_gives_what_it_says(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
