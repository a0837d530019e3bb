"""What is known: the present, any moment of the past, and every change between."""

from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import START, TREASURY, address, approval, commit, reading
from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Allowance, End, Kind, Target
from scanner.domain.changes import ChangeKind
from scanner.store import knowledge, scans
from scanner.store.columns import Uint256
from scanner.store.engine import Store
from scanner.store.filters import Filter
from scanner.store.knowledge import Kept
from scanner.store.spenders import spender_counts
from scanner.store.tables import approvals, changes, scan_targets, targets

MAX = 2**256 - 1
HOT = Target("8453", address(2), "hot")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


async def raws(store: Store, when: datetime | None = None) -> set[int | None]:
    def asking(connection: AsyncConnection) -> Coroutine[Any, Any, list[Kept]]:
        if when is None:
            return knowledge.in_force(connection, Filter())
        return knowledge.in_force_at(connection, Filter(), when)

    return {kept.held.approval.allowance.raw for kept in await store.read(asking)}


async def test_what_was_stored_is_known_again_exactly(store: Store) -> None:
    outcome = await commit(store, reading(approval(raw=MAX), approval(token=101, raw=0xFF)), "s1")
    assert await store.read(lambda c: knowledge.known(c, TREASURY)) == outcome.known


async def test_what_only_the_chain_tells_is_known_again_exactly(store: Store) -> None:
    row = structs.replace(
        approval(raw=MAX),
        kind=Kind.PERMIT2,
        token_id=MAX,
        via=address(7),
        expires_at=at(90),
        granted_at=at(-5),
        granted_tx=f"0x{7:064x}",
        final=False,
    )
    lowered = structs.replace(row, allowance=Allowance(9), expires_at=at(30))
    outcome = await commit(store, replace(reading(row), kinds=frozenset(Kind)), "s1")
    assert await store.read(lambda c: knowledge.known(c, TREASURY)) == outcome.known
    for number, minutes in enumerate((10, 31)):
        outcome = await commit(store, replace(reading(lowered, minutes=minutes), kinds=frozenset(Kind)), f"t{number}")
    told = await store.read(lambda c: knowledge.history(c, Filter()))
    assert [change.kind for change in told] == [ChangeKind.BASELINE, ChangeKind.DECREASED, ChangeKind.EXPIRED]
    assert [change.after.expires_at for change in told] == [at(90), at(30), at(30)]
    assert told[1].before == row
    assert (await raws(store, at(30)), await raws(store, at(31))) == ({9}, set())


async def test_an_unknown_target_is_known_as_nothing(store: Store) -> None:
    known = await store.read(lambda c: knowledge.known(c, HOT))
    assert not known.held
    assert known.covered == frozenset()


async def test_the_past_is_answered_as_it_was_believed(store: Store) -> None:
    await commit(store, reading(approval(raw=5), approval(token=101, raw=7), minutes=0), "s1")
    await commit(store, reading(approval(raw=MAX), approval(token=101, raw=7), minutes=10), "s2")
    await commit(store, reading(approval(raw=MAX), minutes=20), "s3")
    await commit(store, reading(approval(raw=MAX), approval(token=101, raw=9), minutes=30), "s4")
    assert await raws(store, at(-1)) == set()
    assert await raws(store, at(5)) == {5, 7}
    assert await raws(store, at(15)) == {MAX, 7}
    assert await raws(store, at(25)) == {MAX}
    assert await raws(store, at(30)) == {MAX, 9} == await raws(store)


async def test_history_tells_every_change_in_order(store: Store) -> None:
    await commit(store, reading(approval(raw=5), approval(token=101)), "s1")
    await commit(store, reading(approval(raw=9), approval(token=101), minutes=10), "s2")
    await commit(store, reading(approval(raw=9), minutes=20), "s3")
    told = await store.read(lambda c: knowledge.history(c, Filter()))
    kinds = [change.kind for change in told]
    assert kinds == [ChangeKind.BASELINE, ChangeKind.BASELINE, ChangeKind.INCREASED, ChangeKind.REVOKED]
    raised = told[2]
    assert raised.before is not None
    assert (raised.before.allowance.raw, raised.after.allowance.raw, raised.at) == (5, 9, at(10))
    assert [change.kind for change in await store.read(lambda c: knowledge.history(c, Filter(), at(20)))] == [
        ChangeKind.REVOKED
    ]


async def test_nothing_moved_grows_the_store_by_one_line_a_target(store: Store) -> None:
    async def lines(connection: AsyncConnection) -> tuple[int, ...]:
        tables = (approvals, changes, scan_targets)
        return tuple([int(await connection.scalar(select(func.count()).select_from(t)) or 0) for t in tables])

    await commit(store, reading(approval(), approval(token=101)), "s1")
    before = await store.read(lines)
    await commit(store, reading(approval(), approval(token=101), minutes=10), "s2")
    assert await store.read(lines) == (before[0], before[1], before[2] + 1)


async def test_filters_ask_for_owner_chain_token_spender_and_unlimited(store: Store) -> None:
    await commit(store, reading(approval(raw=5), approval(token=101, spender=201, raw=MAX)), "s1")
    await commit(store, reading(approval(raw=6, target=HOT), target=HOT), "s2")

    async def found(wanted: Filter) -> set[int | None]:
        kept = await store.read(lambda c: knowledge.in_force(c, wanted))
        return {one.held.approval.allowance.raw for one in kept}

    assert await found(Filter(owners=[address(2)])) == {6}
    assert await found(Filter(chains=["1"])) == {5, MAX}
    assert await found(Filter(token=address(101))) == {MAX}
    assert await found(Filter(spender=address(200))) == {5, 6}
    assert await found(Filter(unlimited=True)) == {MAX}
    assert await found(Filter(targets={HOT})) == {6}


async def test_history_is_asked_for_by_target_and_for_what_is_or_was_unlimited(store: Store) -> None:
    await commit(store, reading(approval(raw=MAX), approval(token=101, raw=5)), "s1")
    await commit(store, reading(approval(raw=7), approval(token=101, raw=6), minutes=10), "s2")
    await commit(store, reading(approval(raw=8, target=HOT), minutes=20, target=HOT), "s3")

    async def told(wanted: Filter) -> list[int | None]:
        return [change.after.allowance.raw for change in await store.read(lambda c: knowledge.history(c, wanted))]

    assert await told(Filter(unlimited=True)) == [MAX, 7]
    assert await told(Filter(targets={HOT})) == [8]
    # A scope of an owner's other chain asks for the same owner, and is no scope of this one.
    assert await told(Filter(targets={Target("56", HOT.owner)})) == []


async def test_spenders_are_counted_over_all_watched_wallets(store: Store) -> None:
    await commit(store, reading(approval(), approval(token=101)), "s1")
    await commit(store, reading(approval(target=HOT), target=HOT), "s2")
    spender = address(200)
    assert await store.read(lambda c: spender_counts(c, [spender])) == {spender: (3, 2)}
    await store.write(lambda c: knowledge.unwatch(c, {TREASURY}, START))
    assert await store.read(lambda c: spender_counts(c, [spender])) == {spender: (2, 1)}


async def test_a_removed_wallet_keeps_its_history_and_comes_back(store: Store) -> None:
    await commit(store, reading(approval()), "s1")
    dropped = await store.write(lambda c: knowledge.unwatch(c, set(), START))
    assert dropped == [approval().id]
    assert await raws(store) == set()
    assert len(await store.read(lambda c: knowledge.history(c, Filter(watched=False)))) == 1
    await store.write(lambda c: knowledge.watch(c, [TREASURY], START))
    assert await raws(store) == {5}


async def test_an_incomplete_reading_leaves_the_time_and_source_of_the_last_complete_one(store: Store) -> None:
    await commit(store, reading(approval()), "s1")
    await commit(store, replace(reading(end=End.INCOMPLETE, minutes=10), source="evm"), "s2")
    assert await store.read(lambda c: c.scalar(select(targets.c.source))) == "okx"
    scan = await store.read(lambda c: scans.entry(c, "s2"))
    assert not scan.complete
    assert scan.targets[0].read_at == "2026-03-01T12:00:00Z"
    report = await store.read(lambda c: scans.report(c, scan, {TREASURY}, lambda _: False))
    assert len(report.approvals) == 1


async def test_coverage_is_remembered(store: Store) -> None:
    await commit(store, reading(approval()), "s1")
    assert (await store.read(lambda c: knowledge.known(c, TREASURY))).covered == {Kind.ERC20}


@given(st.lists(st.integers(min_value=0, max_value=10**78 - 1), min_size=2, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_amounts_sort_as_numbers_do(amounts: list[int]) -> None:
    texts = [Uint256().process_bind_param(amount, DefaultDialect()) for amount in amounts]
    assert [int(str(text)) for text in sorted(texts, key=str)] == sorted(amounts)
