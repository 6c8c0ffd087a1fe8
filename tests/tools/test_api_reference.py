import re
from typing import NamedTuple

import pytest

from pneumo import augment
from tools import api_reference
from tools.api_reference import PACKAGES, docstring_markdown, documented, public, signature, write_pages


def example(images: list[int], *, size: int = 3, rule: str = "a") -> str:
    """Summary with $PNEUMO_DATA and [0, 1].

    images: of a kind, see `pneumo.data.load`. size: side.
        Indented lines go on.
    rule: "a_b" or another*.
    Raises ValueError for others.

        image    str, unique

    1. one
    2. two
       and more

    >>> example([1])
    'x'
    """
    return "x"


def test_a_docstring_becomes_markdown_that_means_the_same():
    link = {"pneumo.data.load": "/report/api-data.qmd#x"}
    assert docstring_markdown(example, link).split("\n\n") == [
        "Summary with \\$PNEUMO\\_DATA and \\[0, 1\\].",
        "- `images`: of a kind, see [`pneumo.data.load`](/report/api-data.qmd#x).\n"
        "- `size`: side. Indented lines go on.\n"
        '- `rule`: "a\\_b" or another\\*.',
        "Raises ValueError for others.",
        "```text\nimage    str, unique\n```",
        "1. one\n2. two and more",
        "```python\n>>> example([1])\n'x'\n```",
    ]


class Cost(NamedTuple):
    """sums: of the network, which go on
    in the next line. products: of one image.
    """

    sums: int
    products: float


def test_each_argument_has_a_line_and_a_sentence_that_goes_on_stays_in_it():
    assert docstring_markdown(Cost, {}) == (
        "- `sums`: of the network, which go on in the next line.\n- `products`: of one image."
    )
    assert signature("Cost", Cost) == "Cost(sums: int, products: float)"


def test_an_indented_table_becomes_a_list_below_its_argument_or_sentence():
    text = """table: one row an image, columns
    image    str, unique, such as
             "a.jpeg"
    split    "train" or "test"
source: reads pixels.

Returns the columns
    area            of the mask
    maximum inside  share
It is sorted."""
    assert list(api_reference._blocks(text, {})) == [
        '- `table`: one row an image, columns\n    - `image`: str, unique, such as "a.jpeg"\n'
        '    - `split`: "train" or "test"\n- `source`: reads pixels.',
        "Returns the columns\n\n- `area`: of the mask\n- `maximum inside`: share",
        "It is sorted.",
    ]


def test_an_example_of_a_package_is_code_and_a_sentence_is_not():
    blocks = list(api_reference._blocks('a = load("x")\nprint(a)\n\nOne sentence.\n\nsee', {}))
    assert blocks == ['```python\na = load("x")\nprint(a)\n```', "One sentence.", "see"]
    assert list(api_reference._blocks("    a = load()", {})) == ["```python\na = load()\n```"]


def test_a_list_of_dashes_stays_a_list():
    text = "- One part,\n  which goes on.\n- Another."
    assert list(api_reference._blocks(text, {})) == ["- One part, which goes on.\n- Another."]


def test_a_signature_says_what_is_given_by_name_alone():
    expected = "example(images: list[int], *, size: int = 3, rule: str = 'a') -> str"
    assert signature("example", example) == expected
    assert signature("Augmentation", augment.Augmentation).startswith(
        "Augmentation(\n    *,\n    rotation_range: float"
    )


def test_every_public_function_and_class_is_on_one_page():
    entries = documented()
    assert entries.keys() == PACKAGES.keys()
    shown = [id(value) for each in entries.values() for value in each.values()]
    assert len(shown) == len(set(shown))
    everything = {id(value) for package in PACKAGES for value in public(api_reference._module(package)).values()}
    assert everything == set(shown)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    project = tmp_path_factory.mktemp("book")
    write_pages(project)
    return project / api_reference.API_FOLDER


def test_every_page_has_its_headings_and_no_anchor_twice(pages):
    anchors = []
    for package, entries in documented().items():
        text = (pages / f"{package}.md").read_text(encoding="utf-8")
        assert text.startswith(f"## {package} {{#")
        found = re.findall(r"^###? .*\{#(\S+?)[ }]", text, flags=re.M)
        assert len(found) == 1 + len(entries)
        anchors += found
    assert len(anchors) == len(set(anchors))


def test_the_pdf_has_the_heading_and_the_summary_of_each_package_and_no_link_to_what_it_leaves_out(pages):
    for package in PACKAGES:
        in_pdf, *rest = (pages / f"{package}.md").read_text(encoding="utf-8").split(f"\n{api_reference.NOT_IN_PDF}\n")
        assert len(in_pdf.strip().split("\n\n")) == 2
        assert "](" not in in_pdf
        assert [text.find("\n:::\n") for text in rest] == [len(rest[0]) - len("\n:::\n")]


def test_every_link_leads_to_an_anchor_of_an_appendix_in_the_book(pages):
    texts = {package: (pages / f"{package}.md").read_text(encoding="utf-8") for package in PACKAGES}
    for text in texts.values():
        for chapter, anchor in re.findall(r"\]\(/report/([\w-]+)\.qmd#(\S+?)\)", text):
            assert any(f"{{#{anchor}" in texts[package] for package, name in PACKAGES.items() if name == chapter)


def test_every_package_is_shown_by_its_appendix_and_the_appendix_is_in_the_book(pages):
    root = api_reference.Path(api_reference.__file__).parents[1]
    book = (root / "_quarto.yml").read_text(encoding="utf-8")
    for package, chapter in PACKAGES.items():
        assert f"report/{chapter}.qmd" in book
        assert f'page("_api/{package}.md")' in (root / f"report/{chapter}.qmd").read_text(encoding="utf-8")


def test_pages_are_written_again_only_where_the_code_has_changed(pages, monkeypatch):
    monkeypatch.setattr(api_reference, "package_markdown", None)
    write_pages(pages.parent)
