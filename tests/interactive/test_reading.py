"""What every page offers: tables that sort, figures that enlarge, listings that copy, records shown in place."""

import json

import pytest
from support.pages import write_page
from support.records import header_record

from pneumo.reporting import interactive
from pneumo.reporting.provenance import record_cards, record_list
from tools.variables import link

TABLE = """
| name | loss | time |
|---|---|---|
| b10 | −0.02 (−0.05 to 0.01) | 1 h 05 min |
| b9 | – | 9.5 s |
| a | 1\u202f234 | 2 min 31 s |
| c | 0.5 | 59 s |
"""

WIDE_TABLE = """
| network | note | AUC | sensitivity | specificity | accuracy |
|---|---|---|---|---|---|
| a | chosen on validation patients, with three seeds | 0.95 (0.93–0.97) | 0.95 (0.93–0.97) | 0.95 | 0.95 |
| b | – | 0.95 (0.93–0.97) | 0.95 (0.93–0.97) | 0.95 | 0.95 |
"""

GROUPED_TABLE = """
| item | place |
|---|---|
| **Title** | |
| b | Chapter 1 |
| **Methods** | |
| a | Chapter 2 |
"""

FIGURE = '![A caption](square.svg){#fig-x fig-alt="A square."}'

LISTING = "```bibtex\n@misc{pneumo}\n```"


RECORDS = [header_record("width", 0), header_record("height", 1), header_record("aspect", 2)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    (folder / "square.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40"/></svg>'
    )
    numbers = [link("0.951", RECORDS[0]), link("0.904 (0.9–0.91)", *RECORDS[:2])]
    numbers = [number.replace("/report/provenance.qmd", "") for number in numbers]  # here the list is on the page
    search = interactive.record_search().text
    parts = [
        "# A chapter",
        *numbers,
        TABLE,
        WIDE_TABLE,
        GROUPED_TABLE,
        FIGURE,
        LISTING,
        search,
        str(record_list(RECORDS)),
    ]
    return write_page(folder, "\n\n".join(parts) + "\n", cards=record_cards(RECORDS, project=folder))


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    browser.wait("document.querySelector('[data-started]') !== null")
    return browser


def first_column(browser) -> list[str]:
    return browser.run(
        "[...document.querySelector('main table').tBodies[0].rows].map((row) => row.cells[0].textContent)"
    )


def press_heading(browser, column: int) -> str:
    browser.run(f"document.querySelectorAll('main table .w-sort')[{column}].focus()")
    browser.press("Enter")
    return browser.run(f"document.querySelectorAll('main table th')[{column}].getAttribute('aria-sort')")


def test_a_column_of_numbers_sorts_by_them_up_down_and_back_with_what_is_missing_last(opened):
    seen = [(press_heading(opened, 1), first_column(opened)) for _ in range(3)]
    assert seen == [
        ("ascending", ["b10", "c", "a", "b9"]),
        ("descending", ["a", "c", "b10", "b9"]),
        ("none", ["b10", "b9", "a", "c"]),
    ]


def test_durations_sort_by_their_length(opened):
    press_heading(opened, 2)
    assert first_column(opened) == ["b9", "c", "a", "b10"]


def test_names_sort_as_people_count(opened):
    press_heading(opened, 0)
    assert first_column(opened) == ["a", "b9", "b10", "c"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.953 (0.938–0.967)", 0.953), ("79.5\u202f%", 79.5), ("< 0.001", 0.001), ("1 min 01 s", 61.0), ("4.2 s", 4.2)],
)
def test_a_cell_counts_as_the_number_with_which_it_begins(call, text, number):
    assert call("tables.js", f'numberIn("{text}")') == pytest.approx(number)


@pytest.mark.parametrize("text", ["2026-01-02", "3x3 kernel", "EfficientNet"])
def test_a_date_or_a_name_is_no_number(call, text):
    assert call("tables.js", f'Number.isNaN(numberIn("{text}"))')


def test_a_table_wider_than_the_screen_keeps_the_names_of_its_rows_in_sight_and_long_texts_readable(browser, page):
    browser.open(page, width=390)
    browser.wait("document.querySelector('table.w-held') !== null")
    row = "document.querySelector('table.w-held').tBodies[0].rows[0]"
    before = browser.run(f"{row}.cells[0].getBoundingClientRect().left")
    browser.run(f"void ({row}.closest('.table').scrollLeft = 200)")
    assert browser.run(f"{row}.cells[0].getBoundingClientRect().left") == before
    assert browser.run(f"{row}.cells[1].offsetWidth") >= 11 * 16
    assert browser.run("document.querySelectorAll('.w-words').length") == 1


def test_the_menu_of_a_narrow_screen_opens_where_the_reader_is(browser, page):
    browser.open(page, width=390)
    browser.run("document.documentElement.style.scrollBehavior = 'auto'; void scrollTo(0, document.body.scrollHeight)")
    assert browser.run("scrollY") > 100
    browser.run("document.querySelector('button.menu').click()")
    bar, menu = (
        browser.run(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
        for selector in (".bar", "#chapters")
    )
    assert (menu["top"], menu["bottom"]) == (pytest.approx(bar["bottom"], abs=1), pytest.approx(900, abs=1))


def test_a_table_whose_rows_have_headings_of_their_own_does_not_sort(opened):
    grouped = "[...document.querySelectorAll('main table')].find((each) => each.textContent.includes('Methods'))"
    assert opened.run(f"{grouped}.querySelector('.w-sort') === null")


def test_a_figure_opens_in_a_dialog_and_escape_gives_the_focus_back(opened):
    opened.run("document.querySelector('.w-enlarge').focus()")
    assert opened.run("document.activeElement.ariaLabel") == "Enlarge Figure\N{NO-BREAK SPACE}1.1"
    opened.press("Enter")
    assert opened.run("document.querySelector('dialog[open] img').alt") == "A square."
    opened.press("Escape")
    opened.wait("document.querySelector('dialog.w-dialog') === null")
    assert opened.run("document.activeElement.className") == "w-enlarge"


def test_a_figure_wider_than_the_screen_fades_until_it_is_scrolled_to_its_end(browser, page):
    browser.open(page, width=390)
    browser.wait("document.querySelector('.w-figure') !== null")
    scroller = "document.querySelector('.w-figure').parentElement"
    assert not browser.run(f"{scroller}.classList.contains('w-more')")
    browser.run(f"{scroller}.querySelector('img').style.cssText = 'width: 600px; max-width: none'")
    browser.run(f"{scroller}.querySelector('.w-figure').style.maxWidth = 'none'")
    browser.run(f"{scroller}.style.cssText = 'overflow-x: auto; height: 100px'")
    browser.wait(f"{scroller}.classList.contains('w-more')")
    browser.run(f"void ({scroller}.scrollLeft = 1000)")
    browser.wait(f"!{scroller}.classList.contains('w-more')")


def test_a_listing_copies_its_text(opened):
    opened.run("document.querySelector('.w-copy').focus()")
    opened.press("Enter")
    opened.wait("document.querySelector('.w-copy').textContent === 'Copied'")
    opened.run("document.querySelector('#record-search').focus()")
    opened.paste()
    assert opened.run("document.querySelector('#record-search').value").strip() == "@misc{pneumo}"


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        (">>> a = [\n...     1,\n... ]\n>>> a\n[1]\n", "a = [\n    1,\n]\na"),
        ("make test\n", "make test\n"),
        ("a = 1\n>>> a\n", "a = 1\n>>> a\n"),
    ],
)
def test_of_an_example_what_can_be_run_is_copied(call, text, copied):
    assert call("copy.js", f"runnable({json.dumps(text)})") == copied


def open_record(browser, number: int) -> dict[str, str]:
    """Press the n-th measured number with the keyboard; returns the dialog's facts by name."""
    browser.run(f"document.querySelectorAll('a.measured')[{number}].focus()")
    browser.press("Enter")
    browser.wait("document.querySelector('dialog[open]') !== null")
    return browser.run(
        "Object.fromEntries([...document.querySelectorAll('dialog dt')].map((name) =>"
        " [name.textContent, name.nextElementSibling.textContent]))"
    )


def test_a_number_of_one_record_shows_it_in_place(opened):
    facts = open_record(opened, 0)
    assert opened.run("document.querySelector('dialog h2').textContent") == "headers/width"
    assert facts["The number"] == "0.951"
    assert "model.field = width" in facts["Configuration"]
    assert (facts["Seeds"], facts["Versions"]) == ("0", "python 3.11.7")
    assert opened.run("document.querySelector('dialog p code').textContent") == "pneumo run headers/width"
    assert opened.run("location.hash") == ""


def test_a_number_of_several_records_shows_those_and_no_other_of_their_group(opened):
    facts = open_record(opened, 1)
    assert facts["Seeds"] == "0; 1"
    assert "model.field" not in facts["Shared configuration"]
    rows = opened.run("[...document.querySelectorAll('dialog tbody tr')].map((row) => row.cells[1].textContent)")
    assert rows == ["field = width, seed = 0", "field = height, seed = 1"]
    assert opened.run("document.querySelector('dialog p code').textContent") == "pneumo run headers"


def search_records(browser, words: str) -> list[str]:
    browser.run(
        f"(() => {{ const field = document.querySelector('#record-search'); field.value = {json.dumps(words)};"
        " field.dispatchEvent(new Event('input')); })()"
    )
    return browser.run("[...document.querySelectorAll('[data-widget] li a')].map((a) => a.textContent)")


def test_a_setting_is_searched_with_its_whole_value(opened):
    assert search_records(opened, "field=width") == ["headers/width"]
    assert search_records(opened, "field = wid") == []
    assert search_records(opened, "wid") == ["headers/width"]


def test_the_list_is_searched_by_any_words_of_a_record(opened):
    assert search_records(opened, "HEADERS height") == ["headers/height"]
    opened.run("document.querySelector('[data-widget] li a').click()")
    opened.wait("document.querySelector('dialog[open]') !== null")
    assert opened.run("document.querySelector('dialog h2').textContent") == "headers/height"


def test_a_number_leads_to_the_list_where_the_cards_cannot_be_read(browser, page):
    cards = page.parent / "assets/interactive/record-cards.js"
    text = cards.read_text(encoding="utf-8")
    cards.unlink()
    try:
        browser.open(page)
        browser.run("document.querySelector('a.measured').click()")
        browser.wait(f"location.hash === '#{RECORDS[0].anchor}'")
    finally:
        cards.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_has_no_error_and_does_not_scroll_sideways(browser, page, width):
    browser.open(page, width=width)
    browser.wait("document.querySelector('[data-started]') !== null")
    assert browser.errors == []
    assert browser.run("document.documentElement.scrollWidth") <= width
