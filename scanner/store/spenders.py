"""What spenders hold over all wallets, and what a scan has moved of that."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.changes import ChangeKind
from scanner.store.prepared import Query
from scanner.store.rows import given
from scanner.store.tables import approvals, changes, scans, targets, watches

__all__ = ["Counts", "left_unjudged", "spender_counts"]


@dataclass(slots=True)
class Counts:
    """For each spender the approvals in force and the owners it has, asked for once while no approval changes."""

    _newest: int | None = None
    _known: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def of(self, connection: AsyncConnection, spenders: Collection[str]) -> Mapping[str, tuple[int, int]]:
        """The counts of these spenders, and maybe of others; a spender that holds nothing is not there."""
        [(newest,)] = await _NEWEST(connection)
        if newest != self._newest:
            self._known.clear()
            self._newest = newest
        self._known |= await spender_counts(connection, set(spenders) - self._known.keys())
        return self._known


async def spender_counts(connection: AsyncConnection, spenders: Collection[str]) -> dict[str, tuple[int, int]]:
    """For each spender the approvals in force and the owners it has, over all watched wallets and chains."""
    rows = await _COUNTS(connection, spenders=sorted(spenders)) if spenders else ()
    return {spender: (count, owners) for spender, count, owners in rows}


_NEWEST = Query(select(func.max(changes.c.seq)))
_COUNTS = Query(
    select(approvals.c.spender, func.count(), func.count(approvals.c.owner.distinct()))
    .join_from(approvals, targets)
    .where(approvals.c.spender.in_(given("spenders")), approvals.c.in_force, targets.c.watched)
    .group_by(approvals.c.spender)
)


async def left_unjudged(connection: AsyncConnection, scan_id: str) -> dict[str, bool]:
    """The spenders that other scans moved and never came to judge, and whether each only by first readings; and those
    of wallets that came back with this scan, or have another name or other tags since then.

    A scan that ends judges all that is left, so only what changed since the last one that did is looked at.
    """
    last = select(func.max(scans.c.started_at)).where(scans.c.state == "finished").scalar_subquery()
    rows = await connection.execute(
        select(approvals.c.spender, func.min(changes.c.kind == ChangeKind.BASELINE.value))
        .join_from(changes, approvals)
        .join(scans, scans.c.id == changes.c.scan_id)
        .where(scans.c.state != "finished", scans.c.id != scan_id, or_(last.is_(None), changes.c.at >= last))
        .group_by(approvals.c.spender)
    )
    found = {row[0]: bool(row[1]) for row in rows}
    return found | dict.fromkeys((spender for (spender,) in await _HELD_BEFORE(connection, this_scan=scan_id)), False)


_BEGAN = select(scans.c.started_at).where(scans.c.id == bindparam("this_scan")).scalar_subquery()
_BEGUN = select(watches.c.target_id).where(watches.c.since == _BEGAN, watches.c.until.is_(None))
_HELD_BEFORE = Query(
    select(approvals.c.spender)
    .distinct()
    .where(approvals.c.target_id.in_(_BEGUN), approvals.c.in_force, approvals.c.first_seen < _BEGAN)
)
"""Who holds something of a wallet whose watch began with a scan. What was not seen before that is judged as news."""
