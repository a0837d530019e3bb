"""CSV: one flat table that comes back as it was, and that no spreadsheet takes for a formula."""

import csv
import re
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import DOCUMENTS
from shown import GRAVE, NOW, approval

from scanner.domain.report import SpenderEntry
from scanner.formats import FORMATS, Look
from scanner.formats.documents import Approvals, Document

LOOK = Look(NOW)
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
hostile = st.builds(str.__add__, st.sampled_from([*FORMULAS, "\n=", " =", '"', "'", ""]), texts)


def rows(document: Document) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(FORMATS["csv"](document, LOOK), newline="")))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_one_table(name: str) -> None:
    table = list(csv.reader(StringIO(FORMATS["csv"](DOCUMENTS[name], LOOK), newline="")))
    assert len(table) > 1
    assert {len(row) for row in table} == {len(table[0])}


def test_a_scan_is_the_table_of_its_approvals() -> None:
    found = rows(DOCUMENTS["report"])
    assert [row["id"] for row in found] == ["grave", "plain"]
    assert found[0]["severity"] == "high"
    assert found[0]["raw"] == str(2**256 - 1)
    assert found[0]["unlimited"] == "true"
    assert found[0]["exposure_usd"] == ""


def test_the_story_of_an_alert_is_in_the_order_of_time() -> None:
    found = rows(DOCUMENTS["story"])
    assert [row["event"] for row in found] == ["step", "notice", "notice", "attempt"]
    assert found[2]["outcome"] == "not sent"


@given(hostile)
def test_no_cell_begins_like_a_formula_or_breaks_its_line(text: str) -> None:
    document = Approvals(approvals=(approval(label=text, name=text, symbol=text),))
    lines = FORMATS["csv"](document, LOOK).removesuffix("\n").split("\n")
    assert len(lines) == 2
    for cell in next(csv.reader(lines[1:])):
        assert not cell.lstrip().startswith(FORMULAS)


@given(hostile)
def test_what_is_written_comes_back(text: str) -> None:
    entry = replace(GRAVE, owner_label=text, spender=SpenderEntry(None, text))
    [row] = rows(Approvals(approvals=(entry,)))
    whole = re.sub(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+", " ", text)
    plain = "".join(c for c in whole if c.isprintable())
    assert row["owner_label"] in (plain, f"'{plain}")
    assert row["spender_name"] == row["owner_label"]
    assert row["owner"] == GRAVE.owner
