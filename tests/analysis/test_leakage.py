"""Images that stand in two parts of a data set, on files made here with known copies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.records import make_record

from pneumo import data
from pneumo.analysis import leakage

COMMITTED = Path(__file__).parents[2] / "report/breastmnist-duplicates.csv"


@pytest.fixture
def scans(tmp_path) -> Path:
    """BreastMNIST's layout with ten, four and six images. test/000001 and val/000002 are train/000003, brighter."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 180, (20, 7, 7)).astype(np.uint8)
    images = coarse.repeat(4, axis=1).repeat(4, axis=2)
    images[12], images[15] = images[3] + 20, images[3] + 40
    malignant_is_0 = np.arange(20) % 2
    ends = {"train": (0, 10), "val": (10, 14), "test": (14, 20)}
    arrays = {f"{part}_images": images[slice(*end)] for part, end in ends.items()}
    arrays |= {f"{part}_labels": malignant_is_0[slice(*end), None] for part, end in ends.items()}
    np.savez(tmp_path / "breastmnist.npz", **arrays)
    return tmp_path / "breastmnist.npz"


def test_pairs_across_parts_are_found_with_their_labels_the_later_part_first(scans):
    frame = leakage.duplicates_across_parts(str(scans), 28)
    assert frame.to_numpy().tolist() == [
        ["test/000001", "test", 0, "train/000003", "train", 0],
        ["test/000001", "test", 0, "val/000002", "validation", 1],
        ["val/000002", "validation", 1, "train/000003", "train", 0],
    ]


def test_pairs_within_a_part_are_no_matter(scans):
    arrays = dict(np.load(scans))
    arrays["test_images"][1] = arrays["test_images"][0]
    arrays["val_images"][2] = 200 - arrays["val_images"][2]
    np.savez(scans, **arrays)
    assert leakage.duplicates_across_parts(str(scans), 28).empty


def test_pictures_come_by_name(scans):
    first, second = leakage.images_by_name(str(scans), ["test/000001", "train/000003"])
    np.testing.assert_array_equal(first, second + 40)


def test_pictures_of_a_data_set_that_is_elsewhere_are_grey():
    squares = leakage.images_by_name("breastmnist-224", ["test/000001", "test/000002"])
    assert [set(square.flat) for square in squares] == [{128}, {128}]


def test_a_record_without_some_images_keeps_the_scores_of_the_others_and_its_threshold(record):
    (rest,) = leakage.exclude_images([record], ["train/4.png", "train/0.png"])
    assert rest.frame("test")[["image", "score"]].to_numpy().tolist() == [["train/3.png", 40.12345], ["train/5.png", 0]]
    assert rest.frame("validation").equals(record.frame("validation"))
    assert rest.threshold == record.threshold


def test_a_record_of_some_images_alone_is_what_is_left_out_of_the_others(record):
    (some,) = leakage.restrict_to_images([record], ["train/4.png", "train/0.png"])
    assert some.frame("test")[["image", "score"]].to_numpy().tolist() == [["train/4.png", -3]]
    assert some.frame("validation").equals(record.frame("validation"))


def test_a_record_without_images_that_it_does_not_have_is_as_it_was(record):
    (same,) = leakage.exclude_images([replace(record)], ["test/000001"])
    assert same.frame("test").equals(record.frame("test"))


def test_specificity_is_that_of_images_with_a_duplicate_beside_the_others():
    labels, scores = [0, 0, 1, 0, 0, 1], [-1, 1, 1, -1, -1, 1]  # all are right but the second
    record = make_record(labels=labels, scores=scores)
    frame = leakage.specificity_by_duplication({"cnn": record}, ["test/0.jpeg", "test/1.jpeg", "test/2.jpeg"])
    assert frame["model"].tolist() == ["cnn"]
    assert (frame["with duplicate"][0].estimate, frame["without duplicate"][0].estimate) == (0.5, 1.0)
    nothing = leakage.specificity_by_duplication({"cnn": record}, [])
    assert (nothing["with duplicate"][0], nothing["without duplicate"][0].estimate) == (None, 0.75)


@pytest.mark.skipif(data.find("breastmnist") is None, reason="BreastMNIST is not at hand")
def test_the_committed_list_is_what_is_found():
    pd.testing.assert_frame_equal(
        pd.read_csv(COMMITTED), leakage.duplicates_across_parts("breastmnist", 28), check_dtype=False
    )
