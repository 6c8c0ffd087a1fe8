"""Tables against counts and numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from pneumo import tables
from pneumo.config import CNNConfig, DataConfig, Experiment
from pneumo.evaluation import Interval
from pneumo.models.summary import Layer
from pneumo.records import Record

THIN = "\u202f"

SPLIT = pd.DataFrame(
    [
        ("a.jpeg", "IM-1", 0, "normal", "train"),
        ("b.jpeg", "IM-1", 0, "normal", "train"),
        ("c.jpeg", "virus-person1", 1, "virus", "train"),
        ("d.jpeg", "bacteria-person1", 1, "bacteria", "train"),
        ("e.jpeg", "bacteria-person1", 1, "bacteria", "train"),
        ("f.jpeg", "IM-2", 0, "normal", "test"),
        ("g.jpeg", "IM-3", 0, "normal", "test"),
        ("h.jpeg", "virus-person2", 1, "virus", "test"),
        ("i.jpeg", "virus-person3", 1, "virus", "test"),
    ],
    columns=["image", "patient", "label", "subtype", "part"],
)


def record(scores, *, threshold=0.5, split=SPLIT, history=()):
    experiment = Experiment(name="test/seed-0", data=DataConfig(name="phantom", version="9-0"), model=CNNConfig())
    return Record(
        experiment=experiment,
        scores={"test": np.array(scores, float)},
        split=split,
        selection={"threshold": threshold},
        history=list(history),
    )


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.95349, "0.953"),
        (1.0, "1.000"),
        (0.0, "0.000"),
        (-0.0125, "−0.013"),
        (3e-4, "0.0003"),
        (1234.5, f"1{THIN}234.500"),
        (5856, f"5{THIN}856"),
        (np.int64(12), "12"),
        (float("nan"), "–"),
    ],
)
def test_a_number_is_written_as_the_book_writes_it(value, text):
    assert tables.format_number(value) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.953, 0.938, 0.967), "0.953 (0.938–0.967)"),
        (Interval(-0.012, -0.03, 0.006), "−0.012 (−0.030 to 0.006)"),
        (Interval(1.0, float("nan"), float("nan")), "1.000 (–––)"),
    ],
)
def test_an_interval_is_written_as_the_book_writes_it(interval, text):
    assert tables.format_interval(interval) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.23, "4.2 s"), (9.97, "10 s"), (59.6, "1 min 00 s"), (151, "2 min 31 s"), (3900, "1 h 05 min")],
)
def test_a_duration_is_written_as_the_book_writes_it(seconds, text):
    assert tables.format_duration(seconds) == text


def test_a_share_is_written_in_percent():
    assert tables.format_percent(0.7954) == f"79.5{THIN}%"


@pytest.mark.parametrize(("shape", "text"), [((16, 64, 32), "64 × 32 × 16"), ((128,), "128")])
def test_a_shape_has_the_channels_last(shape, text):
    assert tables.format_shape(shape) == text


# Markdown ------------------------------------------------------------------------------------------------------------


def test_markdown_sets_numbers_flush_right_and_escapes_pipes():
    frame = pd.DataFrame({"model": ["a|b"], "AUC": [Interval(0.9, 0.8, 1.0)], "images": [1200]})
    lines = str(tables.markdown(frame)).replace("\\|", "/").splitlines()
    heading, rule, row = (line.split("|")[1:-1] for line in lines)
    assert [cell.strip() for cell in heading] == ["model", "AUC", "images"]
    assert [cell.strip("-") for cell in rule] == [":", ":", ":"]
    assert [cell.endswith(":") for cell in rule] == [False, True, True]
    assert [cell.strip() for cell in row] == ["a/b", "0.900 (0.800–1.000)", f"1{THIN}200"]


def test_a_notebook_shows_the_table_as_markdown():
    table = tables.markdown(pd.DataFrame({"x": [1]}))
    assert table._repr_markdown_() == str(table)


# Tables --------------------------------------------------------------------------------------------------------------


def test_counts_by_part_class_and_subtype_in_images_and_patients():
    assert tables.counts(SPLIT).to_numpy().tolist() == [
        ["train", "normal", "", 2, 1],
        ["train", "pneumonia", "bacteria", 2, 1],
        ["train", "pneumonia", "virus", 1, 1],
        ["train", "all", "", 5, 3],
        ["test", "normal", "", 2, 2],
        ["test", "pneumonia", "virus", 2, 2],
        ["test", "all", "", 4, 4],
    ]


def test_patients_that_nobody_knows_are_not_counted_as_one():
    counts = tables.counts(SPLIT.assign(patient=""))
    assert counts["patients"].isna().all()
    assert str(tables.markdown(counts)).splitlines()[-1].split("|")[-2].strip() == "–"


def test_results_average_the_seeds_and_call_each_at_its_own_threshold():
    # Test order: two normal, two ill. Seed 0 calls the second normal one positive, seed 1 misses nothing.
    seeds = [record([-1, 1, 2, 3]), record([-1, 1, 2, 3], threshold=0.8)]
    row = tables.results({"cnn": seeds}, rng=np.random.default_rng(0)).iloc[0]
    assert (row["model"], row["seeds"]) == ("cnn", 2)
    assert row["specificity"].estimate == pytest.approx((1 / 2 + 1) / 2)
    assert row["sensitivity"].estimate == 1
    assert row["AUC"] == Interval(1, 1, 1)


def test_metrics_give_a_row_for_each_heading():
    table = tables.metrics([record([-1, 1, 2, 3])], rng=np.random.default_rng(0)).set_index("metric")["value"]
    assert list(table.index) == list(tables.METRICS.values())
    assert table["accuracy"].estimate == 3 / 4


def test_results_of_different_images_are_not_averaged():
    other = SPLIT.assign(image=SPLIT["image"] + "2")
    with pytest.raises(ValueError, match="other images"):
        tables.results({"cnn": [record([0, 1, 2, 3]), record([0, 1, 2, 3], split=other)]}, rng=np.random.default_rng(0))


def test_an_unknown_metric_is_named():
    with pytest.raises(ValueError, match="'AUROC'; there are auc,"):
        tables.results({"cnn": [record([0, 1, 2, 3])]}, metrics=["AUROC"], rng=np.random.default_rng(0))


def test_history_is_headed_for_a_reader():
    epoch = {"epoch": 1, "train_loss": 0.5, "validation_accuracy": 0.9, "learning_rate": 3e-4, "seconds": 75.0}
    table = tables.history(record([0, 1, 2, 3], history=[epoch]))
    assert table.iloc[0].to_dict() == {
        "epoch": 1, "train loss": 0.5, "validation accuracy": 0.9, "learning rate": 3e-4, "time": "1 min 15 s"
    }


def test_layers_end_with_their_sum():
    rows = [
        Layer(name="conv", kind="Conv2d", output_shape=(16, 64, 64), parameters=144, multiply_adds=589_824),
        Layer(name="head", kind="Linear", output_shape=(1,), parameters=17, multiply_adds=16),
    ]
    table = tables.layers(rows)
    assert table["output"].tolist() == ["64 × 64 × 16", "1", ""]
    assert table.iloc[-1][["parameters", "multiply-adds"]].tolist() == [161, 589_840]
