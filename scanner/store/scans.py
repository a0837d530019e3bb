"""Scans: when each began and ended, what it read, and the report of one as the store knows it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Approval, Target
from scanner.domain.cost import Spent
from scanner.domain.report import (
    AlertEntry,
    Report,
    ScanEntry,
    TargetEntry,
    chain_name,
    rfc3339,
    said,
)
from scanner.store.alerts import around_scan
from scanner.store.filters import Filter
from scanner.store.knowledge import changes_of, in_force
from scanner.store.surroundings import change_entries, entries_with_total
from scanner.store.tables import notices, scan_targets, scans, targets

__all__ = ["begin", "entry", "finish", "hurry", "interrupt", "last_begun", "report", "undecided_rules", "workers"]


async def begin(
    connection: AsyncConnection, scan_id: str, *, asked_by: str, worker: str, total: int, at: datetime
) -> None:
    """Note that a scan of so many targets has begun, and which process does it."""
    begun = {"id": scan_id, "asked_by": asked_by, "worker": worker, "total": total, "state": "running"}
    await connection.execute(scans.insert().values(**begun, started_at=at))


async def finish(
    connection: AsyncConnection,
    scan_id: str,
    *,
    at: datetime,
    requests: int,
    undecided: int,
    undecided_rules: Sequence[str] = (),
    unreadable: int = 0,
    context_errors: Sequence[str] = (),
    costs: Mapping[str, Spent] | None = None,
    at_once: bool = False,
) -> None:
    """Note that a scan has ended; its digest of first readings can go out now, and with `at_once` all it raised."""
    await connection.execute(
        update(scans)
        .where(scans.c.id == scan_id)
        .values(
            state="finished",
            finished_at=at,
            requests=requests,
            undecided=undecided,
            undecided_rules=list(undecided_rules),
            unreadable=unreadable,
            context_errors=list(context_errors),
            costs={part: asdict(spent) for part, spent in (costs or {}).items()},
        )
    )
    await _release(connection, scan_id, at, at_once=at_once)


async def hurry(connection: AsyncConnection, scan_id: str, at: datetime) -> None:
    """What a scan has raised so far waits for nothing else; its digest of first readings still waits for its end."""
    waiting = (notices.c.scan_id == scan_id) & notices.c.message_id.is_(None) & (notices.c.due_at > at)
    await connection.execute(update(notices).where(waiting).values(due_at=at))


async def last_begun(connection: AsyncConnection, asked_by: str) -> datetime | None:
    """When the last scan of a sort began that was not interrupted: one that was has left targets unread."""
    whole = (scans.c.asked_by == asked_by) & (scans.c.state != "interrupted")
    query = select(scans.c.started_at).where(whole).order_by(scans.c.started_at.desc()).limit(1)
    found: datetime | None = await connection.scalar(query)
    return found


async def undecided_rules(connection: AsyncConnection) -> frozenset[str]:
    """The rules that could decide nothing at all in the last scan that has ended."""
    query = select(scans.c.undecided_rules).where(scans.c.state == "finished").order_by(scans.c.started_at.desc())
    return frozenset(await connection.scalar(query.limit(1)) or ())


async def workers(connection: AsyncConnection) -> frozenset[str]:
    """Whose scans are running."""
    return frozenset(await connection.scalars(select(scans.c.worker).where(scans.c.state == "running")))


async def interrupt(connection: AsyncConnection, dead: Collection[str], at: datetime) -> list[str]:
    """End the scans that dead workers left running: what they read is kept, and their digests go out."""
    running = (scans.c.state == "running") & scans.c.worker.in_(dead)
    left = list(await connection.scalars(select(scans.c.id).where(running)))
    for scan_id in left:
        await connection.execute(update(scans).where(scans.c.id == scan_id).values(state="interrupted", finished_at=at))
        await _release(connection, scan_id, at)
    return left


async def _release(connection: AsyncConnection, scan_id: str, at: datetime, *, at_once: bool = False) -> None:
    waiting = (notices.c.scan_id == scan_id) & notices.c.message_id.is_(None)
    if not at_once:
        waiting &= notices.c.due_at.is_(None)
    await connection.execute(update(notices).where(waiting).values(due_at=at))


async def entry(
    connection: AsyncConnection, scan_id: str, *, dry_run: bool = False, broken_rules: Sequence[str] = ()
) -> ScanEntry:
    """The scan itself: how it went, target by target."""
    scan = (await connection.execute(select(scans).where(scans.c.id == scan_id))).mappings().one()
    lines = await connection.execute(
        select(targets, scan_targets.c.complete, scan_targets.c.approvals, scan_targets.c.reason, scan_targets.c.error)
        .join(scan_targets, scan_targets.c.target_id == targets.c.id)
        .where(scan_targets.c.scan_id == scan_id)
        .order_by(targets.c.id)
    )
    entries = tuple(_target_entry(row) for row in lines.mappings())
    costs = {part: Spent(**spent) for part, spent in scan["costs"].items()}
    finished_at = scan["finished_at"] or scan["started_at"]
    return ScanEntry(
        id=scan_id,
        started_at=rfc3339(scan["started_at"]),
        finished_at=rfc3339(finished_at),
        complete=all(one.complete for one in entries),
        requests=scan["requests"],
        context_errors=tuple(scan["context_errors"]),
        targets=entries,
        dry_run=dry_run,
        broken_rules=tuple(broken_rules),
        undecided=scan["undecided"],
        retries=sum(spent.retries for spent in costs.values()),
        waited_seconds=round(sum(spent.waited_seconds for spent in costs.values()), 3),
        seconds=round((finished_at - scan["started_at"]).total_seconds(), 3),
        costs=costs,
    )


def _target_entry(row: RowMapping) -> TargetEntry:
    return TargetEntry(
        chain=chain_name(row[targets.c.chain]),
        chain_index=row[targets.c.chain],
        owner=row[targets.c.owner],
        label=row[targets.c.label],
        complete=row[scan_targets.c.complete],
        approvals=row[scan_targets.c.approvals],
        error=row[scan_targets.c.error],
        reason=row[scan_targets.c.reason],
        read_at=None if row[targets.c.read_at] is None else rfc3339(row[targets.c.read_at]),
    )


async def report(
    connection: AsyncConnection, scan: ScanEntry, scope: Collection[Target], excepts: Callable[[Approval], bool]
) -> Report:
    """All that a scan says, within its scope. `excepts` says whether an exception covers an approval."""
    kept = await in_force(connection, Filter(targets=scope, watched=False))
    approvals, worth = await entries_with_total(connection, [(one.held, one.target) for one in kept])
    told, raised = await around_scan(connection, scan.id, scope)
    scan = replace(
        scan,
        exposure_usd=said(worth.usd),
        unvalued=worth.unvalued,
        excepted=sum(excepts(one.held.approval) for one in kept),
    )
    return Report(
        version=1,
        scan=scan,
        approvals=approvals,
        changes=await change_entries(connection, await changes_of(connection, scan.id)),
        alerts=tuple(map(AlertEntry.of, told)),
        raised=tuple(raised),
    )
