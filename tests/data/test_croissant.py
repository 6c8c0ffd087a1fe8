import csv
import hashlib
import json

import pandas as pd
import pytest
from PIL import Image

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


def test_the_command_line_describes_images_with_a_table_of_labels(tmp_path):
    (tmp_path / "films").mkdir()
    for number in range(4):
        Image.new("L", (8, 8), number).save(tmp_path / "films" / f"{number}.png")
    rows = [f"{number}.png,{('sick', 'sound')[number % 2]},p{number}" for number in range(4)]
    (tmp_path / "labels.csv").write_text("image,label,patient\n" + "\n".join(rows), encoding="utf-8")
    classes = ["--labels", str(tmp_path / "labels.csv"), "--positive", "sick"]
    assert main(["data", "describe", str(tmp_path / "films"), str(tmp_path / "out"), *classes]) == 0
    table = pd.read_csv(tmp_path / "out" / "images.csv")
    assert dict(zip(table["image"], table["label"], strict=True)) == {"0.png": 1, "1.png": 0, "2.png": 1, "3.png": 0}


def test_the_format_s_own_library_reads_every_row(tmp_path):
    croissant = pytest.importorskip("mlcroissant", reason="not in the lock; run by hand where it is installed")
    dataset = data.load("phantom")
    read = croissant.Dataset(jsonld=str(write_croissant(dataset, tmp_path)))
    rows = list(read.records("images"))
    assert [row["images/label"] for row in rows] == dataset.table["label"].tolist()
