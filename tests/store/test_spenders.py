"""What spenders hold over all wallets is asked once, and anew as soon as any approval has changed."""

from made import address, approval, commit, reading
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Target
from scanner.store.engine import Store
from scanner.store.spenders import Counts

HOT = Target("8453", address(2), "hot")


async def test_counts_are_right_whatever_changed_since_they_were_asked_for(store: Store) -> None:
    counts = Counts()
    known, other = address(200), address(201)

    async def of(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
        return dict(await counts.of(connection, {known, other}))

    assert await store.read(of) == {}
    await commit(store, reading(approval(), approval(token=101)), "s1")
    assert await store.read(of) == {known: (2, 1)}
    await commit(store, reading(approval(target=HOT), approval(spender=201, target=HOT), target=HOT), "s2")
    assert await store.read(of) == {known: (3, 2), other: (1, 1)}
    await commit(store, reading(approval(raw=7), approval(token=101, raw=0), minutes=10), "s3")
    assert await store.read(of) == {known: (2, 2), other: (1, 1)}


async def test_counts_are_not_asked_for_again_while_nothing_changes(store: Store) -> None:
    counts, asked = Counts(), list[str]()
    await commit(store, reading(approval(), approval(token=101)), "s1")

    async def of(connection: AsyncConnection, spender: str) -> None:
        raw = await connection.run_sync(lambda here: here.connection.driver_connection)
        assert raw is not None
        raw.set_trace_callback(asked.append)
        await counts.of(connection, {spender})
        raw.set_trace_callback(None)

    for _ in range(3):
        await store.read(lambda connection: of(connection, address(200)))
    assert len([query for query in asked if "GROUP BY" in query]) == 1
