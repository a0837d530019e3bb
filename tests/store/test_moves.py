"""What a replay needs is written down when it moves, to its last digit, and not a byte of it when it does not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from made import START, TREASURY, address, approval, commit, reading
from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target
from scanner.domain.holdings import BalanceReading, Seen
from scanner.domain.lists import Entry, ListState
from scanner.store import balances, knowledge, lists
from scanner.store.engine import Store
from scanner.store.tables import balance_moves, list_entries, past_entries, token_moves, watches

MINE, OTHER = address(100), address(101)
ELSEWHERE = Target("1", address(3))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


async def read(store: Store, *rows: Seen, minutes: float, target: Target = TREASURY) -> None:
    told = BalanceReading(target, {row.token: row for row in rows}, at(minutes))
    await store.write(lambda connection: balances.record(connection, told))


async def watch(store: Store, target: Target, minutes: float) -> None:
    await store.write(lambda connection: knowledge.watch(connection, [target], at(minutes)))


async def write_list(store: Store, minutes: float, *entries: Entry) -> None:
    state = ListState(name="ours", label="known", origin="ours.csv")
    await store.write(lambda connection: lists.keep(connection, state, entries, at=at(minutes)))


async def kept(store: Store, table: Table) -> Sequence[dict[str, Any]]:
    async def asking(connection: AsyncConnection) -> Sequence[dict[str, Any]]:
        return [dict(row) for row in (await connection.execute(select(table))).mappings()]

    return await store.read(asking)


async def size(store: Store) -> int:
    """The bytes of all pages that hold anything."""

    async def asking(connection: AsyncConnection) -> int:
        used, free, page = [
            int(str(await connection.scalar(text(f"PRAGMA {name}"))))
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return (used - free) * page

    return await store.read(asking)


def usdt(amount: str, price: str | None = "1.0001", *, token: str = MINE) -> Seen:
    return Seen(
        token,
        "USDT",
        Decimal(amount),
        int(Decimal(amount) * 10**6),
        None if price is None else Decimal(price),
        risk=False,
    )


async def test_a_balance_and_a_price_are_kept_when_they_move_to_their_last_digit(store: Store) -> None:
    await commit(store, reading(approval()), "first")
    await read(store, usdt("5"), minutes=1)
    await read(store, usdt("5"), minutes=2)
    await read(store, usdt("5", "1.00010000000000000000001"), minutes=3)
    await read(store, usdt("7", None), minutes=4)
    held = [(row["at"], row["amount"], row["raw"]) for row in await kept(store, balance_moves)]
    assert held == [(at(1), Decimal(5), 5_000_000), (at(4), Decimal(7), 7_000_000)]
    known = [(row["at"], row["price_usd"], row["decimals"], row["risk"]) for row in await kept(store, token_moves)]
    assert known == [
        (at(1), Decimal("1.0001"), 6, False),
        (at(3), Decimal("1.00010000000000000000001"), 6, False),
        (at(4), None, 6, False),
    ]


async def test_what_nobody_may_take_any_more_is_not_kept(store: Store) -> None:
    await commit(store, reading(approval(), approval(token=101)), "first")
    await commit(store, reading(approval(token=101), minutes=1), "revoked")
    await read(store, usdt("5"), usdt("6", token=OTHER), minutes=2)
    assert [row["token"] for row in await kept(store, balance_moves)] == [OTHER]
    assert [row["token"] for row in await kept(store, token_moves)] == [OTHER]


async def test_a_value_that_comes_back_is_kept_again(store: Store) -> None:
    await commit(store, reading(approval()), "first")
    for minute, amount in enumerate(["5", "6", "5"]):
        await read(store, usdt(amount), minutes=minute)
    assert [row["amount"] for row in await kept(store, balance_moves)] == [Decimal(5), Decimal(6), Decimal(5)]


async def test_what_nobody_may_take_is_not_kept(store: Store) -> None:
    await commit(store, reading(approval()), "first")
    await store.write(lambda connection: knowledge.watch(connection, [ELSEWHERE], START))
    await read(store, usdt("5", token=OTHER), minutes=1)
    assert [await kept(store, table) for table in (balance_moves, token_moves)] == [[], []]
    await read(store, usdt("5"), minutes=1, target=ELSEWHERE)
    assert (await kept(store, balance_moves), len(await kept(store, token_moves))) == ([], 1)
    await commit(store, reading(approval(), approval(token=101), minutes=2), "second")
    await read(store, usdt("5", token=OTHER), minutes=3)
    assert [row["token"] for row in await kept(store, balance_moves)] == [OTHER]


async def test_a_reading_in_which_nothing_moved_leaves_not_a_byte(store: Store) -> None:
    await commit(store, reading(approval()), "first")
    await read(store, usdt("5"), minutes=1)
    before = await size(store), await kept(store, token_moves), await kept(store, watches)
    for minute in range(2, 50):
        await read(store, usdt("5"), minutes=minute)
        await watch(store, TREASURY, minute)
    assert (await size(store), await kept(store, token_moves), await kept(store, watches)) == before


async def test_an_entry_that_goes_is_past_with_its_times_and_what_stays_is_in_force(store: Store) -> None:
    one, two = Entry(address(200), ("known",), "1", "Swap", "an incident"), Entry(address(201), ("known",))
    for minute, entries in enumerate([[one, two], [two], [one, two]]):
        await write_list(store, minute, *entries)
    [past] = await kept(store, past_entries)
    assert (past["address"], past["labels"], past["chain"], past["name"], past["incident"]) == (
        *(one.address, ["known"]),
        *("1", "Swap", "an incident"),
    )
    assert (past["list"], past["since"], past["until"]) == ("ours", at(0), at(1))
    assert {row["address"]: row["since"] for row in await kept(store, list_entries)} == {
        one.address: at(2),
        two.address: at(0),
    }
    await store.write(lambda connection: lists.drop(connection, ["ours"], at=at(9)))
    assert len(await kept(store, past_entries)) == 3
    assert await store.read(lambda connection: lists.standings_of(connection, {("1", one.address)})) == {}


async def test_a_watch_has_a_beginning_an_end_and_a_name(store: Store) -> None:
    await watch(store, TREASURY, 0)
    await watch(store, TREASURY, 1)
    await watch(store, Target("1", TREASURY.owner, "vault", ("cold",)), 2)
    await watch(store, Target("1", TREASURY.owner, "vault"), 3)
    await store.write(lambda connection: knowledge.unwatch(connection, set(), at(4)))
    await watch(store, Target("1", TREASURY.owner, "vault"), 5)
    found = [(row["since"], row["until"], row["label"], row["tags"]) for row in await kept(store, watches)]
    assert found == [
        (at(0), at(2), "treasury", ["cold"]),
        (at(2), at(3), "vault", ["cold"]),
        (at(3), at(4), "vault", []),
        (at(5), None, "vault", []),
    ]
