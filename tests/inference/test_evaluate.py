"""A frozen model on a user's own images: labels from folders and tables, results, and the report."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support.chests import SIDE, Made, png

from pneumo import evaluation as statistics
from pneumo.analysis import external_validation
from pneumo.cli import main
from pneumo.errors import DataError
from pneumo.inference import Evaluation, evaluate_files
from pneumo.reporting.evaluation_report import write_report

LABELS = [0, 0, 1, 1, 0, 1]


@pytest.fixture
def folder(made: Made, tmp_path):
    """Six images in two class folders."""
    for number, (image, label) in enumerate(zip(made.images, LABELS, strict=True)):
        place = tmp_path / "films" / ("Pneumonia" if label else "normal") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(image))
    return tmp_path / "films"


@pytest.fixture
def flat(made: Made, tmp_path):
    """The same images in one folder, which tells no label."""
    (tmp_path / "flat").mkdir()
    for number, image in enumerate(made.images):
        (tmp_path / f"flat/{number}.png").write_bytes(png(image))
    return tmp_path / "flat"


def run(made: Made, path, **options):
    return evaluate_files(made.model, path, progress=False, **options)


def write_csv(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_class_folders_give_the_labels_in_any_case(made: Made, folder):
    predictions = run(made, folder).predictions.set_index("image").sort_index(key=lambda names: names.str[-5:])
    assert predictions["label"].tolist() == LABELS
    np.testing.assert_allclose(predictions["probability"], made.model.predict_proba(made.images)[:, 1], rtol=1e-6)
    assert predictions["height"].tolist() == [SIDE] * 6


def test_an_archive_gives_what_its_folder_gives(made: Made, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    pd.testing.assert_frame_equal(run(made, tmp_path / "films.zip").predictions, run(made, folder).predictions)


def test_a_folder_without_classes_has_no_labels_and_no_record(made: Made, flat):
    evaluation = run(made, flat)
    assert evaluation.predictions["label"].isna().all()
    with pytest.raises(DataError, match=r"0 labelled images of 0 class\(es\); metrics need both"):
        evaluation.record()


def test_a_table_gives_labels_and_patients_by_name_or_path(made: Made, flat, tmp_path):
    table = write_csv(
        tmp_path / "l.csv", "Image, label,patient\n" + "".join(f"{i}.png,{LABELS[i]},p{i // 2}\n" for i in range(6))
    )
    record = run(made, flat, labels=write_csv(table, table.read_text().replace(", label", ",label"))).record()
    assert record.frame("test")["label"].tolist() == LABELS
    assert record.patients("test").tolist() == ["p0", "p0", "p1", "p1", "p2", "p2"]


def test_class_names_in_a_table_are_read_by_the_positive_one(made: Made, flat, tmp_path):
    table = write_csv(tmp_path / "l.csv", "image,label\n0.png,healthy\n1.png,Ill\n2.png,\n")
    labels = run(made, flat, labels=table, positive="ill").predictions["label"]
    assert labels[:2].tolist() == [0, 1]
    assert labels[2:].isna().all()


def test_patients_known_in_part_keep_none_apart(made: Made, flat, tmp_path):
    table = write_csv(tmp_path / "l.csv", "image,label,patient\n0.png,0,a\n1.png,1,\n")
    assert run(made, flat, labels=table).record().patients("test") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\nnone.png,1\n", r"l.csv, line 2: 'none.png' is none of the images"),
        ("image,label\n0.png,1\n0.png,0\n", r"labels '0.png' more than once"),
        ("image,label\n0.png,a\n1.png,b\n2.png,c\n", r"has the labels a, b, c; give 0 and 1, or two classes"),
        ("picture,label\n0.png,1\n", r"has no column image but picture, label"),
    ],
)
def test_a_table_that_does_not_fit_names_line_and_value(made: Made, flat, tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        run(made, flat, labels=write_csv(tmp_path / "l.csv", text))


def test_a_name_that_two_files_share_needs_its_path(made: Made, folder, tmp_path):
    (folder / "normal/2.png").write_bytes(png(made.images[0]))
    table = write_csv(tmp_path / "l.csv", "image,label\n2.png,1\n")
    with pytest.raises(DataError, match=r"'2.png' means Pneumonia/2.png and normal/2.png; give its path"):
        run(made, folder, labels=table)


def test_why_there_are_no_labels_is_said(made: Made, folder, flat, capsys, tmp_path):
    (folder / "Pneumonia").rename(folder / "COVID")
    (notice,) = run(made, folder).notices
    assert notice.startswith("no labels: the images lie in COVID, normal, and labels need two class folders")
    assert run(made, flat).notices == ()
    assert main(["evaluate", "--model", str(made.file), "--report", str(tmp_path / "r.html"), str(folder)]) == 0
    assert f"pneumo: {notice}" in capsys.readouterr().err


def test_labels_as_publishers_give_them_are_read(made: Made, flat, tmp_path):
    text = "Image Index,Finding Labels,Patient ID\n0.png,No Finding,1\n1.png,Mass,1\n2.png,Mass|Pneumonia,2\n"
    predictions = run(made, flat, labels=write_csv(tmp_path / "l.csv", text), negative="No Finding").predictions
    assert predictions["label"][[0, 2]].tolist() == [0, 1]
    assert predictions["label"][[1, 3]].isna().all()


def test_what_is_passed_over_is_a_notice(made: Made, flat):
    (flat / "notes.txt").write_text("text")
    assert run(made, flat).notices == (f"passed over 1 file that is no radiograph: 1 text ({flat}/notes.txt)",)


def test_metrics_are_those_of_the_frozen_threshold(made: Made, folder):
    evaluation = run(made, folder)
    frame = evaluation.labelled
    expected = float(statistics.sensitivity(frame["label"], frame["probability"], 0.4))
    assert external_validation.metrics(evaluation)["sensitivity"].estimate == pytest.approx(expected)
    rows = external_validation.thresholds(evaluation)
    assert rows["threshold"][0] == 0.4
    assert rows["threshold"][1] == statistics.youden_threshold(frame["label"], frame["probability"])
    assert rows["sensitivity"][0].estimate == pytest.approx(expected)


def test_results_are_given_by_the_height_of_the_files(made: Made, folder):
    table = external_validation.by_stratum(run(made, folder))
    assert table[["height", "negative", "positive"]].values.tolist() == [["up to 750 px", 3, 3]]


def test_without_labels_the_distribution_of_scores_can_be_compared(made: Made, flat):
    evaluation = run(made, flat)
    row = external_validation.score_drift(evaluation, None).iloc[0]
    probabilities = made.model.predict_proba(made.images)[:, 1]
    assert row["number"] == 6
    assert row["predicted positive"] == pytest.approx((probabilities >= 0.4).mean())
    assert row["median"] == pytest.approx(np.median(probabilities))


def test_the_report_is_one_file_that_asks_for_nothing_and_escapes_names(made: Made, flat, tmp_path):
    (flat / "<b>.png").write_bytes(b"broken")
    text = write_report(run(made, flat), tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Research only, not a medical device." in text
    assert "&lt;b&gt;.png" in text
    assert "<b>" not in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []


def test_a_report_that_exists_is_not_replaced_unless_asked(made: Made, folder, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("mine")
    with pytest.raises(DataError, match=r"r.html exists; name another file, or add --overwrite"):
        write_report(run(made, folder), path)
    assert path.read_text() == "mine"
    write_report(run(made, folder), path, overwrite=True)
    assert "Performance" in path.read_text(encoding="utf-8")


def test_the_command_prints_the_metrics_and_where_the_report_is(made: Made, folder, tmp_path, capsys):
    report = tmp_path / "out" / "r.html"
    assert main(["evaluate", "--model", str(made.file), "--report", str(report), str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(report)
    assert any(line.startswith("AUC ") for line in lines)
    assert main(["evaluate", "--model", str(made.file), "--report", str(report), str(folder)]) == 1


def test_a_file_that_cannot_be_read_is_named_and_the_exit_status_is_3(made: Made, folder, tmp_path, capsys):
    (folder / "normal/9.png").write_bytes(b"broken")
    report = tmp_path / "r.html"
    assert main(["evaluate", "--model", str(made.file), "--report", str(report), str(folder)]) == 3
    assert "9.png is no JPEG or PNG image" in capsys.readouterr().err
    assert "9.png is no JPEG or PNG image" in report.read_text(encoding="utf-8")


def test_a_positive_class_that_is_no_folder_is_an_error_where_it_was_asked_for(made: Made, folder, tmp_path, capsys):
    words = ["evaluate", str(folder), "--model", str(made.file), "--report", str(tmp_path / "r.html")]
    assert main([*words, "--positive", "foo"]) == 1
    assert "no folder is called 'foo'; the images lie in Pneumonia, normal" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()
    assert run(made, folder, positive="NORMAL").labelled["label"].sum() == 3


def test_an_empty_path_is_refused(made: Made):
    with pytest.raises(DataError, match='path="" is empty'):
        run(made, "")


def evaluation_of(made: Made, probabilities: np.ndarray, labels: np.ndarray) -> Evaluation:
    frame = pd.DataFrame(
        {
            "image": [f"{number}.png" for number in range(len(labels))],
            "probability": probabilities,
            "decision": "",
            "answer": "",
            "warning": "",
            "width": 500,
            "height": 500,
            "mark": False,
            "label": pd.array(labels, "Int8"),
            "patient": "",
            "part": "",
        }
    )
    return Evaluation(model=made.model, source=Path("films"), predictions=frame, unreadable=())


@pytest.mark.parametrize(("count", "few"), [(9, True), (10, False)])
def test_metrics_of_few_images_have_no_interval_and_a_notice(count, few, made: Made, tmp_path):
    labels = np.repeat([0, 1], [30, count])
    probabilities = np.random.default_rng(0).uniform(size=len(labels))
    evaluation = evaluation_of(made, probabilities, labels)
    metrics = external_validation.metrics(evaluation)
    assert metrics["auc"].estimate == pytest.approx(roc_auc_score(labels, probabilities))
    assert np.isnan(metrics["auc"].low) == few
    assert np.isnan(external_validation.thresholds(evaluation)["sensitivity"][0].high) == few
    assert np.isnan(external_validation.by_stratum(evaluation)["AUC"][0].low) == few
    said = "30 + 9 labelled images (label 0 + label 1) are too few to say how well a model does"
    assert any(said in notice for notice in external_validation.notices(evaluation, metrics)) == few
    assert (said in write_report(evaluation, tmp_path / "r.html").read_text(encoding="utf-8")) == few


@pytest.mark.parametrize(("better", "said"), [(False, True), (True, False)])
def test_an_auc_below_a_half_is_probably_that_of_swapped_classes(better, said, made: Made, tmp_path):
    labels = np.repeat([0, 1], 20)
    probabilities = np.linspace(0.1, 0.9, 40) if better else np.linspace(0.9, 0.1, 40)
    evaluation = evaluation_of(made, probabilities, labels)
    notices = external_validation.notices(evaluation, external_validation.metrics(evaluation))
    assert any("the classes are probably the wrong way round" in notice for notice in notices) == said
    text = write_report(evaluation, tmp_path / "r.html").read_text(encoding="utf-8")
    assert ("probably the wrong way round" in text) == said
