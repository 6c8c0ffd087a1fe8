import pytest

from pneumo.data.readers.labels import OTHERS, match_images, read_labels
from pneumo.errors import DataError


@pytest.fixture
def table(tmp_path):
    def write(text: str):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def labels(path, **options):
    return {row.image: row.label for row in read_labels(path, **options).rows}


NIH = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,OriginalImage[Width,Height],
a.png,Cardiomegaly|Emphysema,0,1,57,2682,2749,
b.png,Pneumonia|Effusion,1,1,58,2894,2729,
c.png,No Finding,0,2,59,2500,2048,
d.png,pneumonia,0,3,60,2500,2048,
"""


def test_nih_names_findings_separated_by_bars(table):
    read = read_labels(table(NIH), negative="no finding")
    assert [(row.label, row.patient) for row in read.rows] == [(None, "1"), (1, "1"), (0, "2"), (1, "3")]
    assert read.classes == ("No Finding", "Pneumonia")
    assert labels(table(NIH), negative=OTHERS) == {"a.png": 0, "b.png": 1, "c.png": 0, "d.png": 1}


def test_several_classes_need_to_be_told_which_is_label_0(table):
    with pytest.raises(DataError, match=r"labels Cardiomegaly, .*, or say which one is label 0 with --negative"):
        read_labels(table(NIH))
    with pytest.raises(DataError, match="none is 'Healthy'; name another one with --negative"):
        read_labels(table(NIH), negative="Healthy")


def test_rsna_has_a_row_for_each_box_and_no_endings(table):
    text = "patientId,x,y,width,height,Target\np1,,,,,0\np2,264,152,213,379,1\np2,562,152,256,453,1\n"
    read = read_labels(table(text))
    assert [(row.image, row.label, row.patient) for row in read.rows] == [("p1", 0, "p1"), ("p2", 1, "p2")]
    found = match_images(read, ["images/p2.dcm", "images/p1.dcm", "images/p3.dcm"], missing_allowed=True)
    assert {name: row.label for name, row in found.items()} == {"images/p1.dcm": 0, "images/p2.dcm": 1}


CHEXPERT = """Path,Sex,Age,No Finding,Pneumonia
CheXpert/train/patient00001/study1/view1_frontal.jpg,Male,68,1.0,
CheXpert/train/patient00002/study1/view1_frontal.jpg,Male,68,,1.0
CheXpert/train/patient00002/study2/view1_frontal.jpg,Male,68,,-1.0
CheXpert/valid/patient00003/study1/view1_frontal.jpg,Male,68,0.0,0.0
"""


def test_chexpert_has_a_column_for_each_finding_of_which_some_are_uncertain(table):
    assert list(labels(table(CHEXPERT)).values()) == [None, 1, None, 0]
    assert list(labels(table(CHEXPERT), negative="No Finding").values()) == [0, 1, None, None]
    assert list(labels(table(CHEXPERT), negative=OTHERS).values()) == [0, 1, None, 0]
    assert [row.patient for row in read_labels(table(CHEXPERT)).rows] == [
        "patient00001", "patient00002", "patient00002", "patient00003"
    ]  # fmt: skip


def test_a_path_in_the_table_may_begin_above_the_folder_and_is_never_taken_for_another(table):
    read = read_labels(table(CHEXPERT))
    names = ["train/patient00002/study1/view1_frontal.jpg", "valid/patient00003/study1/view1_frontal.jpg"]
    found = match_images(read, names, missing_allowed=True)
    assert {name: row.label for name, row in found.items()} == {names[0]: 1, names[1]: 0}
    with pytest.raises(DataError, match="names none of the 1 images"):
        match_images(read, ["train/patient00009/study1/view1_frontal.jpg"], missing_allowed=True)


def test_vindr_has_a_row_for_each_reader_who_may_disagree(table):
    text = "image_id,class_name,rad_id\na,No finding,R1\na,No finding,R2\nb,Pneumonia,R1\nb,Effusion,R1\n"
    text += "c,No finding,R1\nc,Pneumonia,R2\nd,Effusion,R1\nd,No finding,R2\n"
    assert labels(table(text), negative="No finding") == {"a": 0, "b": 1, "c": None, "d": None}
    assert labels(table(text), negative=OTHERS) == {"a": 0, "b": 1, "c": 1, "d": 0}


def test_vindr_pcxr_has_a_column_for_each_finding(table):
    text = "image_id,rad_ID,No finding,Bronchitis,Pneumonia\na,R1,1.0,0.0,0.0\nb,R1,0.0,0.0,1.0\nc,R1,0.0,1.0,0.0\n"
    assert labels(table(text)) == {"a": 0, "b": 1, "c": 0}
    assert labels(table(text), negative="No finding") == {"a": 0, "b": 1, "c": None}
    assert labels(table(text), positive="Bronchitis") == {"a": 0, "b": 0, "c": 1}


@pytest.mark.parametrize(
    "text", ["image;label\na;1\nb;0\n", "\ufeffimage,label\na,1\nb,0\n", "IMAGE , Label\na, 1\nb,0 \n"]
)
def test_tables_as_spreadsheets_write_them_are_read(table, text):
    assert labels(table(text)) == {"a": 1, "b": 0}


def test_a_hint_never_says_which_class_is_the_finding(table):
    text = "image,label\na,COVID\nb,NORMAL\n"
    with pytest.raises(DataError, match="two classes of which one is 'pneumonia'; name another one with --positive"):
        read_labels(table(text))
    read = read_labels(table(text), positive="covid")
    assert read.classes == ("NORMAL", "COVID")
    assert [row.label for row in read.rows] == [1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\na,1\na,0\n", "labels 'a' more than once, as 0 and as 1"),
        ("image,label,patient\na,1,p\na,1,q\n", "lines 2 and 3 give 'a' another patient or split"),
        ("image,label\n,1\n", "line 2 names no image"),
        ("image,label,label\na,1,0\n", "two columns label; keep one"),
        ("image,Label,label\na,1,0\n", "two columns label; keep one"),
        ("picture,label\na,1\n", "no column image but picture, label"),
        ("image,finding_x\na,1\n", "no column label and no column pneumonia but image, finding_x"),
        ("image,pneumonia\na,yes\n", "'yes' in its column pneumonia; give 0, 1, -1"),
        ("", "cannot be read as a CSV file"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(table, text, message):
    with pytest.raises(DataError, match=message):
        read_labels(table(text))


def test_names_match_by_path_then_end_then_file_name_then_stem(table):
    read = read_labels(table("image,label\na.png,1\nsub/b.png,0\nc,1\nd.png,0\n"))
    names = ["a.png", "deep/a.png", "x/sub/b.png", "y/c.dicom", "z/d.jpeg"]
    found = match_images(read, names, missing_allowed=False)
    assert {name: row.image for name, row in found.items()} == {
        "a.png": "a.png", "x/sub/b.png": "sub/b.png", "y/c.dicom": "c", "z/d.jpeg": "d.png"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x/a.png", "y/a.png"], "line 2: 'a.png' means x/a.png and y/a.png; give its path"),
        (["b.png"], "line 2: 'a.png' is none of the images"),
    ],
)
def test_a_row_that_means_no_image_or_two_is_refused(table, names, message):
    with pytest.raises(DataError, match=message):
        match_images(read_labels(table("image,label\na.png,1\n")), names, missing_allowed=False)


def test_two_rows_that_mean_one_image_are_refused(table):
    read = read_labels(table("image,label\na.png,1\nx/a.png,0\n"))
    with pytest.raises(DataError, match=r"lines 2 and 3 both mean x/a\.png"):
        match_images(read, ["x/a.png"], missing_allowed=True)
