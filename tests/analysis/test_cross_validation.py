"""Folds put together, against scores worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import cross_validation
from pneumo.experiments.config import DataConfig


def fold(number: int, images, logits, *, threshold=0.5, seed=0, folds=2):
    made = make_record(
        f"group/cnn-fold-{number}",
        group="group",
        variant="cnn",
        seed=seed,
        labels=np.arange(len(images)) % 2,
        scores={"test": logits},
        selection={"threshold": threshold},
    )
    experiment = replace(made.experiment, data=DataConfig(name="phantom", version="0", folds=folds, fold=number))
    return replace(made, experiment=experiment, split=made.split.assign(image=images))


def test_each_image_has_the_score_of_its_fold_relative_to_the_threshold_of_that_fold():
    # A threshold of 0.8 is a logit of log 4.
    records = [fold(0, ["b", "c"], [1.0, 2.0]), fold(1, ["a", "d"], [3.0, 4.0], threshold=0.8)]
    (pooled,) = cross_validation.pool_folds(records)
    frame = pooled.frame("test")
    assert frame["image"].tolist() == ["a", "b", "c", "d"]
    assert frame["score"].tolist() == pytest.approx([3 - np.log(4), 1, 2, 4 - np.log(4)])
    assert frame["label"].tolist() == [0, 0, 1, 1]
    assert pooled.threshold == 0.5
    assert pooled.variant == "cnn"


def test_each_seed_is_pooled_apart():
    parts = (["a", "b"], ["c", "d"])
    records = [fold(number, images, [0, 1], seed=seed) for seed in (0, 1) for number, images in enumerate(parts)]
    assert [each.experiment.seed for each in cross_validation.pool_folds(records)] == [0, 1]


@pytest.mark.parametrize("numbers", [[0], [0, 0], [0, 1, 1]])
def test_a_fold_that_is_missing_or_there_twice_is_named(numbers):
    records = [fold(number, ["a", "b"], [0, 1]) for number in numbers]
    with pytest.raises(ValueError, match="folds .* of 2; give each fold of a cross-validation once"):
        cross_validation.pool_folds(records)


def test_a_record_without_folds_is_refused():
    with pytest.raises(ValueError, match="of 0; give each fold"):
        cross_validation.pool_folds([make_record()])
