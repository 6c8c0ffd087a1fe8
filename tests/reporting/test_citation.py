"""How to cite the project, from a citation file written by hand."""

from pneumo.reporting import citation

FILE = """\
title: "A title"
version: 1.2.0
authors:
  - name: The authors
  - family-names: Curie
    given-names: Marie
"""


def test_an_unreleased_version_has_no_year(tmp_path):
    (tmp_path / "CITATION.cff").write_text(FILE)
    assert str(citation.bibtex(tmp_path / "CITATION.cff")).splitlines() == [
        "```",
        "@software{pneumo,",
        "  title   = {A title},",
        "  author  = {{The authors} and Curie, Marie},",
        "  version = {1.2.0},",
        "  note    = {Unreleased version},",
        "}",
        "```",
    ]
    assert citation.version(tmp_path / "CITATION.cff") == "1.2.0 (unreleased)"


def test_a_released_version_has_its_year_and_its_doi(tmp_path):
    (tmp_path / "CITATION.cff").write_text(FILE + "date-released: 2027-03-04\ndoi: 10.1/x\n")
    text = str(citation.bibtex(tmp_path / "CITATION.cff"))
    assert "  year    = {2027}," in text
    assert "  doi     = {10.1/x}," in text
    assert citation.version(tmp_path / "CITATION.cff") == "1.2.0 (2027-03-04)"
