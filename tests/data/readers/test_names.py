import pytest
from hypothesis import given
from hypothesis import strategies as st

from pneumo.data.readers.names import ParsedName, parse_file_name


@pytest.mark.parametrize(
    ("name", "patient", "subtype"),
    [
        ("person1_bacteria_2.jpeg", "bacteria-person1", "bacteria"),
        ("person1_virus_6.jpeg", "virus-person1", "virus"),
        ("train/PNEUMONIA/person1372_virus_2365_1.jpeg", "virus-person1372", "virus"),
        ("IM-0115-0001.jpeg", "IM-0115", "normal"),
        ("IM-0033-0001-0002.jpeg", "IM-0033", "normal"),
        ("NORMAL2-IM-0666-0001-0002.jpeg", "NORMAL2-IM-0666", "normal"),
    ],
)
def test_name_tells_patient_and_subtype(name, patient, subtype):
    assert parse_file_name(name) == ParsedName(patient=patient, subtype=subtype)


def test_bacterial_and_viral_patients_of_one_number_are_different_children():
    assert parse_file_name("person1_bacteria_2.jpeg").patient != parse_file_name("person1_virus_6.jpeg").patient


def test_normal_series_of_one_number_are_different_children():
    assert parse_file_name("IM-0666-0001.jpeg").patient != parse_file_name("NORMAL2-IM-0666-0001.jpeg").patient


@pytest.mark.parametrize(
    "name", ["scan 7.png", "person1.jpeg", "person_virus_1.jpeg", "IM-0115.jpeg", "xIM-0115-0001.png"]
)
def test_name_outside_the_grammar_is_not_guessed_at(name):
    assert parse_file_name(name) == ParsedName(patient="", subtype="")


digits = st.text("0123456789", min_size=1, max_size=5)
four = st.text("0123456789", min_size=4, max_size=4)


@given(digits, st.sampled_from(["bacteria", "virus"]), st.lists(digits, min_size=1, max_size=3))
def test_every_name_of_a_pneumonia_image_tells_its_patient(number, subtype, rest):
    name = f"train/PNEUMONIA/person{number}_{subtype}_{'_'.join(rest)}.jpeg"
    assert parse_file_name(name) == ParsedName(patient=f"{subtype}-person{number}", subtype=subtype)


@given(st.sampled_from(["", "NORMAL2-"]), four, st.lists(four, min_size=1, max_size=3))
def test_every_name_of_a_normal_image_tells_its_patient(series, number, rest):
    patient = f"{series}IM-{number}"
    assert parse_file_name(f"{patient}-{'-'.join(rest)}.jpeg") == ParsedName(patient=patient, subtype="normal")


@given(st.text(max_size=30))
def test_a_name_that_tells_a_subtype_tells_the_patient(name):
    parsed = parse_file_name(name)
    assert parsed.patient or not parsed.subtype


def test_a_name_of_chest_xray_14_tells_its_patient_and_no_finding():
    assert parse_file_name("NORMAL/00001305_001.jpeg") == ParsedName(patient="nih-00001305")
    assert parse_file_name("0001305_001.jpeg") == ParsedName()
