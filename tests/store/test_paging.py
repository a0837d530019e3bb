"""What is stored is gone through a part at a time, however much it is."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from made import START, TREASURY, address, approval, commit, reading

from scanner.domain.approvals import Target
from scanner.domain.exposure import Valuation
from scanner.store import balances, knowledge
from scanner.store.engine import Store

COUNT = 1_200
"""More than two parts hold."""


async def _all(store: Store) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    after = (0, "")
    while places := await store.read(partial(knowledge.next_in_force, after=after)):
        found += places
        after = places[-1]
    return found


async def test_every_approval_comes_once_and_those_of_a_target_together(store: Store) -> None:
    await commit(store, reading(*(approval(token=number) for number in range(1, COUNT + 1))), "s1")
    found = await _all(store)
    assert sorted(id_ for _, id_ in found) == sorted(await store.read(knowledge.known_ids))
    assert len(found) == COUNT
    assert found == sorted(found)


async def test_what_is_gone_or_watched_no_more_is_left_out(store: Store) -> None:
    await commit(store, reading(approval(token=1), approval(token=2)), "s1")
    await commit(store, reading(approval(token=1), approval(token=2, raw=0), minutes=10), "s2")
    assert [id_ for _, id_ in await _all(store)] == [approval(token=1).id]
    other = {Target("1", address(99))}
    assert TREASURY not in other
    await store.write(lambda connection: knowledge.unwatch(connection, other, START))
    assert await _all(store) == []


async def test_an_empty_store_has_nothing(store: Store) -> None:
    assert await _all(store) == []


async def _held_by(store: Store, *spenders: str) -> list[list[str]]:
    """What some spenders hold, a list of ids for each part that it came in."""
    found: list[list[str]] = []
    left: Sequence[str] = spenders
    after = 0
    while left:
        kept, left, after = await store.read(partial(knowledge.holders, spenders=left, after=after))
        found.append([one.held.approval.id for one in kept])
    return found


async def test_what_spenders_hold_comes_in_parts_and_nothing_twice(store: Store) -> None:
    rows = [approval(token=number, spender=200 + number % 3 // 2) for number in range(1, COUNT + 1)]
    await commit(store, reading(*rows), "s1")
    parts = await _held_by(store, address(200), address(201), address(202))
    assert [len(part) for part in parts] == [500, 500, 200]
    assert sorted(id_ for part in parts for id_ in part) == sorted(one.id for one in rows)
    assert [sum(map(len, await _held_by(store, address(200)))), sum(map(len, await _held_by(store)))] == [800, 0]


async def test_what_spenders_held_once_or_in_a_wallet_that_is_watched_no_more_is_left_out(store: Store) -> None:
    await commit(store, reading(approval(token=1), approval(token=2)), "s1")
    await commit(store, reading(approval(token=1), approval(token=2, raw=0), minutes=10), "s2")
    assert await _held_by(store, address(200)) == [[approval(token=1).id]]
    await store.write(lambda connection: knowledge.unwatch(connection, {Target("1", address(99))}, START))
    assert await _held_by(store, address(200)) == [[]]


async def test_a_set_of_any_size_is_asked_for_at_once(store: Store) -> None:
    rows = [approval(token=number) for number in range(1, COUNT + 1)]
    await commit(store, reading(*rows), "s1")
    worth = {one.id: Valuation(START, Decimal(number)) for number, one in enumerate(rows)}
    await store.write(partial(balances.value_first, first=worth))
    ids = [one.id for one in rows[::2]]
    assert await store.read(partial(balances.valuations_of, approval_ids=ids)) == {id_: worth[id_] for id_ in ids}
    assert await store.read(partial(balances.valuations_of, approval_ids=[])) == {}
