"""Records grouped by model, and the numbers taken from them."""

import numpy as np
import pytest
from support.records import make_record

from pneumo.analysis import summaries
from pneumo.evaluation import Interval
from pneumo.experiments.config import HeaderConfig, TrainingConfig

SEEDS = [
    make_record("g/a-0", group="g", variant="a"),
    make_record("g/b-0", group="g", variant="b"),
    make_record("g/a-1", group="g", variant="a", seed=1),
]


def test_records_without_names_are_grouped_by_variant_in_their_order():
    a, b, again = SEEDS
    assert summaries.records_by_model(iter(SEEDS)) == {"a": [a, again], "b": [b]}
    assert summaries.records_by_model(a) == {"a": [a]}


def test_a_mapping_keeps_its_names_and_may_hold_single_records():
    a, b, again = SEEDS
    assert summaries.records_by_model({"cnn": [a, b], "svm": again}) == {"cnn": [a, b], "svm": [again]}


@pytest.mark.parametrize(("models", "message"), [([], "no record;"), ({}, "no record;"), ({"cnn": []}, "for 'cnn'")])
def test_a_model_without_a_record_is_refused(models, message):
    with pytest.raises(ValueError, match=message):
        summaries.records_by_model(models)


def test_one_model_is_a_record_or_the_seeds_of_one_variant():
    a, b, again = SEEDS
    assert summaries.one_model(a) == summaries.one_model({"cnn": a}) == [a]
    assert summaries.one_model([a, again]) == [a, again]
    alone = [make_record("mine/seed-0"), make_record("mine/seed-1", seed=1)]
    assert summaries.one_model(alone) == alone
    for several in ([a, b], {"cnn": a, "svm": b}):
        with pytest.raises(ValueError, match="2 models"):
            summaries.one_model(several)


def test_measures_are_those_of_the_kept_epoch_and_of_the_last():
    history = [
        {
            "epoch": epoch,
            "train_loss": 0.1,
            "train_accuracy": 0.9,
            "validation_loss": loss,
            "validation_accuracy": 0.7,
            "seconds": 2 * epoch,
        }
        for epoch, loss in enumerate((0.4, 0.2, 0.3), start=1)
    ]
    facts = {"seconds": 90.0, "network": {"parameters": 5, "multiply_adds": 7}, "data": {"training_images": 100}}
    scores = {"validation": [-1, 0, 1, 2], "stressed": [1, 0, -1, -2]}
    record = make_record(
        scores=scores,
        training=TrainingConfig(batch_size=32),
        history=history,
        selection={"epoch": 2},
        provenance=facts,
    )
    assert summaries.measures(record) == {
        "last_loss": 0.3,
        "validation_auc": 1.0,
        "stressed_auc": 0.0,
        "parameters": 5,
        "multiply_adds": 7,
        "minutes": 1.5,
        "validation_loss": 0.2,
        "validation_accuracy": 0.7,
        "gap": pytest.approx(0.2),
        "loss_gap": pytest.approx(0.2),  # 0.3 of the last epoch minus 0.1
        "seconds_an_epoch": 4.0,
        "updates": 9,  # three epochs of three whole batches of 32 among 100 images
    }


def test_header_values_are_those_that_the_scores_were_made_from():
    widths = {"train": np.array([100.0, 250.0, 300.0]), "test": np.array([700.0, 120.0])}
    record = make_record(
        scores={part: 3 - 0.01 * values for part, values in widths.items()},
        labels={"train": [0, 1, 0], "test": [0, 1]},
        model=HeaderConfig(field="width"),
        selection={"slope": -0.01, "intercept": 3.0},
    )
    frame = summaries.header_values(record)
    np.testing.assert_allclose(frame["width"], [100, 250, 300, 700, 120])
    assert frame["part"].tolist() == ["train"] * 3 + ["test"] * 2


def test_header_values_of_a_network_are_refused_by_name():
    with pytest.raises(TypeError, match="test/seed-0 has a CNNConfig"):
        summaries.header_values(make_record())


def test_the_rank_correlation_is_spearmans():
    x, y = [0.1, 0.2, 0.3, 0.4], [0.9, 0.7, 0.8, 0.1]
    assert summaries.rank_correlation(x, y) == pytest.approx(1 - 6 * (9 + 0 + 0 + 9) / (4 * 15))


def test_a_mean_stands_between_the_lowest_and_the_highest_and_is_missing_with_any_of_them():
    assert summaries.mean_and_range([1.0, 2.0, 6.0]) == Interval(3.0, 1.0, 6.0)
    assert summaries.mean_and_range([1.0, np.nan]) is None


def test_one_number_alone_has_no_range():
    alone = summaries.mean_and_range([0.996])
    assert alone is not None
    assert alone.estimate == 0.996
    assert np.isnan([alone.low, alone.high]).all()
