"""Tables against counts and numbers worked out by hand."""

import html
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pypandoc
import pytest
from support.records import header_record, make_record

from pneumo import tables
from pneumo.evaluation import Interval
from pneumo.experiments import records
from pneumo.reporting import formatting, provenance
from pneumo.reporting.formatting import NBSP

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


def record(scores, **selection):
    return make_record(scores=scores, selection=selection)


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
    assert formatting.format_number(value) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.953, 0.938, 0.967), "0.953 (0.938–0.967)"),
        (Interval(-0.012, -0.03, 0.006), "−0.012 (−0.030\u00a0to\u00a00.006)"),
        (Interval(1.0, float("nan"), float("nan")), "1.000"),
        (Interval(1.0, 0.99, 1.0), "1.000 (0.990–1.000)"),
        (Interval(2.2023, 2.1751, 2.2149), "2.20 (2.18–2.21)"),
        (Interval(31.7, 31.68, 31.71), "31.7 (31.7–31.7)"),
        (Interval(4321.0, 4320.0, 4322.0), f"4{THIN}321 (4{THIN}320–4{THIN}322)"),
    ],
)
def test_an_interval_is_written_as_the_book_writes_it(interval, text):
    assert formatting.format_interval(interval) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.23, "4.2 s"), (9.97, "10 s"), (59.6, "1 min 00 s"), (151, "2 min 31 s"), (3900, "1 h 05 min")],
)
def test_a_duration_is_written_as_the_book_writes_it(seconds, text):
    assert formatting.format_duration(seconds) == text


def test_a_share_is_written_in_percent():
    assert formatting.format_percent(0.7954) == f"79.5{THIN}%"


@pytest.mark.parametrize(("shape", "text"), [((16, 64, 32), "64 × 32 × 16"), ((128,), "128")])
def test_a_shape_has_the_channels_last(shape, text):
    assert formatting.format_shape(shape) == text


# Markdown ------------------------------------------------------------------------------------------------------------


def test_markdown_sets_numbers_flush_right_and_escapes_pipes():
    frame = pd.DataFrame({"model": ["a|b"], "AUC": [Interval(0.9, 0.8, 1.0)], "images": [1200]})
    lines = str(tables.markdown(frame)).replace("\\|", "/").splitlines()
    heading, rule, row = (line.split("|")[1:-1] for line in lines)
    assert [cell.strip() for cell in heading] == ["model", "AUC", "images"]
    assert [cell.strip("-") for cell in rule] == [":", ":", ":"]
    assert [cell.endswith(":") for cell in rule] == [False, True, True]
    assert [cell.strip() for cell in row] == ["a/b", "0.90 (0.80–1.00)", f"1{THIN}200"]


def test_text_that_is_a_number_or_an_interval_is_flush_right_too():
    frame = pd.DataFrame({"batch": ["8", "32"], "seconds": ["0.81 (0.78–0.84)", "12"], "size": ["12 MB", "3"],
                          "difference": ["−0.1", "–"]})  # fmt: skip
    rule = str(tables.markdown(frame)).splitlines()[1]
    assert [cell.endswith(":") for cell in rule.split("|")[1:-1]] == [False, True, False, True]


def test_names_of_files_are_shown_as_they_are_and_bring_nothing_to_life():
    names = ["<b onclick=alert(1)>", "[x](javascript:alert(1))", "[x]{onclick=alert(1)}", "`<b>`{=html}", "$x$", "&lt;",
             "a|b", "*a* _b_ ~c~", "\\<b>"]  # fmt: skip
    text = tables.markdown(pd.DataFrame({"image": names, "label": 1})).text
    page = pypandoc.convert_text(text, "html", "markdown")
    assert set(re.findall(r"</?(\w+)", page)) <= {"table", "colgroup", "col", "thead", "tbody", "tr", "th", "td"}
    assert [html.unescape(cell) for cell in re.findall(r"<td style=\"text-align: left;\">(.*)</td>", page)] == names


@pytest.mark.parametrize(
    ("column", "text", "shown"),
    [
        ("height", "above 1,300 px", f"above 1{THIN}300{NBSP}px"),
        ("claim", "10,000 and 1,000,000 files", f"10{THIN}000 and 1{THIN}000{THIN}000 files"),
        ("size", "(16, 128)", "(16, 128)"),
        ("folds", "seeds 1,200,30", "seeds 1,200,30"),
        ("height", "0.1,250", "0.1,250"),
        ("image", "film 1,300", "film 1,300"),
        ("patient", "1,300", "1,300"),
    ],
)
def test_thousands_within_text_have_a_thin_space_but_not_in_names_of_others(column, text, shown):
    row = str(tables.markdown(pd.DataFrame({column: [text]}))).splitlines()[-1]
    assert row.strip("| ") == shown


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
    row = tables.results({"cnn": seeds}).iloc[0]
    assert (row["model"], row["seeds"]) == ("cnn", 2)
    assert row["specificity"].estimate == pytest.approx((1 / 2 + 1) / 2)
    assert row["sensitivity"].estimate == 1
    assert row["AUC"] == Interval(1, 1, 1)


def test_an_interval_that_could_not_be_computed_is_left_out_of_a_printed_table():
    frame = pd.DataFrame({"metric": ["calibration slope"], "value": [Interval(6.3412, math.nan, math.nan)]})
    assert frame.to_string(index=False, header=False).strip() == "calibration slope 6.341"
    assert str(tables.markdown(frame)).splitlines()[2].split("|")[2].strip() == "6.34"


def test_metrics_give_a_row_for_each_heading():
    table = tables.metrics([record([-1, 1, 2, 3])]).set_index("metric")["value"]
    assert list(table.index) == list(tables.METRICS.values())
    assert table["accuracy"].estimate == 3 / 4


def test_results_of_different_images_are_not_averaged():
    other = record([0, 1, 2, 3])
    other = replace(other, split=other.split.assign(image="x"))
    with pytest.raises(ValueError, match="other images"):
        tables.results({"cnn": [record([0, 1, 2, 3]), other]})


def test_an_unknown_metric_is_named():
    with pytest.raises(ValueError, match="'AUROC'; there are auc,"):
        tables.results({"cnn": [record([0, 1, 2, 3])]}, metrics=["AUROC"])


# Records -------------------------------------------------------------------------------------------------------------


def test_auc_by_part_calls_header_fields_by_their_words_below_its_heading():
    record = make_record(scores={"test": [0.1, 0.9]}, labels=[0, 1])
    frame = tables.auc_by_part({"jpeg_quality": record}, parts=("test",), heading="header field")
    assert frame["header field"].tolist() == ["JPEG quality"]


def test_a_computed_factor_shows_no_more_decimals_than_it_has():
    text = str(tables.markdown(pd.DataFrame({"width": [1.0, 1.1**2]})))
    assert "1.21 |" in text
    assert "1.210" not in text


def test_auc_by_part_has_a_row_a_model_and_the_auc_of_each_part():
    scores = {"train": [1, 2, 3, 4], "validation": [2, 1, 4, 3], "test": [1, 2, 1, 2]}
    frame = tables.auc_by_part({"a_b": make_record(scores=scores, labels=[0, 1, 0, 1])})
    # Pairs won of four: train 3; validation (2, 4 against 1, 3) 1; test 4.
    assert frame["model"].tolist() == ["a b"]
    assert [frame[part][0].estimate for part in ("train", "validation", "test")] == [0.75, 0.25, 1.0]


def test_examples_are_the_first_of_each_kind_normal_first():
    split = pd.DataFrame(
        {
            "image": list("abcdefg"),
            "label": [1, 0, 1, 0, 0, 1, 1],
            "subtype": ["virus", "normal", "bacteria", "normal", "normal", "virus", "virus"],
            "part": ["train"] * 6 + ["test"],
        }
    )
    assert tables.examples(split, each=2)["image"].tolist() == ["b", "d", "c", "a", "f"]


def test_the_list_of_records_has_an_anchor_for_each_comparison_and_each_record():
    first, second, other = header_record(), header_record(seed=1), header_record("height")
    rows = str(provenance.record_list([first, second, other])).splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    keys = [f"[{record.key[:8]}]{{.record #rec-{record.key[:8]}}}" for record in (first, second, other)]
    assert cells == [
        [
            "[fields of the header]{#rec-headers}",
            "width",
            f"{keys[0]}, {keys[1]}",
            "2026-01-02",
            "2 min 02 s".replace(" ", NBSP),
        ],
        ["fields of the header", "height", keys[2], "2026-01-02", "1 min 01 s".replace(" ", NBSP)],
    ]


def test_the_list_of_records_calls_a_learning_rate_and_another_variant_by_words():
    made = header_record().provenance
    variants = enumerate(("adamw-0.01", "my-variant"))
    several = [make_record(group="g", variant=each, seed=seed, provenance=made) for seed, each in variants]
    text = str(provenance.record_list(several))
    assert "| AdamW, rate 0.01 " in text
    assert "| my variant " in text


def test_the_machines_that_made_records_are_listed_once_each():
    (row,) = str(provenance.machines([header_record(), header_record("height")])).splitlines()[2:]
    for wanted in ("P", "8.0 GB", "python 3.11.7", "2", "2026-01-02"):
        assert wanted in row


def test_a_card_says_what_was_configured_with_what_data_when_and_where(tmp_path):
    record = header_record()
    cards = provenance.record_cards([record], project=tmp_path)
    [card] = cards["records"]
    assert {card[name] for name in ("anchor", "groupAnchor", "key")} == {record.anchor, record.group_anchor, record.key}
    assert card["settings"] == {
        "data.name": "phantom", "data.version": "0-0", "model.field": "width", "model.kind": "header",
    }  # fmt: skip
    assert (card["date"], card["commit"], card["time"]) == ("2026-01-02", "0123456", "1 min 01 s, 1\u202f234 MB")
    facts = [cards["facts"][card[name]] for name in ("data", "machine", "versions")]
    assert facts == [
        "phantom, version 1, 64 pixels a side, no pixels read", "P, 2 cores, 2 threads, 8.0 GB", "python 3.11.7",
    ]  # fmt: skip


def test_a_card_names_the_file_of_its_record_from_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_RECORDS", str(tmp_path / "records"))
    record = header_record()
    path = records.save(record)
    [card] = provenance.record_cards([record], project=tmp_path)["records"]
    assert tmp_path / card["file"] == path
    [elsewhere] = provenance.record_cards([record], project=tmp_path / "other")["records"]
    assert elsewhere["file"] == ""


CLAIMS = pd.DataFrame(
    {
        "what": ["ours over theirs", "start", "open"],
        "value": [0.93, 0.123456, 2.0],
        "low": [0.9, 0.123456, 1.0],
        "high": [0.95, 0.123456, 3.0],
        "unit": ["", "s", "s"],
        "target": ["at least 0.92", "at most 0.1 s", ""],
        "reached": [True, False, True],
        "date": ["2026-01-02T03:04:05", "2026-01-03T00:00:00", "2026-01-02T00:00:00"],
        "processor": ["P", "P", "P"],
    }
)


def test_claims_show_the_range_where_there_is_one_and_a_missed_target_as_missed():
    table = tables.claims(CLAIMS)
    assert table["measured"].tolist() == ["0.93 (0.90–0.95)", f"0.123{NBSP}s", f"2{NBSP}s (1–3)"]
    assert table["target"].tolist() == ["at least 0.92", f"at most 0.1{NBSP}s", ""]
    assert table["reached"].tolist() == ["yes", "no", ""]


def test_a_claim_of_a_short_time_is_in_milliseconds():
    short = CLAIMS.iloc[1:2].assign(value=0.00429, low=0.00406, high=0.00474)
    assert tables.claims(short)["measured"].tolist() == [f"4.29{NBSP}ms (4.06–4.74)"]


def test_a_claim_calls_a_chapter_by_its_name_and_not_by_its_file():
    recorded = CLAIMS.iloc[1:2].assign(what="after a change of report/first-network.qmd")
    assert tables.claims(recorded)["claim"].tolist() == ["after a change of first network"]


def test_other_libraries_have_a_row_each():
    names = ["libraries/training/idle/b", "libraries/pipeline/shared/b", "libraries/pipeline/shared/a"]
    frame = CLAIMS.assign(benchmark="libraries", claim=names)
    table = tables.beside_libraries(pd.concat([frame, CLAIMS.assign(benchmark="memory", claim="memory/x")]))
    assert table["library"].tolist() == ["a", "b"]
    assert table["data alone, one core busy"].tolist() == ["2 (1–3)", "0.123 (0.123–0.123)"]
    assert table["training"][1] == "0.93 (0.90–0.95)"


def test_seconds_an_epoch_are_those_of_what_was_varied():
    rows = [
        ("epoch", "images in a batch", 8.0, 1.234, 1.2, 1.3),
        ("epoch", "images in a batch", 256.0, 0.5, 0.4, 0.61),
        ("epoch", "images", 500.0, 9.0, 9.0, 9.0),
        ("other", "images in a batch", 8.0, 9.0, 9.0, 9.0),
    ]
    frame = pd.DataFrame(rows, columns=["curve", "quantity", "amount", "seconds", "low", "high"])
    found = tables.epoch_seconds(frame, "images in a batch")
    assert found.to_dict() == {8: "1.23 (1.20–1.30)", 256: "0.50 (0.40–0.61)"}
    with pytest.raises(ValueError, match="no epoch was measured for quantity='rain'"):
        tables.epoch_seconds(frame, "rain")


def test_claims_say_where_and_when_they_were_measured():
    assert tables.measured_on(CLAIMS) == "Measured on P, 2026-01-02 to 2026-01-03."
    assert tables.measured_on(CLAIMS.iloc[:1]) == "Measured on P, 2026-01-02."


def test_models_are_drawn_the_same_patients_so_equal_models_get_equal_intervals():
    same = {"one": [record([-1, 1, 2, 3])], "other": [record([-1, 1, 2, 3])]}
    rows = tables.results(same)
    assert rows["AUC"][0] == rows["AUC"][1]


def test_a_column_of_intervals_has_one_format_as_precise_as_its_median_width_allows():
    seconds = [Interval(3.198, 3.160, 3.265), Interval(12.0, 11.9, 12.1)]
    tiny = [Interval(-7.6e-5, -0.00047, 0.00028), Interval(0.001, 0.0004, 0.0011)]
    rows = str(tables.markdown(pd.DataFrame({"time": seconds, "difference": tiny}))).splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert cells == [
        ["3.2 (3.2–3.3)", "−0.0001 (−0.0005\u00a0to\u00a00.0003)"],
        ["12.0 (11.9–12.1)", "0.0010 (0.0004\u00a0to\u00a00.0011)"],
    ]


def test_columns_of_one_quantity_have_the_same_decimals_where_that_is_asked_for():
    frame = pd.DataFrame({"SVM": [Interval(0.568, 0.55, 0.58)], "forest": [Interval(0.55, 0.3, 0.8)]})
    assert "| 0.568 (0.550–0.580) | 0.55 (0.30–0.80) |" in str(tables.markdown(frame))
    assert "| 0.57 (0.55–0.58) | 0.55 (0.30–0.80) |" in str(tables.markdown(frame, alike=True))


def test_a_column_of_numbers_has_as_many_decimals_as_its_numbers_need_and_three_at_most():
    frame = pd.DataFrame({"prevalence": [0.05, 0.5], "p": [1e-9, 0.25], "side": [64.0, 128.0]})
    rows = str(tables.markdown(frame)).splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert cells == [["0.05", "< 0.001", "64"], ["0.50", "0.250", "128"]]


def test_variants_of_the_book_are_called_by_words_and_names_of_a_caller_stay():
    scores = {part: [-1.0, -1.0, 1.0, 1.0] for part in ("validation", "stressed")}
    several = [make_record(variant=name, scores=scores) for name in ("tenth-dropout", "tenth-none")]
    words = tables.comparison(several, ["validation_auc"])["variant"].tolist()
    assert words == ["dropout, a tenth of the images", "none, a tenth of the images"]
    assert tables.differences(several, "tenth-none")["variant"].tolist() == ["a tenth of the images: dropout − none"]
    assert tables.comparison({"all": several[0]}, ["validation_auc"])["variant"].tolist() == ["all"]
