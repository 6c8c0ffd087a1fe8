"""Windows of spatial transformers against displacements drawn and grids sampled by other means."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from support.records import make_record

from pneumo import training
from pneumo.analysis import transformer_windows
from pneumo.augment import Augmentation, parameters
from pneumo.errors import MissingRecord
from pneumo.experiments.config import DataConfig, Experiment, TransformerConfig
from pneumo.experiments.records import Record
from pneumo.reporting.plots import attention_windows, window_against_displacement, window_size_histograms

CARELESS = Augmentation(
    rotation_range=30.0, width_shift_range=0.2, height_shift_range=0.2, zoom_range=(0.6, 1.0), fill_mode="constant"
)


SIDE = 32


def transformer(distortion: Augmentation = CARELESS, theta=None, images: int = 300) -> Record:
    """The record of a spatial transformer with as many validation images, more than a batch of them."""
    experiment = Experiment(
        name="group/affine",
        data=DataConfig(name="phantom", version="1-0", image_size=SIDE, distortion=distortion),
        model=TransformerConfig(),
    )
    labels = np.arange(images) % 2
    record = make_record(experiment=experiment, labels=labels, scores={"validation": labels})
    return record if theta is None else replace(record, from_weights={"theta": theta})


def images(count: int = 3, side: int = 32) -> np.ndarray:
    """Smooth, so that reading between pixels loses little."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).random((count, side, side)), (0, 3, 3))
    return np.round(255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def test_the_sampling_grids_are_those_of_the_record():
    theta = np.tile(np.eye(3)[:2], (300, 1, 1)) / 2
    np.testing.assert_array_equal(transformer_windows.sampling_grids(transformer(theta=theta.tolist())), theta)


def test_a_record_without_sampling_grids_is_named_with_the_remedy():
    with pytest.raises(MissingRecord, match="group/affine has no sampling grids; .* pneumo run group/affine"):
        transformer_windows.sampling_grids(transformer())


def test_the_displacement_is_that_of_the_images_that_the_network_saw():
    pixels = images(300)
    record = transformer()
    part = training.Images(pixels=training.InMemory(array=pixels), rows=np.arange(300), labels=np.zeros(300))
    generator = training.make_generator(0, 0, "distortion validation")
    seen = training.perturb_once(part, CARELESS, generator).pixels.rows(np.arange(300))
    rows = np.array([0, 3, 255, 256, 299])  # of both batches
    np.testing.assert_array_equal(transformer_windows.displace(pixels[rows], rows, record), seen[rows])


def test_a_window_at_the_displacement_shows_the_image_as_it_was():
    record = transformer(Augmentation(rotation_range=30.0, zoom_range=(0.6, 0.7)), images=3)
    moved = transformer_windows.displace(images(), np.arange(3), record)
    back = transformer_windows.attention_windows(moved, transformer_windows.displacements(record)).resampled
    inside = (slice(None), slice(3, -3), slice(3, -3))
    assert np.abs(moved[inside].astype(float) - images()[inside]).mean() > 20
    assert np.abs(back[inside].astype(float) - images()[inside]).mean() < 2


def test_poses_are_the_amounts_that_were_drawn():
    record = transformer(images=3)
    drawn = parameters(3, CARELESS, training.make_generator(0, 0, "distortion validation"))
    poses = transformer_windows.pose_parameters(transformer_windows.displacements(record))
    np.testing.assert_allclose(poses["rotation"], drawn.rotation, atol=6)  # unequal zooms turn a little
    np.testing.assert_allclose(poses["shift_right"], drawn.shift_x, atol=1e-6)
    np.testing.assert_allclose(poses["shift_down"], drawn.shift_y, atol=1e-6)
    np.testing.assert_allclose(poses["size"], torch.sqrt(drawn.zoom_x * drawn.zoom_y), rtol=1e-5)


def test_an_equal_zoom_leaves_the_rotation_exact():
    turned = Augmentation(rotation_range=30.0)
    drawn = parameters(3, turned, training.make_generator(0, 0, "distortion validation"))
    poses = transformer_windows.pose_parameters(transformer_windows.displacements(transformer(turned, images=3)))
    np.testing.assert_allclose(poses["rotation"], drawn.rotation, atol=1e-4)


def test_a_frame_lies_where_the_window_reads():
    theta = np.tile([[0.5, 0.0, 0.25], [0.0, 0.5, 0.0]], (2, 1, 1))
    axes = attention_windows(transformer_windows.attention_windows(images(2), theta), ["a", "b"])
    assert axes.shape == (2, 2)
    frame = axes[0, 1].patches[0].get_xy()[:4]
    assert frame.tolist() == [[-0.25, -0.5], [0.75, -0.5], [0.75, 0.5], [-0.25, 0.5]]
    assert [axes[0, 1].get_title(), axes[1, 1].get_title()] == ["", ""]
    assert [axes[0, 1].get_title(loc="left"), axes[1, 1].get_title(loc="left")] == ["b", "within the window"]


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
    assert [text.get_text() for text in axes[0].figure.legends[0].get_texts()] == ["normal", "pneumonia"]


def test_sizes_of_windows_of_many_seeds_are_in_rows_of_three():
    poses = pd.DataFrame({"size": [1.0, 0.9, 0.8, 0.7]})
    axes = window_size_histograms(5 * [poses], np.array([0, 1, 0, 1]))
    assert [ax.get_subplotspec().rowspan.start for ax in axes] == [0, 0, 0, 1, 1]
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False]
