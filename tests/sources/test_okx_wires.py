import json
from typing import Any

import msgspec
import pytest

from scanner.domain.approvals import Target
from scanner.okx.shapes import MalformedError
from scanner.sources.okx_v5 import V5
from scanner.sources.okx_v6 import V6
from scanner.sources.okx_wire import Entry, Wire

TARGETS = [
    Target("1", "0xABCDEF0000000000000000000000000000000001"),
    Target("195", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
]
TOKEN = {"approvalNum": "5", "symbol": "A", "status": "1", "tokenAddress": ""}
PROJECT = {"projectName": "P", "approvalAddress": "0x1", "tokens": [TOKEN]}


def entries(wire: Wire, data: Any) -> list[Entry]:
    return wire.entries(msgspec.Raw(json.dumps(data).encode()))


def test_a_v5_request_is_as_documented() -> None:
    assert json.loads(V5.body(TARGETS, "addressList", 100, None)) == {
        "addressList": [
            {"chainIndex": "1", "address": "0xabcdef0000000000000000000000000000000001"},
            {"chainIndex": "195", "address": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
        ],
        "limit": "100",
    }


@pytest.mark.parametrize("cursor", [b'"100"', b"100", b'"a\\u0041b"', b"12345678901234567890123", b'"\\""'])
@pytest.mark.parametrize("wire", [V5, V6])
def test_a_cursor_is_echoed_byte_for_byte(wire: Wire, cursor: bytes) -> None:
    assert b'"cursor":' + cursor in wire.body(TARGETS[:1], "addressList", 100, cursor)


def test_a_v6_request_is_as_seen() -> None:
    body = json.loads(V6.body(TARGETS[:1], "addresses", 20, None))
    assert body == {
        "nested": False,
        "limit": 20,
        "addresses": [{"chainIndex": "1", "address": "0xabcdef0000000000000000000000000000000001"}],
    }


def test_unknown_fields_are_ignored() -> None:
    token = {**TOKEN, "surprise": {"deep": [1]}}
    [entry] = entries(V5, [{"chainIndex": "1", "new": 1, "approvalProjects": [{**PROJECT, "x": 2, "tokens": [token]}]}])
    assert len(entry.rows) == 1
    assert entry.broken == 0


@pytest.mark.parametrize(
    ("fields", "cursor"),
    [
        ({"cursor": "9"}, b'"9"'),
        ({"cusor": "9"}, b'"9"'),
        ({"cursor": None, "cusor": 9}, b"9"),
        ({"cursor": "8", "cusor": "9"}, b'"8"'),
        ({"cursor": ""}, b'""'),
        ({}, b""),
    ],
)
def test_the_misspelt_cursor_is_read_after_the_right_one(fields: dict[str, Any], cursor: bytes) -> None:
    [entry] = entries(V5, [{"chainIndex": "1", "approvalProjects": [], **fields}])
    assert entry.cursor == cursor


@pytest.mark.parametrize("bad", [None, "text", 5, []])
def test_one_malformed_row_does_not_cost_the_others(bad: Any) -> None:
    projects = [PROJECT, {**PROJECT, "tokens": [TOKEN, bad, TOKEN]}]
    [entry] = entries(V5, [{"chainIndex": "1", "approvalProjects": projects}])
    assert len(entry.rows) == 3
    assert entry.broken == 1
    [entry] = entries(V6, [{"dataList": [{"symbol": "A"}, bad, {"chainIndex": {}}]}])
    assert len(entry.rows) == 1
    assert entry.broken == 2


@pytest.mark.parametrize("bad", [None, 5, {}, {"tokens": None}, {"tokens": {}}, {"approvalAddress": "0x1"}])
def test_one_malformed_project_does_not_cost_the_others(bad: Any) -> None:
    [entry] = entries(V5, [{"chainIndex": "1", "approvalProjects": [PROJECT, bad, PROJECT]}])
    assert len(entry.rows) == 2
    assert entry.broken == 1


def test_a_number_out_of_range_costs_its_own_row_alone() -> None:
    tokens = b'[{"approvalNum":1e999},{"approvalNum":"1"}]'
    data = b'[{"chainIndex":"1","approvalProjects":[{"approvalAddress":"0x1","tokens":' + tokens + b"}]}]"
    [entry] = V5.entries(msgspec.Raw(data))
    assert len(entry.rows) == 1
    assert entry.broken == 1


@pytest.mark.parametrize("data", [[None], [5], [[]], [{}], [{"approvalProjects": None}], [{"approvalProjects": "x"}]])
@pytest.mark.parametrize("wire", [V5, V6])
def test_an_entry_without_its_list_is_malformed(wire: Wire, data: Any) -> None:
    with pytest.raises(MalformedError):
        entries(wire, data)


@pytest.mark.parametrize("chain", [True, [], {}, 1.5])
def test_a_chain_that_is_neither_text_nor_number_is_malformed(chain: Any) -> None:
    with pytest.raises(MalformedError):
        entries(V5, [{"chainIndex": chain, "approvalProjects": []}])


def test_both_forms_of_a_v6_row_are_read() -> None:
    [one] = entries(
        V6,
        [{"dataList": [{"symbol": "A", "approvalAddress": "0x1", "remainAmount": "5", "chainIndex": 1}], "total": 1}],
    )
    [other] = entries(
        V6, [{"approvalList": [{"tokenSymbol": "A", "spenderAddress": "0x1", "allowance": "unlimited"}], "total": 1}]
    )
    assert (one.chain, one.total, one.rows[0].symbol, one.rows[0].amount) == ("1", 1, "A", "5")
    assert (other.chain, other.rows[0].symbol, other.rows[0].amount) == (None, "A", "unlimited")
    assert "0x1" in one.rows[0].spenders
    assert "0x1" in other.rows[0].spenders


def test_v6_rows_of_several_chains_are_several_entries() -> None:
    found = entries(V6, [{"dataList": [{"chainIndex": 1}, {"chainIndex": 56}, {"chainIndex": "1"}], "cursor": 0}])
    assert {entry.chain: len(entry.rows) for entry in found} == {"1": 2, "56": 1}


def test_the_empty_v6_answer_that_was_seen_is_empty() -> None:
    [entry] = entries(V6, [{"cursor": 0, "dataList": [], "total": 0}])
    assert (entry.chain, entry.rows, entry.empty, entry.total, entry.cursor) == (None, [], True, 0, b"0")
