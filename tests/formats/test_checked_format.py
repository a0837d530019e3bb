"""What a check of rules found, in every format: places, lines with a caret, codes."""

import csv
import json
from dataclasses import replace
from io import StringIO

import pytest
from printed import DOCUMENTS
from shown import NOW

from scanner.formats import FORMATS, Look
from scanner.formats.documents import Checked

CHECKED = DOCUMENTS["checked"]


def lines(document: object = CHECKED, width: int = 200) -> list[str]:
    assert isinstance(document, Checked)
    return FORMATS["table"](document, Look(NOW, width)).splitlines()


def test_a_table_has_place_message_hint_code_line_and_caret() -> None:
    assert lines()[:3] == [
        "warning r.yaml:2:5: mine has no `why` (one sentence on the danger) [no-why]",
        "      - id: mine",
        "        ^",
    ]
    assert lines()[-2:] == [
        "problem rules: the folder cannot be read [rules-unreadable]",
        "21 sound rules, 2 problems, 1 warning",
    ]


@pytest.mark.parametrize("width", [20, 30, 47, 80, 160])
def test_the_caret_stands_below_the_column_however_narrow_it_is(width: int) -> None:
    shown = lines(width=width)
    caret = [number for number, line in enumerate(shown) if line.strip() == "^"][-1]
    column = shown[caret].index("^")
    assert shown[caret - 1][column:].startswith("exposre"[: width - column])
    assert len(shown[caret - 1]) <= width


def test_what_moves_a_cursor_is_a_blank_and_moves_no_caret() -> None:
    assert isinstance(CHECKED, Checked)
    flaw = replace(CHECKED.flaws[0], text="\t\x1b[2J\u202eid: x", column=6)
    shown = lines(replace(CHECKED, flaws=(flaw,)))
    assert shown[1:3] == ["      [2J id: x", " " * 9 + "^"]


def test_json_has_every_key_and_null_for_what_is_not_there() -> None:
    document = json.loads(FORMATS["json"](CHECKED, Look(NOW)))
    assert (document["version"], document["rules"]) == (1, 21)
    assert document["flaws"][2] == {
        "level": "problem",
        "code": "rules-unreadable",
        "message": "the folder cannot be read",
        "hint": None,
        "file": "rules",
        "line": None,
        "column": None,
        "text": None,
    }


def test_csv_and_a_page_have_a_row_for_each() -> None:
    rows = list(csv.DictReader(StringIO(FORMATS["csv"](CHECKED, Look(NOW)), newline="")))
    assert [(row["level"], row["code"], row["line"]) for row in rows] == [
        ("warning", "no-why", "2"),
        ("problem", "unknown-field", "5"),
        ("problem", "rules-unreadable", ""),
    ]
    page = FORMATS["markdown"](CHECKED, Look(NOW))
    assert "| problem | r.yaml:5:44 | there is no field 'exposre.usd' |" in page
