"""Explanations in every format: what decided, how deep, and what would change it."""

import csv
import json
from io import StringIO

import pytest
from printed import DOCUMENTS
from shown import NOW

from scanner.formats import FORMATS, Look


def printed(form: str, name: str = "explained", width: int = 120) -> str:
    return FORMATS[form](DOCUMENTS[name], Look(NOW, width, colour=False))


def test_a_table_shows_operands_below_what_they_make_and_ways_below_each_condition() -> None:
    lines = printed("table").splitlines()
    start = lines.index("when")
    assert lines[start : start + 9] == [
        "when",
        "fails      all of",
        "fails        exposure.usd >= 10000  (exposure.usd is 4,210)",
        "undecided    !token.risk  (token.risk is not known)",
        "would hold: exposure.usd is 4,210; it has to be more",
        "            and token.risk is not known; it would have to be no",
        "",
        "critical until",
        "holds      exposure.usd < 8000  (exposure.usd is 4,210)",
    ]


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_people_see_who_keeps_a_rule_silent_until_when_and_why(form: str) -> None:
    words = " ".join(printed(form).split())
    assert "S-01234567 hides" in words
    assert "by kim: we are on it" in words
    assert "S-89ABCDEF would hide what opens until" in words
    assert "Excepted by owner and spender: our own settlement (config.yaml:9:5)" in words
    assert "unknown, as it is until the source says something of the token" in words


def test_markdown_has_a_row_for_each_operand_and_each_way() -> None:
    lines = printed("markdown").splitlines()
    assert "| when | · exposure.usd \\>= 10000 | fails | exposure.usd is 4,210 |" in lines
    way = "exposure.usd is 4,210; it has to be more AND token.risk is not known; it would have to be no"
    assert f"| when | holds | {way} |" in lines


def test_csv_has_a_row_for_each_operand_and_how_deep_it_stands() -> None:
    rows = list(csv.DictReader(StringIO(printed("csv"), newline="")))
    assert [(row["condition"], row["severity"], row["depth"], row["join"], row["outcome"]) for row in rows] == [
        ("when", "", "0", "all", "fails"),
        ("when", "", "1", "test", "fails"),
        ("when", "", "1", "not", "undecided"),
        ("until", "critical", "0", "test", "holds"),
    ]
    assert rows[2]["values"] == "token.risk is not known"


def test_json_has_the_whole_tree() -> None:
    tree = json.loads(printed("json"))["explanation"]["conditions"][0]["tree"]
    assert tree["operands"][1]["operands"][0]["text"] == "token.risk"


def test_the_story_of_an_alert_ends_with_its_rule() -> None:
    table = printed("table", "story")
    assert table.index("exposure.usd >= 10000") < table.index("What happened") < table.index("What the rule says now")
    assert "would hold:" not in table[: table.index("What happened")], "what is past cannot be changed"
    assert "## What the rule says now" in printed("markdown", "story")
