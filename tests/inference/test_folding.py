"""Batch normalisation folded into convolutions: the same outputs, and none of it left."""

import pytest
import torch
from torch import nn

from pneumo import models
from pneumo.experiments.config import CNNConfig, EfficientNetConfig, PretrainedConfig, TransformerConfig
from pneumo.inference import load_model
from pneumo.inference.folding import fold_batch_norm

NETWORKS = [
    CNNConfig(width=4),
    CNNConfig(width=4, batch_norm=False),
    TransformerConfig(network=CNNConfig(width=4)),
    EfficientNetConfig(base="small"),
    PretrainedConfig(),
]


@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: type(config).__name__)
def test_a_folded_network_gives_the_same_logits(config):
    network = _with_statistics(models.build(config))
    images = torch.rand(4, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = network(images)
        assert expected.std() > 0
        assert fold_batch_norm(network)(images) == pytest.approx(expected, abs=1e-4 * float(expected.abs().max()))
    assert not [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_a_normalisation_of_something_else_stays():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3)).eval()
    fold_batch_norm(network)
    assert isinstance(network[2], nn.BatchNorm2d)


def test_the_shipped_model_is_folded():
    assert not [module for module in load_model().ensemble.modules() if isinstance(module, nn.BatchNorm2d)]


def _with_statistics(network: nn.Module) -> nn.Module:
    """With averages, offsets and scales as after a training, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for values in (module.running_mean, module.bias.data):
                values.uniform_(-0.5, 0.5, generator=generator)
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 2.0, generator=generator)
    return network.eval()
