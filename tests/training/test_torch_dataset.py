import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pneumo import data
from pneumo.augment import GENERATOR, RandomAugmentation
from pneumo.training import RadiographDataset


def test_a_loader_gets_the_images_and_labels_of_the_part_in_order():
    phantom = data.load("phantom")
    rows = data.split(phantom.table).test
    loader = DataLoader(RadiographDataset("phantom", "test", image_size=16), batch_size=16)
    images, labels = (torch.cat(each).numpy() for each in zip(*loader, strict=True))
    expected = data.pixels(phantom, size=16, progress=False).rows(rows)
    np.testing.assert_allclose(images[:, 0] * 255, expected, atol=1e-4)
    np.testing.assert_array_equal(labels, phantom.table["label"].to_numpy()[rows])


def test_the_transform_sees_each_image():
    plain = RadiographDataset("phantom", "validation", image_size=16)
    augmented = RadiographDataset("phantom", "validation", image_size=16, transform=RandomAugmentation(GENERATOR))
    assert augmented[0][0].shape == plain[0][0].shape == (1, 16, 16)
    assert not torch.equal(augmented[0][0], plain[0][0])
    assert augmented[0][1] == plain[0][1]


def test_parts_share_no_image():
    rows = [set(RadiographDataset("phantom", part, image_size=16).rows) for part in ("train", "validation", "test")]
    assert sum(map(len, rows)) == len(set.union(*rows)) == len(data.load("phantom"))


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="part='val' is unknown"):
        RadiographDataset("phantom", "val")
