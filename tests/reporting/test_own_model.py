"""A user's way: a folder of her radiographs, `pneumo train`, and then her model wherever a model is taken."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.labelled_folder import labelled_folder

import pneumo
from pneumo.cli import main
from pneumo.io.paths import cache_folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with the user's images and what `pneumo train` has made of them; the current one of the tests below."""
    folder = tmp_path_factory.mktemp("user")
    labelled_folder(folder / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PNEUMO_CACHE", str(folder / "cache"))
        patch.setenv("PNEUMO_RECORDS", str(folder / "records"))
        assert main(["train", "images", "--model", "cnn", "--epochs", "2", "--image-size", "32"]) == 0
    return folder


@pytest.fixture(autouse=True)
def at_the_users_desk(trained, monkeypatch):
    monkeypatch.chdir(trained)
    monkeypatch.setenv("PNEUMO_CACHE", str(trained / "cache"))
    monkeypatch.setenv("PNEUMO_RECORDS", str(trained / "records"))


NAME = "images/cnn-32px-2-epochs-seed-0"


def test_model_and_report_lie_in_one_folder(trained):
    assert {path.name for path in (trained / "images-model").iterdir()} == {
        "model.safetensors",
        "report.html",
        "MODEL_CARD.md",
        "DATASHEET.md",
    }


def test_the_record_is_found_by_its_name_and_says_where_the_images_are(trained):
    record = pneumo.records.get(NAME)
    assert record.experiment.data.name == str(trained / "images")
    assert record.has_patients


@pytest.mark.parametrize(
    "model",
    [
        lambda: "images-model/model.safetensors",
        lambda: NAME,
        lambda: next(Path("records/images").glob("*.json")),
        lambda: pneumo.records.get(NAME),
        lambda: pneumo.records.get(NAME).experiment,
    ],
    ids=["model file", "name", "record file", "record", "experiment"],
)
def test_whatever_the_user_has_of_her_model_loads_it_with_its_recorded_probabilities(model):
    record = pneumo.records.get(NAME)
    frame = record.frame("test")
    paths = [Path("images", *Path(image).parts[1:]) for image in frame["image"]]
    predicted = pneumo.load_model(model()).predict_frame(paths)
    np.testing.assert_allclose(predicted["probability"], frame["probability"], atol=2e-3)


@pytest.mark.parametrize("model", [NAME, "images-model/model.safetensors"])
def test_predict_evaluate_and_export_take_her_model(model, tmp_path, capsys):
    assert main(["predict", "images/NORMAL", "--model", model, "--csv", str(tmp_path / "a.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "a.csv")) == 20
    assert main(["evaluate", "images", "--model", model, "--report", str(tmp_path / "b.html")]) == 0
    assert main(["export", str(tmp_path / "c.onnx"), "--model", model]) == 0
    assert main(["pack", NAME, str(tmp_path / "d.safetensors")]) == 0
    images = sorted(Path("images").rglob("*.png"))
    again, hers = (pneumo.load_model(path) for path in (tmp_path / "d.safetensors", "images-model/model.safetensors"))
    np.testing.assert_array_equal(again.predict_frame(images), hers.predict_frame(images))


def test_the_same_command_again_overwrites_nothing_unasked_and_trains_nothing_again(capsys):
    words = ["train", "images", "--model", "cnn", "--epochs", "2", "--image-size", "32"]
    assert main(words) == 1
    assert "images-model is not empty; name another folder, or add --overwrite" in capsys.readouterr().err
    before = os.stat(next(Path("records/images").glob("*.json"))).st_mtime_ns
    assert main([*words, "--overwrite"]) == 0
    assert os.stat(next(Path("records/images").glob("*.json"))).st_mtime_ns == before


def test_another_name_for_what_has_a_record_is_said_to_train_nothing(tmp_path, capsys):
    words = ["train", "images", "--model", "cnn", "--epochs", "2", "--image-size", "32", "--name", "other"]
    assert main([*words, "--out", str(tmp_path / "again")]) == 0
    said = capsys.readouterr().err
    assert (
        f"nothing was trained: {NAME} is the same experiment as other/cnn-32px-2-epochs-seed-0, and its record" in said
    )
    assert not Path("records/other").exists()


def test_a_model_of_a_record_is_packed_once(monkeypatch):
    pneumo.load_model(NAME)
    (cached,) = (cache_folder() / "models").glob("*.safetensors")
    monkeypatch.setattr("pneumo.inference.packing.save_model", None)
    assert pneumo.load_model(NAME).record in cached.name


@pytest.mark.parametrize(
    "words", [["predict", "images", "--csv"], ["evaluate", "images", "--report"], ["export"], ["pack", NAME]]
)
def test_what_exists_is_refused_before_a_model_is_loaded(words, tmp_path, monkeypatch, capsys):
    (tmp_path / "there").write_text("mine")
    monkeypatch.setattr("pneumo.inference.load_model", None)
    assert main([*words, str(tmp_path / "there")]) == 1
    assert "exists; name another file, or add --overwrite" in capsys.readouterr().err


def test_a_table_of_labels_and_another_name_of_the_finding_reach_the_training(trained, tmp_path):
    flat = tmp_path / "films"
    flat.mkdir()
    rows = ["image,label,patient"]
    for number, path in enumerate(sorted((trained / "images").rglob("*.png"))):
        (flat / f"{number}.png").write_bytes(path.read_bytes())
        rows.append(f"{number}.png,{'oedema' if 'PNEUMONIA' in path.parts else 'clear'},p{number}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    words = ["--labels", str(tmp_path / "labels.csv"), "--positive", "oedema", "--negative", "clear"]
    size = ["--model", "cnn", "--epochs", "1", "--image-size", "32", "--out", str(tmp_path / "out")]
    assert main(["train", str(flat), *words, *size]) == 0
    record = pneumo.records.get("films/cnn-32px-1-epochs-seed-0")
    assert (record.experiment.data.positive, record.experiment.data.negative) == ("oedema", "clear")
    positive = sum("PNEUMONIA" in path.parts for path in (trained / "images").rglob("*.png"))
    assert record.split["label"].sum() == positive


def test_of_few_test_images_there_is_no_interval_but_a_warning(trained, capsys):
    test = pneumo.records.get(NAME).frame("test")["label"]
    negative, positive = int((test == 0).sum()), int((test == 1).sum())
    assert max(negative, positive) < 10
    words = ["train", "images", "--model", "cnn", "--epochs", "2", "--image-size", "32", "--overwrite"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    said = f"{negative} + {positive} test images (label 0 + label 1) are too few to say how well a model does"
    assert f"pneumo: warning: {said}" in err
    (line,) = [line for line in out.splitlines() if line.startswith("AUC ")]
    assert "(test images)" in line
    assert "–" not in line
    assert said in (trained / "images-model/report.html").read_text(encoding="utf-8")
