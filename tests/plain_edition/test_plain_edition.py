"""The plain edition renders a small book that holds every construct of its subset."""

import html
import json
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import pytest

from plain_edition import check, pandoc
from plain_edition.book import load
from plain_edition.build import build, build_chapter
from plain_edition.markdown import Picture
from tools import cell_cache
from tools.chapters import parse
from tools.errors import BuildError

pytestmark = pytest.mark.timeout(0)  # kernels start slowly on a busy machine

ROOT = Path(__file__).parents[2]
FIXTURE = Path(__file__).parent / "small_book"
CHAPTERS = [ROOT / "index.qmd", *sorted((ROOT / "report").glob("*.qmd"))]


def text_of(page: Path) -> str:
    """A page's words without its tags."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def copy_fixture(folder: Path) -> Path:
    project = folder / "book"
    shutil.copytree(FIXTURE, project)
    return project


def write_small_book(folder: Path, chapter: str) -> Path:
    """A book of one chapter."""
    (folder / "_quarto.yml").write_text("book:\n  title: Small\n  chapters: [index.qmd]\n", encoding="utf-8")
    (folder / "index.qmd").write_text(chapter, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The fixture book, rendered once for the tests that only read it."""
    folder = copy_fixture(tmp_path_factory.mktemp("plain"))
    build(folder)
    return folder


def test_a_formula_stays_on_the_line_of_what_touches_it():
    typography = ROOT / "report/theme/typography.lua"
    text = "See ($x$), $y$ and 95 % of $z$-scores."
    written = pandoc.run(["--to=html", "--wrap=none", f"--lua-filter={typography}"], text, where="a text")
    formula = '<span class="math inline"><em>{}</em></span>'.format
    assert written.strip() == (
        f'<p>See <span class="together">({formula("x")}),</span> {formula("y")} and 95\N{NO-BREAK SPACE}% of '
        f'<span class="together">{formula("z")}-scores.</span></p>'
    )


@pytest.fixture(scope="module")
def numbers(project):
    return (project / "_book/report/numbers.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def links(project):
    return (project / "_book/report/links.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pdf(project):
    """The PDF's objects with their streams unpacked."""
    packed = (project / "_book/Fixture.pdf").read_bytes()
    unpacked = [packed]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", packed, re.DOTALL):
        try:
            unpacked.append(zlib.decompress(stream))
        except zlib.error:
            continue  # a font or a picture in another packing
    return b"".join(unpacked)


# Numbers and references


def test_references_carry_the_number_of_their_chapter(project):
    text = text_of(project / "_book/report/numbers.html")
    assert "Figure 1.1, Table 1.1 and Equation 1.1 are numbered by chapter" in text


def test_a_part_of_a_figure_is_referred_to_by_its_letter(project):
    assert "Figure 1.2 (b) is a part of Figure 1.2" in text_of(project / "_book/report/numbers.html")


def test_a_bracketed_minus_refers_by_the_number_alone(project):
    assert "and 1.1 is a number alone Figure 1.1, Figure 1.2." in text_of(project / "_book/report/numbers.html")


def test_a_reference_to_another_chapter_links_to_its_page(links):
    assert '<a href="numbers.html#fig-line" class="reference">Figure\N{NO-BREAK SPACE}1.1</a>' in links


def test_an_unnumbered_chapter_takes_no_number(project):
    sidebar = re.findall(r'class="number">(\d*)</span><span>([^<]*)<', (project / "_book/index.html").read_text())
    assert sidebar == [("", "About this book"), ("1", "Numbers &amp; names"), ("2", "Links and boxes")]


def test_a_heading_printed_by_a_cell_is_numbered_after_those_of_the_text(numbers):
    assert re.search(r'<h3 id="sec-printed"><span class="heading-number">1\.1\.2</span> Printed heading</h3>', numbers)


def test_an_equation_inside_a_paragraph_stands_on_its_own_with_its_number(numbers):
    equation = re.search(r'<p>Youden’s index.*? is</p>\s*<div id="eq-youden".*?</div>', numbers, re.DOTALL)[0]
    assert "<math" in equation
    assert '<span class="equation-number">(1.1)</span>' in equation


def test_the_pdf_numbers_headings_as_the_site_does(pdf):
    titles = re.findall(rb"/Title ?\(([^)]*)\)", pdf)
    assert {b"1 Numbers & names", b"1.1 Counting things", b"1.1.2 Printed heading", b"2.2.1 Record 3f2a"} <= set(titles)


# Figures and tables


def test_a_cells_caption_holds_the_variables_link_to_its_record(numbers):
    caption = re.search(r"<figcaption>(.*?A rising line.*?)</figcaption>", numbers)[1]
    assert '<a href="links.html#rec-3f2a" class="measured">0.953</a>' in caption


def test_alternative_texts_reach_the_page(numbers):
    assert 'alt="A line that rises from &quot;0&quot; to 3."' in numbers


def test_alternative_texts_reach_the_pdf(pdf):
    texts = set(re.findall(rb"/Alt ?\(([^)]*)\)", pdf))
    assert {b'A line that rises from "0" to 3.', b"A falling line.", b"The same teal square."} <= texts


def test_a_retina_figure_is_shown_at_half_its_pixels(project, numbers):
    picture = (project / "_book/report/numbers_files/fig-line-1.png").read_bytes()
    pixels = int.from_bytes(picture[16:20], "big")  # the width in a PNG's header
    shown = int(re.search(r'fig-line-1.png"[^>]* width="(\d+)"', numbers)[1])
    assert shown == pixels // 2


def test_a_picture_says_whether_a_phone_shows_it_whole_and_whether_it_is_a_drawing():
    narrow = Picture(path="a.svg", width=300, is_drawing=True)
    assert narrow.markdown("Line") == '![](a.svg){fig-alt="Line" width="300px" .narrow .drawing}'
    assert Picture(path="a.svg", width=700).markdown("Line") == '![](a.svg){fig-alt="Line" width="700px"}'


def test_a_markdown_table_of_a_cell_is_a_table_with_a_caption(numbers):
    table = re.search(r'<figure id="tbl-seeds".*?</figure>', numbers, re.DOTALL)[0]
    assert "Table\N{NO-BREAK SPACE}1.2:" in table
    assert re.search(r"<td[^>]*>0.951</td>", table)


def test_a_path_from_the_root_finds_an_image_of_the_project(project, links):
    assert links.count('src="../square.svg"') == 3
    assert (project / "_book/square.svg").is_file()


# Text, code and boxes


def test_kernels_get_the_environment_file_and_run_in_the_project(project):
    assert "good day book" in text_of(project / "_book/report/numbers.html")


def test_code_folds_unless_a_cell_says_otherwise(numbers):
    assert re.findall(r'<details class="code"( open)?><summary>Show the code</summary>', numbers) == ["", " open", ""]


def test_a_hidden_cell_leaves_no_trace(numbers):
    assert "computed, not shown" not in numbers


def test_conditions_on_format_and_profile_hold(project, pdf):
    text = text_of(project / "_book/report/links.html")
    assert ("Only on the page." in text, "Only in the PDF." in text) == (True, False)
    assert ("Only in the real thing." in text, "Only in the demonstration." in text) == (True, False)
    assert ("A name of the page" in text, b"A name of the page" in pdf) == (True, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## Numbered {#here}", 'holds a numbered heading or a label: "Numbered"'),
        (
            "## Its own {#here .unnumbered}\n:::\n\n::: {.callout-note}\nSee [there](#here).",
            "broken link to #here in the PDF",
        ),
    ],
)
def test_what_the_pdf_lacks_is_neither_numbered_nor_linked_from_it(tmp_path, text, message):
    chapter = f'# One\n\n::: {{.content-visible when-format="html"}}\n{text}\n:::\n'
    with pytest.raises(BuildError, match=message):
        build(write_small_book(tmp_path, chapter), to="pdf")


def test_a_callout_shows_its_title_with_its_markup(links):
    assert re.search(r'class="callout callout-tip".*?A <em>tip</em> with a title', links, re.DOTALL)


def test_a_collapsed_callout_folds(links):
    assert '<details class="callout callout-caution">' in links


def test_a_triple_brace_shows_a_shortcode(links):
    assert "<code>{{&lt; var name &gt;}}</code>" in links


def test_citations_are_listed_below_their_chapter(project):
    text = text_of(project / "_book/report/numbers.html")
    assert "(Kermany and Goldbaum 2018; see Youden 1950)" in text
    assert "Index for Rating Diagnostic Tests" in text


def test_every_local_link_of_the_site_has_a_target(project):
    site = project / "_book"
    for page in site.rglob("*.html"):
        for target in re.findall(r'(?:href|src)="(?!https?:|data:)([^"]*)"', page.read_text(encoding="utf-8")):
            path, _, identifier = target.partition("#")
            file = (page.parent / path) if path else page
            assert file.exists(), f"{page}: {target}"
            assert not identifier or f'id="{identifier}"' in file.read_text(encoding="utf-8"), f"{page}: {target}"


def test_no_identifier_stands_on_a_page_twice(project):
    for page in (project / "_book").rglob("*.html"):
        identifiers = re.findall(r'\sid="([^"]*)"', page.read_text(encoding="utf-8"))
        assert len(identifiers) == len(set(identifiers)), page


def test_parts_and_appendices_stand_in_the_sidebar_and_appendices_have_letters(tmp_path):
    for name in ("one", "two", "end"):
        (tmp_path / f"{name}.qmd").write_text(f"# Chapter {name} {{#sec-{name}}}\n\nSee @sec-end.\n")
    settings = (
        "book:\n  title: Small\n  chapters: [one.qmd, {part: A part, chapters: [two.qmd]}]\n  appendices: [end.qmd]\n"
    )
    (tmp_path / "_quarto.yml").write_text(settings)
    build(tmp_path, to="html")
    page = (tmp_path / "_book/two.html").read_text(encoding="utf-8")
    assert re.findall(r'<li class="part">([^<]*)<|class="number">([^<]*)<', page) == [
        ("", "1"), ("A part", ""), ("", "2"), ("Appendices", ""), ("", "A"),
    ]  # fmt: skip
    assert "See Appendix A." in text_of(tmp_path / "_book/two.html")


def test_the_search_knows_every_section_and_its_words(project):
    script = (project / "_book/assets/search-index.js").read_text(encoding="utf-8")
    entries = json.loads(script.removeprefix("window.searchIndex = ").rstrip(";\n"))
    assert ["1 Numbers & names", "1.1 Counting things", "report/numbers.html#sec-counting"] in [e[:3] for e in entries]
    (text,) = [text for _, section, _, text in entries if section.endswith("Counting things")]
    assert "Youden’s index, with the counts of a confusion matrix" in text


def test_previews_say_what_a_reference_to_another_page_points_at(project):
    script = (project / "_book/assets/previews-index.js").read_text(encoding="utf-8")
    texts = json.loads(script.removeprefix("window.previewTexts = ").rstrip(";\n"))
    assert texts["fig-line"].startswith("Figure 1.1: A rising line")
    assert texts["tbl-counts"].startswith("Table 1.1: Images by split")
    assert texts["sec-counting"].startswith("1.1 Counting things: Figure 1.1, Table 1.1 and")


def test_a_page_links_to_the_notebook_of_its_chapter_where_there_is_one(project, tmp_path):
    copy = Path(shutil.copytree(project, tmp_path / "book"))
    links = {"report/numbers.qmd": [{"text": "As a notebook", "href": "../notebooks/numbers.ipynb"}]}
    (copy / "notebooks").mkdir()
    (copy / "notebooks/links.json").write_text(json.dumps(links))
    build(copy, to="html")
    line = '<a href="../notebooks/numbers.ipynb">As a notebook</a>'
    assert line in (copy / "_book/report/numbers.html").read_text(encoding="utf-8")
    assert "notebook" not in (copy / "_book/report/links.html").read_text(encoding="utf-8")


def test_one_chapter_is_rendered_alone_with_the_numbers_of_the_others(project, tmp_path):
    copy = Path(shutil.copytree(project, tmp_path / "book"))
    chapter = copy / "report/links.qmd"
    chapter.write_text(chapter.read_text() + "\n## New {#sec-new}\n\nSee @fig-line and @sec-new.\n")
    others = {path: path.read_bytes() for path in copy.glob("_book/**/*.html") if path.stem != "links"}
    assert build_chapter(copy, "links") == copy / "_book/report/links.html"
    assert "See Figure 1.1 and Section 2.3." in text_of(copy / "_book/report/links.html")
    assert {path: path.read_bytes() for path in others} == others


def test_a_chapter_that_there_is_not_is_named_with_a_close_one(project):
    with pytest.raises(BuildError, match=r"nubmers is no chapter of _quarto.yml; did you mean numbers\?"):
        build_chapter(project, "nubmers")


def test_a_page_links_to_the_repository_where_an_address_is_configured(tmp_path):
    project = write_small_book(tmp_path, "# One\n\nText.\n")
    with (project / "_quarto.yml").open("a") as settings:
        settings.write("  repo-url: https://example.org/a/b\n  repo-actions: [edit, issue]\n")
    build(project, to="html")
    page = (project / "_book/index.html").read_text()
    assert 'href="https://example.org/a/b/edit/main/index.qmd"' in page
    assert 'href="https://example.org/a/b/issues/new?title=Mistake%20in%20index.qmd"' in page


def test_an_epub_holds_every_chapter_and_its_links_stay_inside(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.qmd").write_text(f"# Chapter {name} {{#sec-{name}}}\n\nSee @sec-one and [two](two.qmd).\n")
    (tmp_path / "_quarto.yml").write_text(
        "book: {title: Small, chapters: [one.qmd, two.qmd], downloads: [pdf, epub]}\n"
    )
    made = build(tmp_path)
    assert [path.name for path in made] == ["index.html", "Small.epub", "Small.pdf"]
    with zipfile.ZipFile(tmp_path / "_book/Small.epub") as book:
        pages = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xhtml"))
    assert "Chapter one" in pages
    assert "Chapter two" in pages
    assert ".qmd" not in pages
    assert "two.html" not in pages


def test_pages_name_their_neighbours(numbers):
    assert 'rel="prev" href="../index.html"' in numbers
    assert 'rel="next" href="links.html"' in numbers


# Profiles, cache and pre-render


def test_a_second_render_starts_no_kernel(project, monkeypatch):
    monkeypatch.setattr("plain_edition.execute.NotebookClient", None)
    assert build(project, to="html") == [project / "_book/index.html"]


def test_the_site_holds_resources_and_every_page_loads_what_a_pre_render_script_left(tmp_path):
    project = write_small_book(tmp_path, "# One\n")
    settings = project / "_quarto.yml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + "project:\n  resources: [records/**/*.*]\n", encoding="utf-8"
    )
    for name in ("records/a/b.json", "_interactive/interactive.js", "_interactive/interactive.css"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("{}", encoding="utf-8")
    build(project, to="html")
    page = (project / "_book/index.html").read_text(encoding="utf-8")
    assert (project / "_book/records/a/b.json").read_text(encoding="utf-8") == "{}"
    for name in ("interactive.js", "interactive.css"):
        assert f'"assets/interactive/{name}"' in page
        assert (project / "_book/assets/interactive" / name).is_file()


def test_each_chapter_is_told_of_when_it_begins_and_when_it_ends(tmp_path, capsys):
    project = write_small_book(tmp_path, "# One\n\n```{python}\nprint(1)\n```\n")
    build(project, to="html")
    build(project, to="html")
    told = [line for line in capsys.readouterr().out.splitlines() if "index.qmd" in line]
    assert [re.sub(r"[\d.]+ s", "N s", line) for line in told] == [
        "[1/1] index.qmd: executing",
        "[1/1] index.qmd: executed, N s",
        "[1/1] index.qmd: from the cache, N s",
    ]


def test_a_new_caption_executes_nothing_again(project, tmp_path, monkeypatch):
    copy = Path(shutil.copytree(project, tmp_path / "book"))
    chapter = copy / "report/numbers.qmd"
    chapter.write_text(chapter.read_text().replace("A rising line;", "A steeper line;"))
    monkeypatch.setattr("plain_edition.execute.NotebookClient", None)
    build(copy, to="html")
    assert "A steeper line;" in (copy / "_book/report/numbers.html").read_text()


def test_dropping_a_chapter_forgets_its_executed_notebook(project, tmp_path):
    copy = Path(shutil.copytree(project, tmp_path / "book"))
    folder = cell_cache.folder(copy, PurePosixPath("report/numbers.qmd"), {})
    assert cell_cache.drop(folder, PurePosixPath("report/numbers.qmd")) == 1
    assert cell_cache.drop(folder, PurePosixPath("report/numbers.qmd")) == 0


def test_a_profile_has_its_own_output_cache_and_banner(tmp_path):
    project = write_small_book(tmp_path, "# One\n")
    (project / "_quarto-demo.yml").write_text(
        "project:\n  output-dir: _book-demo\nwebsite:\n  announcement: '**Synthetic**'\n"
    )
    (project / "_environment-demo").write_text("JUPYTERCACHE=elsewhere\n")
    book = load(project, "demo")
    assert cell_cache.folder(project, book.chapters[0], book.environment) == project / "elsewhere"
    build(project, profile="demo", to="html")
    page = (project / "_book-demo/index.html").read_text()
    assert '<p class="banner" role="note"><strong>Synthetic</strong></p>' in page


def test_a_failing_pre_render_script_stops_the_render(tmp_path):
    project = write_small_book(tmp_path, "# One\n")
    with (project / "_quarto.yml").open("a") as settings:
        settings.write("project:\n  pre-render: python -c 'raise SystemExit(3)'\n")
    with pytest.raises(BuildError, match="raise SystemExit.3..` ended with status 3"):
        build(project)


# What stops a render


def test_a_failing_cell_names_chapter_line_cell_and_error(tmp_path):
    chapter = "# One\n\n```{python}\n#| label: division\ncount = 0\n1 / count\n```\n"
    with pytest.raises(BuildError) as failure:
        build(write_small_book(tmp_path, chapter))
    assert str(failure.value).splitlines()[0] == (
        "index.qmd:6: cell 1 (division) failed at `1 / count`: ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("See @fig-none.", "index.qmd:3: unresolved reference @fig-none"),
        ("See [@nobody1999].", "index.qmd:3: missing citation @nobody1999"),
        ("\nIt is {{< var a.b >}}.", "index.qmd:4: missing variable a.b"),
        ("Go [there](report/none.qmd).", "index.qmd: broken link to report/none.qmd: no such chapter"),
        ("Go [there](#nowhere).", "index.qmd: broken link to #nowhere: index.qmd has no such identifier"),
        ("![What](none.png)", "index.qmd: the image none.png does not exist"),
        ("![](none.png)", "index.qmd: the image none.png has no alternative text"),
        ("## A {#sec-a}\n\n## B {#sec-a}", "index.qmd: Duplicate identifier 'sec-a'"),
        ("# Another", 'index.qmd: a second level-1 heading, "Another"'),
    ],
)
def test_what_does_not_resolve_stops_the_render_by_name(tmp_path, text, message):
    with pytest.raises(BuildError) as failure:
        build(write_small_book(tmp_path, f"# One\n\n{text}\n"), to="html")
    assert message in str(failure.value)


def test_everything_missing_is_reported_together_with_its_line_and_a_close_name(tmp_path):
    (tmp_path / "_variables.yml").write_text("cnn: {auc: '0.9'}\n")
    chapter = "# One\n\nIt is {{< var cnn.acu >}}, see @sec-metods.\n\n## Methods {#sec-methods}\n\nBy @nobody1999.\n"
    with pytest.raises(BuildError) as failure:
        build(write_small_book(tmp_path, chapter), to="html")
    assert sorted(failure.value.problems) == [
        "index.qmd:3: missing variable cnn.acu; did you mean cnn.auc?",
        "index.qmd:3: unresolved reference @sec-metods; did you mean sec-methods?",
        "index.qmd:7: missing citation @nobody1999",
    ]


def test_a_failed_render_leaves_the_book_before_it_alone(tmp_path):
    build(write_small_book(tmp_path, "# One\n\nThe first.\n"), to="html")
    with pytest.raises(BuildError):
        build(write_small_book(tmp_path, "# One\n\nThe second, see @fig-none.\n"), to="html")
    assert "The first." in (tmp_path / "_book/index.html").read_text()


# The subset


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.name)
def test_every_chapter_of_the_book_keeps_to_the_subset(chapter):
    assert check.check(chapter) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{< include other.qmd >}}", "x.qmd:1: shortcode include, unlike var, is not supported"),
        ("Text\n\n<table>", "x.qmd:3: raw HTML <table>, which vanishes in the PDF is not supported"),
        ("::: {.column-margin}\n:::", "x.qmd:1: class column-margin is not supported"),
        ("::: {.my-box}\n:::", "x.qmd:1: a div of class my-box is not supported"),
        ('::: {.content-visible when-format="epub"}', "x.qmd:1: when-format='epub' is not supported"),
        ('::: {.content-visible when-format="pdf"}', "x.qmd:1: when-format='pdf' means LaTeX to Quarto; use typst"),
        ("```{r}\n1\n```", "x.qmd:1: code block {r}; only {python} cells and plain listings are known"),
        ("An area of `{python} area`", "x.qmd:1: inline code to execute"),
        ("It takes {{< var batch.008.seconds >}} s", "x.qmd:1: {{< var batch.008.seconds >}}, of which Quarto takes"),
        ("The option `{{< var a >}}`", "x.qmd:1: a shortcode in inline code"),
        ("One\n\n::: {#a}\ntwo", "x.qmd:3: the div is never closed"),
        ("One\n\n:::", "x.qmd:3: ::: closes a div that was never opened"),
        ("```python\nx = 1", "x.qmd:2: a code block opened with ``` is never closed"),
        ("---\nformat: pdf\n---\n", "x.qmd:1: front matter 'format' is not supported"),
        ("```{python}\n#| column: margin\n1\n```", "x.qmd:1: cell option 'column' is not supported"),
        ("```{python}\n#| echo: maybe\n1\n```", "x.qmd:1: cell option echo: 'maybe' is not true or false"),
        ("```{python}\n#| label: fig-a\n#| fig-cap: A\n1\n```", "x.qmd:1: fig-a has no fig-alt"),
        ("```{python}\n#| label: tbl-a\n1\n```", "x.qmd:1: tbl-a has no tbl-cap"),
        ("```{python}\n#| label: [\n1\n```", "x.qmd:1: the cell's options are not YAML"),
    ],
)
def test_what_the_subset_lacks_is_named_with_its_line(text, problem):
    found = check.problems(parse(text, PurePosixPath("x.qmd")))
    assert [line for line in found if line.startswith(problem)], found


@pytest.mark.parametrize(
    "text",
    [
        "A mean < 3 and > 1, `<b>` in code, and $a<b>c$ in mathematics.",
        "$$\n\\begin{aligned} a &< b \\end{aligned}\n$$",
        "<https://doi.org/10.17632/rscbjbr9sj>",
        "````\n```{r}\n<table>\n```\n````",
        "::: callout-note\nA note.\n:::",
    ],
)
def test_what_only_looks_refused_is_allowed(text):
    assert check.problems(parse(text, PurePosixPath("x.qmd"))) == []
