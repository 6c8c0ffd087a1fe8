import re

import pytest
from support.records import make_record

from pneumo.errors import DataError
from pneumo.reporting.training_report import write_training_report


def text_of(path) -> str:
    return re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8"))


def test_it_shows_the_parts_and_the_errors_of_the_test_images(tmp_path):
    record = make_record(
        scores={"validation": [-1, 1], "test": [-2.0, 3.0, -1.0, 2.0]},
        labels={"validation": [0, 1], "test": [0, 0, 1, 1]},
        provenance={"seconds": 61},
    )
    path = write_training_report(record, tmp_path / "report.html")
    text = text_of(path)
    assert "Research only" in text
    # Wrong at 0.5: the second image, negative, and the third, positive.
    assert re.search(r"test/1\.jpeg\s+normal\s+0\.953", text)
    assert re.search(r"test/2\.jpeg\s+pneumonia\s+0\.269", text)
    assert "test/0.jpeg" not in text
    assert 'src="data:image/png;base64,' in path.read_text()


def test_without_patients_it_warns_that_results_may_be_flattered(tmp_path):
    record = make_record(patients=[""] * 4)
    assert "patients are unknown" in text_of(write_training_report(record, tmp_path / "a.html"))
    assert "patients are unknown" not in text_of(write_training_report(make_record(), tmp_path / "b.html"))


def test_a_report_that_is_there_stays_unless_it_may_be_replaced(tmp_path):
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(DataError, match="exists; name another file, or add --overwrite"):
        write_training_report(make_record(), tmp_path / "a.html")
    assert "Research only" in text_of(write_training_report(make_record(), tmp_path / "a.html", overwrite=True))


def test_names_of_other_peoples_files_cannot_change_the_page(tmp_path):
    record = make_record(scores=[9.0, -1, 1, 1])
    split = record.split.assign(image=["<script>x</script>", "b", "c", "d"])
    report = write_training_report(make_record(scores=[9.0, -1, 1, 1], split=split), tmp_path / "a.html").read_text()
    assert "<script>" not in report
    assert "&lt;script&gt;x" in report
