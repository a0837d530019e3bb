"""What of a wallet was judged as it is: by its balances, by which rules, and how much of it could not be decided."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from made import START, TREASURY, address, approval, commit, reading
from msgspec import structs
from sqlalchemy import select

from scanner.domain.approvals import Target
from scanner.domain.holdings import BalanceReading, Seen
from scanner.store import balances, unmoved
from scanner.store.engine import Store
from scanner.store.tables import targets
from scanner.store.unmoved import Settled

OTHER = Target("1", address(3), "other")
USDT, DAI = address(100), address(101)
HELD = Seen(USDT, "TKN", Decimal(5), 5_000_000, Decimal(1), risk=False)


async def weigh(store: Store, target: Target, *rows: Seen, asked: str = "") -> None:
    """Record a reading of balances, and have it judged."""
    told = BalanceReading(target, {row.token: row for row in rows}, START, frozenset({asked} - {""}))
    await store.write(lambda connection: balances.record(connection, told))
    await store.write(lambda connection: unmoved.note_weighed(connection, target))


async def tell(store: Store, target: Target, *rows: Seen, asked: str = "", minutes: int = 0) -> frozenset[str]:
    """Record a reading of balances, and tell which tokens' approvals are revalued by it."""
    at = START + timedelta(minutes=minutes)
    told = BalanceReading(target, {row.token: row for row in rows}, at, frozenset({asked} - {""}))
    await store.write(lambda connection: balances.record(connection, told))
    return await revalued(store, target)


async def revalued(store: Store, target: Target) -> frozenset[str]:
    """The tokens of the approvals beside which something else is known than when they were judged."""
    found = await store.read(lambda connection: unmoved.revalued(connection, target))
    tokens = {approval(int(token, 16), target=target).id: token for token in (USDT, DAI)}
    return frozenset(tokens[id_] for id_ in found)


@pytest.fixture
async def two(store: Store) -> Store:
    """A store in which two wallets have approved two tokens each, and hold one of them."""
    for target in (TREASURY, OTHER):
        rows = [approval(int(token, 16), target=target) for token in (USDT, DAI)]
        await commit(store, reading(*rows, target=target), target.owner)
        await weigh(store, target, HELD)
    return store


async def test_a_balance_that_is_read_again_revalues_nothing(two: Store) -> None:
    assert await tell(two, TREASURY, HELD, minutes=5) == set()


@pytest.mark.parametrize(
    "moved",
    [
        {"amount": Decimal(6), "raw": 6_000_000},
        {"raw": None},
        {"price_usd": Decimal(2)},
        {"price_usd": None},
        {"risk": True},
        {"raw": 5_000_000_000},
    ],
)
async def test_whatever_worth_is_made_of_revalues(moved: Mapping[str, object], two: Store) -> None:
    assert await tell(two, TREASURY, replace(HELD, **moved)) == {USDT}  # type: ignore[arg-type]  # - as named
    await two.write(lambda connection: unmoved.note_weighed(connection, TREASURY))
    assert await revalued(two, TREASURY) == set()


async def test_what_an_amount_was_before_does_not_settle_it(two: Store) -> None:
    await tell(two, TREASURY, replace(HELD, amount=Decimal(6), raw=6_000_000))
    assert await tell(two, TREASURY, HELD) == {USDT}


async def test_a_price_that_another_wallet_heard_of_revalues_until_it_was_judged(two: Store) -> None:
    await weigh(two, OTHER, replace(HELD, price_usd=Decimal(2)))
    assert await revalued(two, TREASURY) == {USDT}
    assert await tell(two, TREASURY, replace(HELD, price_usd=Decimal(2))) == {USDT}


async def test_a_token_that_is_missing_is_another_balance_twice(two: Store) -> None:
    assert await tell(two, TREASURY, HELD, asked=DAI) == {DAI}
    await two.write(lambda connection: unmoved.note_weighed(connection, TREASURY))
    assert await tell(two, TREASURY, HELD, asked=DAI, minutes=5) == {DAI}
    await two.write(lambda connection: unmoved.note_weighed(connection, TREASURY))
    assert await tell(two, TREASURY, HELD, asked=DAI, minutes=10) == set()


async def settle(store: Store, rules: str, due_at: datetime | None = None, fingerprint: str | None = "read") -> int:
    counts = {"in_force": 2, "unreadable": 0}
    return await store.write(
        lambda connection: unmoved.settle(
            connection, TREASURY, fingerprint=fingerprint, rules=rules, due_at=due_at, weighed=False, counts=counts
        )
    )


async def settled(store: Store, rules: str, at: datetime = START) -> Settled | None:
    return await store.read(lambda connection: unmoved.settled(connection, TREASURY, rules, at))


async def test_a_target_is_settled_by_the_rules_that_judged_it_until_its_moment_comes(two: Store) -> None:
    soon = START + timedelta(minutes=1)
    await settle(two, "these", soon)
    assert await settled(two, "these") == Settled(soon, weighed=False)
    assert await settled(two, "others") is None
    assert await settled(two, "these", soon) is None
    await settle(two, "these", fingerprint=None)
    assert await settled(two, "these") is None


async def test_what_a_source_has_no_fingerprint_of_is_settled_and_always_read(two: Store) -> None:
    await settle(two, "these", fingerprint="")
    assert await settled(two, "these") == Settled(None, weighed=False)
    assert await two.read(lambda connection: unmoved.fingerprints(connection, "these", START)) == {}


async def test_what_other_rules_have_judged_is_settled_no_more(two: Store) -> None:
    mine = {approval(100).id}
    await settle(two, "these")
    await two.write(lambda connection: unmoved.forget(connection, mine, but="these"))
    assert await settled(two, "these") is not None
    await two.write(lambda connection: unmoved.forget(connection, mine, but="others"))
    assert await settled(two, "these") is None


async def test_what_could_not_be_decided_is_summed_up_over_what_is_in_force(two: Store) -> None:
    first, second = approval(100), approval(101)

    async def undecided() -> int:
        mine = select(targets.c.undecided).where(targets.c.owner == TREASURY.owner)
        return int(await two.read(lambda connection: connection.scalar(mine)) or 0)

    await two.write(lambda connection: unmoved.note_undecided(connection, {first.id: 2, second.id: 1}))
    assert await undecided() == await settle(two, "these") == 3
    await two.write(lambda connection: unmoved.note_undecided(connection, {first.id: 0}))
    assert await undecided() == 1
    await commit(
        two,
        reading(first, structs.replace(second, allowance=structs.replace(second.allowance, raw=9)), minutes=5),
        "next",
    )
    assert await settle(two, "these") == 0, "one that moved is yet to be judged"
