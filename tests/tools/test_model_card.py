from pneumo import records
from pneumo.inference.model import SHIPPED_MODEL_PATH
from tools import model_card

CHAPTER = """\
| other | table |
|---|---|
| a | b |

Text.

| | |
|---|---|
| Model | A network [@tan2019; @liu2020], see [training](/report/x.qmd#sec-x). |
| Results | AUC {{< var a.test.auc >}}. |

: Model card. {#tbl-model-card}
"""


def test_the_statements_of_the_chapter_become_plain_markdown():
    values = {"a": {"test": {"auc": "[0.98 (0.97–0.99)](/report/provenance.qmd#rec){.measured}"}}}
    assert model_card.statements(CHAPTER, values) == {
        "Model": "A network, see training.",
        "Results": "AUC 0.98 (0.97–0.99).",
    }


def test_the_files_beside_the_weights_are_what_the_book_and_the_record_say(monkeypatch):
    """Where this fails: python -m tools.model_card"""
    monkeypatch.setenv("PNEUMO_RECORDS", str(records.published_folder()))
    for name, text in model_card.files().items():
        assert (SHIPPED_MODEL_PATH.parent / name).read_text(encoding="utf-8") == text
