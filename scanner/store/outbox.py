"""The outbox: what is due becomes messages, and each message is claimed, sent by one worker, and settled.

A claim counts its attempt and carries a lease; whatever is written back is fenced by worker and attempt, so that a
worker that was thought dead cannot undo what its successor did. Each function runs inside the caller's transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, case, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Move, Severity
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.messages import Claim, Due, FirstReading, Message, MessageKind, Outcome, Result, Waiting
from scanner.store.rows import alert_from, change_columns, change_from, held_from, parts, target_from
from scanner.store.tables import alerts, approvals, attempts, changes, messages, notices, targets

__all__ = [
    "anything_due",
    "claim",
    "due_notices",
    "enqueue",
    "first_readings",
    "listing",
    "settle",
    "take_back",
    "waiting",
    "workers",
]

WAITING = "waiting"
SENT = "sent"
GIVEN_UP = "given-up"

LOOKED_AT = 200
"""Waiting messages of a channel that are looked at for one claim."""


async def anything_due(connection: AsyncConnection, now: datetime, channels: Collection[str]) -> bool:
    """Whether a notice for one of the channels waits for its message, or a message for its next attempt."""
    free = or_(messages.c.worker.is_(None), messages.c.lease_until <= now)
    here = (messages.c.state == WAITING) & messages.c.channel.in_(channels)
    ready = exists().where(here, messages.c.next_at <= now, free)
    return bool(await connection.scalar(select(or_(exists().where(_owed(now, channels)), ready))))


def _owed(now: datetime, channels: Collection[str]) -> ColumnElement[bool]:
    # Said as the partial index says it: `send = 1` would not find the index, and every notice ever would be read.
    unpacked = notices.c.message_id.is_(None) & text("notices.send")
    return unpacked & (notices.c.due_at <= now) & notices.c.channel.in_(channels)


async def due_notices(connection: AsyncConnection, now: datetime, channels: Collection[str]) -> list[Due]:
    """The notices for some channels that are to be sent, are due, and are in no message yet, in order of writing."""
    query = (
        select(notices, alerts, approvals, targets.c.label, targets.c.tags)
        .join(alerts, alerts.c.id == notices.c.alert_id)
        .join(approvals, approvals.c.id == alerts.c.approval_id)
        .join(targets, targets.c.id == approvals.c.target_id)
        .where(_owed(now, channels))
        .order_by(notices.c.seq)
    )
    rows = list((await connection.execute(query)).mappings())
    told = await _changes(connection, sorted({row[alerts.c.approval_id] for row in rows}))
    return [_due(row, told) for row in rows]


def _due(row: RowMapping, told: Mapping[str, Change]) -> Due:
    held, alert = held_from(row), alert_from(row)
    return Due(
        seq=row[notices.c.seq],
        channel=row[notices.c.channel],
        what=Move(row[notices.c.what]),
        alert=alert,
        held=held,
        target=target_from(row),
        why=row[alerts.c.why],
        fix=row[alerts.c.fix],
        change=told.get(alert.change or held.approval.id),
        reading=row[notices.c.scan_id] if row[notices.c.digest] else None,
    )


async def _changes(connection: AsyncConnection, approval_ids: Sequence[str]) -> dict[str, Change]:
    """Every change of some approvals by its id, and the last one of each by the approval's id."""
    found: dict[str, Change] = {}
    for part in parts(approval_ids):
        query = (
            select(approvals, changes.c.id.label("told"), *change_columns(changes))
            .join(changes, changes.c.approval_id == approvals.c.id)
            .where(approvals.c.id.in_(part))
            .order_by(changes.c.seq)
        )
        for row in (await connection.execute(query)).mappings():
            found[row["told"]] = found[row[approvals.c.id]] = change_from(row)
    return found


async def first_readings(connection: AsyncConnection, scan_ids: Collection[str]) -> dict[str, FirstReading]:
    """What scans saw for the first time, by the scan's id."""
    query = (
        select(changes.c.scan_id, func.count(approvals.c.id.distinct()), func.count(approvals.c.owner.distinct()))
        .join(approvals, approvals.c.id == changes.c.approval_id)
        .where(changes.c.scan_id.in_(scan_ids), changes.c.kind == ChangeKind.BASELINE.value)
        .group_by(changes.c.scan_id)
    )
    return {row[0]: FirstReading(approvals=row[1], wallets=row[2]) for row in await connection.execute(query)}


async def enqueue(connection: AsyncConnection, packed: Sequence[Message], now: datetime) -> None:
    """Put messages into the outbox, in this order, and mark the notices that they tell or count."""
    last = await connection.scalar(select(func.max(messages.c.position)).where(messages.c.state == WAITING))
    for position, message in enumerate(packed, start=(last or 0) + 1):
        await connection.execute(
            messages.insert().values(
                id=message.id,
                channel=message.channel,
                kind=message.kind.value,
                severity=message.severity.value,
                title=message.title,
                body=message.body,
                state=WAITING,
                created_at=now,
                next_at=now,
                position=position,
            )
        )
        for part in parts(message.notices):
            await connection.execute(update(notices).where(notices.c.seq.in_(part)).values(message_id=message.id))


async def claim(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, channels: Collection[str]
) -> list[Claim]:
    """Claim the next message of each channel that has none in flight.

    Order is kept for each channel, critical messages first. While the first one waits to be tried again, the others
    wait behind it: the channel is down. A message that the channel refuses, or never answers, lets the others pass,
    except those that speak of the same alert.
    """
    await _lose(connection, messages.c.lease_until <= now, now)
    claims = []
    for channel in channels:
        row = await _next(connection, channel, now)
        if row is None:
            continue
        taken = await connection.execute(
            update(messages)
            .where(messages.c.id == row["id"], messages.c.attempts == row["attempts"], messages.c.worker.is_(None))
            .values(worker=worker, lease_until=now + lease, attempts=row["attempts"] + 1)
        )
        if taken.rowcount == 1:
            claims.append(_claim(row, worker))
    return claims


async def _next(connection: AsyncConnection, channel: str, now: datetime) -> RowMapping | None:
    here = (messages.c.channel == channel) & (messages.c.state == WAITING)
    if await connection.scalar(select(exists().where(here, messages.c.worker.is_not(None)))):
        return None
    ended = (
        select(attempts.c.outcome)
        .where(attempts.c.message_id == messages.c.id)
        .order_by(attempts.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(messages, ended.label("ended"))
        .where(here)
        .order_by(case((messages.c.severity == Severity.CRITICAL.value, 0), else_=1), messages.c.position)
        .limit(LOOKED_AT)
    )
    passed: list[str] = []
    for row in (await connection.execute(query)).mappings():
        ready = row["next_at"] <= now
        if not ready and row["ended"] not in (Result.PERMANENT.value, Result.UNKNOWN.value):
            return None
        if ready and not await _share_an_alert(connection, row["id"], passed):
            return row
        passed.append(row["id"])
    return None


async def _share_an_alert(connection: AsyncConnection, message_id: str, others: Sequence[str]) -> bool:
    if not others:
        return False
    theirs = select(notices.c.alert_id).where(notices.c.message_id.in_(others))
    both = exists().where(notices.c.message_id == message_id, notices.c.alert_id.in_(theirs))
    return bool(await connection.scalar(select(both)))


def _claim(row: RowMapping, worker: str) -> Claim:
    return Claim(
        id=row["id"],
        channel=row["channel"],
        kind=MessageKind(row["kind"]),
        severity=Severity(row["severity"]),
        title=row["title"],
        body=row["body"],
        worker=worker,
        attempt=row["attempts"] + 1,
        repeat=row["repeat"],
        created_at=row["created_at"],
    )


async def settle(
    connection: AsyncConnection, claimed: Claim, outcome: Outcome, now: datetime, next_at: datetime | None
) -> bool:
    """Write back how an attempt ended. `next_at` is the next attempt, None gives the message up.

    Returns False, and changes nothing, where the claim is no longer this worker's.
    """
    if outcome.result is Result.DELIVERED:
        state = {"state": SENT, "sent_at": now, "error": None}
    elif next_at is None:
        state = {"state": GIVEN_UP, "error": outcome.detail}
    else:
        state = {"next_at": next_at, "error": outcome.detail}
    if outcome.result is Result.UNKNOWN:
        state["repeat"] = True
    mine = (messages.c.worker == claimed.worker) & (messages.c.attempts == claimed.attempt)
    written = await connection.execute(
        update(messages)
        .where(messages.c.id == claimed.id, messages.c.state == WAITING, mine)
        .values(worker=None, lease_until=None, **state)
    )
    if written.rowcount != 1:
        return False
    await connection.execute(
        attempts.insert().values(
            message_id=claimed.id,
            number=claimed.attempt,
            at=now,
            outcome=outcome.result.value,
            detail=outcome.detail,
        )
    )
    return True


async def take_back(connection: AsyncConnection, dead: Collection[str], now: datetime) -> int:
    """Free what workers that are dead had claimed, for an attempt at once. Returns how many messages that were.

    They may have been sent: the next attempt says that it may repeat.
    """
    return await _lose(connection, messages.c.worker.in_(dead), now)


async def _lose(connection: AsyncConnection, lost: ColumnElement[bool], now: datetime) -> int:
    rows = await connection.execute(
        update(messages)
        .where(messages.c.state == WAITING, messages.c.worker.is_not(None), lost)
        .values(worker=None, lease_until=None, repeat=True, next_at=now)
        .returning(messages.c.id, messages.c.attempts)
    )
    detail = "the worker ended before it learned what became of this attempt"
    tried = [
        {"message_id": row.id, "number": row.attempts, "at": now, "outcome": Result.UNKNOWN.value, "detail": detail}
        for row in rows
    ]
    if tried:
        await connection.execute(attempts.insert(), tried)
    return len(tried)


async def workers(connection: AsyncConnection) -> frozenset[str]:
    """Who holds a claim."""
    held = select(messages.c.worker).where(messages.c.state == WAITING, messages.c.worker.is_not(None)).distinct()
    return frozenset(await connection.scalars(held))


async def waiting(connection: AsyncConnection) -> dict[str, int]:
    """How many messages wait for each channel that has any."""
    query = select(messages.c.channel, func.count()).where(messages.c.state == WAITING).group_by(messages.c.channel)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def listing(connection: AsyncConnection, states: Collection[str] = (WAITING, GIVEN_UP)) -> list[Waiting]:
    """The messages in some states, the newest first."""
    query = select(messages).where(messages.c.state.in_(states))
    rows = (await connection.execute(query.order_by(messages.c.created_at.desc(), messages.c.position))).mappings()
    return [
        Waiting(
            id=row["id"],
            channel=row["channel"],
            severity=Severity(row["severity"]),
            title=row["title"],
            state=row["state"],
            attempts=row["attempts"],
            created_at=row["created_at"],
            next_at=row["next_at"],
            sent_at=row["sent_at"],
            error=row["error"],
        )
        for row in rows
    ]
