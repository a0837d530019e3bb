"""Silences and deliveries, as each format prints them."""

import csv
import io
import json

from printed import DOCUMENTS
from shown import NOW

from scanner.formats import FORMATS, Look

LOOK = Look(NOW, 120)


def printed(document: str, form: str) -> str:
    return FORMATS[form](DOCUMENTS[document], LOOK)


def words(document: str, form: str = "table") -> str:
    return " ".join(printed(document, form).split())


def rows(document: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed(document, "csv"))))


def test_a_silence_says_what_it_is_about_until_when_by_whom_and_why() -> None:
    said = words("silences")
    about = "spender 0x2c34a2fb1d0b4f55de51e1d0bdefaddce6b7cdd6, chain ethereum, severity high or critical"
    assert f"S-00000001 {about}, and what opens later" in said
    assert "until 2026-03-07T12:00:00Z (in 6 d), by alice: the exchange moved its router" in said
    assert "S-00000002 rule old-unlimited ended 2 d ago: its time came, by bob: known no alert so far" in said
    assert said.endswith("2 silences")


def test_each_alert_below_a_silence_says_whether_it_is_hidden_still() -> None:
    said = words("silences")
    assert "HIGH AW-0000000001 Unlimited allowance to a stranger, treasury on ethereum" in said
    assert "MED AW-0000000003; no more, 1 h ago: the allowance is higher" in said


def test_what_is_told_all_the_same_stands_by_itself() -> None:
    for form in ("table", "markdown"):
        _, _, after = words("silences", form).partition("Still told")
        assert "Unlimited allowance to a stranger" in after
        assert "Still told" not in words("deliveries", form)


def test_a_sheet_of_silences_has_a_row_for_each_alert() -> None:
    found = [(row["id"], row["alert"], row["alert_raw"], row["alert_reason"]) for row in rows("silences")]
    assert found == [
        ("S-00000001", "AW-0000000001", str(2**256 - 1), ""),
        ("S-00000001", "AW-0000000003", "5", "the allowance is higher"),
        ("S-00000002", "", "", ""),
    ]


def test_a_message_says_how_far_it_is_and_what_keeps_it() -> None:
    said = words("deliveries")
    assert "HIGH m2 ops waiting, made 2 h ago, next attempt in 5 min, 3 attempts HIGH: 2 alerts" in said
    assert "AW-0000000001 AW-0000000002 HTTP 503" in said
    assert "LOW m1 mail sent, 1 d ago, 1 attempt" in said


def test_a_sheet_of_deliveries_has_a_row_for_each_message() -> None:
    waiting, sent = rows("deliveries")
    assert (waiting["id"], waiting["state"], waiting["alerts"]) == ("m2", "waiting", "AW-0000000001 AW-0000000002")
    assert (sent["next_at"], sent["error"], sent["sent_at"]) == ("", "", "2026-02-28T12:00:00Z")


def test_json_keeps_exact_numbers_and_what_is_not_known() -> None:
    first, second = json.loads(printed("silences", "json"))["silences"]
    assert first["covers"][0]["raw"] == str(2**256 - 1)
    assert first["matchers"]["severity"] == ["high", "critical"]
    assert (first["ended_at"], first["reason"], second["covers"]) == (None, None, [])


def test_markdown_has_a_table_for_each_silence() -> None:
    text = printed("silences", "markdown")
    assert "## S-00000001: spender 0x2c34a2fb1d0b4f55de51e1d0bdefaddce6b7cdd6" in text
    assert "| AW-0000000003 | medium | the allowance is higher |" in text
