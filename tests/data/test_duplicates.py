import io
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from support.archives import encoded

from pneumo.data import Pixels, Split
from pneumo.data.dataset import Dataset
from pneumo.data.duplicates import duplicate_groups, duplicate_pairs, warn_of_duplicates
from pneumo.training import InMemory


def smooth(count: int, side: int = 48) -> np.ndarray:
    """Pictures with shapes of some size, as radiographs have, (count, side, side) uint8."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(count, side, side)), (0, 5, 5))
    return (128 + 40 * noise / noise.std()).clip(0, 255).astype(np.uint8)


@pytest.fixture
def pixels(tmp_path):
    def write(images: np.ndarray) -> Pixels:
        np.save(tmp_path / "images.npy", images)
        return Pixels(path=tmp_path / "images.npy", shape=images.shape, digest="")

    return write


def found(pixels: Pixels) -> list[list[int]]:
    return duplicate_pairs(pixels, np.arange(len(pixels))).tolist()


def saved_again(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encoded(Image.fromarray(image), quality=40))))


def resized(image: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((35, 35)).resize(picture.size))


def brighter(image: np.ndarray) -> np.ndarray:
    return image // 2 + 60


@pytest.mark.parametrize("change", [np.copy, saved_again, resized, brighter])
def test_a_copy_that_was_changed_a_little_is_found(pixels, change):
    images = smooth(9)
    images[7] = change(images[2])
    assert found(pixels(images)) == [[2, 7]]


@pytest.mark.parametrize("change", [np.fliplr, np.flipud, lambda image: np.roll(image, 6, axis=1)])
def test_a_picture_that_was_turned_or_moved_is_another_one(pixels, change):
    images = smooth(9)
    images[7] = change(images[2])
    assert found(pixels(images)) == []


def test_all_pairs_of_three_copies_are_found_across_blocks(pixels, monkeypatch):
    monkeypatch.setattr("pneumo.data.duplicates._BLOCK_IMAGES", 4)
    images = smooth(10, side=25)  # a side that 16 fields do not divide
    images[[1, 5]] = images[9]
    assert found(pixels(images)) == [[1, 5], [1, 9], [5, 9]]


def test_images_without_contrast_are_like_no_other(pixels):
    assert found(pixels(np.full((3, 20, 20), 9, np.uint8))) == []


def test_more_images_than_can_be_compared_are_not(pixels, monkeypatch):
    monkeypatch.setattr("pneumo.data.duplicates.MAX_IMAGES_COMPARED", 2)
    assert found(pixels(np.repeat(smooth(1), 3, axis=0))) == []


TABLE = pd.DataFrame({"image": ["a", "b", "c", "d", "e", "f"], "label": [0, 1, 0, 1, 0, 1]})
PARTS = Split(train=np.array([0, 1, 5]), validation=np.array([2]), test=np.array([3]))  # e is in none


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [(0, 1, "two labels.*: a and b"), (0, 2, "two parts of the split.*: a and c"), (3, 5, "two parts.*: d and f")],
)
def test_a_copy_under_another_label_or_in_another_part_is_warned_of_by_name(pixels, first, second, said):
    images = smooth(6)
    images[second] = images[first]
    with pytest.warns(UserWarning, match=said):
        warn_of_duplicates(TABLE, pixels(images), PARTS)


@pytest.mark.parametrize(("first", "second"), [(1, 5), (4, 0), (0, 0)])
def test_a_copy_under_the_same_label_in_one_part_or_left_out_is_not_warned_of(pixels, first, second):
    images = smooth(6)
    images[second] = images[first]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_duplicates(TABLE, pixels(images), PARTS)


def test_of_many_copies_three_are_named_and_the_rest_counted(pixels):
    images = np.repeat(smooth(1), 6, axis=0)
    with pytest.warns(UserWarning, match=r"9 pair\(s\) .* two labels.*: a and b; a and d; a and f and 6 more") as said:
        warn_of_duplicates(
            TABLE, pixels(images), Split(train=np.arange(6), validation=PARTS.test[:0], test=PARTS.test[:0])
        )
    assert len(said) == 1


def test_groups_join_patients_and_copies_in_any_chain(tmp_path, monkeypatch):
    first, second, third, other = smooth(4)
    images = np.stack([first, second, saved_again(second), third, other])  # 1 and 2 are copies
    table = pd.DataFrame({"image": list("abcde"), "patient": ["p", "p", "q", "q", "r"]})
    dataset = Dataset(name="x", classes=("a", "b"), table=table.assign(label=0, split="train", subtype=""), source=None)
    monkeypatch.setattr("pneumo.data.pixel_cache.pixels", lambda *_, **__: InMemory(array=images))
    groups = duplicate_groups(dataset)
    assert len(set(groups[:4])) == 1  # a and b by their patient, b and c as copies, c and d by their patient
    assert groups[4] not in groups[:4]
