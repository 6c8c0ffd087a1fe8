"""The weight-randomisation check: a map that reads the weights fails to survive it, one that reads none passes by."""

import numpy as np
import pytest
import torch
from support.chests import chests

from pneumo import models
from pneumo.experiments.config import CNNConfig
from pneumo.interpret import grad_cam, randomisation_check
from pneumo.interpret.randomisation import has_own_weights


def network() -> torch.nn.Module:
    return models.build(CNNConfig(width=4, depth=3), torch.Generator().manual_seed(0)).eval()


def test_a_map_of_the_image_alone_is_the_same_for_random_weights():
    frame = randomisation_check(network(), chests(3), lambda _, images: images.astype(float), seed=0)
    np.testing.assert_allclose(frame["rank correlation"], 1.0)


def test_a_map_of_the_weights_is_no_more_alike_once_they_are_drawn_anew():
    def first_filter(net: torch.nn.Module, images: np.ndarray) -> np.ndarray:
        weights = next(module for module in net.modules() if isinstance(module, torch.nn.Conv2d)).weight
        return np.repeat(weights[:, 0].detach().numpy()[:1], len(images), axis=0)

    frame = randomisation_check(network(), chests(2), first_filter, seed=1, steps=3)
    # The first layer is drawn last, from the head down.
    np.testing.assert_allclose(frame["rank correlation"][:3], 1.0)
    assert abs(frame["rank correlation"][3]) < 0.99
    assert frame["randomised"].tolist() == pytest.approx([0, *frame["randomised"][1:3], 1.0])


def test_grad_cam_is_compared_and_neither_network_nor_random_state_is_changed():
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.random.get_rng_state()
    frame = randomisation_check(net, chests(3), grad_cam, seed=0, steps=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert frame["rank correlation"][0] == pytest.approx(1.0)
    assert len(frame) == 3


def test_the_same_seed_draws_the_same_weights():
    one, other = (randomisation_check(network(), chests(2), grad_cam, seed=5, steps=2) for _ in range(2))
    np.testing.assert_array_equal(one.to_numpy(), other.to_numpy())


def test_layers_are_those_with_weights_of_their_own():
    kinds = {type(module).__name__ for module in network().modules() if has_own_weights(module)}
    assert kinds == {"Conv2d", "BatchNorm2d", "Linear"}
