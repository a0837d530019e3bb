"""The JSON of version 1: the contract's names and types, and nothing that was not known made up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from types import NoneType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from strategies import START, TEN_MINUTES, after, allowances, approval, many, minutes, reading

from scanner.domain.alerts import Alert, AlertState, Severity
from scanner.domain.approvals import UINT256_MAX, Allowance, Kind, Spender, Status, Token
from scanner.domain.changes import Change, ChangeKind, Held, diff
from scanner.domain.exposure import Exposure
from scanner.domain.hostile import harmless
from scanner.domain.lists import Standing
from scanner.domain.report import (
    AlertEntry,
    AllowanceEntry,
    ApprovalEntry,
    ChangeEntry,
    Report,
    ScanEntry,
    TargetEntry,
    chain_name,
    rfc3339,
)
from scanner.domain.surroundings import Surroundings

HELD = Held(approval(), first_seen=START, since=START, changed_at=minutes(15))
ALERT = Alert("AW-1", "unlimited-allowance", "Unlimited", Severity.HIGH, "a1", START)
CHANGE = Change(ChangeKind.INCREASED, approval(1, 5), approval(1, UINT256_MAX), minutes(15))

# The contract's names, each with the types that its value may have.
ORNULL = (str, NoneType)
CONTRACT: dict[str, Any] = {
    "version": int,
    "scan": {
        "id": str,
        "started_at": str,
        "finished_at": str,
        "complete": bool,
        "requests": int,
        "exposure_usd": ORNULL,
        "context_errors": [str],
        "targets": [
            {
                "chain": str,
                "chain_index": str,
                "owner": str,
                "label": ORNULL,
                "complete": bool,
                "approvals": int,
                "error": ORNULL,
            }
        ],
    },
    "approvals": [
        {
            "id": str,
            "chain": str,
            "chain_index": str,
            "owner": str,
            "kind": str,
            "token": {"address": ORNULL, "symbol": ORNULL, "decimals": (int, NoneType), "risk": (bool, NoneType)},
            "spender": {"address": ORNULL, "name": ORNULL, "labels": [str]},
            "allowance": {"raw": ORNULL, "unlimited": (bool, NoneType), "amount": ORNULL},
            "exposure": {"usd": ORNULL, "balance": ORNULL, "price_usd": ORNULL},
            "status": str,
            "first_seen": str,
            "changed_at": str,
        }
    ],
    "changes": [
        {
            "kind": str,
            "approval": str,
            "at": str,
            "before": ({"raw": ORNULL, "status": str}, NoneType),
            "after": ({"raw": ORNULL, "status": str}, NoneType),
        }
    ],
    "alerts": [
        {
            "id": str,
            "rule": str,
            "severity": str,
            "state": str,
            "approval": str,
            "title": str,
            "opened_at": str,
            "resolved_at": ORNULL,
        }
    ],
}


def as_json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def hold(found: Any, expected: Any, where: str = "$") -> None:
    """The value has the shape, or one of the shapes, that the contract gives it; further fields are allowed."""
    if isinstance(expected, tuple):
        expected = next((one for one in expected if one is type(found) or type(one) is type(found)), expected)
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        assert expected.keys() <= found.keys(), where
        for name, shape in expected.items():
            hold(found[name], shape, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list), where
        for number, item in enumerate(found):
            hold(item, expected[0], f"{where}[{number}]")
    else:
        assert type(found) is expected, where


def report_of(held: Held = HELD, change: Change = CHANGE, alert: Alert = ALERT) -> Any:
    target = TargetEntry("ethereum", "1", held.approval.owner, "treasury", True, 250, None)
    scan = ScanEntry("s1", rfc3339(START), rfc3339(minutes(1)), True, 12, targets=(target,))
    approvals, changes, alerts = ApprovalEntry.of(held, "treasury"), ChangeEntry.of(change), AlertEntry.of(alert)
    return as_json(Report(1, scan, (approvals,), (changes,), (alerts,), ("AW-1",)))


def test_the_report_has_the_contracts_names_and_types() -> None:
    hold(report_of(), CONTRACT)


@given(allowances(), st.none() | st.text(max_size=5), st.none() | st.text(max_size=5), st.sampled_from(Kind))
def test_whatever_a_source_shows_has_the_contracts_types(
    allowance: Allowance, symbol: str | None, name: str | None, kind: Kind
) -> None:
    one = structs.replace(
        approval(), allowance=allowance, token=Token("", symbol, 18), spender=Spender("", name), kind=kind, token_id=7
    )
    change = Change(ChangeKind.NEW, None, one, START)
    closed = replace(ALERT, state=AlertState.RESOLVED, resolved_at=START, reason="the approval is gone")
    found = report_of(replace(HELD, approval=one), change, closed)
    hold(found, CONTRACT)
    token, spender = found["approvals"][0]["token"], found["approvals"][0]["spender"]
    assert token["address"] is None
    assert spender["address"] is None
    assert token["symbol"] == harmless(symbol)
    assert spender["name"] == harmless(name)


def test_an_approval_is_written_as_the_contract_writes_it() -> None:
    found = as_json(ApprovalEntry.of(HELD))
    assert found == {
        "id": HELD.approval.id,
        "chain": "ethereum",
        "chain_index": "1",
        "owner": HELD.approval.owner,
        "kind": "erc20",
        "token": {
            "address": HELD.approval.token.address,
            "symbol": "USDT",
            "decimals": None,
            "risk": None,
            "labels": [],
        },
        "spender": {"address": HELD.approval.spender.address, "name": "Router", "labels": [], "incidents": []},
        "allowance": {"raw": "100", "unlimited": False, "amount": None, "unreadable": None},
        "exposure": dict.fromkeys(("usd", "balance", "price_usd", "amount", "covers_balance", "read_at")),
        "status": "granted",
        "first_seen": "2026-11-20T08:00:00Z",
        "changed_at": "2026-11-20T08:15:00Z",
        "owner_label": None,
        "token_id": None,
        "expires_at": None,
        "granted_at": None,
        "granted_tx": None,
        "via": None,
        "final": True,
    }


def test_what_only_the_chain_tells_is_written_with_it() -> None:
    told = structs.replace(
        approval(kind=Kind.PERMIT2), granted_at=START, granted_tx=f"0x{7:064x}", via=f"0x{9:040x}", final=False
    )
    found = as_json(ApprovalEntry.of(replace(HELD, approval=told)))
    assert (found["granted_at"], found["granted_tx"]) == ("2026-11-20T08:00:00Z", f"0x{7:064x}")
    assert (found["via"], found["final"]) == (f"0x{9:040x}", False)


@pytest.mark.parametrize("said", ["", "0x7", f"0x{7:064x}/../evil", f"0x{10**70:064X}"])
def test_what_is_no_hash_of_a_transaction_is_not_passed_on(said: str) -> None:
    found = as_json(ApprovalEntry.of(replace(HELD, approval=structs.replace(approval(), granted_tx=said))))
    assert found["granted_tx"] is None


def test_a_change_tells_which_right_it_is_about() -> None:
    row = structs.replace(approval(kind=Kind.ERC721, amount=1), token_id=2**200)
    found = as_json(ChangeEntry.of(Change(ChangeKind.EXPIRED, row, row, START)))
    assert (found["approval_kind"], found["token_id"], found["after"]) == ("erc721", str(2**200), None)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", Status)
def test_kinds_and_statuses_are_the_contracts_words(kind: Kind, status: Status) -> None:
    found = as_json(ApprovalEntry.of(replace(HELD, approval=approval(kind=kind, status=status))))
    kinds = {"erc20", "erc721", "erc721_all", "erc1155_all", "permit2", "erc6909", "erc777"}
    assert {one.value for one in Kind} == kinds
    assert found["kind"] == kind.value
    assert found["status"] in {"granted", "revoking", "granting"}


def test_numbers_that_json_cannot_hold_are_texts() -> None:
    one = structs.replace(approval(1, UINT256_MAX), token_id=2**255, expires_at=START)
    found = as_json(ApprovalEntry.of(replace(HELD, approval=one)))
    assert found["allowance"]["raw"] == str(UINT256_MAX)
    assert found["token_id"] == str(2**255)
    assert found["expires_at"] == "2026-11-20T08:00:00Z"


@pytest.mark.parametrize(
    ("allowance", "raw", "unlimited"),
    [
        (Allowance(0), "0", False),
        (Allowance(UINT256_MAX), str(UINT256_MAX), True),
        (Allowance(None, in_words=True), None, True),
        (Allowance(None), None, None),
        (Allowance(None, unreadable="1e9"), None, None),
        (Allowance(UINT256_MAX, unreadable="1e9"), None, None),
        (Allowance(5, in_words=True, unreadable="1e9"), None, None),
    ],
)
def test_what_is_unknown_of_an_allowance_is_null(allowance: Allowance, raw: str | None, unlimited: bool | None) -> None:
    entry = AllowanceEntry.of(structs.replace(approval(), allowance=allowance))
    assert (entry.raw, entry.unlimited, entry.amount) == (raw, unlimited, None)


def test_a_strangers_words_are_dead_wherever_they_stand() -> None:
    lure = "<b>claim.example</b>"
    one = structs.replace(
        approval(), token=Token("", lure), spender=Spender("", lure), allowance=Allowance(None, False, lure)
    )
    for entry in (ApprovalEntry.of(replace(HELD, approval=one)), ChangeEntry.of(replace(CHANGE, after=one))):
        text = msgspec.json.encode(entry).decode()
        assert "<b>" not in text
        assert "claim.example" not in text
        assert "claim[.]example" in text


@pytest.mark.parametrize(
    ("raw", "decimals", "amount"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (10**18, 18, "1"),
        (1_500_000, 6, "1.5"),
        (100, 0, "100"),
        (100, 1, "10"),
        (UINT256_MAX, 0, str(UINT256_MAX)),
        (5, None, None),
    ],
)
def test_an_amount_is_exact_where_the_decimals_are_known(raw: int, decimals: int | None, amount: str | None) -> None:
    one = structs.replace(approval(1, raw), token=Token("", "T", decimals))
    assert AllowanceEntry.of(one).amount == amount


@given(st.integers(0, UINT256_MAX), st.integers(0, 77))
def test_an_amount_is_the_raw_integer_moved_by_the_decimals(raw: int, decimals: int) -> None:
    amount = AllowanceEntry.of(structs.replace(approval(1, raw), token=Token("", "T", decimals))).amount
    assert amount is not None
    with localcontext(prec=200):
        assert Decimal(amount).scaleb(decimals) == raw
    assert "." not in amount or not amount.endswith(("0", "."))


def test_a_change_has_its_state_before_and_after() -> None:
    found = as_json(ChangeEntry.of(CHANGE))
    assert (found["kind"], found["approval"], found["at"]) == ("increased", CHANGE.after.id, "2026-11-20T08:15:00Z")
    assert found["before"] == {"raw": "5", "status": "granted", "unlimited": False, "amount": None}
    assert found["after"] == {"raw": str(UINT256_MAX), "status": "granted", "unlimited": True, "amount": None}
    assert (found["chain"], found["chain_index"], found["owner"]) == ("ethereum", "1", CHANGE.after.owner)
    assert found["token"]["symbol"] == "USDT"
    assert found["spender"]["name"] == "Router"


def test_a_change_is_counted_in_token_units_where_balances_made_the_decimals_certain() -> None:
    listed = Standing(labels=("known",))
    lowered = replace(CHANGE, before=approval(1, 7_250_000), after=approval(1, 5_000_000))
    entry = ChangeEntry.of(lowered, Surroundings(Exposure(decimals=6), spender=listed))
    assert entry.before is not None
    assert entry.after is not None
    assert entry.token is not None
    assert entry.spender is not None
    assert (entry.before.amount, entry.after.amount) == ("7.25", "5")
    assert (entry.before.raw, entry.after.raw, entry.token.decimals) == ("7250000", "5000000", 6)
    assert entry.spender.labels == ("known",)


def test_nothing_is_before_a_new_approval_and_nothing_after_a_revoked_one() -> None:
    first = diff(after(reading(many(2))), reading(many(3), minutes(15)), TEN_MINUTES)
    second = diff(first.known, reading(many(2), minutes(30)), TEN_MINUTES)
    new, revoked = (as_json(ChangeEntry.of(one)) for one in (*first.changes, *second.changes))
    assert (new["kind"], new["before"], new["after"]["raw"]) == ("new", None, "100")
    assert (revoked["kind"], revoked["before"]["raw"], revoked["after"]) == ("revoked", "100", None)


def test_an_alert_is_written_as_the_contract_writes_it() -> None:
    assert as_json(AlertEntry.of(ALERT)) == {
        "id": "AW-1",
        "rule": "unlimited-allowance",
        "severity": "high",
        "state": "open",
        "approval": "a1",
        "title": "Unlimited",
        "opened_at": "2026-11-20T08:00:00Z",
        "resolved_at": None,
        "reason": None,
        "event": False,
    }
    closed = replace(ALERT, state=AlertState.RESOLVED, resolved_at=minutes(15), reason="no longer watched")
    found = as_json(AlertEntry.of(closed))
    assert (found["state"], found["resolved_at"]) == ("resolved", "2026-11-20T08:15:00Z")
    assert found["reason"] == "no longer watched"


def test_times_are_in_utc_whatever_zone_they_came_in() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert rfc3339(datetime(2026, 11, 20, 13, 30, tzinfo=east)) == "2026-11-20T08:00:00Z"
    assert rfc3339(START + timedelta(microseconds=123456)) == "2026-11-20T08:00:00.123456Z"


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants it naive
def test_a_written_time_can_be_read_again(time: datetime) -> None:
    text = rfc3339(time)
    assert text.endswith("Z")
    assert "+" not in text
    assert datetime.fromisoformat(text) == time


def test_a_chain_has_its_name_and_an_unknown_one_its_number() -> None:
    assert chain_name("56") == "bsc"
    assert chain_name("424242") == "424242"
