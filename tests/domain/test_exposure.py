"""What is at stake: never more than the balance, never more than the allowance, never a guess."""

from datetime import timedelta
from decimal import ROUND_DOWN, Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs
from strategies import OWNER, address, allowances, minutes

from scanner.domain.approvals import UINT256_MAX, Allowance, Approval, Kind, Spender, Token
from scanner.domain.exposure import UNVALUED, Exposure, Total, Valuation, allowed, exposure, total, valued
from scanner.domain.holdings import EXACT, Holding, in_units

TOKEN = Token(address(0x70CE2), "USDT")
NOW = minutes(0)

prices = st.decimals(min_value="1e-12", max_value="1e9", allow_nan=False, allow_infinity=False)
balances = st.integers(0, 10**30) | st.integers(0, UINT256_MAX)
decimals = st.integers(0, 30)
ALL_THERE_IS = Allowance(UINT256_MAX)


def of(allowance: Allowance, token: Token = TOKEN, spender: int = 1, owner: str = OWNER.owner) -> Approval:
    return Approval(OWNER.chain, owner, token, Spender(address(spender)), allowance)


def held(amount: str | None = "100", **more: object) -> Holding:
    parts = {"price_usd": Decimal(2), **more}
    return Holding(TOKEN.address, NOW, amount=None if amount is None else Decimal(amount), **parts)  # type: ignore[arg-type]  # - parts of many types


def test_an_unlimited_allowance_puts_the_whole_balance_at_stake() -> None:
    found = exposure(of(ALL_THERE_IS), held("100.5"))
    assert (found.balance, found.amount, found.usd) == (Decimal("100.5"), Decimal("100.5"), Decimal(201))
    assert found.covers_balance is True
    assert found.read_at == NOW


def test_unlimited_in_words_is_unlimited() -> None:
    assert exposure(of(Allowance(None, in_words=True)), held("5")).usd == 10


@pytest.mark.parametrize(
    ("kind", "allowance", "count", "amount", "covers"),
    [
        (Kind.ERC721, Allowance(1), 3, 1, False),
        (Kind.ERC721, Allowance(1), 1, 1, True),
        (Kind.ERC721_ALL, Allowance(None, in_words=True), 3, 3, True),
    ],
)
def test_nfts_are_counted_and_have_no_price(
    kind: Kind, allowance: Allowance, count: int, amount: int, covers: bool
) -> None:
    found = exposure(structs.replace(of(allowance), kind=kind), held(str(count), raw=count, decimals=0))
    assert (found.balance, found.amount) == (Decimal(count), Decimal(amount))
    assert found.covers_balance is covers
    assert (found.price_usd, found.usd) == (None, None)


@pytest.mark.parametrize(("kind", "token_id"), [(Kind.ERC1155_ALL, None), (Kind.ERC6909, None), (Kind.ERC6909, 7)])
@pytest.mark.parametrize("amount", ["0", "5"])
def test_of_a_contract_that_keeps_many_tokens_no_one_balance_tells(
    kind: Kind, token_id: int | None, amount: str
) -> None:
    row = structs.replace(of(ALL_THERE_IS), kind=kind, token_id=token_id)
    found = exposure(row, held(amount))
    assert (found.balance, found.amount, found.usd, found.covers_balance) == (None, None, None, None)


@pytest.mark.parametrize(
    ("kind", "units"),
    [(Kind.ERC721, 1), (Kind.ERC721_ALL, None), (Kind.ERC6909, None), (Kind.PERMIT2, Decimal("0.01"))],
)
def test_only_what_is_an_amount_of_one_token_has_its_units(kind: Kind, units: Decimal | int | None) -> None:
    assert allowed(structs.replace(of(Allowance(1)), kind=kind), 2) == units


def test_a_balance_that_two_kinds_of_right_reach_is_counted_once() -> None:
    plain, through = of(ALL_THERE_IS), structs.replace(of(Allowance(50), spender=2), kind=Kind.PERMIT2)
    found = [(one, exposure(one, held("100", raw=100, decimals=0))) for one in (plain, through)]
    assert [at_stake.usd for _, at_stake in found] == [200, 100]
    assert total(found) == Total(Decimal(200), 0)


@pytest.mark.parametrize(
    ("raw", "holding", "amount", "covers"),
    [
        (50, held("10", raw=1000, decimals=2), Decimal("0.5"), False),
        (1000, held("10", raw=1000, decimals=2), Decimal(10), True),
        (1000, held("10", raw=1000), Decimal(10), True),
        (999, held("10", raw=1000), None, False),
        (50, held("10.00", decimals=2), Decimal("0.5"), False),
        (1000, held("10.00", decimals=2), Decimal(10), True),
        (1000, held("10.0", decimals=2), Decimal(10), None),
        (1010, held("10.0", decimals=2), Decimal(10), True),
        (50, held("10"), None, None),
        (50, held(None, raw=1000), None, False),
        (1000, held(None, raw=1000), None, True),
        (50, held(None), None, None),
        (50, held("0"), Decimal(0), True),
        (50, held(None, raw=0), Decimal(0), True),
    ],
)
def test_a_finite_allowance_is_compared_only_where_that_is_certain(
    raw: int, holding: Holding, amount: Decimal | None, covers: bool | None
) -> None:
    found = exposure(of(Allowance(raw)), holding)
    assert found.amount == amount
    assert found.covers_balance is covers


def test_an_unreadable_allowance_is_worth_nothing_that_is_known() -> None:
    found = exposure(of(Allowance(10**9, unreadable="lots")), held("5", raw=500, decimals=2))
    assert (found.amount, found.usd, found.covers_balance) == (None, None, None)
    assert found.balance == 5


def test_of_nothing_nothing_can_be_taken_whatever_else_is_unknown() -> None:
    found = exposure(of(Allowance(None, unreadable="?")), held("0", price_usd=None))
    assert (found.amount, found.usd) == (Decimal(0), Decimal(0))


def test_without_a_price_there_is_no_worth() -> None:
    found = exposure(of(ALL_THERE_IS), held("5", price_usd=None))
    assert (found.amount, found.usd) == (Decimal(5), None)


def test_without_a_reading_nothing_is_known_but_what_the_token_says() -> None:
    assert exposure(of(ALL_THERE_IS), None) == UNVALUED
    assert exposure(of(ALL_THERE_IS, structs.replace(TOKEN, decimals=6)), None) == Exposure(decimals=6)


def test_a_token_without_an_address_is_not_the_chains_own_coin() -> None:
    coin = Holding("", NOW, amount=Decimal(1000), price_usd=Decimal(2000))
    assert exposure(of(ALL_THERE_IS, Token("", "TUSD")), coin) == UNVALUED


def test_decimals_that_the_token_itself_tells_are_believed_first() -> None:
    found = exposure(of(Allowance(50), structs.replace(TOKEN, decimals=1)), held("10.0", decimals=2))
    assert (found.decimals, found.amount) == (1, Decimal(5))


def test_no_digit_is_lost() -> None:
    found = exposure(
        of(ALL_THERE_IS), held(None, raw=UINT256_MAX, decimals=18, price_usd=Decimal("1.000000000000000001"))
    )
    assert found.usd is not None
    assert found.usd == Decimal(UINT256_MAX * (10**18 + 1)).scaleb(-36, context=EXACT)


flags = st.booleans()
worlds = st.tuples(balances, allowances()) | balances.flatmap(
    lambda raw: st.tuples(st.just(raw), st.integers(max(0, raw - 3), min(raw + 3, UINT256_MAX)).map(Allowance))
)


@given(worlds, decimals, prices | st.none(), st.integers(17, 40), flags, flags, flags)
@example((2**128, Allowance(2**128 - 1)), 0, None, 17, True, False, False)
def test_what_is_told_of_a_balance_never_makes_more_or_other_than_the_truth(
    world: tuple[int, Allowance],
    places: int,
    price: Decimal | None,
    kept: int,
    raw_told: bool,
    amount_told: bool,
    places_known: bool,
) -> None:
    raw, allowance = world
    truth = in_units(raw, places)
    cut = Context(prec=kept, rounding=ROUND_DOWN).plus(truth)
    if cut != truth and cut.as_tuple().exponent == -places:
        cut = Context(prec=kept - 1, rounding=ROUND_DOWN).plus(truth)
    holding = Holding(
        TOKEN.address,
        NOW,
        amount=cut if amount_told else None,
        raw=raw if raw_told else None,
        decimals=places if places_known else None,
        price_usd=price,
    )
    one = of(allowance)
    found = exposure(one, holding)

    readable = allowance.unreadable is None and (allowance.in_words or allowance.raw is not None)
    within = raw if one.unlimited else min(raw, allowance.raw or 0)
    if not (raw_told or amount_told):
        assert (found.balance, found.amount, found.usd, found.covers_balance) == (None, None, None, None)
    if found.balance is not None:
        assert found.balance <= truth
        assert found.balance == truth or not raw_told or not places_known
    if found.amount is not None:
        assert found.balance is not None
        assert found.amount <= found.balance
        assert not found.amount or readable
        assert not readable or found.amount <= in_units(within, places)
        if raw_told and places_known and readable:
            assert found.amount == in_units(within, places)
    if found.covers_balance is not None and readable:
        assert found.covers_balance is (bool(one.unlimited) or (allowance.raw or 0) >= raw)
    if found.usd is not None and found.amount:
        assert price is not None
        assert found.usd == EXACT.multiply(found.amount, price)
    if readable and raw_told and amount_told and places_known:
        assert found.amount is not None
        assert found.covers_balance is not None
        assert (found.usd is None) is (price is None and found.amount != 0)


amounts = st.none() | st.integers(0, 1000).map(Decimal)
stakes = st.lists(
    st.builds(
        lambda owner, token, spender, usd: (
            of(Allowance(1), Token(address(token)), spender, address(0xA0 + owner)),
            Exposure(usd=usd),
        ),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 3),
        amounts,
    ),
    max_size=12,
)


@given(stakes)
def test_a_total_counts_each_token_of_an_owner_once_at_its_largest(found: list[tuple[Approval, Exposure]]) -> None:
    worth: dict[tuple[str, str], list[Decimal]] = {}
    for one, at_stake in found:
        if at_stake.usd is not None:
            worth.setdefault((one.owner, one.token.address), []).append(at_stake.usd)
    sums = total(found)
    unvalued = sum(at_stake.usd is None for _, at_stake in found)
    assert sums.unvalued == unvalued
    known = sum((max(each) for each in worth.values()), Decimal(0))
    assert sums.usd == (None if unvalued and not known else known)
    assert total(reversed(found)) == sums


def test_many_spenders_of_one_token_can_take_it_only_once() -> None:
    found = [(of(ALL_THERE_IS, spender=number), Exposure(usd=Decimal(100))) for number in range(5)]
    assert total(found) == Total(Decimal(100), 0)


def test_the_same_token_on_two_chains_is_two_tokens() -> None:
    one = of(ALL_THERE_IS)
    assert (
        total([(one, Exposure(usd=Decimal(5))), (structs.replace(one, chain="56"), Exposure(usd=Decimal(7)))]).usd == 12
    )


def test_nothing_at_all_is_worth_nothing() -> None:
    assert total([]) == Total(Decimal(0), 0)


def test_what_can_be_valued_is_valued_from_its_last_change() -> None:
    later = NOW + timedelta(hours=1)
    found = valued(
        [("a", NOW, Exposure(usd=Decimal(5))), ("b", later, Exposure()), ("c", later, Exposure(usd=Decimal(0)))]
    )
    assert found == {"a": Valuation(NOW, Decimal(5)), "c": Valuation(later, Decimal(0))}
