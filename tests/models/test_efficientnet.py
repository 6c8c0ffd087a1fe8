"""The scaled networks against the paper's table 2 and the library they are built with."""

from dataclasses import replace

import efficientnet_pytorch
import pytest
import torch

from pneumo import models
from pneumo.experiments.config import EfficientNetConfig
from pneumo.models import Cost, compound

SMALL = EfficientNetConfig(base="small")

PUBLISHED = {
    # width, depth, resolution; parameters in millions and multiply-adds in billions (Tan & Le 2019, table 2)
    "b0": (1.0, 1.0, 224, 5.3, 0.39),
    "b1": (1.0, 1.1, 240, 7.8, 0.70),
    "b2": (1.1, 1.2, 260, 9.2, 1.0),
    "b3": (1.2, 1.4, 300, 12, 1.8),
    "b4": (1.4, 1.8, 380, 19, 4.2),
    "b5": (1.6, 2.2, 456, 30, 9.9),
    "b6": (1.8, 2.6, 528, 43, 19),
    "b7": (2.0, 3.1, 600, 66, 37),
}


def for_imagenet(cost: Cost, width: float, resolution: int) -> Cost:
    """What the same network costs with colour images and 1,000 classes, as in the paper."""
    stem, features = (int(8 * round(width * channels / 8)) for channels in (32, 1280))
    two_more_colours = 2 * 9 * stem
    return Cost(
        parameters=cost.parameters + two_more_colours + 999 * (features + 1),
        multiply_adds=cost.multiply_adds + two_more_colours * (resolution // 2) ** 2 + 999 * features,
    )


@pytest.mark.parametrize(
    ("width", "depth", "resolution", "parameters", "multiply_adds"), PUBLISHED.values(), ids=PUBLISHED.keys()
)
def test_the_scaled_networks_cost_what_the_paper_says(width, depth, resolution, parameters, multiply_adds):
    counted = models.cost(EfficientNetConfig(width=width, depth=depth), resolution)
    counted = for_imagenet(counted, width, resolution)
    assert counted.parameters / 1e6 == pytest.approx(parameters, rel=0.025)
    assert counted.multiply_adds / 1e9 == pytest.approx(multiply_adds, rel=0.05)


def test_the_papers_compound_rule_costs_1_92_times_as_much_a_step():
    once = compound(1)
    assert once == (1.1, 1.2, 1.15)
    assert once.depth * once.width**2 * once.resolution**2 == pytest.approx(1.92, abs=0.001)


def test_two_steps_of_the_compound_rule_multiply():
    assert compound(2) == pytest.approx((1.21, 1.44, 1.3225))


def test_no_scaling_changes_nothing():
    assert compound(0) == (1, 1, 1)


def test_the_network_decides_as_the_librarys_own():
    # In training mode, since random weights leave nothing of the image without a batch's averages; in double precision,
    # since they magnify what single precision rounds.
    theirs = efficientnet_pytorch.EfficientNet.from_name(
        "efficientnet-b0", in_channels=1, num_classes=1, image_size=None, dropout_rate=0.0, drop_connect_rate=0.0
    ).double()
    ours = models.build(EfficientNetConfig(dropout=0.0, stochastic_depth=0.0)).double()
    ours.network.load_state_dict(theirs.state_dict())
    images = torch.rand(4, 1, 75, 75).double()  # odd sides, where one pads more on one side
    with torch.no_grad():
        expected = theirs(images).squeeze(1)
        assert expected.std() > 0.01
        torch.testing.assert_close(ours(images), expected, rtol=1e-6, atol=1e-6)


def test_the_small_base_has_half_of_b0s_first_channels():
    # By hand: half of 32 for the stem, half of 16, 24, 40, 80, 112 rounded to a multiple of 8, half of 1280.
    shapes = {layer.name: layer.output_shape for layer in models.layers(models.build(SMALL), 64)}
    last_of_stage = [f"network._blocks.{block}._bn2" for block in (0, 2, 4, 7, 10)]
    assert shapes["network._conv_stem"] == (16, 32, 32)
    assert [shapes[name] for name in last_of_stage] == [(8, 32, 32), (16, 16, 16), (24, 8, 8), (40, 4, 4), (56, 4, 4)]
    assert shapes["network._conv_head"] == (640, 4, 4)


def test_the_small_base_costs_half_of_the_baseline_network():
    assert models.cost(SMALL, 64).multiply_adds == pytest.approx(7.1e6, rel=0.01)


def test_depth_multiplies_blocks_and_width_multiplies_channels():
    deeper = models.build(replace(SMALL, depth=2.0)).network
    wider = models.build(replace(SMALL, width=2.0)).network
    base = models.build(SMALL).network
    assert (len(base._blocks), len(deeper._blocks), len(wider._blocks)) == (11, 22, 11)
    assert (base._conv_head.out_channels, wider._conv_head.out_channels) == (640, 1280)


def test_layers_account_for_every_parameter():
    network = models.build(SMALL)
    assert sum(layer.parameters for layer in models.layers(network, 64)) == models.cost(SMALL, 64).parameters
    assert sum(p.numel() for p in network.parameters()) == models.cost(SMALL, 64).parameters


@pytest.mark.parametrize("size", [32, 64, 100])
def test_a_batch_of_any_size_gives_one_logit_an_image(size):
    assert models.build(SMALL)(torch.rand(3, 1, size, size)).shape == (3,)


def test_blocks_are_left_out_in_training_only_and_only_if_asked():
    images = torch.rand(2, 1, 32, 32)
    still, moving = (
        models.build(replace(SMALL, dropout=0.0, stochastic_depth=p), torch.Generator().manual_seed(0))
        for p in (0.0, 0.8)
    )
    for network in (still, moving):
        torch.manual_seed(1)
        first, second = network(images), network(images)
        assert torch.equal(first, second) == (network is still)
        assert torch.equal(network.eval()(images), network(images))


def test_fifty_updates_are_enough_for_the_running_averages():
    network = models.build(SMALL)
    images = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        for _ in range(50):  # 0.9^50 = 0.005 of the start is left
            network(images)
        average = network.network._conv_stem(images).mean((0, 2, 3))
    torch.testing.assert_close(network.network._bn0.running_mean, average, rtol=0.01, atol=1e-4)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"base": "b9"}, "base='b9' .* b0, small"),
        ({"width": 0.0}, "width=0.0"),
        ({"depth": -1.0}, "depth=-1.0"),
        ({"stochastic_depth": 1.0}, "stochastic_depth=1.0"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(values, named):
    with pytest.raises(ValueError, match=named):
        EfficientNetConfig(**values)
