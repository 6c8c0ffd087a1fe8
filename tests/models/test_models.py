from dataclasses import replace

import pytest
import torch

from pneumo import models
from pneumo.experiments.config import (
    CNNConfig,
    EfficientNetConfig,
    HeaderConfig,
    PretrainedConfig,
    TransformerConfig,
)


def test_the_baseline_takes_at_most_15_million_multiply_adds_at_64_pixels():
    # By hand: 3·3·C_in·C_out·side² for each convolution, and 128 for the last layer.
    by_hand = 9 * (1 * 16 * 64**2 + 16 * 32 * 32**2 + 32 * 64 * 16**2 + 64 * 128 * 8**2) + 128
    counted = sum(layer.multiply_adds for layer in models.layers(models.build(CNNConfig()), 64))
    assert counted == by_hand
    assert counted < 15e6


def test_the_parameters_of_the_baseline_add_up():
    by_hand = 9 * (1 * 16 + 16 * 32 + 32 * 64 + 64 * 128) + 2 * (16 + 32 + 64 + 128) + 129
    network = models.build(CNNConfig())
    assert sum(layer.parameters for layer in models.layers(network, 64)) == by_hand
    assert sum(p.numel() for p in network.parameters()) == by_hand


def test_every_block_halves_the_side_and_doubles_the_channels():
    shapes = [layer.output_shape for layer in models.layers(models.build(CNNConfig()), 64) if layer.kind == "ReLU"]
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4)]


@pytest.mark.parametrize("size", [32, 64, 100])
def test_a_batch_of_any_size_gives_one_logit_an_image(size):
    assert models.build(CNNConfig(width=4))(torch.rand(3, 1, size, size)).shape == (3,)


@pytest.mark.parametrize("config", [CNNConfig(), TransformerConfig(), EfficientNetConfig(), PretrainedConfig()])
def test_a_network_to_load_weights_into_has_those_weights_and_nothing_of_its_own(config):
    scratch = replace(config, train="scratch") if isinstance(config, PretrainedConfig) else config
    trained = models.build(scratch, torch.Generator().manual_seed(1)).eval()
    untrained = models.build_untrained(config).eval()
    untrained.load_state_dict(trained.state_dict())
    images = torch.rand(2, 1, 64, 64)
    assert torch.equal(untrained(images), trained(images))


def test_weights_are_drawn_from_the_generator_alone():
    before = torch.random.get_rng_state()
    one, same, other = (models.build(CNNConfig(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_batch_normalisation_convolutions_have_a_bias():
    kinds = {layer.kind for layer in models.layers(models.build(CNNConfig(batch_norm=False)), 32)}
    assert "BatchNorm2d" not in kinds
    assert models.build(CNNConfig(batch_norm=False)).blocks[0].convolution.bias is not None
    assert models.build(CNNConfig()).blocks[0].convolution.bias is None


def test_counting_layers_leaves_the_network_as_it_was():
    network = models.build(CNNConfig(width=4)).train()
    running = network.blocks[0].norm.running_mean.clone()
    models.layers(network, 32)
    assert network.training
    assert torch.equal(network.blocks[0].norm.running_mean, running)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_model_that_is_no_network_is_refused():
    with pytest.raises(TypeError, match="HeaderConfig is not a network"):
        models.build(HeaderConfig(field="width"))
