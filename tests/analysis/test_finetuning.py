"""Trained parts, feature maps and weight changes, against counts and lengths worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from pneumo import models, training
from pneumo.analysis import finetuning
from pneumo.experiments.config import Experiment, PretrainedConfig
from pneumo.io.paths import weights_path
from pneumo.reporting.plots.weight_changes import weight_change

HEAD = PretrainedConfig(train="head")
NO_ROWS = pd.DataFrame(columns=finetuning.COLUMNS)


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


def test_the_change_of_a_layer_is_that_of_all_its_kernels():
    before = {
        "network._conv_stem.weight": torch.tensor([[3.0], [4.0]]),
        "network._bn0.weight": torch.ones(2),
        "network._blocks.0._depthwise_conv.weight": torch.tensor([[2.0]]),
        "network._blocks.0._project_conv.weight": torch.tensor([[1.0, 2.0]]),
        "network._fc.weight": torch.tensor([[2.0]]),
        "network._fc.bias": torch.zeros(1),
    }
    after = {
        **before,
        "network._conv_stem.weight": torch.tensor([[3.0], [3.0]]),
        "network._bn0.weight": torch.zeros(2),
        "network._blocks.0._project_conv.weight": torch.tensor([[1.0, 8.0]]),
        "network._fc.bias": torch.ones(1),
    }
    # Stem: 1 over the root of 9 + 16, and over the root of 2 weights. Block: 6 over the root of 4 + 1 + 4, and of 3.
    found = finetuning.layer_changes(before, after)
    assert list(found) == ["stem", "1", "head"]
    assert found["stem"] == pytest.approx((0.2, 0.5**0.5))
    assert found["1"] == pytest.approx((2.0, 6 / 3**0.5))
    assert found["head"] == (0, 0)


def test_weight_changes_start_at_the_weights_that_the_seed_drew(of_the_head):
    network = models.build(HEAD, training.make_generator(of_the_head.seed, 0, "weights"))
    with torch.no_grad():
        network.network._fc.weight.mul_(1.5)
    path = weights_path(of_the_head.key)
    path.parent.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)

    frame = finetuning.weight_changes([of_the_head, replace(of_the_head, seed=4)])  # of the other there are no weights
    assert frame["layer"].tolist() == ["stem", *map(str, range(1, 17)), "last convolution", "head"]
    assert set(frame["seed"]) == {3}
    assert set(frame["variant"]) == {"head"}
    assert frame["relative"].tolist() == pytest.approx([0] * 18 + [0.5])


def test_networks_whose_weights_are_elsewhere_are_left_out(of_the_head):
    assert finetuning.weight_changes([of_the_head]).empty


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
        np.testing.assert_allclose(thick["all (full fine-tuning)"], [[0, 0.2 * factor], [1, 0.3 * factor]])
        np.testing.assert_allclose(thick["top (partial fine-tuning)"], [[1, 0.5 * factor]])
        assert len(ax.lines) == 5


def test_without_weights_the_figure_says_so():
    (ax,) = weight_change(NO_ROWS)
    assert not ax.axison
    assert "not on the machine" in ax.texts[0].get_text()
