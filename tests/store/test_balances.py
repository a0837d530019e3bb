"""What owners hold is kept to its last digit, and what two answers make of a token is held against each other."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from made import START, TREASURY, address, approval, commit, reading
from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import UINT256_MAX, Kind, Target
from scanner.domain.exposure import Valuation
from scanner.domain.holdings import BalanceReading, Holding, Seen, Wanted
from scanner.errors import Reason, Trouble
from scanner.store import balances, knowledge
from scanner.store.balances import Due
from scanner.store.engine import Store
from scanner.store.tables import targets

OTHER = Target("1", address(3), "other")
ELSEWHERE = Target("56", TREASURY.owner, "elsewhere")
USDT, SPAM = address(100), address(101)
TROUBLE = Trouble(Reason.NODE_FAILED, "the node failed", "Wait")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


async def watch(store: Store, *watched: Target) -> None:
    await store.write(lambda connection: knowledge.watch(connection, watched or [TREASURY], START))


async def record(
    store: Store,
    *rows: Seen,
    asked: Collection[str] = (),
    minutes: float = 0,
    target: Target = TREASURY,
    trouble: Trouble | None = None,
) -> None:
    told = BalanceReading(target, {row.token: row for row in rows}, at(minutes), frozenset(asked), trouble)
    await store.write(lambda connection: balances.record(connection, told))


async def held(store: Store, target: Target = TREASURY) -> Mapping[str, Holding]:
    return (await store.read(lambda connection: balances.holdings_of(connection, {target}))).get(target, {})


async def state(store: Store, target: Target = TREASURY) -> tuple[datetime | None, str | None]:
    async def asking(connection: AsyncConnection) -> tuple[datetime | None, str | None]:
        here = (targets.c.chain == target.chain) & (targets.c.owner == target.owner)
        row = (await connection.execute(select(targets.c.balances_at, targets.c.balances_error).where(here))).one()
        return row.balances_at, row.balances_error

    return await store.read(asking)


async def due(
    store: Store, *asked: Target, scan_id: str = "none", before: float = 0, moved: bool = False
) -> list[Wanted]:
    async def asking(connection: AsyncConnection) -> list[Wanted]:
        found = await balances.due(
            connection, asked or [TREASURY], scan_id=scan_id, read_before=at(before), moved=moved
        )
        return await balances.wanted(connection, found)

    return await store.read(asking)


async def test_what_was_read_is_known_again_to_its_last_digit(store: Store) -> None:
    await watch(store)
    amount = Decimal("115792089237316195423570985008687907853269984665640564039457.584007913129639935")
    row = Seen(USDT, "USDT", amount, UINT256_MAX, Decimal("0.000000000000000000123"), risk=False)
    await record(store, row, Seen("", amount=Decimal("1.500")), minutes=7)
    known = await held(store)
    assert known[USDT] == Holding(USDT, at(7), "USDT", amount, UINT256_MAX, 18, row.price_usd, risk=False)
    assert str(known[""].amount) == "1.500"
    assert (known[""].raw, known[""].price_usd, known[""].risk, known[""].decimals) == (None, None, None, None)
    assert await state(store) == (at(7), None)


async def test_a_number_with_an_exponent_is_kept_as_the_number_that_it_is(store: Store) -> None:
    await watch(store)
    await record(store, Seen(USDT, amount=Decimal("1.2E+6"), price_usd=Decimal("1E-9")))
    known = (await held(store))[USDT]
    assert str(known.amount) == "1200000"
    assert known.price_usd == Decimal("0.000000001")


async def test_a_target_that_nobody_watches_has_no_balances(store: Store) -> None:
    with pytest.raises(LookupError, match="is not watched"):
        await record(store, Seen(USDT))
    assert await held(store) == {}


async def test_holdings_are_told_for_those_who_are_asked_about(store: Store) -> None:
    await watch(store, TREASURY, OTHER, ELSEWHERE)
    for number, target in enumerate([TREASURY, OTHER, ELSEWHERE], 1):
        await record(store, Seen(USDT, amount=Decimal(number)), target=target)
    found = await store.read(lambda connection: balances.holdings_of(connection, {TREASURY, OTHER}))
    assert {target: holding[USDT].amount for target, holding in found.items()} == {TREASURY: 1, OTHER: 2}


async def test_a_token_is_one_and_the_same_for_all_who_hold_it_on_a_chain(store: Store) -> None:
    await watch(store, TREASURY, OTHER, ELSEWHERE)
    await record(store, Seen(USDT, amount=Decimal("1.5"), raw=1_500_000, price_usd=Decimal(1)))
    await record(store, Seen(USDT, amount=Decimal(7), price_usd=Decimal(2)), target=OTHER)
    await record(store, Seen(USDT, amount=Decimal(9)), target=ELSEWHERE)
    mine, theirs = (await held(store))[USDT], (await held(store, OTHER))[USDT]
    assert (mine.decimals, theirs.decimals) == (6, 6)
    assert (mine.price_usd, theirs.price_usd) == (Decimal(2), Decimal(2))
    assert (await held(store, ELSEWHERE))[USDT].decimals is None


async def test_missing_is_unknown_and_then_zero_across_transactions(store: Store) -> None:
    await watch(store)
    await record(store, Seen(USDT, amount=Decimal(5), raw=50))
    await record(store, asked={USDT}, minutes=1)
    assert ((await held(store))[USDT].amount, (await held(store))[USDT].raw) == (None, None)
    await record(store, minutes=2, trouble=TROUBLE)
    assert (await held(store))[USDT].amount is None
    await record(store, asked={USDT}, minutes=3)
    known = (await held(store))[USDT]
    assert (known.amount, known.raw, known.missing_since, known.decimals) == (Decimal(0), 0, at(1), 1)


async def test_a_failed_reading_leaves_what_was_known_and_its_age_and_says_why(store: Store) -> None:
    await watch(store)
    await record(store, Seen(USDT, amount=Decimal(5)), Seen(SPAM, amount=Decimal(6)))
    await record(store, Seen(SPAM, amount=Decimal(7)), minutes=9, trouble=TROUBLE)
    known = await held(store)
    assert (known[USDT].amount, known[USDT].read_at) == (Decimal(5), at(0))
    assert (known[SPAM].amount, known[SPAM].read_at) == (Decimal(7), at(9))
    assert await state(store) == (at(0), str(TROUBLE))
    await record(store, minutes=10)
    assert await state(store) == (at(10), None)


async def test_decimals_that_two_answers_dispute_are_unknown_for_good(store: Store) -> None:
    await watch(store)
    await record(store, Seen(USDT, amount=Decimal(5), raw=5_000_000))
    await record(store, Seen(USDT, amount=Decimal(5)), minutes=1)
    assert (await held(store))[USDT].decimals == 6
    await record(store, Seen(USDT, amount=Decimal(5), raw=500), minutes=2)
    assert (await held(store))[USDT].decimals is None
    for minute in (3, 4, 5):
        await record(store, Seen(USDT, amount=Decimal(5), raw=5_000_000), minutes=minute)
        assert (await held(store))[USDT].decimals is None


async def test_a_price_goes_with_the_answer_that_has_none_and_a_risk_stays(store: Store) -> None:
    await watch(store)
    await record(store, Seen(USDT, "USDT", Decimal(5), price_usd=Decimal(1), risk=True))
    await record(store, Seen(USDT, None, Decimal(5)), minutes=1)
    known = (await held(store))[USDT]
    assert (known.price_usd, known.risk, known.symbol) == (None, True, "USDT")
    await record(store, Seen(USDT, "USDT", Decimal(5), risk=False), minutes=2)
    assert (await held(store))[USDT].risk is False


async def test_due_is_what_was_never_wholly_read_or_long_ago(store: Store) -> None:
    await watch(store, TREASURY, OTHER)
    assert [one.target for one in await due(store, TREASURY, OTHER)] == [TREASURY, OTHER]
    await record(store, minutes=5)
    await record(store, minutes=5, target=OTHER, trouble=TROUBLE)
    assert [one.target for one in await due(store, TREASURY, OTHER, before=5)] == [OTHER]
    assert [one.target for one in await due(store, TREASURY, OTHER, before=6)] == [TREASURY, OTHER]
    assert await due(store, ELSEWHERE, before=6) == []


async def test_due_is_at_once_whose_approvals_a_scan_found_changed(store: Store) -> None:
    await commit(store, reading(approval()), "first")
    await commit(store, reading(approval(raw=9), minutes=1), "second")
    await commit(store, reading(approval(raw=9), minutes=2), "third")
    await record(store, minutes=3)
    assert [one.target for one in await due(store, scan_id="second")] == [TREASURY]
    assert await due(store, scan_id="third") == []


async def test_what_matters_is_what_somebody_may_take_and_what_was_held(store: Store) -> None:
    gone, nothing = address(102), address(103)
    await commit(store, reading(approval(token=100), approval(token=102)), "first")
    await commit(store, reading(approval(token=100), minutes=1), "second")
    rows = [Seen(SPAM, amount=Decimal(1)), Seen(nothing, amount=Decimal("0.00")), Seen("", amount=None)]
    await record(store, *rows, minutes=2)
    [wanted] = await due(store, before=9)
    assert wanted.tokens == {USDT, SPAM, ""}
    assert gone not in wanted.tokens


async def test_nfts_do_not_matter_to_a_source_that_tells_of_tokens(store: Store) -> None:
    kinds = {100: Kind.PERMIT2, 102: Kind.ERC777, 103: Kind.ERC721, 104: Kind.ERC721_ALL, 105: Kind.ERC6909}
    rows = [structs.replace(approval(token=token), kind=kind) for token, kind in kinds.items()]
    snapshot = replace(reading(*rows), kinds=frozenset(Kind))
    await commit(store, snapshot, "first")
    [wanted] = await due(store, before=9)
    assert wanted.tokens == {USDT, address(102)} == snapshot.tokens


async def test_a_first_worth_is_kept_and_replaced_by_the_next(store: Store) -> None:
    id_ = approval().id
    await commit(store, reading(approval()), "first")

    async def told() -> Mapping[str, Valuation]:
        return await store.read(lambda connection: balances.valuations_of(connection, [id_, "another"]))

    for worth in (Valuation(at(0), Decimal("123.456789")), Valuation(at(1), Decimal(0))):
        await store.write(lambda connection, worth=worth: balances.value_first(connection, {id_: worth}))  # type: ignore[misc]  # - bound at once
        await store.write(lambda connection: balances.value_first(connection, {}))
        assert await told() == {id_: worth}


async def test_who_knows_no_prices_wipes_none(store: Store) -> None:
    await watch(store, TREASURY, OTHER)
    await record(store, Seen(USDT, "USDT", Decimal("0.5"), 50, Decimal(2), risk=True))
    for target in (TREASURY, OTHER):
        counted = Seen(USDT, None, Decimal("0.7"), 70, priced=False)
        await record(store, counted, minutes=1, target=target)
        now = (await held(store, target))[USDT]
        assert (now.raw, now.symbol, now.decimals, now.price_usd, now.risk) == (70, "USDT", 2, Decimal(2), True)


async def test_a_reading_of_amounts_alone_leaves_the_rest_due(store: Store) -> None:
    await watch(store)
    told = BalanceReading(TREASURY, {USDT: Seen(USDT, None, Decimal(5), 5, priced=False)}, at(3), whole=False)
    await record(store, trouble=TROUBLE)
    before = await state(store)
    await store.write(lambda connection: balances.record(connection, told))
    assert (await held(store))[USDT].raw == 5
    assert await state(store) == before


async def test_where_money_moved_everybody_is_read_and_only_who_is_due_with_prices(store: Store) -> None:
    await watch(store, TREASURY, OTHER)
    await record(store, minutes=5)
    found = await due(store, TREASURY, OTHER, ELSEWHERE, before=1, moved=True)
    assert found == [Wanted(TREASURY, prices=False), Wanted(OTHER)]


async def test_nfts_are_told_apart_also_once_they_were_held(store: Store) -> None:
    apes, punks = address(200), address(201)
    await watch(store)
    one, every = structs.replace(approval(200), kind=Kind.ERC721), structs.replace(approval(201), kind=Kind.ERC721_ALL)
    await commit(store, reading(approval(), one, every), "first")
    await record(store, Seen(apes, amount=Decimal(3), raw=3), Seen(punks, amount=Decimal(1), raw=1))
    [wanted] = await due(store, before=9)
    assert (wanted.tokens, wanted.nfts) == (frozenset({USDT}), frozenset({apes, punks}))


def test_whose_balances_are_due_comes_in_parts_and_the_chains_of_an_owner_together() -> None:
    owners = [address(number) for number in range(1, 602)]
    found = [Due(Target(chain, owner), 1, prices=True) for chain in ("1", "56") for owner in owners]
    several = list(balances.by_owners(found))
    assert [len(part) for part in several] == [1_000, 202]
    assert [one.target for one in several[0][:4]] == [
        Target(chain, owner) for owner in owners[:2] for chain in ["1", "56"]
    ]
    assert sorted(one.target.owner for part in several for one in part) == sorted(owners * 2)
