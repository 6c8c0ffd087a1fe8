"""Predictions of many files that were stopped."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.chests import Made, chests, png

from pneumo.cli import main
from pneumo.errors import DataError
from pneumo.inference import model, predict_files, unfinished


@pytest.fixture
def films(tmp_path, monkeypatch) -> Path:
    """Six films, of which the third cannot be read; they are predicted two at a time, after the first."""
    monkeypatch.setattr(model, "BATCH_SIZE", 2)
    (tmp_path / "films").mkdir()
    for number, image in enumerate(chests(6)):
        (tmp_path / f"films/{number}.png").write_bytes(png(image) if number != 2 else b"\x89PNG\r\n\x1a\nnothing")
    return tmp_path / "films"


def stopped_after(model, batches: int):
    """A model that is interrupted after so many batches, and the list of the names that it predicts."""
    work, seen = model.predict_radiographs, []

    def predict_or_stop(named):
        if len(seen) >= batches:
            raise KeyboardInterrupt
        seen.append([name for name, _ in named])
        return work(named)

    stopping = replace(model)
    object.__setattr__(stopping, "predict_radiographs", predict_or_stop)
    return stopping, seen


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("with_csv", [True, False])
def test_a_prediction_that_was_stopped_keeps_what_is_finished_and_goes_on_from_there(
    with_csv, films, made: Made, tmp_path, capsys
):
    def outputs(name: str) -> dict[str, Path]:
        folder = tmp_path / name
        return {"cam_folder": folder / "cam"} | ({"csv_path": folder / "a.csv"} if with_csv else {})

    expected = predict_files(made.model, [films], **outputs("whole"), progress=False)
    printed = capsys.readouterr()
    stopping, _ = stopped_after(made.model, 2)
    with pytest.raises(KeyboardInterrupt, match=r"stopped after 3 of 6 files; their .*, and the same command goes on"):
        predict_files(stopping, [films], **outputs("stopped"), progress=False)
    capsys.readouterr()
    if with_csv:
        whole = (tmp_path / "whole/a.csv").read_text().splitlines()
        assert (tmp_path / "stopped/a.csv").read_text().splitlines() == whole[:3]  # the head, and two that were read
    counting, seen = stopped_after(made.model, 99)
    assert predict_files(counting, [films], **outputs("stopped"), progress=False) == expected
    assert seen == [[str(films / "3.png"), str(films / "4.png")], [str(films / "5.png")]]
    again = capsys.readouterr()
    assert again == printed
    assert everything(tmp_path / "stopped") == everything(tmp_path / "whole")


def test_a_prediction_that_was_killed_goes_on_from_its_journal(films, made: Made, tmp_path):
    path = unfinished.journal_path(tmp_path / "a.csv", None)
    stopping, _ = stopped_after(made.model, 2)
    with pytest.raises(KeyboardInterrupt):
        predict_files(stopping, [films], csv_path=tmp_path / "a.csv", progress=False)
    (tmp_path / "a.csv").unlink()  # a kill leaves none, and nothing is said of an interruption
    *whole, last = path.read_text().splitlines(keepends=True)
    assert "interrupted" in last
    path.write_text("".join(whole) + '{"signature": ["cut o')
    counting, seen = stopped_after(made.model, 99)
    predict_files(counting, [films], csv_path=tmp_path / "a.csv", progress=False)
    assert len(seen) == 2
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 6
    assert not path.exists()


@pytest.mark.parametrize(("removed", "again"), [("a.csv", 6), ("cam", 6), ("cam/00002-1.png", 5)])
def test_what_was_finished_is_done_again_where_its_outputs_were_removed(removed, again, films, made: Made, tmp_path):
    def outputs(name: str) -> dict[str, Path]:
        return {"csv_path": tmp_path / name / "a.csv", "cam_folder": tmp_path / name / "cam"}

    predict_files(made.model, [films], **outputs("whole"), progress=False)
    stopping, _ = stopped_after(made.model, 2)
    with pytest.raises(KeyboardInterrupt):
        predict_files(stopping, [films], **outputs("stopped"), progress=False)
    gone = tmp_path / "stopped" / removed
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    counting, seen = stopped_after(made.model, 99)
    predict_files(counting, [films], **outputs("stopped"), progress=False)
    names = [Path(name).name for batch in seen for name in batch]
    assert names == ["0.png", "1.png", "3.png", "4.png", "5.png"][-(again - 1) :]  # 2.png cannot be read
    assert everything(tmp_path / "stopped").keys() == everything(tmp_path / "whole").keys()


@pytest.mark.parametrize("outputs", [("csv_path",), ("cam_folder",), ("csv_path", "cam_folder")])
def test_a_prediction_that_is_stopped_before_a_file_is_finished_leaves_nothing(
    outputs, films, made: Made, tmp_path, monkeypatch
):
    places = {"csv_path": tmp_path / "out/a.csv", "cam_folder": tmp_path / "out2/cam"}
    chosen = {name: places[name] for name in outputs}
    before = sorted(tmp_path.rglob("*"))

    def stop(*_args) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # after the first picture, where there is one
        patch.setattr("pneumo.inference.predict._write_row", stop)
        with pytest.raises(KeyboardInterrupt, match=r"^stopped after 0 of 6 files; nothing was written$"):
            predict_files(made.model, [films], **chosen, progress=False)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name not in ("out", "out2")] == before
    predict_files(made.model, [films], **chosen, progress=False)  # the same call is not refused


def test_a_file_that_was_changed_meanwhile_and_those_after_it_are_predicted_anew(films, made: Made, tmp_path):
    stopping, _ = stopped_after(made.model, 2)
    with pytest.raises(KeyboardInterrupt):
        predict_files(stopping, [films], csv_path=tmp_path / "a.csv", progress=False)
    (films / "1.png").write_bytes(png(255 - chests(6)[1]))
    counting, seen = stopped_after(made.model, 99)
    predict_files(counting, [films], csv_path=tmp_path / "a.csv", progress=False)
    assert [Path(name).name for batch in seen for name in batch] == ["1.png", "3.png", "4.png", "5.png"]


def test_the_outputs_of_a_stopped_prediction_are_no_other_models(films, made: Made, tmp_path):
    stopping, _ = stopped_after(made.model, 2)
    with pytest.raises(KeyboardInterrupt):
        predict_files(stopping, [films], csv_path=tmp_path / "a.csv", progress=False)
    with pytest.raises(DataError, match=r"a\.csv exists"):
        predict_files(
            replace(made.model, record_sha256="another"), [films], csv_path=tmp_path / "a.csv", progress=False
        )


def test_a_prediction_without_outputs_leaves_nothing_behind(films, made: Made, tmp_path):
    stopping, _ = stopped_after(made.model, 1)
    before = everything(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="^stopped after 1 of 6 files$"):
        predict_files(stopping, [films], progress=False)
    assert everything(tmp_path) == before


def test_the_command_says_how_far_it_was(films, made: Made, tmp_path, monkeypatch, capsys):
    stopping, _ = stopped_after(made.model, 2)
    monkeypatch.setattr("pneumo.inference.load_model", lambda _path: stopping)
    arguments = ["predict", str(films), "--csv", str(tmp_path / "a.csv")]
    assert main(arguments) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"pneumo: stopped after 3 of 6 files; their rows are in {tmp_path / 'a.csv'}, "
        "and the same command goes on from there"
    )
    monkeypatch.setattr("pneumo.inference.load_model", lambda _path: made.model)
    assert main(arguments) == 3
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 6
