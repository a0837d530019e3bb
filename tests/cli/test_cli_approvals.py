"""`approvals` and `history`, from a real store, without network or secrets."""

import asyncio
import csv
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from known_store import EXCHANGE, NOW, STRANGER, TREASURY, USDT, fill
from shell import run

from scanner.domain.alerts import Alert


@pytest.fixture(autouse=True)
def alert(tmp_path: Path) -> Alert:
    """A configuration and a filled store in the folder; the alert that is open in it."""
    return asyncio.run(fill(tmp_path))


def read(folder: Path, *arguments: str) -> Any:
    ended = run(folder, *arguments, "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


def symbols(folder: Path, *arguments: str) -> list[tuple[str, str]]:
    found = read(folder, "approvals", *arguments)["approvals"]
    return sorted((entry["chain"], entry["token"]["symbol"]) for entry in found)


def test_what_is_in_force_is_shown_with_its_alerts_and_its_age(tmp_path: Path) -> None:
    found = read(tmp_path, "approvals")
    assert sorted(entry["token"]["symbol"] for entry in found["approvals"]) == ["DAI", "USDT"]
    assert [alert["severity"] for alert in found["alerts"]] == ["high"]
    treasury, hot = found["targets"]
    assert (treasury["complete"], treasury["approvals"]) == (True, 1)
    assert (hot["complete"], hot["error"]) == (False, "the chain's node failed")
    assert hot["read_at"] == (NOW - timedelta(days=3)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--wallet", TREASURY), [("ethereum", "USDT")]),
        (("--wallet", TREASURY.upper().replace("0X", "0x")), [("ethereum", "USDT")]),
        (("--chain", "bnb"), [("bsc", "DAI")]),
        (("--chain", "56", "--chain", "ethereum"), [("bsc", "DAI"), ("ethereum", "USDT")]),
        (("--token", USDT), [("ethereum", "USDT")]),
        (("--token", "dai"), [("bsc", "DAI")]),
        (("--spender", EXCHANGE), [("bsc", "DAI"), ("ethereum", "USDT")]),
        (("--spender", STRANGER), []),
        (("--unlimited",), [("ethereum", "USDT")]),
    ],
)
def test_a_filter_keeps_what_it_names(tmp_path: Path, arguments: tuple[str, ...], expected: list[object]) -> None:
    assert symbols(tmp_path, *arguments) == expected


@pytest.mark.parametrize("when", ["2d", "2d ago", pytest.param((NOW - timedelta(days=2)).isoformat(), id="a moment")])
def test_the_past_is_what_was_believed_then(tmp_path: Path, when: str) -> None:
    found = read(tmp_path, "approvals", "--at", when, "--wallet", TREASURY)
    assert {entry["token"]["symbol"]: entry["allowance"]["raw"] for entry in found["approvals"]} == {
        "USDT": "2744484",
        "DAI": "5",
    }
    assert found["alerts"] == []
    assert symbols(tmp_path, "--at", "2020-01-01") == []


def test_a_time_without_an_offset_is_utc(tmp_path: Path) -> None:
    found = read(tmp_path, "approvals", "--at", "2026-01-02T03:04:05+01:00")
    assert found["at"] == "2026-01-02T02:04:05Z"
    assert read(tmp_path, "approvals", "--at", "2026-01-02")["at"] == "2026-01-02T00:00:00Z"


def test_the_table_names_what_could_not_be_read_lately(tmp_path: Path) -> None:
    ended = run(tmp_path, "approvals")
    assert "HIGH treasury ethereum “USDT” 0xdac17f95…3d831ec7" in ended.words
    assert "2 approvals of 2 wallets, 1 unlimited" in ended.words
    assert "treasury on ethereum: last complete reading 1 d ago" in ended.words
    assert "NOT READ COMPLETELY hot on bsc (last complete reading 3 d ago): the chain's node failed" in ended.words


def test_on_80_columns_no_line_is_longer(tmp_path: Path) -> None:
    ended = run(tmp_path, "approvals", COLUMNS="80")
    assert max(map(len, ended.out.split("\n"))) <= 80


def test_names_from_outside_are_dead_in_every_format(tmp_path: Path) -> None:
    for form in ("table", "json", "csv", "markdown"):
        out = run(tmp_path, "approvals", "--at", "2d", "--format", form).out
        assert "claim[.]xyz" in out.replace("\\", "")
        assert "claim.xyz" not in out
    rows = csv.DictReader(StringIO(run(tmp_path, "approvals", "--chain", "bsc", "--format", "csv").out))
    assert [row["spender_name"] for row in rows] == ["'=SUM(A1)"]


def test_the_store_needs_no_secret(tmp_path: Path) -> None:
    ended = run(tmp_path, "approvals", OKX_API_KEY="", OKX_SECRET_KEY="", OKX_API_PASSPHRASE="", OKX_PROJECT_ID="")
    assert ended.code == 0


def test_history_is_every_change_in_order(tmp_path: Path) -> None:
    changes = read(tmp_path, "history")["changes"]
    assert [change["kind"] for change in changes] == ["baseline", "baseline", "baseline", "increased", "revoked"]
    raised = changes[3]
    assert raised["before"]["raw"] == "2744484"
    assert raised["after"] == {"raw": str(2**256 - 1), "status": "granted", "unlimited": True, "amount": None}
    assert changes[4]["after"] is None


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (("--since", "2d"), ["increased", "revoked"]),
        (("--token", "DAI"), ["baseline", "baseline", "revoked"]),
        (("--chain", "bsc"), ["baseline"]),
        (("--spender", STRANGER), ["baseline", "revoked"]),
        (("--wallet", TREASURY, "--since", "2d", "--token", USDT), ["increased"]),
    ],
)
def test_history_can_be_narrowed(tmp_path: Path, arguments: tuple[str, ...], kinds: list[str]) -> None:
    assert [change["kind"] for change in read(tmp_path, "history", *arguments)["changes"]] == kinds


def test_the_table_of_changes_says_what_was_before(tmp_path: Path) -> None:
    words = run(tmp_path, "history").words
    assert "increased 1 d ago treasury ethereum “USDT” 0xdac17f95…3d831ec7" in words
    assert "unlimited was 2,744,484 raw" in words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--wallet", "0xnothing"), "'--wallet': '0xnothing' is not an EVM address"),
        (("--wallet", "?"), "'--wallet': '?' is not an address of any known chain"),
        (("--wallet", "0xEd0C6079229E2d407672a117c22b62064f4a4313"), "does not fit its EIP-55 checksum"),
        (("--chain", "etherum"), "'--chain': unknown chain 'etherum'; did you mean 'ethereum'?"),
        (("--at", "yesterday"), "'--at': 'yesterday' is not a time: 2026-11-20"),
        (("--format", "xml"), "'--format': 'xml' is not one of table, json, csv, markdown"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = run(tmp_path, "approvals", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_a_store_that_is_not_there_yet_says_what_makes_it(tmp_path: Path) -> None:
    (tmp_path / "approval-watch.db").unlink()
    for arguments in (("approvals",), ("history",), ("alerts", "list"), ("db", "check")):
        ended = run(tmp_path, *arguments)
        assert ended.code == 2
        assert "There is no store at" in ended.err
        assert "approval-watch scan" in ended.err
        assert not (tmp_path / "approval-watch.db").exists()
