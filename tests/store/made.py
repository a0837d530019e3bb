"""Hand-made readings for tests of the store."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather
from scanner.domain.changes import Difference, diff
from scanner.store import knowledge, scans
from scanner.store.engine import Store

__all__ = ["START", "TREASURY", "address", "approval", "commit", "reading"]

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def address(number: int) -> str:
    return f"0x{number:040x}"


TREASURY = Target("1", address(1), "treasury", ("cold",))


def approval(
    token: int = 100, spender: int = 200, raw: int = 5, target: Target = TREASURY, name: str | None = "Swap"
) -> Approval:
    return Approval(
        target.chain, target.owner, Token(address(token), "TKN"), Spender(address(spender), name), Allowance(raw)
    )


def reading(*rows: Approval, minutes: float = 0, target: Target = TREASURY, end: End = End.COMPLETE) -> Snapshot:
    at = START + timedelta(minutes=minutes)
    return Snapshot(target, gather(rows), end, frozenset({Kind.ERC20}), "okx", at)


async def commit(store: Store, snapshot: Snapshot, scan_id: str) -> Difference:
    """Store what a reading means, as a scan does."""

    async def committing(connection: AsyncConnection) -> Difference:
        await scans.begin(connection, scan_id, asked_by="test", worker="1-test", total=1, at=snapshot.read_at)
        await knowledge.watch(connection, [snapshot.target], snapshot.read_at)
        known = await knowledge.known(connection, snapshot.target)
        difference = diff(known, snapshot, timedelta(minutes=10))
        await knowledge.record(connection, scan_id, snapshot, difference)
        await scans.finish(connection, scan_id, at=snapshot.read_at, requests=1, undecided=0)
        return difference

    return await store.write(committing)
