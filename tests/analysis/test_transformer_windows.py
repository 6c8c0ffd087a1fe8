"""Windows of spatial transformers against displacements drawn and grids sampled by other means."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from scipy import ndimage
from torch.nn import functional as F

from pneumo import models
from pneumo.analysis import transformer_windows
from pneumo.augment import Augmentation, parameters
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, TransformerConfig
from pneumo.io.paths import weights_path
from pneumo.reporting.plots import attention_windows, window_against_displacement, window_size_histograms

CARELESS = Augmentation(
    rotation_range=30.0, width_shift_range=0.2, height_shift_range=0.2, zoom_range=(0.6, 1.0), fill_mode="constant"
)


@pytest.fixture
def transformer() -> Experiment:
    model = TransformerConfig(network=CNNConfig(width=2, depth=2), localisation_width=2)
    return Experiment(name="group/affine", data=DataConfig(name="phantom", version="1-0"), model=model)


def images(count: int = 3, side: int = 32) -> np.ndarray:
    """Smooth, so that reading between pixels loses little."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((count, side, side)), (0, 3, 3))
    return np.round(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def train(experiment: Experiment, *free: float) -> None:
    """Leave weights behind that answer every image with the same free numbers."""
    network = models.build(experiment.model)
    with torch.no_grad():
        network.regression.bias.copy_(torch.tensor(free))
    path = weights_path(experiment.key)
    path.parent.mkdir(parents=True)
    save_file(network.state_dict(), path)


def test_without_trained_weights_a_window_shows_the_whole_image_and_says_so(transformer):
    windows = transformer_windows.attention_windows(transformer, images())
    assert not windows.trained
    assert not transformer_windows.weights_available([transformer])
    np.testing.assert_allclose(windows.theta, np.broadcast_to(np.eye(3)[:2], (3, 2, 3)))
    np.testing.assert_array_equal(windows.resampled, images())


def test_trained_weights_on_this_machine_are_used(transformer):
    train(transformer, 0.5, 0.0, 0.25, 0.0, 0.5, 0.0)
    windows = transformer_windows.attention_windows(transformer, images())
    assert windows.trained
    assert transformer_windows.weights_available([transformer])
    np.testing.assert_allclose(windows.theta[1], [[0.5, 0, 0.25], [0, 0.5, 0]])
    assert windows.resampled.shape == (3, 32, 32)
    assert windows.resampled.dtype == np.uint8


def test_a_network_without_a_window_is_refused_by_name(experiment):
    with pytest.raises(TypeError, match="group/seed-3: a CNNConfig has no window"):
        transformer_windows.attention_windows(experiment, images())


def test_a_window_at_the_displacement_shows_the_image_as_it_was():
    laid = transformer_windows.displace(images(), Augmentation(rotation_range=30.0, zoom_range=(0.6, 0.7)), seed=0)
    grid = F.affine_grid(torch.from_numpy(laid.matrices).float(), [3, 1, 32, 32], align_corners=False)
    back = F.grid_sample(torch.from_numpy(laid.images)[:, None].float(), grid, align_corners=False)[:, 0].numpy()
    inside = (slice(None), slice(3, -3), slice(3, -3))
    assert np.abs(laid.images[inside].astype(float) - images()[inside]).mean() > 20
    assert np.abs(back[inside] - images()[inside]).mean() < 2


def test_poses_are_the_amounts_that_were_drawn():
    laid = transformer_windows.displace(images(), CARELESS, seed=4)
    drawn = parameters(3, CARELESS, torch.Generator().manual_seed(4))
    poses = transformer_windows.pose_parameters(laid.matrices)
    np.testing.assert_allclose(poses["rotation"], drawn.rotation, atol=6)  # unequal zooms turn a little
    np.testing.assert_allclose(poses["shift_right"], drawn.shift_x, atol=1e-6)
    np.testing.assert_allclose(poses["shift_down"], drawn.shift_y, atol=1e-6)
    np.testing.assert_allclose(poses["size"], torch.sqrt(drawn.zoom_x * drawn.zoom_y), rtol=1e-5)


def test_an_equal_zoom_leaves_the_rotation_exact():
    turned = Augmentation(rotation_range=30.0)
    drawn = parameters(3, turned, torch.Generator().manual_seed(1))
    poses = transformer_windows.pose_parameters(transformer_windows.displace(images(), turned, seed=1).matrices)
    np.testing.assert_allclose(poses["rotation"], drawn.rotation, atol=1e-4)


def test_a_frame_lies_where_the_window_reads(transformer):
    train(transformer, 0.5, 0.0, 0.25, 0.0, 0.5, 0.0)
    axes = attention_windows(transformer_windows.attention_windows(transformer, images(2)), ["a", "b"])
    assert axes.shape == (2, 2)
    frame = axes[0, 1].patches[0].get_xy()[:4]
    assert frame.tolist() == [[-0.25, -0.5], [0.75, -0.5], [0.75, 0.5], [-0.25, 0.5]]
    assert [axes[0, 1].get_title(), axes[1, 1].get_title()] == ["", ""]
    assert [axes[0, 1].get_title(loc="left"), axes[1, 1].get_title(loc="left")] == ["b", ""]


def test_the_slope_over_the_seeds_says_how_far_windows_follow():
    done = pd.DataFrame(
        {"shift_right": [-0.2, 0.2], "shift_down": [-0.1, 0.1], "rotation": [-10.0, 10.0], "size": [0.6, 1.0]}
    )
    still = done.assign(rotation=3.0, size=0.9)
    axes = window_against_displacement(done, [done, still])
    assert [ax.get_title(loc="left") for ax in axes] == [
        "shift: slope 1.00\n(1.00 to 1.00)",
        "rotation: slope 0.50\n(0.00 to 1.00)",
        "size: slope 0.50\n(0.00 to 1.00)",
    ]
    assert len(axes[0].collections) + len(axes[0].lines) == 3


def test_sizes_of_windows_are_told_by_class_with_their_auc():
    poses = pd.DataFrame({"size": [1.0, 0.9, 0.8, 0.7]})
    axes = window_size_histograms([poses, poses * 0 + 1], np.array([0, 1, 0, 1]))
    # Of the four pairs of a normal and an ill image, three have the smaller window on the ill one.
    assert [ax.get_title(loc="left") for ax in axes] == ["seed 0: AUC 0.750", "seed 1: AUC 0.500"]
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["normal", "pneumonia"]
