"""Splits keep patients whole, classes balanced, and the publisher's test part untouched."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumo.data.dataset import DataError
from pneumo.data.splits import cross_validation_split, split


def table(rows):
    """A data set's table from (split, label, patient) triples."""
    frame = pd.DataFrame(rows, columns=["split", "label", "patient"])
    frame["label"] = frame["label"].astype("int8")
    frame["image"] = [f"image-{row:04d}" for row in range(len(frame))]
    frame["subtype"] = ""
    return frame


def balanced(patients=20, images=2, part="train"):
    """`patients` patients of each class with `images` images each."""
    return [(part, label, f"{part}-{label}-{p}") for label in (0, 1) for p in range(patients) for _ in range(images)]


@st.composite
def tables(draw, parts=("train", "val")):
    """Up to 20 patients a class with 1 to 4 images each; three of each class are also in an official test part."""
    rows = balanced(patients=3, images=1, part="test")
    for label in (0, 1):
        sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=20))
        for patient, images in enumerate(sizes):
            rows += [(draw(st.sampled_from(parts)), label, f"p{label}-{patient}") for _ in range(images)]
    order = draw(st.permutations(range(len(rows))))
    return table([rows[row] for row in order])


seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=40, deadline=None)


@few
@given(tables(), seeds)
def test_every_image_is_in_exactly_one_part(frame, seed):
    parts = split(frame, seed=seed)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(len(frame)))


@few
@given(tables(), seeds, st.floats(0.05, 1.0))
def test_no_patient_is_in_two_parts(frame, seed, fraction):
    parts = split(frame, seed=seed, fraction=fraction)
    train, validation, test = (set(frame["patient"].iloc[p]) for p in (parts.train, parts.validation, parts.test))
    assert not (train & validation)
    assert not (train & test)
    assert not (validation & test)


@few
@given(tables(), seeds, st.floats(0.2, 0.8))
def test_validation_share_of_each_class_is_within_one_patient(frame, seed, share):
    parts = split(frame, validation_fraction=share, seed=seed)
    development = frame[frame["split"] != "test"]
    for label in (0, 1):
        images = (development["label"] == label).sum()
        largest = development[development["label"] == label].groupby("patient").size().max()
        in_validation = (frame["label"].iloc[parts.validation] == label).sum()
        assert abs(in_validation - share * images) <= largest


@few
@given(tables(), seeds)
def test_order_of_the_rows_does_not_change_the_split(frame, seed):
    shuffled = frame.sample(frac=1, random_state=seed % 1000).reset_index(drop=True)
    first, second = split(frame, seed=seed), split(shuffled, seed=seed)
    for name in ("train", "validation", "test"):
        images = set(frame["image"].iloc[getattr(first, name)])
        assert images == set(shuffled["image"].iloc[getattr(second, name)])


@few
@given(tables(), seeds, st.floats(0.05, 0.5), st.floats(0.5, 1.0))
def test_smaller_fraction_is_a_subset_and_leaves_validation_and_test(frame, seed, small, large):
    less, more = (split(frame, fraction=f, seed=seed) for f in (small, large))
    assert set(less.train) <= set(more.train)
    assert less.validation.tolist() == more.validation.tolist()
    assert less.test.tolist() == more.test.tolist()


def test_fraction_keeps_that_share_of_each_class():
    frame = table(balanced(patients=40, images=1) + balanced(patients=2, part="test"))
    parts = split(frame, validation_fraction=0.5, fraction=0.1)  # 20 a class left for training
    assert frame["label"].iloc[parts.train].value_counts().to_dict() == {0: 2, 1: 2}


def test_parts_are_ascending_int64():
    parts = split(table(balanced() + balanced(part="test")))
    for part in (parts.train, parts.validation, parts.test):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


def test_two_seeds_choose_different_validation_patients():
    frame = table(balanced() + balanced(part="test"))
    assert split(frame, seed=0).validation.tolist() != split(frame, seed=1).validation.tolist()


def test_official_test_part_is_the_test_part():
    frame = table(balanced() + balanced(patients=3, part="test"))
    assert (frame["split"].iloc[split(frame).test] == "test").all()
    assert len(split(frame).test) == 12


def test_official_val_joins_the_development_images_when_patients_are_known():
    frame = table(balanced(patients=10, images=1) + balanced(patients=10, images=1, part="val") + balanced(part="test"))
    parts = split(frame, validation_fraction=0.25)
    assert len(parts.validation) == 10  # a quarter of 20 in each class, not the 20 of val
    assert set(frame["split"].iloc[parts.validation]) == {"train", "val"}


def test_official_val_is_the_validation_part_when_patients_are_unknown():
    rows = balanced(patients=10) + balanced(patients=2, part="val") + balanced(part="test")
    frame = table([(part, label, "") for part, label, _ in rows])
    assert set(frame["split"].iloc[split(frame).validation]) == {"val"}
    assert set(frame["split"].iloc[split(frame).train]) == {"train"}


def test_images_stand_for_themselves_without_patients_and_without_val():
    frame = table([(part, label, "") for part, label, _ in balanced(patients=10) + balanced(part="test")])
    parts = split(frame, validation_fraction=0.25)
    assert frame["label"].iloc[parts.validation].value_counts().to_dict() == {0: 5, 1: 5}


def test_a_fifth_is_set_apart_for_test_where_the_publisher_has_none_whatever_the_seed():
    frame = table(balanced(patients=20, images=1))
    first, second = split(frame, seed=1), split(frame, seed=2)
    assert frame["label"].iloc[first.test].value_counts().to_dict() == {0: 4, 1: 4}
    assert first.test.tolist() == second.test.tolist()


def test_a_patient_with_images_of_both_classes_stays_whole():
    mixed = [("train", label, f"mixed-{p}") for p in range(10) for label in (0, 1)]
    frame = table(mixed + balanced(patients=10) + balanced(part="test"))
    parts = split(frame, validation_fraction=0.5)
    assert not set(frame["patient"].iloc[parts.train]) & set(frame["patient"].iloc[parts.validation])


@pytest.mark.parametrize("wrong", [0, 1, -0.1, float("nan")])
def test_validation_fraction_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=f"validation_fraction={wrong}"):
        split(table(balanced()), validation_fraction=wrong)


@pytest.mark.parametrize("wrong", [0, 1.5])
def test_fraction_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=f"fraction={wrong}"):
        split(table(balanced()), fraction=wrong)


def test_patients_in_train_and_test_are_counted_and_named():
    frame = table([*balanced(), ("test", 0, "train-0-3"), ("test", 1, "train-1-7")])
    with pytest.raises(DataError, match=r"2 patient\(s\).*train-0-3, train-1-7"):
        split(frame)


def test_class_missing_in_the_test_part_is_named():
    with pytest.raises(DataError, match=r"test part has 2 image\(s\) and none of class 1"):
        split(table([*balanced(), ("test", 0, "a"), ("test", 0, "b")]))


def test_class_with_one_patient_cannot_be_shared_out():
    rows = [row for row in balanced() if row[1] == 0] + [("train", 1, "alone")] * 5
    with pytest.raises(DataError, match=r"class 1 has 1 patient\(s\).*at least 2"):
        split(table(rows + balanced(part="test")))


def test_table_without_development_images_is_refused():
    with pytest.raises(DataError, match=r"class 0 has 0 patient\(s\)"):
        split(table(balanced(part="test")))


def folds_of(frame, groups, **options):
    return [cross_validation_split(frame, groups, folds=4, fold=fold, **options) for fold in range(4)]


def test_each_image_is_a_test_image_of_one_fold_and_a_validation_image_of_another():
    frame = table(balanced())
    parts = folds_of(frame, np.arange(len(frame)))
    for name in ("test", "validation"):
        assert sorted(np.concatenate([getattr(part, name) for part in parts])) == list(range(len(frame)))
    for part in parts:
        assert sorted(np.concatenate([part.train, part.validation, part.test])) == list(range(len(frame)))


def test_a_group_is_never_in_two_parts_of_a_fold():
    frame = table(balanced())
    groups = np.arange(len(frame)) // 4
    for part in folds_of(frame, groups):
        of_part = [set(groups[rows]) for rows in (part.train, part.validation, part.test)]
        assert sum(map(len, of_part)) == len(set(groups))


def test_the_folds_share_the_classes_out_evenly():
    frame = table(balanced())
    shares = [frame["label"].to_numpy()[part.test].mean() for part in folds_of(frame, np.arange(len(frame)))]
    assert shares == pytest.approx([frame["label"].mean()] * 4, abs=0.05)


def test_a_fraction_of_the_training_images_leaves_the_other_parts():
    frame = table(balanced())
    groups = np.arange(len(frame))
    for whole, half in zip(folds_of(frame, groups), folds_of(frame, groups, fraction=0.5), strict=True):
        assert set(half.train) < set(whole.train)
        assert len(half.train) == pytest.approx(len(whole.train) / 2, abs=1)
        np.testing.assert_array_equal(half.test, whole.test)


@pytest.mark.parametrize(("folds", "fold"), [(2, 0), (4, 4), (4, -1)])
def test_a_fold_that_is_not_there_is_named(folds, fold):
    with pytest.raises(ValueError, match=f"fold={fold} of folds={folds}: use 3 folds or more"):
        cross_validation_split(table(balanced()), np.arange(40), folds=folds, fold=fold)
