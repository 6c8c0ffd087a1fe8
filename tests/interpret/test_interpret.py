import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch.nn import functional

from pneumo import data, interpret, models
from pneumo.augment import scale
from pneumo.experiments.config import CNNConfig, EfficientNetConfig, PretrainedConfig, TransformerConfig

NETWORKS = {
    "cnn": (CNNConfig(width=4, depth=2), 16),
    "efficientnet": (EfficientNetConfig(base="small"), 32),
    "lite0": (PretrainedConfig(train="scratch"), 64),
    "resnet": (PretrainedConfig(name="resnet18", train="scratch"), 64),
}


def noise(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def network_of(config) -> torch.nn.Module:
    return models.build(config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_grad_cam_agrees_with_captum(name):
    config, side = NETWORKS[name]
    network, images = network_of(config).eval(), noise(3, side)
    reference = LayerGradCam(network, interpret.last_pooling_layer(network)).attribute(
        scale(torch.from_numpy(images)), attribute_to_layer_input=True, relu_attributions=True
    )
    reference = functional.interpolate(reference, (side, side), mode="bilinear").squeeze(1).detach().numpy()
    np.testing.assert_allclose(interpret.grad_cam(network, images), interpret.normalise_maps(reference), atol=1e-5)


def test_grad_cam_is_also_there_for_a_network_whose_features_are_frozen():
    network = network_of(CNNConfig(width=4, depth=2))
    free = interpret.grad_cam(network, noise(2, 16))
    network.requires_grad_(False)
    np.testing.assert_array_equal(interpret.grad_cam(network, noise(2, 16)), free)


def test_grad_cam_leaves_the_network_as_it_was():
    network = network_of(CNNConfig(width=4, depth=2)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    interpret.grad_cam(network, noise(2, 16))
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_transformer_at_the_identity_has_the_map_of_its_network():
    network = network_of(TransformerConfig(network=CNNConfig(width=4, depth=2)))
    images = noise(2, 16)
    np.testing.assert_allclose(
        interpret.grad_cam(network, images), interpret.grad_cam(network.network, images), atol=1e-5
    )


def test_a_transformers_map_lies_where_its_window_was():
    network = network_of(TransformerConfig(network=CNNConfig(width=4, depth=2), transformation="attention"))
    network.regression.bias.data.copy_(torch.tensor([0.5, 0.5, 0.5]))  # the lower right quarter, magnified
    cam = interpret.grad_cam(network, noise(2, 16))
    assert (cam[:, :8] == 0).all()
    assert (cam[:, :, :8] == 0).all()
    assert (cam[:, 8:, 8:].max(axis=(1, 2)) == 1).all()


def test_a_network_without_an_average_asks_for_a_layer():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 1))
    with pytest.raises(ValueError, match="name the layer"):
        interpret.grad_cam(network, noise(1, 16))


def test_the_lung_share_of_an_even_map_is_the_lungs_share_of_the_image():
    mask = interpret.lung_field(32)
    assert interpret.lung_share(np.ones((2, 32, 32)), mask) == pytest.approx([mask.mean()] * 2)


def test_the_lung_share_counts_what_lies_inside_by_its_weight():
    mask = np.array([[True, False], [False, False]])
    cam = np.array([[[3.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    np.testing.assert_array_equal(interpret.lung_share(cam, mask), [0.75, np.nan])


def test_the_pointing_game_hits_where_the_maximum_is_inside_and_chance_is_the_masks_area():
    cam = np.array([[[0.2, 1.0], [0.0, 0.0]], [[0.2, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    masks = np.array([[[False, True], [False, False]], [[True, False], [True, True]], [[True, True], [True, True]]])
    game = interpret.pointing_game(cam, masks)
    assert game.hits.tolist() == [True, False, False]
    assert game.chance.tolist() == [0.25, 0.75, 1.0]


def test_random_maps_win_the_pointing_game_as_often_as_chance_says():
    mask = interpret.lung_field(16)
    game = interpret.pointing_game(np.random.default_rng(0).random((4000, 16, 16)), mask)
    assert game.hits.mean() == pytest.approx(mask.mean(), abs=0.02)


def test_the_lung_field_covers_a_quarter_of_the_image_and_most_opacities_of_the_phantom():
    dataset = data.load("phantom")
    field = interpret.lung_field(128)
    ill = np.flatnonzero(dataset.table["label"] == 1)[:10]
    inside = [dataset.source.mask(row)[field].sum() / dataset.source.mask(row).sum() for row in ill]
    assert 0.2 < field.mean() < 0.3
    assert np.mean(inside) > 0.9


def test_occluded_lungs_have_the_mean_grey_of_the_rest_which_stays():
    mask = np.array([[True, False], [False, False]])
    image = np.array([[[7, 10], [20, 33]]], dtype=np.uint8)
    np.testing.assert_array_equal(interpret.occlude_lungs(image, mask), [[[21, 10], [20, 33]]])


def test_nothing_that_was_in_the_lungs_is_left_when_they_are_occluded():
    images = noise(2, 32)
    other = images.copy()
    other[:, interpret.lung_field(32)] = 0
    np.testing.assert_array_equal(interpret.occlude_lungs(images), interpret.occlude_lungs(other))


def test_borders_keep_a_frame_and_nothing_else():
    framed = interpret.borders_only(np.full((1, 10, 20), 9, dtype=np.uint8), 0.1)
    assert framed[0, 1:-1, 2:-2].sum() == 0
    assert framed.sum() == 9 * (10 * 20 - 8 * 16)


def test_a_frame_of_half_the_image_is_refused():
    with pytest.raises(ValueError, match=r"width=0\.5"):
        interpret.borders_only(noise(1, 8), 0.5)


def test_shuffled_patches_are_the_same_patches_elsewhere():
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    shuffled = interpret.shuffle_patches(image, np.random.default_rng(0), patches=2)

    def patches(picture):
        return sorted(picture[y : y + 2, x : x + 2].ravel().tolist() for y in (0, 2) for x in (0, 2))

    assert patches(shuffled[0]) == patches(image[0])
    assert (shuffled != image).any()


def test_images_are_shuffled_each_in_an_order_of_its_own():
    images = np.repeat(noise(1, 16), 4, axis=0)
    shuffled = interpret.shuffle_patches(images, np.random.default_rng(0))
    assert len({image.tobytes() for image in shuffled}) == 4


def test_pixels_beyond_the_last_whole_patch_stay():
    images = noise(1, 9)
    shuffled = interpret.shuffle_patches(images, np.random.default_rng(0), patches=2)
    np.testing.assert_array_equal(shuffled[:, 8], images[:, 8])
    np.testing.assert_array_equal(shuffled[:, :, 8], images[:, :, 8])


@pytest.mark.parametrize("look", interpret.OCCLUSIONS)
def test_every_look_gives_new_images_and_the_same_each_time(look):
    images = noise(2, 32)
    before = images.copy()
    seen = interpret.OCCLUSIONS[look](images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(seen, interpret.OCCLUSIONS[look](images))
    assert seen.shape == images.shape
    assert seen.dtype == np.uint8
    assert (seen != images).any()


def test_an_overlay_is_grey_where_nothing_counts_and_orange_where_all_does():
    picture = interpret.overlay(np.full((1, 1, 2), 100, np.uint8), np.array([[[0.0, 1.0]]]))
    assert picture[0, 0].tolist() == [[100, 100, 100], [191, 141, 30]]  # 0.3 of grey 100, 0.7 of (230, 159, 0)
