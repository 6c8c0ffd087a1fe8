import io
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.chests import Made, chests, png
from tqdm import tqdm

from pneumo.cli import main
from pneumo.errors import DataError
from pneumo.inference import predict_files
from pneumo.inference.predict import CAPTION_HEIGHT, OVERLAY_SIZE
from pneumo.inference.working_point import Calibration

NOTE = "Research only, not a medical device."


@pytest.fixture
def folder(made: Made, tmp_path):
    """Three images and a broken one between them."""
    (tmp_path / "films").mkdir()
    for number, image in enumerate(made.images[:3]):
        (tmp_path / f"films/{number}.png").write_bytes(png(image))
    (tmp_path / "films/1b.png").write_bytes(b"broken")
    return tmp_path / "films"


def predict(made: Made, *arguments: object) -> int:
    return main(["predict", "--model", str(made.file), *map(str, arguments)])


def test_a_folder_with_a_broken_file_is_read_but_for_that_one(made: Made, folder, capsys):
    assert predict(made, folder) == 3
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()[2:]]
    assert [row[0] for row in rows] == [str(folder / f"{number}.png") for number in range(3)]
    probabilities = made.model.predict_proba(made.images[:3])[:, 1]
    assert [float(row[1]) for row in rows] == pytest.approx(probabilities, abs=6e-5)
    assert [row[2] for row in rows] == ["positive" if p >= 0.4 else "negative" for p in probabilities]
    assert out.startswith(f"{NOTE} Positive from 0.4000 on")
    assert f"pneumo: {folder / '1b.png'} is no JPEG or PNG image" in err
    assert "3 read" in err
    assert "1 could not be read" in err


def test_where_all_is_read_the_exit_status_is_0(made: Made, folder, capsys):
    assert predict(made, folder / "0.png", folder / "2.png") == 0


def test_a_path_that_is_not_there_is_reported_and_the_others_are_read(made: Made, folder, capsys):
    assert predict(made, folder / "none.png", folder / "0.png") == 3
    out, err = capsys.readouterr()
    assert "none.png does not exist" in err
    assert "0.png" in out


def test_an_archive_gives_what_its_folder_gives(made: Made, folder, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for number in range(3):
            archive.write(folder / f"{number}.png", f"{number}.png")
    assert predict(made, tmp_path / "films.zip", "--csv", tmp_path / "zip.csv") == 0
    assert predict(made, *(folder / f"{number}.png" for number in range(3)), "--csv", tmp_path / "files.csv") == 0
    one, other = (pd.read_csv(tmp_path / name) for name in ("zip.csv", "files.csv"))
    assert one["file"].tolist() == [f"{tmp_path}/films.zip/{number}.png" for number in range(3)]
    pd.testing.assert_frame_equal(one.drop(columns="file"), other.drop(columns="file"))


def test_the_csv_file_is_read_by_pandas_as_it_stands_and_says_what_it_is_not_for(made: Made, folder, tmp_path, capsys):
    predict(made, folder, "--csv", tmp_path / "new/out.csv")
    frame = pd.read_csv(tmp_path / "new/out.csv", keep_default_na=False)
    assert list(frame) == ["file", "probability", "decision", "answer", "warning", "note"]
    np.testing.assert_allclose(frame["probability"], made.model.predict_proba(made.images[:3])[:, 1], atol=1e-6)
    assert set(frame["note"]) == {NOTE}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.csv"]


def test_an_existing_csv_file_is_not_replaced_unasked(made: Made, folder, tmp_path, capsys):
    (tmp_path / "out.csv").write_text("mine")
    assert predict(made, folder, "--csv", tmp_path / "out.csv") == 1
    assert "out.csv exists; name another file, or add --overwrite" in capsys.readouterr().err
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert predict(made, folder, "--csv", tmp_path / "out.csv", "--overwrite") == 3
    assert len(pd.read_csv(tmp_path / "out.csv")) == 3


def test_a_csv_file_of_a_run_that_failed_is_not_there(made: Made, folder, tmp_path, monkeypatch):
    def fail(*_):
        raise DataError("no more")

    monkeypatch.setattr(type(made.model), "predict_radiographs", fail)
    with pytest.raises(DataError, match="no more"):
        predict_files(made.model, [folder], csv_path=tmp_path / "new/out.csv", progress=False)
    assert not (tmp_path / "new").exists()


def test_each_image_that_is_read_gets_a_picture_numbered_as_its_row(made: Made, folder, tmp_path, capsys):
    predict(made, folder, "--cam", tmp_path / "cam")
    pictures = sorted((tmp_path / "cam").iterdir())
    assert [picture.name for picture in pictures] == ["00001-0.png", "00002-1.png", "00003-2.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (OVERLAY_SIZE, OVERLAY_SIZE + CAPTION_HEIGHT)
        assert picture.text["Comment"] == NOTE
        levels = np.asarray(picture).astype(int)
    assert levels[OVERLAY_SIZE:].max() == 255  # the line of text
    assert (levels[:OVERLAY_SIZE, :, 0] - levels[:OVERLAY_SIZE, :, 2]).max() > 60  # orange somewhere


def test_a_folder_that_holds_something_gets_no_pictures_unasked(made: Made, folder, capsys):
    assert predict(made, folder, "--cam", folder) == 1
    assert "is not empty" in capsys.readouterr().err


def test_what_is_unlike_the_training_images_is_warned_of_and_counted(made: Made, tmp_path, capsys):
    (tmp_path / "negative.png").write_bytes(png(255 - chests(1)[0]))
    assert predict(made, tmp_path / "negative.png") == 0
    out, err = capsys.readouterr()
    assert "unlike a frontal chest radiograph" in out
    assert "1 with a warning" in err


def test_more_files_than_a_batch_are_all_there_in_order(made: Made, tmp_path, capsys):
    images = chests(70)
    for number, image in enumerate(images):
        (tmp_path / f"{number:02d}.png").write_bytes(png(image))
    summary = predict_files(made.model, [tmp_path], csv_path=tmp_path / "out.csv", progress=False)
    assert summary.read == 70
    probabilities = pd.read_csv(tmp_path / "out.csv")["probability"]
    np.testing.assert_allclose(probabilities, made.model.predict_proba(images)[:, 1], atol=2e-6)


def test_dicom_files_are_read(made: Made, tmp_path, capsys):
    from pydicom.data import get_testdata_file

    assert predict(made, get_testdata_file("MR_small.dcm", download=False), "--csv", tmp_path / "out.csv") == 0
    assert pd.read_csv(tmp_path / "out.csv")["probability"].between(0, 1).all()


def test_without_a_model_the_command_line_explains_in_one_line(tmp_path, capsys):
    assert main(["predict", "--model", str(tmp_path / "none"), str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "pneumo pack NAME FILE" in error
    assert error.count("\n") == 1


def test_the_help_says_what_the_exit_status_means(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "3 some could not be" in out
    assert "not a medical device" in out


def test_what_is_passed_over_is_said_and_no_failure(made: Made, tmp_path, capsys):
    (tmp_path / "a").write_bytes(png(made.images[0]))
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / ".hidden.png").write_bytes(png(made.images[0]))
    assert predict(made, tmp_path) == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path}/a " in out
    (line,) = [line for line in err.splitlines() if "passed over" in line]
    assert line == (
        "pneumo: passed over 2 files that are no radiograph: "
        f"1 hidden or of a file manager ({tmp_path}/.hidden.png); 1 text ({tmp_path}/notes.txt)"
    )


def test_a_name_outside_the_encoding_of_stdout_is_written_out_and_the_table_keeps_it(made: Made, tmp_path, monkeypatch):
    (tmp_path / "小児.png").write_bytes(png(made.images[0]))
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert predict(made, tmp_path, "--csv", tmp_path / "out.csv") == 0
    stream.flush()
    assert rb"\u5c0f\u5150.png" in stream.buffer.getvalue()
    assert pd.read_csv(tmp_path / "out.csv")["file"].tolist() == [f"{tmp_path}/小児.png"]


def test_a_threshold_of_the_users_own_decides(made: Made, folder, capsys):
    probabilities = made.model.predict_proba(made.images[:3])[:, 1]
    own = float(np.sort(probabilities)[1])  # the middle one of three
    assert predict(made, folder, "--threshold", own) == 3
    out = capsys.readouterr().out
    assert f"Positive from {own:.4f} on" in out
    decisions = [line.split()[2] for line in out.splitlines()[2:]]
    assert decisions == ["positive" if p >= own else "negative" for p in probabilities]


@pytest.mark.parametrize("option", ["--sensitivity", "--coverage"])
def test_a_model_without_validation_predictions_says_what_it_needs(made: Made, folder, capsys, option):
    assert predict(made, folder, option, "0.9") == 1
    error = capsys.readouterr().err
    assert "needs the model's predictions for validation images" in error
    assert "pneumo pack NAME FILE" in error


@pytest.mark.parametrize("value", ["0", "1", "1.5", "nan", "much"])
def test_a_threshold_that_is_no_probability_is_wrong_usage(made: Made, folder, capsys, value):
    with pytest.raises(SystemExit) as stopped:
        predict(made, folder, "--threshold", value)
    assert stopped.value.code == 2


@pytest.mark.parametrize("path", ["nowhere", "empty", "text.txt"])
def test_where_nothing_is_read_the_exit_status_is_1_and_nothing_is_written(path, made: Made, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")
    before = sorted(tmp_path.rglob("*"))
    assert predict(made, tmp_path / path, "--csv", tmp_path / "out.csv", "--cam", tmp_path / "cam") == 1
    assert str(tmp_path / path) in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_path_of_python_is_a_problem_and_not_the_current_folder(made: Made, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    assert predict_files(made.model, [""], progress=False).read == 0
    assert '"" is no path; name a file or a folder' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((8, 8), "cannot tell for every image: 8 + 8 validation images are too few for --coverage 0.9 (at least 9"),
        ((8, 9), "normal or cannot tell, never pneumonia: 8 normal validation images are too few"),
        ((9, 8), "pneumonia or cannot tell, never normal: 8 validation images with pneumonia are too few"),
        ((9, 9), "at a probability of at most"),
    ],
)
def test_the_head_says_where_an_answer_can_never_be_given(counts, said, made: Made, folder, capsys):
    labels = np.repeat([0, 1], counts)
    calibration = Calibration(labels=labels, logits=np.where(labels, 3.0, -3.0))
    answer = calibration.answer()
    model = replace(made.model, calibration=calibration, answer=answer)
    predict_files(model, [folder], progress=False)
    head = capsys.readouterr().out.splitlines()
    assert head[1].startswith(f"Answer: {said}")
    possible = set(answer.answers(np.linspace(0, 1, 101)).tolist())
    assert ("pneumonia" in possible) == (counts[0] >= 9)
    assert ("normal" in possible) == (counts[1] >= 9)


def test_the_head_names_the_experiment_of_the_model(made: Made, folder, capsys):
    predict(made, folder)
    assert f"model group/seed-0, record {made.record.key}." in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_progress_bar_is_for_terminals(terminal, made: Made, folder, monkeypatch, capsys):
    hidden = []

    def recorded(**options) -> tqdm:
        bar = tqdm(**options)
        hidden.append(bar.disable)  # at its end every bar is
        return bar

    monkeypatch.setattr("pneumo.inference.predict.tqdm", recorded)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    predict_files(made.model, [folder])
    assert list(map(bool, hidden)) == [not terminal]
