"""The spatial transformer against warps computed by scipy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from pneumo import models
from pneumo.experiments.config import CNNConfig, TransformerConfig
from pneumo.models.spatial_transformer import GridSample

AFFINE = TransformerConfig(network=CNNConfig(width=4, depth=2), localisation_width=2)
ATTENTION = replace(AFFINE, transformation="attention")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 2, side: int = 16) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=seeded(5))


def fixed(config: TransformerConfig, *free: float) -> models.SpatialTransformer:
    """A transformer that answers every image with the same free numbers."""
    network = models.build(config, seeded(0)).eval()
    with torch.no_grad():
        network.regression.bias.copy_(torch.tensor(free))
    return network


def by_scipy(image: np.ndarray, matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Reads the image at matrix @ (row, column) + shift, in pixels about the centre; black outside."""
    centre = (np.array(image.shape) - 1) / 2
    offset = centre - matrix @ centre + shift
    return ndimage.affine_transform(image.astype(float), matrix, offset, order=1, mode="grid-constant", cval=0.0)


@pytest.mark.parametrize("config", [AFFINE, ATTENTION])
def test_an_untrained_transformer_shows_each_image_as_it_is(config):
    network = models.build(config, seeded(0)).eval()
    torch.testing.assert_close(network.theta(images()), torch.eye(3)[:2].expand(2, 2, 3))
    torch.testing.assert_close(network.transform(images()), images(), atol=1e-5, rtol=0)


def test_an_untrained_transformer_decides_as_the_cnn_alone_with_the_same_seed():
    with_it, alone = (models.build(config, seeded(3)).eval() for config in (AFFINE, AFFINE.network))
    torch.testing.assert_close(with_it(images()), alone(images()), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("free", "matrix", "shift"),
    [
        ((1, 0, 3 * 2 / 16, 0, 1, -2 * 2 / 16), np.eye(2), (-2, 3)),  # 3 pixels to the right, 2 up, of 16
        ((0.5, 0, 0, 0, 1.5, 0), np.diag([1.5, 0.5]), (0, 0)),
        ((np.cos(0.4), -np.sin(0.4), 0, np.sin(0.4), np.cos(0.4), 0),
         np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]]), (0, 0)),
        ((0.8, 0.3, 0.25, -0.1, 0.9, 0.5), np.array([[0.9, -0.1], [0.3, 0.8]]), (4, 2)),
    ],
    ids=["shift", "zoom", "rotation", "all"],
)  # fmt: skip
def test_a_known_theta_warps_as_scipy_does(free, matrix, shift):
    warped = fixed(AFFINE, *free).transform(images())
    expected = np.stack([by_scipy(image, matrix, np.array(shift)) for image in images()[:, 0].numpy()])
    np.testing.assert_allclose(warped[:, 0].detach().numpy(), expected, atol=1e-5)


def test_a_shift_moves_the_image_the_other_way():
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 1, 2] = 1
    seen = fixed(AFFINE, 1, 0, 2 / 4, 0, 1, 0).transform(image)
    assert torch.nonzero(seen[0, 0] > 0.5).tolist() == [[1, 1]]


def test_attention_is_one_scale_and_a_shift():
    theta = fixed(ATTENTION, 0.5, 0.25, -0.125).theta(images())
    assert theta.tolist() == 2 * [[[0.5, 0.0, 0.25], [0.0, 0.5, -0.125]]]


def test_the_loss_moves_theta():
    network = models.build(AFFINE, seeded(0))
    F.softplus(network(images(8))).mean().backward()
    assert (network.regression.bias.grad != 0).all()


def test_the_first_layer_learns_from_the_second_step_on():
    # In the first its path leads through weights of 0.
    network = models.build(AFFINE, seeded(0))
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    learns = []
    for _ in range(2):
        optimizer.zero_grad()
        F.softplus(network(images(8))).mean().backward()
        learns.append(bool((network.localisation[0].convolution.weight.grad != 0).any()))
        optimizer.step()
    assert learns == [False, True]


def test_theta_depends_on_the_image_once_the_regression_has_weights():
    network = models.build(AFFINE, seeded(0)).eval()
    torch.nn.init.normal_(network.regression.weight, std=0.1, generator=seeded(1))
    first, second = network.theta(images())
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize("side", [32, 64, 100])
def test_images_of_any_size_pass(side):
    network = models.build(AFFINE, seeded(0))
    batch = images(3, side)
    assert network.transform(batch).shape == (3, 1, side, side)
    assert network(batch).shape == (3,)


def test_mixed_precision_leaves_the_place_exact():
    network = fixed(AFFINE, 1.001, 0, 0, 0, 1, 0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        theta = network.theta(images())
        seen = network.transform(images())
    assert theta[0, 0, 0].item() == pytest.approx(1.001)
    torch.testing.assert_close(seen, network.transform(images()), atol=1e-6, rtol=0)


def test_the_sampler_has_the_gradients_of_grid_sample():
    theta = torch.tensor([[[0.8, 0.3, 0.2], [-0.1, 0.9, 0.4]]])
    gradients = []
    for sample in (GridSample.apply, lambda image, grid: F.grid_sample(image, grid, align_corners=False)):
        image = images(1).requires_grad_()
        grid = F.affine_grid(theta, [1, 1, 16, 16], align_corners=False).requires_grad_()
        gradients.append(torch.autograd.grad((sample(image, grid) * images(1).square()).sum(), (image, grid)))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("of_images", [False, True])
def test_the_gradient_of_the_grid_alone_counts_as_reproducible(of_images, monkeypatch):
    asked = []
    backward = torch.ops.aten.grid_sampler_2d_backward

    def note(*arguments: object) -> object:
        asked.append(torch.are_deterministic_algorithms_enabled())
        return backward(*arguments)

    monkeypatch.setattr(torch.ops.aten, "grid_sampler_2d_backward", note)
    grid = torch.zeros(2, 4, 4, 2, requires_grad=True)
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        GridSample.apply(images().requires_grad_(of_images), grid).sum().backward()
        assert asked == [of_images]
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(before)


@pytest.mark.parametrize(
    ("values", "named"),
    [({"transformation": "projective"}, "transformation='projective' .* affine"), ({"localisation_width": 0}, "=0")],
)
def test_a_value_out_of_range_is_refused_by_name(values, named):
    with pytest.raises(ValueError, match=named):
        TransformerConfig(**values)


def test_the_layer_stands_before_any_network_and_learns_with_it():
    """The layer alone is trained, by a classifier behind it that never changes."""
    network = nn.Sequential(
        models.SpatialTransformerLayer(channels=3, transformation="attention"), nn.Flatten(), nn.Linear(3 * 16 * 16, 2)
    )
    batch = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network[0](batch), batch, atol=1e-5, rtol=0)
    network(batch).square().sum().backward()
    assert network[0].regression.weight.grad.abs().sum() > 0
    assert network(torch.rand(2, 3, 16, 16)).shape == (2, 2)


def test_the_layer_is_what_the_spatial_transformer_has_before_its_network():
    network = models.build(ATTENTION, torch.Generator().manual_seed(0)).eval()
    width = ATTENTION.localisation_width
    layer = models.SpatialTransformerLayer(transformation="attention", localisation_width=width).eval()
    weights = {name: value for name, value in network.state_dict().items() if not name.startswith("network.")}
    layer.load_state_dict(weights)
    torch.testing.assert_close(layer(images()), network.transform(images()), rtol=0, atol=0)
    assert next(iter(network.state_dict())).startswith("network.")  # the order of the weights is part of a checkpoint


def test_an_unknown_transformation_is_refused():
    with pytest.raises(ValueError, match="transformation='shear' is unknown; choose from affine, attention"):
        models.SpatialTransformerLayer(transformation="shear")
