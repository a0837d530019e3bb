"""Rules in every format: how bad an alert can be, when that is reached, and when it is left."""

import csv
import json
from io import StringIO

from printed import DOCUMENTS
from shown import NOW

from scanner.formats import FORMATS, Look


def printed(form: str) -> str:
    return FORMATS[form](DOCUMENTS["rules"], Look(NOW, 100, colour=False))


def test_a_table_shows_each_grade_below_its_rule() -> None:
    lines = [line.strip() for line in printed("table").splitlines()]
    start = next(number for number, line in enumerate(lines) if line.endswith("Much money within reach"))
    assert lines[start + 1 : start + 8] == [
        "params age 90d, names [a, b]",
        "2 exceptions",
        "exposure.usd > 100",
        "until exposure.usd < 80",
        "medium exposure.usd > 1000",
        "critical exposure.usd > 9000",
        "until exposure.usd < 8000",
    ]


def test_json_has_the_grades_of_a_rule_and_none_where_there_are_none() -> None:
    plain, graded = json.loads(printed("json"))["rules"]
    assert (plain["until"], plain["grades"]) == (None, [])
    assert graded["until"] == "exposure.usd < 80"
    assert graded["grades"] == [
        {"severity": "medium", "when": "exposure.usd > 1000", "until": None},
        {"severity": "critical", "when": "exposure.usd > 9000", "until": "exposure.usd < 8000"},
    ]


def test_params_and_exceptions_are_shown_as_a_configuration_writes_them() -> None:
    plain, graded = json.loads(printed("json"))["rules"]
    assert (plain["params"], plain["exceptions"]) == ([], 0)
    assert graded["params"][0] == {"name": "age", "type": "duration", "value": "90d"}
    _, row = csv.DictReader(StringIO(printed("csv"), newline=""))
    assert (row["params"], row["exceptions"]) == ("age: 90d; names: [a, b]", "2")


def test_csv_has_the_grades_of_a_rule_in_one_cell() -> None:
    plain, graded = csv.DictReader(StringIO(printed("csv"), newline=""))
    assert (plain["until"], plain["grades"]) == ("", "")
    assert graded["grades"] == "medium: exposure.usd > 1000; critical: exposure.usd > 9000"


def test_a_page_says_from_which_to_which_severity_a_rule_goes() -> None:
    rows = [row for row in printed("markdown").splitlines() if row.startswith("|")]
    assert rows[2].startswith("| medium |")
    assert rows[3].startswith("| low to critical |")
