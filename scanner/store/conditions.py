"""Conditions of the watch, and the plain facts that they are decided from. Each function runs inside a transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Integer, RowMapping, case, cast, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Severity
from scanner.domain.approvals import Target
from scanner.domain.conditions import REMEMBERED, Condition, ConditionKind, Step, Turn
from scanner.domain.laps import Lap
from scanner.domain.observations import Freshness
from scanner.domain.rounds import Round, Rounds
from scanner.errors import Reason
from scanner.store.columns import Instant
from scanner.store.outbox.states import WAITING
from scanner.store.tables import approvals, conditions, messages, scan_targets, scans, targets

__all__ = [
    "any_approval",
    "apply",
    "ends",
    "freshness",
    "laps",
    "last_finished",
    "oldest_waiting",
    "rounds",
    "standing",
    "tell",
    "unread_balances",
]

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything was watched."""


async def standing(connection: AsyncConnection) -> list[Condition]:
    """The conditions that are open, in the order in which they began."""
    query = select(conditions).where(conditions.c.ended_at.is_(None)).order_by(conditions.c.seq)
    return [_condition(row) for row in (await connection.execute(query)).mappings()]


async def ends(connection: AsyncConnection, at: datetime) -> dict[str, list[datetime]]:
    """When conditions ended that still count as ones that come back, by their key."""
    query = select(conditions.c.key, conditions.c.ended_at).where(conditions.c.ended_at > at - REMEMBERED)
    found: dict[str, list[datetime]] = {}
    for key, ended_at in await connection.execute(query):
        found.setdefault(key, []).append(ended_at)
    return found


async def apply(connection: AsyncConnection, steps: Sequence[Step]) -> None:
    """Write the turns that conditions take."""
    for step in steps:
        row = _row(step.condition)
        if step.turn is Turn.BEGAN:
            await connection.execute(conditions.insert().values(**row))
        else:
            await connection.execute(update(conditions).where(conditions.c.seq == step.condition.seq).values(**row))


async def tell(connection: AsyncConnection, told: Sequence[Condition], channel: str) -> None:
    """Note that a channel is told of conditions."""
    for condition in told:
        names = sorted({*condition.told, channel})
        await connection.execute(update(conditions).where(conditions.c.seq == condition.seq).values(told=names))


def _row(condition: Condition) -> dict[str, object]:
    return {
        "key": condition.key,
        "kind": condition.kind.value,
        "severity": condition.severity.value,
        "title": condition.title,
        "detail": condition.detail,
        "fix": condition.fix,
        "since": condition.since,
        "ended_at": condition.ended_at,
        "told": list(condition.told),
    }


def _condition(row: RowMapping) -> Condition:
    return Condition(
        key=row["key"],
        kind=ConditionKind(row["kind"]),
        severity=Severity(row["severity"]),
        title=row["title"],
        detail=row["detail"],
        fix=row["fix"],
        since=row["since"],
        ended_at=row["ended_at"],
        told=tuple(row["told"]),
        seq=row["seq"],
    )


async def rounds(connection: AsyncConnection, whole: int, most: int, nodes: Collection[str] = ()) -> Rounds:
    """The last scans that ended and were of at least `whole` targets, at most so many, the newest first.

    `nodes` are the chains (by chainIndex) that are read through nodes. A scan that a block was the reason of is none of
    them, also where it is of all that is watched: these come as often as blocks do.
    """
    query = (
        select(scans)
        .where(scans.c.state == "finished", scans.c.asked_by != "chain", scans.c.total >= max(whole, 1))
        .order_by(scans.c.started_at.desc())
        .limit(most)
    )
    found = [
        (row, await _parts(connection, row["id"], nodes)) for row in list((await connection.execute(query)).mappings())
    ]
    return Rounds(
        whole=[_round(scan, parts, parts) for scan, parts in found],
        api=[_round(scan, parts, [part for part in parts if not part["by_nodes"]]) for scan, parts in found],
        nodes=[_round(scan, parts, [part for part in parts if part["by_nodes"]]) for scan, parts in found],
    )


async def _parts(connection: AsyncConnection, scan_id: str, nodes: Collection[str]) -> list[RowMapping]:
    """How the targets of a scan ended, counted: those that nodes read apart."""
    empty = scan_targets.c.complete & (scan_targets.c.approvals == 0)
    by_nodes = scan_targets.c.target_id.in_(select(targets.c.id).where(targets.c.chain.in_(nodes)))
    query = (
        select(
            by_nodes.label("by_nodes"),
            scan_targets.c.complete,
            scan_targets.c.reason,
            func.count().label("targets"),
            func.sum(scan_targets.c.approvals).label("approvals"),
            func.sum(cast(empty, Integer)).label("empty"),
            func.min(scan_targets.c.error).label("error"),
        )
        .where(scan_targets.c.scan_id == scan_id)
        .group_by("by_nodes", scan_targets.c.complete, scan_targets.c.reason)
    )
    return list((await connection.execute(query)).mappings())


def _round(scan: RowMapping, every: Sequence[RowMapping], parts: Sequence[RowMapping]) -> Round:
    """A scan by those parts of it that count; `every` part counts for what is known of the whole alone."""
    troubles: dict[Reason, int] = {}
    errors: dict[Reason, str] = {}
    for part in parts:
        if not part["complete"] and part["reason"] is not None:
            reason = Reason(part["reason"])
            troubles[reason] = troubles.get(reason, 0) + part["targets"]
            errors.setdefault(reason, part["error"] or "")
    return Round(
        started_at=scan["started_at"],
        finished_at=scan["finished_at"],
        total=sum(part["targets"] for part in parts),
        complete=sum(part["targets"] for part in parts if part["complete"]),
        empty=sum(part["empty"] for part in parts),
        approvals=sum(part["approvals"] for part in every),
        unreadable=scan["unreadable"],
        troubles=troubles,
        errors=errors,
        undecided_rules=frozenset(scan["undecided_rules"]),
    )


async def laps(connection: AsyncConnection, most: int) -> list[Lap]:
    """The last scheduled scans that ended by themselves, at most so many, the newest first."""
    query = (
        select(scans.c.started_at, scans.c.finished_at, scans.c.requests)
        .where(scans.c.asked_by == "schedule", scans.c.state == "finished")
        .order_by(scans.c.started_at.desc())
        .limit(most)
    )
    return [Lap(*row) for row in await connection.execute(query)]


async def last_finished(connection: AsyncConnection, asked_by: str) -> tuple[datetime, datetime] | None:
    """When the last scan of a sort that ended by itself began, and when it ended."""
    query = (
        select(scans.c.started_at, scans.c.finished_at)
        .where(scans.c.asked_by == asked_by, scans.c.state == "finished")
        .order_by(scans.c.started_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return None if row is None else (row.started_at, row.finished_at)


async def freshness(connection: AsyncConnection, before: datetime) -> Freshness:
    """How many watched targets have had no complete reading since a time, and which waits longest.

    A target counts from when its watch began. One whose chain is not read is left out: that is said by itself.
    """
    read, watched = (
        func.coalesce(column, literal(NEVER, Instant())) for column in (targets.c.read_at, targets.c.watched_at)
    )
    since = case((read > watched, read), else_=watched)
    ended = (scans.c.state == "finished") & (scans.c.asked_by != "chain")  # which is never of what is not read
    newest = select(scans.c.id).where(ended).order_by(scans.c.started_at.desc()).limit(1)
    outside = select(scan_targets.c.target_id).where(
        scan_targets.c.scan_id == newest.scalar_subquery(), scan_targets.c.reason == Reason.NOT_COVERED.value
    )
    here = targets.c.watched & targets.c.id.not_in(outside)
    counts = select(func.count(), func.sum(cast(since < before, Integer))).where(here)
    total, stale = (await connection.execute(counts)).one()
    worst = select(targets, since.label("since")).where(here).order_by(since, targets.c.id).limit(1)
    row = (await connection.execute(worst)).mappings().first()
    if row is None:
        return Freshness()
    return Freshness(
        total=total,
        stale=stale or 0,
        worst=Target(row["chain"], row["owner"], row["label"], tuple(row["tags"] or ())),
        since=row["since"],
        read_at=row["read_at"],
    )


async def unread_balances(connection: AsyncConnection) -> tuple[int, int, str]:
    """Of how many watched targets the last try to read balances failed, of how many there are, and one reason."""
    query = select(func.count(targets.c.balances_error), func.count(), func.max(targets.c.balances_error))
    unread, total, example = (await connection.execute(query.where(targets.c.watched))).one()
    return int(unread), int(total), example or ""


async def any_approval(connection: AsyncConnection) -> bool:
    """Whether an approval was ever seen."""
    return bool(await connection.scalar(select(exists().where(approvals.c.id.is_not(None)))))


async def oldest_waiting(connection: AsyncConnection, channels: Collection[str]) -> Mapping[str, datetime]:
    """Since when the oldest message of each of some channels waits, where one does."""
    query = (
        select(messages.c.channel, func.min(messages.c.created_at))
        .where(messages.c.state == WAITING, messages.c.channel.in_(channels))
        .group_by(messages.c.channel)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}
