"""What a reading of balances means: each number known or unknown, and zero only where that is proven."""

from dataclasses import replace
from decimal import ROUND_DOWN, Context, Decimal

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import OWNER, address, minutes

from scanner.domain.approvals import UINT256_MAX
from scanner.domain.holdings import EXACT, BalanceReading, Holding, Seen, after, decimals_of
from scanner.errors import Reason, Trouble

TOKEN, OTHER = address(1), address(2)

raws = st.integers(1, UINT256_MAX)
places = st.integers(0, 77)
TROUBLE = Trouble(Reason.NODE_FAILED, "the node failed")


def units(raw: int, decimals: int) -> Decimal:
    return Decimal(raw).scaleb(-decimals, context=EXACT)


def reading(
    *rows: Seen, asked: set[str] | None = None, at: float = 0, trouble: Trouble | None = None
) -> BalanceReading:
    by_token = {row.token: row for row in rows}
    return BalanceReading(OWNER, by_token, minutes(at), frozenset(asked or ()), trouble)


@given(raws, places)
@example(UINT256_MAX, 77)
@example(10**18, 18)
def test_decimals_are_exact_where_the_amount_is_whole(raw: int, decimals: int) -> None:
    assert decimals_of(Seen(TOKEN, amount=units(raw, decimals), raw=raw)) == decimals


@given(raws, places)
def test_trailing_zeros_change_no_decimals(raw: int, decimals: int) -> None:
    stripped = units(raw, decimals).normalize(EXACT)
    assert decimals_of(Seen(TOKEN, amount=stripped, raw=raw)) == decimals


@given(raws, places, st.integers(1, 40))
@example(1940611, 6, 4)
@example(10**18 + 1, 18, 17)
def test_an_amount_that_was_cut_off_never_makes_wrong_decimals(raw: int, decimals: int, kept: int) -> None:
    whole = units(raw, decimals)
    by_digits = Context(prec=kept, rounding=ROUND_DOWN).plus(whole)
    by_places = whole.quantize(Decimal(1).scaleb(-min(kept, decimals)), rounding=ROUND_DOWN, context=EXACT)
    for cut in (by_digits, by_places):
        found = decimals_of(Seen(TOKEN, amount=cut, raw=raw))
        assert found == (decimals if cut == whole else None)


@pytest.mark.parametrize(
    ("amount", "raw"),
    [
        (None, 5),
        (Decimal(5), None),
        (Decimal(0), 0),
        (Decimal(0), 5),
        (Decimal(5), 0),
        (Decimal(15), 1),
        (Decimal(2), 3),
    ],
)
def test_decimals_are_unknown_where_they_cannot_be_certain(amount: int | None, raw: int | None) -> None:
    assert decimals_of(Seen(TOKEN, amount=None if amount is None else Decimal(amount), raw=raw)) is None


def test_more_decimals_than_an_amount_can_use_are_none() -> None:
    assert decimals_of(Seen(TOKEN, amount=Decimal("1e-78"), raw=1)) is None


def test_a_missing_token_is_unknown_first_and_zero_only_when_it_is_missing_again() -> None:
    known = after({}, reading(Seen(TOKEN, amount=Decimal(5), raw=50, price_usd=Decimal(2))))
    assert (known[TOKEN].amount, known[TOKEN].raw) == (Decimal(5), 50)
    known |= after(known, reading(asked={TOKEN}, at=1))
    assert (known[TOKEN].amount, known[TOKEN].raw, known[TOKEN].missing_since) == (None, None, minutes(1))
    known |= after(known, reading(asked={TOKEN}, at=2))
    assert (known[TOKEN].amount, known[TOKEN].raw, known[TOKEN].missing_since) == (Decimal(0), 0, minutes(1))
    assert (known[TOKEN].decimals, known[TOKEN].price_usd) == (1, Decimal(2))
    known |= after(known, reading(Seen(TOKEN, amount=Decimal(3)), at=3))
    assert (known[TOKEN].amount, known[TOKEN].missing_since) == (Decimal(3), None)


def test_a_token_that_was_never_seen_is_not_zero_at_the_first_either() -> None:
    known = after({}, reading(asked={TOKEN}))
    assert known[TOKEN].amount is None


def test_the_same_reading_taken_twice_proves_nothing_more() -> None:
    once = reading(asked={TOKEN})
    known = after({}, once)
    assert after(known, once)[TOKEN].amount is None


def test_a_balance_that_is_told_to_be_nothing_is_zero_at_once() -> None:
    assert after({}, reading(Seen(TOKEN, amount=Decimal(0))))[TOKEN].amount == 0


def test_what_a_reading_says_nothing_of_is_left_as_it_was() -> None:
    known = after({}, reading(Seen(TOKEN, amount=Decimal(5)), Seen(OTHER, amount=Decimal(6))))
    assert after(known, reading(Seen(OTHER), at=1, trouble=TROUBLE)).keys() == {OTHER}


def test_what_cannot_be_read_any_more_is_unknown_and_not_as_it_was() -> None:
    known = after({}, reading(Seen(TOKEN, amount=Decimal("0.5"), raw=5, price_usd=Decimal(2))))
    now = after(known, reading(Seen(TOKEN), at=1))[TOKEN]
    assert (now.amount, now.raw, now.price_usd) == (None, None, None)
    assert now.decimals == 1


steps = st.lists(
    st.sampled_from(["missing", "nothing", "five", "unreadable", "silent", "failed"]), min_size=1, max_size=12
)


@given(steps)
@example(["missing", "failed", "silent", "missing"])
def test_zero_is_only_what_was_told_or_missing_in_two_readings_in_a_row(told: list[str]) -> None:
    known: dict[str, Holding] = {}
    missing, expected = 0, "unread"
    for number, step in enumerate(told):
        rows = {"nothing": Decimal(0), "five": Decimal(5), "unreadable": None}
        row = [Seen(TOKEN, amount=rows[step])] if step in rows else []
        asked = {TOKEN} if step == "missing" else set()
        known |= after(known, reading(*row, asked=asked, at=number, trouble=TROUBLE if step == "failed" else None))
        if step == "missing":
            missing += 1
            expected = "unknown" if missing == 1 else "zero"
        elif step in rows:
            missing = 0
            expected = {"nothing": "zero", "five": "five", "unreadable": "unknown"}[step]
        assert _state(known) == expected


def _state(known: dict[str, Holding]) -> str:
    if TOKEN not in known:
        return "unread"
    return {None: "unknown", Decimal(0): "zero", Decimal(5): "five"}[known[TOKEN].amount]


@given(raws, places, st.integers(17, 40), st.booleans())
@example(123456789012345678901, 1, 17, False)
@example(2 * 10**18 - 1, 18, 18, False)
def test_a_balance_is_never_more_than_what_is_told_and_the_slack(
    raw: int, decimals: int, kept: int, known: bool
) -> None:
    whole = units(raw, decimals)
    cut = Decimal(f"{Context(prec=kept, rounding=ROUND_DOWN).plus(whole):f}")  # as a source writes it
    assume(cut.as_tuple().exponent != -decimals or cut == whole)
    holding = _holding(cut, decimals=decimals if known else None)
    assert cut <= whole <= EXACT.add(cut, holding.slack)


@given(raws, places)
def test_what_is_known_exactly_has_no_slack(raw: int, decimals: int) -> None:
    whole = units(raw, decimals)
    assert _holding(whole, decimals=decimals).slack == 0
    assert replace(_holding(whole), raw=raw).slack == 0
    assert _holding(Decimal(0)).slack == 0


def _holding(amount: Decimal, decimals: int | None = None) -> Holding:
    return Holding(TOKEN, minutes(0), amount=amount, decimals=decimals)
