"""Trained parts, feature maps and weight changes, against counts and lengths worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from support.records import make_record

from pneumo import models
from pneumo.analysis import finetuning
from pneumo.errors import MissingRecord
from pneumo.experiments.config import Experiment, PretrainedConfig
from pneumo.reporting.plots.weight_changes import weight_change

HEAD = PretrainedConfig(train="head")
MOVED = {"weight_changes": {"stem": [0.0, 0.0], "head": [0.5, 0.1]}}


@pytest.fixture
def of_the_head(experiment: Experiment) -> Experiment:
    return replace(
        experiment, name="transfer-learning/head-seed-3", group="transfer-learning", variant="head", model=HEAD
    )


def test_the_head_is_1280_weights_and_a_bias_of_all(of_the_head):
    scratch = replace(of_the_head, model=PretrainedConfig(train="scratch"))
    frame = finetuning.trainable_parameters([scratch, of_the_head, replace(of_the_head, seed=4)])
    assert frame["trained part"].tolist() == ["scratch", "head"]
    everything = models.cost(HEAD, 32).parameters
    assert frame["parameters"].tolist() == [everything, 1281]
    assert frame["share"].tolist() == pytest.approx([1, 1281 / everything])


def test_feature_maps_are_the_channels_that_vary_most_each_from_zero_up():
    image = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    shown = finetuning.feature_maps(PretrainedConfig(), image, block=1)
    assert shown.shape == (4, 16, 16)  # the stem halves the side, the first block does not
    assert shown.min(axis=(1, 2)).tolist() == [0, 0, 0, 0]
    deviations = shown.std(axis=(1, 2))
    assert deviations.tolist() == sorted(deviations, reverse=True)
    network = models.build(PretrainedConfig()).eval()
    inside = network.network
    with torch.no_grad():
        stem = inside._swish(inside._bn0(inside._conv_stem(network.prepare(torch.from_numpy(image)[None, None] / 255))))
        first = inside._blocks[0](stem)[0]
    assert deviations[0] == pytest.approx(first.numpy().std(axis=(1, 2)).max(), rel=1e-4)


def test_weight_changes_are_those_of_the_records():
    def record(seed):
        return replace(
            make_record(group="transfer-learning", variant="head", model=HEAD, seed=seed), from_weights=MOVED
        )

    frame = finetuning.weight_changes([record(3), record(4)])
    assert frame.to_numpy().tolist() == [
        ["head", 3, "stem", 0.0, 0.0],
        ["head", 3, "head", 0.5, 0.1],
        ["head", 4, "stem", 0.0, 0.0],
        ["head", 4, "head", 0.5, 0.1],
    ]


def test_a_record_without_weight_changes_is_named_with_the_remedy():
    with pytest.raises(MissingRecord, match="test/seed-0: its record says nothing .* pneumo run test/seed-0"):
        finetuning.weight_changes([make_record(model=HEAD)])


def test_a_variant_is_a_line_through_the_layers_that_moved_at_the_mean_of_its_seeds():
    rows = [
        ("all", 0, "stem", 0.1, 1.0),
        ("all", 0, "1", 0.2, 2.0),
        ("all", 1, "stem", 0.3, 3.0),
        ("all", 1, "1", 0.4, 4.0),
        ("top", 0, "stem", 0.0, 0.0),
        ("top", 0, "1", 0.5, 5.0),
    ]
    axes = weight_change(pd.DataFrame(rows, columns=list(finetuning.COLUMNS)))
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["stem", "1"]
    for ax, factor in zip(axes, (1, 10), strict=True):
        thick = {line.get_label(): line.get_xydata() for line in ax.lines if not line.get_label().startswith("_")}
        np.testing.assert_allclose(thick["all"], [[0, 0.2 * factor], [1, 0.3 * factor]])
        np.testing.assert_allclose(thick["top"], [[1, 0.5 * factor]])
        assert len(ax.lines) == 5
