"""Markdown: tables whose cells stay cells, whatever stands in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import DOCUMENTS
from shown import NOW, approval

from scanner.domain.hostile import harmless
from scanner.formats import FORMATS, Look
from scanner.formats.documents import Approvals

LOOK = Look(NOW)


def table_rows(text: str) -> list[list[str]]:
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    return [re.findall(r"(?:\\.|[^|\\])+", line) for line in lines]  # a pipe ends a cell unless it is escaped


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_begins_with_a_heading_and_has_a_table(name: str) -> None:
    text = FORMATS["markdown"](DOCUMENTS[name], LOOK)
    assert text.startswith("# ")
    assert "| --- |" in text


def test_a_scan_says_what_is_incomplete_and_how_old_the_rest_is() -> None:
    text = FORMATS["markdown"](DOCUMENTS["report"], LOOK)
    assert "1 target, complete, 12 requests" in text
    assert "last complete reading 1 min ago" in text
    assert "1 approval seen for the first time" in text


@given(st.text(alphabet="|<>[]()*_`#~\\!@&a \n\r\t", max_size=30))
def test_no_text_leaves_its_cell_or_becomes_markup(text: str) -> None:
    document = Approvals(approvals=(approval(label=text, name=harmless(text)),))
    header, rule, row, *_ = table_rows(FORMATS["markdown"](document, LOOK))
    assert len(header) == len(rule) == len(row)
    for cell in row:
        assert not re.search(r"[*_`<\[#|~]", re.sub(r"\\.", "", cell))


def test_addresses_are_whole() -> None:
    assert str(approval().spender.address) in FORMATS["markdown"](DOCUMENTS["approvals"], LOOK)
