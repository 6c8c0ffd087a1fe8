import pandas as pd
import pytest
from support.records import make_record

from pneumo import records
from pneumo.analysis.records_table import records_table, write_table
from pneumo.cli import main
from pneumo.errors import DataError, PneumoError
from pneumo.experiments.config import HeaderConfig


@pytest.fixture
def record():
    """At 0.5 the second negative is positive: specificity 1/2, sensitivity 1, accuracy 3/4; three of four pairs."""
    return make_record("mine/a-seed-1", group="mine", variant="a", scores=[-2.0, 1.5, 1.0, 3.0], seed=1)


def test_a_record_is_a_row_of_plain_numbers(record):
    (row,) = records_table(record).to_dict("records")
    expected = {"name": "mine/a-seed-1", "group": "mine", "variant": "a", "seed": 1, "model": "cnn", "test_images": 4}
    expected |= {"test_auc": 0.75, "test_sensitivity": 1.0, "test_specificity": 0.5, "test_accuracy": 0.75}
    assert {name: row[name] for name in expected} == expected


def test_what_a_record_does_not_have_is_missing(record):
    other = make_record("headers/width", model=HeaderConfig(field="width"), scores={"validation": [-1, 1, 1, 1]})
    frame = records_table([record, other]).set_index("name")
    assert pd.isna(frame.loc["headers/width", "test_auc"])
    assert frame.loc["headers/width", "model"] == "header"


def test_the_table_is_read_again_as_it_was(record, tmp_path):
    frame = records_table(record)
    read = pd.read_csv(write_table(frame, tmp_path / "a.csv"))
    pd.testing.assert_frame_equal(read, frame.replace({None: float("nan")}), check_dtype=False)


def test_parquet_is_read_again_as_it_was(record, tmp_path):
    pytest.importorskip("pyarrow", reason='needs the extra "parquet"')
    frame = records_table(record)
    pd.testing.assert_frame_equal(pd.read_parquet(write_table(frame, tmp_path / "a.parquet")), frame)


def test_without_pyarrow_the_extra_is_named(record, tmp_path, monkeypatch):
    def absent(*_arguments, **_settings):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", absent)
    with pytest.raises(PneumoError, match=r"pip install .*pneumo\[parquet\]"):
        write_table(records_table(record), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(record, tmp_path):
    with pytest.raises(DataError, match=r"a\.xlsx ends neither in \.csv nor in \.parquet"):
        write_table(records_table(record), tmp_path / "a.xlsx")


def test_the_command_line_writes_it_with_a_persons_own_records(record, tmp_path, capsys):
    records.save(make_record(experiment=record.experiment, scores=record.scores, provenance={"seconds": 60.0}))
    assert main(["status", "--table", str(tmp_path / "a.csv")]) == 0
    assert pd.read_csv(tmp_path / "a.csv")["name"].tolist() == ["mine/a-seed-1"]
    assert "mine/a-seed-1" in capsys.readouterr().out
    assert main(["status", "mine", "--table", str(tmp_path / "a.csv")]) == 1
    assert "a.csv exists" in capsys.readouterr().err
