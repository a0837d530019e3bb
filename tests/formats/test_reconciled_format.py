"""Where two sources differ, in every format: what differs first, why, and in which block that can be seen."""

import csv
import io
import json

import pytest
from compared import COMPARED
from shown import NOW, OWNER, SPENDER

from scanner.formats import FORMATS, Look


def printed(form: str, width: int = 160) -> str:
    return FORMATS[form](COMPARED, Look(NOW, width))


def test_json_counts_what_differs_and_has_every_row() -> None:
    told = json.loads(printed("json"))
    assert (told["version"], told["complete"], told["differences"]) == (1, False, 3)
    [target] = told["targets"]
    counts = (target["equal"], target["differences"], target["unproven"], target["complete"], target["block"])
    assert counts == (1, 3, 1, False, 23_000_000)
    assert (target["evm_error"], target["okx_error"]) == (None, "the API does not answer")
    rows = [(row["verdict"], row["cause"], row["differs"], row["block"]) for row in told["rows"]]
    assert rows == [
        ("equal", None, False, 23_000_000),
        ("amounts-differ", "spent", True, 22_999_000),
        ("only-okx", "spoofed", True, 22_998_000),
        ("only-evm", None, True, 23_000_000),
        ("only-evm", "not-covered", False, 23_000_000),
        ("unproven", "unread", False, None),
    ]
    assert told["rows"][1]["evm"] == {"raw": "1000000", "unlimited": False, "amount": "1", "unreadable": None}
    assert (told["rows"][2]["evm"], told["rows"][2]["reason"]) == (
        None,
        "a log told it, and the state of that very block granted nothing",
    )


def test_csv_has_every_row_with_exact_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(printed("csv"))))
    assert len(rows) == 6
    assert (rows[1]["evm_raw"], rows[1]["okx_raw"], rows[1]["differs"]) == ("1000000", "2500000", "true")
    assert (rows[3]["okx_raw"], rows[4]["evm_unlimited"], rows[4]["cause"]) == ("", "true", "not-covered")


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_people_read_what_is_not_equal_and_why(form: str) -> None:
    text = " ".join(printed(form).replace("\\", "").split())
    for told in (
        "amounts differ",
        "1 (1,000,000 raw)",
        "2.5 (2,500,000 raw)",
        "it was granted, and has been used since",
        "every NFT",
        "the API does not tell of this kind",
        "1 target: 3 differences, 1 equal, 1 to be expected, 1 unproven",
        "the API does not answer",
    ):
        assert told in text, told


def test_raw_numbers_are_shown_only_where_they_tell_the_two_apart() -> None:
    text = " ".join(printed("table", 200).split())
    assert "chain: 1 (1,000,000 raw), API: 2.5 (2,500,000 raw)" in text
    assert "chain: nothing, API: 2.5; a log told it" in text
    assert "chain: unknown of id 7, API: nothing" in text


def test_a_table_begins_with_what_differs() -> None:
    lines = [line.split("  ")[0] for line in printed("table", 200).splitlines() if "on ethereum:" in line]
    marks = [line.partition(" treasury")[0].strip() for line in lines]
    assert marks == ["amounts differ", "only in the API", "only on the chain", "only on the chain", "nothing follows"]


def test_what_the_watch_keeps_of_it_names_the_first_that_differs() -> None:
    kept = COMPARED.agreement(NOW)
    assert (kept.at, kept.targets, kept.unread, kept.differences) == (NOW, 1, 1, 3)
    assert kept.example == (
        f"“USDT” of {OWNER} on ethereum to {SPENDER}, amounts differ: it was granted, and has been used since"
    )
