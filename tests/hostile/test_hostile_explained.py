"""Every hostile name through explanations, where it is a value that decided: beside our own fields it is dead text."""

import csv
import json
import re
from io import StringIO

import markdown
import pytest
from clients import Page, alive, invisible
from names import NAMES
from told import AT, explained

from scanner.formats import FORMATS, Look
from scanner.policy.fields import FIELDS

NAMED = pytest.mark.parametrize("name", NAMES)
OURS = re.compile(rf"(?:{'|'.join(map(re.escape, FIELDS))})(?:\.size\(\))?")


def printed(form: str, name: str) -> str:
    """The explanation in a format, without the names of fields: they look like hosts."""
    return OURS.sub("field", FORMATS[form](explained(NAMES[name]), Look(AT, 160)))


@NAMED
def test_nothing_of_an_explanation_comes_alive(name: str) -> None:
    for form in ("table", "csv"):
        text = printed(form, name)
        assert invisible(text) == []
        assert alive(text) == []
    values = json.loads(printed("json", name))["explanation"]
    said = [entry["value"] for entry in values["values"]]
    said += [flip["words"] for one in values["conditions"] for way in one["ways"] for flip in way["flips"]]
    assert said
    assert [found for text in said for found in (*alive(text), *invisible(text))] == []


@NAMED
def test_an_explanation_makes_no_markup_and_no_formula(name: str) -> None:
    page = Page(markdown.markdown(printed("markdown", name), extensions=["tables"]))
    assert page.tags <= {*("h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td")}
    assert (page.targets, alive(page.text)) == ([], [])
    header, *rows = csv.reader(StringIO(printed("csv", name)))
    assert rows
    assert all(len(row) == len(header) for row in rows)
    assert not any(re.match(r"\s*[=+\-@]", cell) for row in rows for cell in row)
