"""Every hostile name through every format: what a terminal, a parser, a spreadsheet or a page shows is dead text."""

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import markdown
import pytest
from clients import Page, alive, invisible
from names import NAMES
from told import AT, documents

from scanner.formats import FORMATS, Look

THEIRS = ("symbol", "spender_name", "unreadable")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NAMED = pytest.mark.parametrize("name", NAMES)


def printed(form: str, name: str, **look: Any) -> Iterator[str]:
    """Every document that holds the name, in a format."""
    return (FORMATS[form](document, Look(AT, **look)) for document in documents(NAMES[name]).values())


@NAMED
@pytest.mark.parametrize("width", [80, pytest.param(160, marks=pytest.mark.soak)])
def test_a_terminal_shows_text_and_nothing_moves_it(name: str, width: int) -> None:
    coloured = printed("table", name, width=width, colour=True)
    for plain, loud in zip(printed("table", name, width=width), coloured, strict=True):
        assert invisible(plain) == []
        assert alive(plain) == []
        assert [line.rstrip() for line in COLOURS.sub("", loud).split("\n")] == plain.split("\n")


@NAMED
def test_json_holds_dead_names_and_the_users_own_words_as_they_are(name: str) -> None:
    for text in printed("json", name):
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", text), "control characters are escaped"
        for theirs in strangers(json.loads(text)):
            assert alive(theirs) == invisible(theirs) == []


def strangers(value: Any) -> list[str]:
    """What strangers wrote of a document."""
    if isinstance(value, list):
        return [text for one in value for text in strangers(one)]
    if not isinstance(value, dict):
        return []
    theirs = [value.get("symbol"), value.get("unreadable"), value.get("name") if "labels" in value else None]
    return [text for text in theirs if text] + [text for one in value.values() for text in strangers(one)]


@NAMED
def test_a_spreadsheet_finds_no_formula_and_no_other_cells(name: str) -> None:
    for text in printed("csv", name):
        assert text.count("\n") == len(text.splitlines()), "no cell breaks its line"
        header, *rows = csv.reader(StringIO(text))
        assert rows
        for row in rows:
            assert len(row) == len(header)
            assert not any(re.match(r"\s*[=+\-@]", cell) for cell in row)
            assert not any(re.search(r"[\x00-\x1f\x7f-\x9f]", cell) for cell in row)
        theirs = [rows[0][place] for place, column in enumerate(header) if column in THEIRS]
        assert [found for text in theirs for found in alive(text)] == []


@NAMED
def test_a_page_made_of_markdown_has_no_markup_but_ours(name: str) -> None:
    for text in printed("markdown", name):
        assert invisible(text) == []
        page = Page(markdown.markdown(text, extensions=["tables"]))
        assert page.tags <= {*("h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td")}
        assert page.targets == []
        assert alive(page.text) == []
        assert len(text.splitlines()) == text.count("\n"), "no text breaks its line"
