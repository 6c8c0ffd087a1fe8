import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from pneumo.augment import GENERATOR, NONE, Augmentation, RandomAugmentation, augment

SHIFT = Augmentation(width_shift_range=0.5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch() -> torch.Tensor:
    return torch.rand(5, 1, 24, 20, generator=generator(9))


def test_a_batch_of_floats_is_changed_as_augment_changes_it(batch):
    changed = RandomAugmentation(GENERATOR, generator())(batch)
    torch.testing.assert_close(changed, augment(batch, GENERATOR, generator()), rtol=0, atol=0)


def test_one_image_is_a_batch_of_one(batch):
    changed = RandomAugmentation(GENERATOR, generator())(batch[0])
    torch.testing.assert_close(changed, augment(batch[:1], GENERATOR, generator())[0], rtol=0, atol=0)


def test_grey_levels_stay_grey_levels(batch):
    levels = (batch * 255).round().to(torch.uint8)
    changed = RandomAugmentation(GENERATOR, generator())(levels)
    expected = augment(levels / 255, GENERATOR, generator())
    assert changed.dtype == torch.uint8
    torch.testing.assert_close(changed.float(), expected * 255, rtol=0, atol=0.51)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_pil_image_stays_one_of_its_mode(mode):
    levels = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    image = Image.fromarray(levels).convert(mode)
    changed = RandomAugmentation(GENERATOR, generator())(image)
    assert (changed.mode, changed.size) == (mode, image.size)
    as_tensor = torch.from_numpy(np.array(image).reshape(24, 20, -1)).permute(2, 0, 1)
    same = RandomAugmentation(GENERATOR, generator())(as_tensor)
    np.testing.assert_array_equal(np.array(changed).reshape(24, 20, -1), same.permute(1, 2, 0))


def test_an_image_of_torchvision_stays_one_and_its_label_passes_through(batch):
    image, label = RandomAugmentation(GENERATOR, generator())(tv_tensors.Image(batch[0]), torch.tensor(1))
    assert isinstance(image, tv_tensors.Image)
    assert label.item() == 1


def test_it_composes_with_torchvisions_own_transforms():
    augmentation = RandomAugmentation(GENERATOR, generator())
    chain = v2.Compose([v2.ToImage(), augmentation, v2.ToDtype(torch.float32, scale=True)])
    image = chain(Image.fromarray(np.full((16, 16), 90, np.uint8)))
    assert image.dtype == torch.float32
    assert 0 <= image.min() <= image.max() <= 1


def test_boxes_and_masks_are_refused_since_they_would_not_move_along(batch):
    mask = tv_tensors.Mask(torch.zeros(24, 20, dtype=torch.uint8))
    with pytest.raises(TypeError, match="Mask beside an image is not moved with it"):
        RandomAugmentation(SHIFT)(tv_tensors.Image(batch[0]), mask)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 8, 8, dtype=torch.int64), "images are torch.int64; give uint8 or floats"),
        (torch.zeros(8, 8), r"images have shape \(8, 8\); give \(C, H, W\)"),
        (np.zeros((8, 9), np.uint8), r"a NumPy array of shape \(8, 9\) would be left as it is; give a tensor"),
        ((torch.zeros(1, 8, 8), np.zeros((8, 8))), "a NumPy array of shape"),
        ("a.png", "no input is an image but str; give a tensor"),
        ((1, 2.0), "no input is an image but float, int; give a tensor"),
        (Image.new("P", (8, 8)), 'an image of mode "P" holds no grey levels'),
    ],
)
def test_other_tensors_are_refused(image, message):
    with pytest.raises(TypeError, match=message):
        RandomAugmentation(SHIFT)(image)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.linspace(0, 255, 64).reshape(1, 8, 8), r"values up to 255; give floats in \[0, 1\], or uint8"),
        (torch.linspace(-2, 1, 64).reshape(1, 8, 8), "values down to -2; give floats"),
        (torch.full((1, 8, 8), torch.nan), "values up to nan"),
    ],
)
def test_floats_that_are_no_grey_levels_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        RandomAugmentation(SHIFT)(image)
    with pytest.raises(ValueError, match=message):
        augment(image[None], SHIFT, generator())


def test_the_overshoot_of_bicubic_resizing_is_no_fault():
    image = torch.full((1, 8, 8), 1.05)
    assert torch.equal(RandomAugmentation(SHIFT)(image), image)


def test_a_one_hot_label_beside_the_image_passes_through(batch):
    label = np.array([0, 1])
    assert RandomAugmentation(SHIFT)(batch[0], label)[1] is label


def test_without_a_generator_the_global_seed_decides_and_the_input_is_not_written_to(batch):
    before = batch.clone()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = RandomAugmentation(GENERATOR)(batch)
        torch.manual_seed(3)
        second = RandomAugmentation(GENERATOR)(batch)
    assert torch.equal(first, second)
    assert torch.equal(batch, before)
    assert not torch.equal(first, batch)


def test_nothing_to_change_leaves_the_image_itself(batch):
    assert RandomAugmentation(NONE)(batch) is batch


def test_a_worker_of_a_loader_can_be_sent_it_and_its_repr_says_what_it_does():
    assert "rotation_range=20.0" in repr(pickle.loads(pickle.dumps(RandomAugmentation(GENERATOR))))
