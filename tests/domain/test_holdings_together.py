"""What several sources say of one target: what one does not know never wipes what another told."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from strategies import OWNER, address, minutes

from scanner.domain.holdings import BalanceReading, Holding, Seen, after, in_units, together
from scanner.errors import Reason, Trouble

TOKENS = [address(number) for number in range(1, 4)]
DECIMALS = 6
API_FAILS, NODE_FAILS = Trouble(Reason.UNAVAILABLE, "the API"), Trouble(Reason.NODE_FAILED, "the node")

amounts = st.integers(0, 10**30)
prices = st.none() | st.decimals("0.01", "99", places=2)


def priced(token: str, raw: int | None, price: Decimal | None, risk: bool | None = False) -> Seen:
    """A row as an API tells it."""
    return Seen(token, "API", None if raw is None else in_units(raw, DECIMALS), raw, price, risk)


def counted(token: str, raw: int | None, decimals: int | None = DECIMALS) -> Seen:
    """A row as a state tells it."""
    amount = None if raw is None or decimals is None else in_units(raw, decimals)
    return Seen(token, None, amount, raw, priced=False)


def told(
    *rows: Seen, at: float = 0, asked: Sequence[str] = (), trouble: Trouble | None = None, whole: bool = True
) -> BalanceReading:
    return BalanceReading(OWNER, {row.token: row for row in rows}, minutes(at), frozenset(asked), trouble, whole)


apis = st.lists(st.sampled_from(TOKENS), unique=True).flatmap(
    lambda some: st.tuples(*(st.builds(priced, st.just(one), amounts | st.none(), prices) for one in some))
)
states = st.lists(st.sampled_from(TOKENS), unique=True).flatmap(
    lambda some: st.tuples(
        *(st.builds(counted, st.just(one), amounts | st.none(), st.sampled_from([DECIMALS, None])) for one in some)
    )
)


@given(apis, states)
@example((priced(TOKENS[0], 7, Decimal(2)),), (counted(TOKENS[0], 9, None),))
def test_amounts_are_the_later_ones_and_prices_those_of_who_knows_any(
    api: tuple[Seen, ...], state: tuple[Seen, ...]
) -> None:
    found = together([told(*api), told(*state, at=1)])
    ours, theirs = {one.token: one for one in state}, {one.token: one for one in api}
    assert found.rows.keys() == ours.keys() | theirs.keys()
    for token, row in found.rows.items():
        mine, other = ours.get(token), theirs.get(token)
        best = mine if mine is not None and mine.raw is not None else other or mine
        assert best is not None
        assert row.raw == best.raw
        assert row.priced is (other is not None)
        assert row.price_usd == (other.price_usd if other else None)
        if row.amount is not None:
            assert row.raw is not None
            assert row.amount == in_units(row.raw, DECIMALS)


@given(st.lists(st.tuples(apis | st.none(), states | st.none()), max_size=6))
def test_a_course_of_readings_keeps_the_last_price_and_the_last_amount_that_was_told(
    course: list[tuple[tuple[Seen, ...] | None, tuple[Seen, ...] | None]],
) -> None:
    known: dict[str, Holding] = {}
    price: dict[str, Decimal | None] = {}
    raw: dict[str, int | None] = {}
    for number, (api, state) in enumerate(course):
        parts = [told(*rows, at=number) for rows in (api, state) if rows is not None]
        if not parts:
            continue
        known |= after(known, together(parts))
        price |= {one.token: one.price_usd for one in api or ()}
        raw |= {one.token: one.raw for one in api or ()}
        spoken = {one.token for one in api or ()}
        raw |= {one.token: one.raw for one in state or () if one.raw is not None or one.token not in spoken}
        assert {token: one.price_usd for token, one in known.items() if token in price} == price
        assert {token: one.raw for token, one in known.items()} == raw


def test_one_alone_is_what_it_says() -> None:
    alone = told(priced(TOKENS[0], 7, Decimal(2)), asked=[TOKENS[1]], trouble=API_FAILS)
    assert together([alone]) == alone


def test_decimals_that_only_the_api_makes_certain_are_used_for_the_states_amount() -> None:
    api, state = priced(TOKENS[0], 1_500_000, None), counted(TOKENS[0], 2_500_000, None)
    [row] = together([told(api), told(state)]).rows.values()
    assert (row.amount, row.raw) == (Decimal("2.5"), 2_500_000)


def test_what_the_api_lacks_is_not_missing_where_the_state_tells_it() -> None:
    found = together([told(asked=TOKENS[:2]), told(counted(TOKENS[0], 7), at=1)])
    known = after({}, found)
    assert (known[TOKENS[0]].raw, known[TOKENS[0]].missing_since) == (7, None)
    assert (known[TOKENS[1]].raw, known[TOKENS[1]].missing_since) == (None, found.read_at)


def test_what_fails_last_is_what_is_told_and_what_was_read_counts() -> None:
    row = priced(TOKENS[0], 7, Decimal(2))
    first, later = told(row, trouble=API_FAILS), told(trouble=NODE_FAILS, at=1)
    found = together([first, later])
    assert (found.trouble, dict(found.rows)) == (NODE_FAILS, {TOKENS[0]: row})
    assert together([first, told(at=1)]).trouble == API_FAILS
    assert found.read_at - first.read_at == timedelta(minutes=1)


def test_of_two_who_know_prices_the_later_one_is_believed() -> None:
    [row] = together([told(priced(TOKENS[0], 7, Decimal(2))), told(priced(TOKENS[0], 7, None, None))]).rows.values()
    assert (row.price_usd, row.risk) == (None, None)


def test_it_is_whole_only_if_each_part_is() -> None:
    assert together([told(), told()]).whole
    assert not together([told(), told(whole=False)]).whole
