"""The numbers in the prose of the book."""

import re

import pytest

from pneumo import experiments, records, tables
from pneumo.analysis import summaries
from tools import variables

MEASURES = ("validation_loss", "stressed_auc", "gap", "loss_gap")


@pytest.mark.parametrize("group", ["detail", "augmentation"])
def test_the_text_rounds_an_interval_as_the_table_beside_it_does(group, monkeypatch):
    monkeypatch.setenv("PNEUMO_RECORDS", str(variables.ROOT / "records"))
    chosen = experiments.find_experiments(group)
    values = variables.compared(chosen)
    for share in {each.data.fraction for each in chosen}:
        of_share = summaries.records_by_model(records.get(each) for each in chosen if each.data.fraction == share)
        table = dashed(str(tables.markdown(tables.comparison(of_share, MEASURES))))
        for variant in of_share:
            for measure in MEASURES:
                (text,) = re.findall(r"\[(.*?)\]\(", values[variables.variable_name(variant)][measure])
                assert f"| {dashed(text)} |" in table


def dashed(text: str) -> str:
    """Intervals with a dash, which a column with a minus does without, and cells without padding."""
    return re.sub(r" +", " ", text.replace("\u00a0to\u00a0", "–"))
