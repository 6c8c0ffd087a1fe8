"""What the site's search and its previews know of the pages: their sections as text, and what references point at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

HEADINGS = ("h1", "h2", "h3")
SKIPPED = ("script", "style", "nav", "pre", "math", "summary", "button")
"""Elements whose text nobody searches for."""

VOID = ("img", "br", "hr", "meta", "link", "input", "col", "source", "wbr")
PREVIEW_LETTERS = 420
"""Length of a preview of a target on another page."""


@dataclass(kw_only=True)
class Section:
    """A part of a page from one heading to the next. target: of a link from the site's root. identifier: its own."""

    target: str
    identifier: str = ""
    title: str = ""
    text: str = ""


@dataclass(kw_only=True)
class Page:
    """title: of the page. sections: in order. previews: text by identifier, of figures, tables, sections, terms."""

    title: str = ""
    sections: list[Section] = field(default_factory=list)
    previews: dict[str, str] = field(default_factory=dict)


def read_page(html: str, path: str) -> Page:
    """The sections and previews of a page of the site. path: from the site's root.

    Only what is inside <article> counts.
    """
    parser = _ArticleParser(path)
    parser.feed(html)
    parser.close()
    return parser.result()


def search_entries(pages: Iterator[Page] | list[Page]) -> list[list[str]]:
    """[page title, section title, target, text] for each section of each page."""
    return [
        [page.title, section.title, section.target, section.text]
        for page in pages
        for section in page.sections
        if section.title or section.text
    ]


class _ArticleParser(HTMLParser):
    """Walks through a page once, with the stack of open elements."""

    def __init__(self, path: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.page = Page()
        self.open: list[str] = []
        self.in_article = False
        self.skipping = 0
        self.heading: Section | None = None
        self.float = ""
        self.last_term = ""
        self.captured: list[tuple[int, str, list[str]]] = []
        """Depth, identifier and text so far of each open element that has a preview."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "article":
            self.in_article = True
        if tag in VOID:
            return
        self.open.append(tag)
        if not self.in_article:
            return
        self.skipping += tag in SKIPPED
        identifier = attributes.get("id") or ""
        if tag in HEADINGS:
            target = f"{self.path}#{identifier}" if tag != "h1" else self.path
            self.heading = Section(target=target, identifier=identifier)
            self.page.sections.append(self.heading)
        if (identifier.startswith("fig-") and tag == "figure") or tag == "dd":
            self.captured.append((len(self.open), identifier or self.last_term, []))
        elif tag == "figcaption" and self._in_table_float():
            self.captured.append((len(self.open), self.float, []))
        if tag == "figure" and identifier.startswith(("fig-", "tbl-")):
            self.float = identifier
        if identifier.startswith("term-"):
            self.last_term = identifier

    def _in_table_float(self) -> bool:
        return self.float.startswith("tbl-") and self.open.count("figure") == 1

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.open:
            return
        while self.open:
            closed = self.open.pop()
            self._close(closed, len(self.open) + 1)
            if closed == tag:
                break

    def _close(self, tag: str, depth: int) -> None:
        if self.in_article and tag in SKIPPED:
            self.skipping -= 1
        if tag in HEADINGS:
            self.heading = None
        if tag == "article":
            self.in_article = False
        while self.captured and self.captured[-1][0] == depth:
            _, identifier, text = self.captured.pop()
            if identifier:
                self.page.previews[identifier] = _shortened(_tidy("".join(text)))

    def handle_data(self, data: str) -> None:
        if not self.in_article or self.skipping:
            return
        if self.heading is not None:
            self.heading.title += data
        elif self.page.sections:
            self.page.sections[-1].text += data + ("" if data.endswith(" ") else " " if "\n" in data else "")
        for _, _, text in self.captured:
            text.append(data)

    def result(self) -> Page:
        for section in self.page.sections:
            section.title, section.text = _tidy(section.title), _tidy(section.text)
            if section.identifier:
                self.page.previews.setdefault(section.identifier, _shortened(f"{section.title}: {section.text}"))
        self.page.title = self.page.sections[0].title if self.page.sections else ""
        return self.page


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\N{NO-BREAK SPACE}", " ")).strip()


def _shortened(text: str) -> str:
    if len(text) <= PREVIEW_LETTERS:
        return text
    return text[:PREVIEW_LETTERS].rsplit(" ", 1)[0] + " …"
