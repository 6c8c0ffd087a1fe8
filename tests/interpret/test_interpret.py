from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
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


# Networks of other people ---------------------------------------------------------------------------------------------


def classifier_of(classes: int, channels: int = 1) -> nn.Module:
    """Two convolutions, of which the second changes its maps in place, and a logit for each class."""
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(channels, 4, 3, padding=1),
            relu=nn.ReLU(inplace=True),
            second=nn.Conv2d(4, 6, 3, stride=2),
            activation=nn.ReLU(inplace=True),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            head=nn.Linear(6, classes),
        )
    ).eval()


def by_captum(network, inputs, layer, target) -> np.ndarray:
    maps = LayerGradCam(network, layer).attribute(inputs, target=target, relu_attributions=True)
    maps = functional.interpolate(maps, inputs.shape[2:], mode="bilinear").squeeze(1).detach().numpy()
    return interpret.normalise_maps(maps)


def colours(count: int = 3, side: int = 15) -> torch.Tensor:
    return torch.rand(count, 3, side, side + 2, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layer", ["first", "relu", "second", "activation"])
@pytest.mark.parametrize("target", [0, 1, 2])
def test_of_many_logits_the_map_is_that_of_the_class_that_is_named(layer, target):
    network = classifier_of(3, channels=3)
    expected = by_captum(network, colours(), network.get_submodule(layer), target)
    assert expected.any()
    np.testing.assert_allclose(interpret.grad_cam(network, colours(), layer, target=target), expected, atol=1e-5)


def test_a_map_of_one_convolution_is_the_formula_worked_out_by_hand():
    # One map a = 2x, two logits 3 mean(a) and -5 mean(a): the gradient of the second is -5 / 16 at each of 16 places.
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    network[0].weight.data.fill_(2)
    network[3].weight.data.copy_(torch.tensor([[3.0], [-5.0]]))
    images = torch.arange(16.0).view(1, 1, 4, 4) / 15 - 0.5
    rising = np.maximum(images[0, 0].numpy(), 0) / 0.5
    np.testing.assert_allclose(interpret.grad_cam(network, images, target=0)[0], rising, atol=1e-6)
    np.testing.assert_allclose(interpret.grad_cam(network, images, target=1)[0], rising[::-1, ::-1], atol=1e-6)


def test_each_image_may_have_a_class_of_its_own():
    network, targets = classifier_of(3, channels=3), [2, 0, 1]
    together = interpret.grad_cam(network, colours(), target=targets)
    for number, target in enumerate(targets):
        alone = interpret.grad_cam(network, colours()[number : number + 1], target=target)
        np.testing.assert_allclose(together[number], alone[0], atol=1e-5)


def test_several_logits_without_a_class_are_refused():
    with pytest.raises(ValueError, match="2 logits an image; name the class to explain, such as target=1"):
        interpret.grad_cam(classifier_of(2), noise(1, 16))


@pytest.mark.parametrize("target", [-1, 2, [0, 1], 0.5])
def test_a_class_that_the_network_does_not_have_is_refused(target):
    with pytest.raises(ValueError, match="is no class from 0 to 1"):
        interpret.grad_cam(classifier_of(2), noise(1, 16), target=target)


def test_of_one_logit_class_1_is_the_logit_and_class_0_its_negative():
    network = classifier_of(1)
    np.testing.assert_array_equal(
        interpret.grad_cam(network, noise(2, 16), target=1), interpret.grad_cam(network, noise(2, 16))
    )
    contrary = classifier_of(1)
    contrary.head.weight.data.neg_()
    np.testing.assert_array_equal(
        interpret.grad_cam(network, noise(2, 16), target=0), interpret.grad_cam(contrary, noise(2, 16))
    )


class WithDictionary(nn.Module):
    """Returns a dictionary, as networks of other libraries do."""

    def __init__(self) -> None:
        super().__init__()
        self.network = classifier_of(3)

    def forward(self, images):
        return {"logits": self.network(images)}


def test_a_function_picks_the_score_from_any_output():
    network = WithDictionary()
    cam = interpret.grad_cam(network, noise(2, 16), target=lambda output: output["logits"][:, 2])
    np.testing.assert_array_equal(cam, interpret.grad_cam(network.network, noise(2, 16), target=2))
    with pytest.raises(ValueError, match="gives dict, not logits"):
        interpret.grad_cam(network, noise(2, 16), target=2)
    with pytest.raises(ValueError, match=r"it has to give a score an image, \(2,\)"):
        interpret.grad_cam(network, noise(2, 16), target=lambda output: output["logits"])


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradients_that_are_switched_off_outside_change_no_map(context):
    network, images = classifier_of(2, channels=3), colours()
    expected = interpret.grad_cam(network, images, target=1)
    with context():
        made_inside = images.clone()
        np.testing.assert_array_equal(interpret.grad_cam(network, made_inside, target=1), expected)


def test_a_network_made_under_inference_mode_is_refused_with_the_reason():
    with torch.inference_mode():
        network = classifier_of(1)
    with pytest.raises(ValueError, match="made under torch.inference_mode"):
        interpret.grad_cam(network, noise(1, 16))


@pytest.mark.parametrize("training", [False, True])
def test_threads_that_share_a_network_get_the_maps_of_their_own_images(training):
    network = network_of(CNNConfig(width=4, depth=2, dropout=0.5)).train(training)
    batches = [noise(2, 16) // divisor for divisor in (1, 2, 3, 4)] * 10
    expected = [interpret.grad_cam(network, batch) for batch in batches[:4]]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: interpret.grad_cam(network, batch), batches))
    for number, cam in enumerate(found):
        np.testing.assert_array_equal(cam, expected[number % 4])
    assert network.training == training


def test_another_threads_prediction_does_not_meet_the_hook():
    network, seen = classifier_of(1), []
    images = torch.from_numpy(noise(2, 16))[:, None] / 255

    def predict() -> torch.Tensor:
        with torch.inference_mode():
            return network(images)

    def in_between(_module, _inputs, _output) -> None:
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(predict).result())

    expected = predict()
    hook = network.second.register_forward_hook(
        lambda *a: in_between(*a) if not seen and torch.is_grad_enabled() else None
    )
    interpret.grad_cam(network, noise(2, 16))
    hook.remove()
    assert torch.equal(seen[0], expected)


def hooks_of(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


def test_no_hook_is_left_behind_even_where_the_network_fails():
    network = classifier_of(2, channels=3)
    with pytest.raises(RuntimeError, match="channels"):
        interpret.grad_cam(network, noise(1, 16), target=1)
    with pytest.raises(ValueError, match="name the class"):
        interpret.grad_cam(network, colours())
    interpret.grad_cam(network, colours(), "first", target=1)
    assert hooks_of(network) == 0


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 16, 16), np.float32), r"torch.float32 of shape \(2, 16, 16\)"),
        (np.zeros((2, 1, 16, 16), np.uint8), r"torch.uint8 of shape \(2, 1, 16, 16\)"),
    ],
)
def test_images_of_another_shape_are_refused_with_both_that_are_taken(images, said):
    with pytest.raises(ValueError, match=f"images are {said}; give radiographs"):
        interpret.grad_cam(classifier_of(1), images)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network, self.unused = classifier_of(1), nn.Conv2d(1, 1, 1)

    def forward(self, images):
        return self.network(images) + self.network(images.flip(3))


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("network.second", "calls Conv2d 2 times"),
        ("unused", "calls Conv2d 0 times"),
        ("nothing", "layer='nothing' is no module of Twice"),
        (nn.Conv2d(1, 1, 1), "is no module of this Twice"),
    ],
)
def test_a_layer_that_is_not_called_once_is_refused(layer, said):
    with pytest.raises(ValueError, match=said):
        interpret.grad_cam(Twice(), noise(1, 16), layer)


def test_a_layer_without_maps_is_refused_with_what_it_has():
    with pytest.raises(ValueError, match=r"Linear has no maps \(N, c, h, w\) but \(1, 2\)"):
        interpret.grad_cam(classifier_of(2), noise(1, 16), "head", target=1)


def test_a_network_without_an_average_is_told_its_last_convolution():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(392, 1))
    with pytest.raises(ValueError, match="such as layer='0', its last convolution"):
        interpret.grad_cam(network, noise(1, 16))
    assert interpret.grad_cam(network, noise(1, 16), "0").shape == (1, 16, 16)


def test_a_transformer_in_training_keeps_its_running_averages():
    network = network_of(TransformerConfig(network=CNNConfig(width=4, depth=2))).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    interpret.grad_cam(network, noise(4, 16))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


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
