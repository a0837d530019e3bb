"""The facts of an approval: what is known, what is absent, and how they read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from stock import default_pack

from scanner.domain.alerts import Judgement
from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Kind, Spender, Status, Target, Token
from scanner.domain.changes import Change, ChangeKind, Held
from scanner.domain.exposure import Exposure
from scanner.domain.lists import Standing
from scanner.domain.surroundings import Surroundings
from scanner.policy.fields import FIELDS, FieldType, facts, in_words

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
APPROVAL = Approval(
    chain="56",
    owner="0x" + "1" * 40,
    token=Token("0x" + "2" * 40, "USDT"),
    spender=Spender("0x" + "3" * 40, "Router"),
    allowance=Allowance(5_000_000),
)
TYPES: Mapping[FieldType, type] = {
    FieldType.TRUTH: bool,
    FieldType.TEXT: str,
    FieldType.TEXTS: list,
    FieldType.COUNT: int,
    FieldType.NUMBER: float,
    FieldType.DURATION: timedelta,
}
PACK = default_pack()


def held(approval: Approval = APPROVAL, days: int = 3) -> Held:
    then = NOW - timedelta(days=days)
    return Held(approval, first_seen=then - timedelta(days=50), since=then, changed_at=NOW - timedelta(hours=1))


def known(
    approval: Approval = APPROVAL,
    change: Change | None = None,
    labels: tuple[str, ...] = (),
    beside: Surroundings | None = None,
) -> dict[str, object]:
    target = Target(approval.chain, approval.owner, "treasury", ("cold",))
    beside = beside or Surroundings(spender=Standing(labels))
    return facts(
        held(approval), target=target, beside=beside, spender_approvals=4, spender_owners=2, at=NOW, change=change
    )


def moved(kind: ChangeKind, before: Approval | None) -> object:
    return known(change=Change(kind, before, APPROVAL, NOW)).get("change.was_unlimited", "absent")


def test_an_approval_in_the_words_of_rules() -> None:
    assert known(labels=("known",)) == {
        "chain.name": "bsc",
        "chain.index": "56",
        "owner.address": "0x" + "1" * 40,
        "owner.label": "treasury",
        "owner.tags": ["cold"],
        "token.address": "0x" + "2" * 40,
        "token.symbol": "USDT",
        "token.symbol_disguised": False,
        "token.labels": [],
        "token.warned": False,
        "spender.address": "0x" + "3" * 40,
        "spender.name": "Router",
        "spender.labels": ["known"],
        "spender.trusted": False,
        "spender.warned": False,
        "spender.approvals": 4,
        "spender.owners": 2,
        "allowance.readable": True,
        "allowance.unlimited": False,
        "approval.status": "granted",
        "approval.kind": "erc20",
        "approval.operator": False,
        "approval.final": True,
        "approval.expires": False,
        "approval.age": timedelta(days=3),
        "approval.unchanged_for": timedelta(hours=1),
    }


@pytest.mark.parametrize(
    ("allowance", "readable", "unlimited"),
    [
        (Allowance(UINT256_MAX), True, True),
        (Allowance(None, in_words=True), True, True),
        (Allowance(2**96 - 1), True, True),
        (Allowance(7), True, False),
        (Allowance(None), False, "absent"),
        (Allowance(7, unreadable="7e2x"), False, "absent"),
    ],
)
def test_an_amount_that_cannot_be_read_is_absent_and_not_small(
    allowance: Allowance, readable: bool, unlimited: object
) -> None:
    of = known(structs.replace(APPROVAL, allowance=allowance))
    assert (of["allowance.readable"], of.get("allowance.unlimited", "absent")) == (readable, unlimited)


def test_a_right_over_all_items_has_no_amount_that_could_be_unreadable() -> None:
    assert (
        known(structs.replace(APPROVAL, kind=Kind.ERC721_ALL, allowance=Allowance(None)))["allowance.readable"] is True
    )


@pytest.mark.parametrize(
    ("kind", "token_id", "operator"),
    [
        (Kind.ERC721_ALL, None, True),
        (Kind.ERC1155_ALL, None, True),
        (Kind.ERC777, None, True),
        (Kind.ERC6909, None, True),
        (Kind.ERC6909, 7, False),
        (Kind.ERC721, 7, False),
        (Kind.PERMIT2, None, False),
    ],
)
def test_who_may_take_everything_of_a_contract_is_an_operator(kind: Kind, token_id: int | None, operator: bool) -> None:
    assert known(structs.replace(APPROVAL, kind=kind, token_id=token_id))["approval.operator"] is operator


@pytest.mark.parametrize(
    ("minutes", "expected"), [(None, (False, "absent")), (90, (True, timedelta(minutes=90))), (-5, (True, timedelta()))]
)
def test_the_time_that_is_left_is_known_of_what_has_an_end(minutes: int | None, expected: tuple[bool, object]) -> None:
    end = None if minutes is None else NOW + timedelta(minutes=minutes)
    of = known(structs.replace(APPROVAL, kind=Kind.PERMIT2, expires_at=end))
    assert (of["approval.expires"], of.get("approval.expires_in", "absent")) == expected


def test_what_may_be_reorganised_away_is_not_final() -> None:
    assert known(structs.replace(APPROVAL, final=False))["approval.final"] is False


@pytest.mark.parametrize(
    ("risk", "usd", "real"),
    [(True, "9", 0.0), (True, None, 0.0), (False, "9", 9.0), (None, "9", 9.0), (None, None, None)],
)
def test_only_of_what_is_called_a_scam_the_money_is_not_real(
    risk: bool | None, usd: str | None, real: float | None
) -> None:
    at_stake = Exposure(usd=None if usd is None else Decimal(usd), risk=risk)
    assert known(beside=Surroundings(at_stake)).get("exposure.real_usd") == real


def test_the_status_before_a_change_is_known_where_there_was_one() -> None:
    def was(before: Approval | None) -> object:
        return known(change=Change(ChangeKind.STATUS, before, APPROVAL, NOW)).get("change.was_status", "absent")

    assert was(structs.replace(APPROVAL, status=Status.REVOKING)) == "revoking"
    assert was(None) == "absent"


@pytest.mark.parametrize("label", ["exploited", "drainer", "malicious", "phishing", "sanctioned", "scam"])
def test_some_labels_warn_whatever_else_is_said(label: str) -> None:
    standing = Standing(("known", label))
    of = known(beside=Surroundings(spender=standing, token=standing))
    assert of["spender.warned"] is of["token.warned"] is True
    assert known(labels=("known", "trusted", "mine"))["spender.warned"] is False


def test_an_amount_needs_the_decimals() -> None:
    assert "allowance.amount" not in known()
    assert known(structs.replace(APPROVAL, token=Token("0x", "USDT", decimals=6)))["allowance.amount"] == 5.0


def test_a_supply_makes_an_allowance_unlimited() -> None:
    token = structs.replace(APPROVAL.token, supply=5_000_000)
    assert known(structs.replace(APPROVAL, token=token))["allowance.unlimited"] is True


@pytest.mark.parametrize("blank", [None, "", "  \t", "\u200b\u200d", "\u3164"])
def test_a_name_that_nobody_can_see_is_no_name(blank: str | None) -> None:
    assert known(structs.replace(APPROVAL, spender=Spender("0x", blank)))["spender.name"] == ""


def test_rules_see_the_true_text() -> None:
    name = "https://evil.example <b>Uniswap\u200b"
    assert known(structs.replace(APPROVAL, spender=Spender("0x", name)))["spender.name"] == name


def test_trusted_yields_to_exploited() -> None:
    assert known(labels=("trusted", "known"))["spender.trusted"] is True
    assert known(labels=("trusted", "exploited"))["spender.trusted"] is False


def test_the_age_counts_from_the_grant_where_that_is_known() -> None:
    granted = structs.replace(APPROVAL, granted_at=NOW - timedelta(days=700))
    assert known(granted)["approval.age"] == timedelta(days=700)


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    later = Held(APPROVAL, first_seen=NOW, since=NOW, changed_at=NOW)
    of = facts(later, target=APPROVAL.target, spender_approvals=None, spender_owners=None, at=NOW - timedelta(hours=1))
    assert of["approval.age"] == of["approval.unchanged_for"] == timedelta(0)
    assert "spender.owners" not in of


def test_what_was_before_a_change_is_known_only_if_somebody_looked() -> None:
    unlimited = structs.replace(APPROVAL, allowance=Allowance(UINT256_MAX))
    unreadable = structs.replace(APPROVAL, allowance=Allowance(None, unreadable="?"))
    assert moved(ChangeKind.DECREASED, unlimited) is True
    assert moved(ChangeKind.INCREASED, APPROVAL) is False
    assert moved(ChangeKind.NEW, None) is False
    assert moved(ChangeKind.RESTORED, None) is False
    assert moved(ChangeKind.BASELINE, None) == "absent"
    assert moved(ChangeKind.INCREASED, unreadable) == "absent"


def test_what_balances_and_lists_add_is_in_floating_point_and_what_is_not_known_is_absent() -> None:
    at_stake = Exposure(
        balance=Decimal("5.25"),
        price_usd=Decimal("0.5"),
        usd=Decimal("2.5"),
        covers_balance=False,
        risk=True,
        decimals=6,
    )
    of = known(beside=Surroundings(at_stake, Decimal(7), token=Standing(("airdrop",))))
    added = {
        "token.labels": ["airdrop"],
        "token.price_usd": 0.5,
        "token.risk": True,
        "allowance.amount": 5.0,
        "allowance.covers_balance": False,
        "balance.amount": 5.25,
        "exposure.usd": 2.5,
        "exposure.real_usd": 0.0,
        "exposure.first_usd": 7.0,
    }
    assert {name: of[name] for name in added} == added
    assert all(type(of[name]) is TYPES[FIELDS[name].type] for name in added)
    assert known().keys() & added.keys() == {"token.labels"}


ANY_TEXT = st.one_of(st.none(), st.text(st.characters(), max_size=20))
APPROVALS = st.builds(
    Approval,
    chain=st.sampled_from(["1", "56", "501", "999999"]),
    owner=st.text(st.characters(), max_size=10),
    token=st.builds(
        Token,
        st.text(st.characters(), max_size=10),
        ANY_TEXT,
        st.none() | st.integers(0, 255),
        st.none() | st.integers(0, UINT256_MAX),
    ),
    spender=st.builds(Spender, st.text(st.characters(), max_size=10), ANY_TEXT),
    allowance=st.builds(Allowance, st.none() | st.integers(0, UINT256_MAX), st.booleans(), ANY_TEXT),
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Status),
    granted_at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(
    APPROVALS,
    st.none() | st.sampled_from(ChangeKind),
    st.lists(st.text(st.characters(), max_size=8), max_size=3),
    st.none() | st.integers(0, 10**6),
    st.sets(st.sampled_from(sorted(FIELDS))),
)
def test_judging_never_raises_whatever_strangers_write_and_whatever_is_missing(
    approval: Approval, kind: ChangeKind | None, labels: list[str], count: int | None, missing: set[str]
) -> None:
    change = None if kind is None else Change(kind, None, approval, NOW)
    of = facts(
        held(approval),
        target=Target(approval.chain, approval.owner, approval.token.symbol, tuple(labels)),
        beside=Surroundings(spender=Standing(tuple(labels)), token=Standing(tuple(labels))),
        spender_approvals=count,
        spender_owners=count,
        at=NOW,
        change=change,
    )
    for name, value in of.items():
        assert type(value) is TYPES[FIELDS[name].type], name
        assert in_words(value)
    full = PACK.judge(of, kind)
    less = PACK.judge({name: value for name, value in of.items() if name not in missing}, kind)
    for (rule, said), (same, weaker) in zip(full, less, strict=True):
        assert rule is same
        assert weaker.judgement in {said.judgement, Judgement.UNDECIDED, Judgement.LINGERS}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "unknown"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (1234.5, "1,234.5"),
        (1_234_567.891, "1,234,567.89"),
        (1_000_000.0, "1,000,000"),
        (1.5e60, "1.5e+60"),
        ([], "none"),
        (["known", "mine"], "known, mine"),
        ("", "none"),
        ("granted", "granted"),
        ("https://evil.example", "https: ∕∕evil[.]example"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=90), "1 hour"),
        (timedelta(days=400), "400 days"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_a_fact_is_told_in_short_and_dead_words(value: object, words: str) -> None:
    assert in_words(value) == words
