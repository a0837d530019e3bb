"""JSON, version 1: the contract's shape, key by key."""

import json
from typing import Any

import pytest
from printed import DOCUMENTS
from shown import NOW, REPORT

from scanner.formats import FORMATS, Look

LOOK = Look(NOW)

CONTRACT: dict[str, set[str]] = {
    "": {"version", "scan", "approvals", "changes", "alerts"},
    "scan": {
        *("id", "started_at", "finished_at", "complete", "requests", "exposure_usd", "context_errors", "targets"),
    },
    "scan.targets": {"chain", "chain_index", "owner", "label", "complete", "approvals", "error"},
    "approvals": {
        *("id", "chain", "chain_index", "owner", "kind", "token", "spender", "allowance", "exposure", "status"),
        *("first_seen", "changed_at"),
    },
    "approvals.token": {"address", "symbol", "decimals", "risk"},
    "approvals.spender": {"address", "name", "labels"},
    "approvals.allowance": {"raw", "unlimited", "amount"},
    "approvals.exposure": {"usd", "balance", "price_usd"},
    "changes": {"kind", "approval", "at", "before", "after"},
    "changes.after": {"raw", "status"},
    "alerts": {"id", "rule", "severity", "state", "approval", "title", "opened_at", "resolved_at"},
}
"""What stands in the contract, by path."""


def printed(name: str) -> Any:
    return json.loads(FORMATS["json"](DOCUMENTS[name], LOOK))


def at(data: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        data = data[step]
        data = data[-1] if isinstance(data, list) else data
    return data


@pytest.mark.parametrize("path", CONTRACT)
def test_every_key_of_the_contract_is_there(path: str) -> None:
    assert CONTRACT[path] <= set(at(printed("report"), path))


def test_the_keys_begin_with_the_version() -> None:
    for name in DOCUMENTS:
        assert next(iter(printed(name).items())) == ("version", 1)


def test_a_list_of_things_is_under_its_own_name() -> None:
    assert len(printed("approvals")["approvals"]) == 2
    assert len(printed("history")["changes"]) == 3
    assert len(printed("alerts")["alerts"]) == 2
    assert len(printed("rules")["rules"]) == 2
    assert printed("story")["alert"]["id"] == "AW-0000000001"


def test_what_is_not_known_is_null_and_what_is_large_is_text() -> None:
    first = printed("report")["approvals"][1]
    assert first["allowance"] == {"raw": str(2**256 - 1), "unlimited": True, "amount": None, "unreadable": None}
    assert first["exposure"].keys() >= {"usd", "balance", "price_usd"}
    assert set(first["exposure"].values()) == {None}


def test_approvals_say_when_they_were_read() -> None:
    assert printed("approvals")["targets"][0]["read_at"] == "2026-03-01T11:59:00Z"


def test_it_is_indented_by_two_and_ends_the_line() -> None:
    text = FORMATS["json"](REPORT, LOOK)
    assert text.startswith('{\n  "version": 1,\n  "scan": {\n    "id": "s1"')
    assert text.endswith("}\n")
