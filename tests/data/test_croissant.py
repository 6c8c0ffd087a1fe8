import csv
import hashlib
import json

import pytest

from pneumo import data
from pneumo.cli import main
from pneumo.data.croissant import COLUMNS, write_croissant
from pneumo.errors import DataError


def test_the_table_holds_every_image_and_the_metadata_its_digest_and_columns(tmp_path):
    dataset = data.load("phantom")
    path = write_croissant(dataset, tmp_path / "out")
    described = json.loads(path.read_text(encoding="utf-8"))
    table = (path.parent / "images.csv").read_bytes()
    rows = list(csv.DictReader(table.decode().splitlines()))
    assert [row["image"] for row in rows] == dataset.table["image"].tolist()
    assert [int(row["label"]) for row in rows] == dataset.table["label"].tolist()
    (file,) = described["distribution"]
    assert file["sha256"] == hashlib.sha256(table).hexdigest()
    columns = [field["source"]["extract"]["column"] for field in described["recordSet"][0]["field"]]
    assert columns == list(rows[0]) == list(COLUMNS)
    assert described["license"] == "MIT"


def test_metadata_that_are_there_stay_unless_they_may_be_replaced(tmp_path):
    write_croissant(data.load("phantom"), tmp_path)
    with pytest.raises(DataError, match="images.csv exists"):
        write_croissant(data.load("phantom"), tmp_path)
    write_croissant(data.load("phantom"), tmp_path, overwrite=True)


def test_the_command_line_writes_them(tmp_path, capsys):
    assert main(["data", "describe", "phantom", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip().endswith("croissant.json")


def test_the_format_s_own_library_reads_every_row(tmp_path):
    croissant = pytest.importorskip("mlcroissant", reason="not in the lock; run by hand where it is installed")
    dataset = data.load("phantom")
    read = croissant.Dataset(jsonld=str(write_croissant(dataset, tmp_path)))
    rows = list(read.records("images"))
    assert [row["images/label"] for row in rows] == dataset.table["label"].tolist()
