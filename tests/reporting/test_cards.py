from support.records import make_record

from pneumo.reporting.cards import data_sheet, model_card


def test_the_numbers_of_a_model_card_are_those_of_the_record():
    """Three of four pairs are in order, and both positives and one negative lie on the right side of one half."""
    card = model_card(make_record(scores=[-2.0, 1.5, 1.0, 3.0]))
    assert "| AUC | 0.8 (" in card
    assert "| sensitivity | 1.000 (" in card
    assert "| specificity | 0.5 (" in card
    assert "Research only, not a medical device" in card
    assert "Any decision about a patient" in card


def test_statements_of_the_caller_stand_in_the_card():
    assert "| Intended use | teaching |" in model_card(make_record(), {"Intended use": "teaching"})


def test_a_data_sheet_counts_images_and_patients_and_knows_the_catalogue():
    sheet = data_sheet(make_record(labels=[0, 0, 0, 1], patients=["a", "a", "b", "c"]))
    assert "| Licence | MIT |" in sheet  # of the phantom
    assert "| test | normal |  | 3 | 2 |" in sheet
    assert "| test | all |  | 4 | 3 |" in sheet


def test_where_patients_are_unknown_the_sheet_says_so():
    sheet = data_sheet(make_record(patients=[""] * 4), ("healthy", "ill"))
    assert "| Patients | unknown |" in sheet
    assert "| test | healthy |  | 2 | – |" in sheet
