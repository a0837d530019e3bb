"""Claims: a message is sent by one worker at a time, and only what that worker writes back counts.

A claim counts its attempt and carries a lease; whatever is written back is fenced by worker and attempt, so that a
worker that was thought dead cannot undo what its successor did. Each function runs inside the caller's transaction.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, case, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, MessageKind, Outcome, Result
from scanner.store import health
from scanner.store.outbox.states import GIVEN_UP, SENT, WAITING
from scanner.store.tables import attempts, messages, notices

__all__ = ["claim", "settle", "take_back", "workers"]

LOOKED_AT = 200
"""Waiting messages of a channel that are looked at for one claim."""


async def claim(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, channels: Collection[str]
) -> list[Claim]:
    """Claim the next message of each channel that has none in flight.

    Order is kept for each channel, critical messages first. While the first one waits to be tried again, the others
    wait behind it: the channel is down. A message that the channel refuses, or never answers, lets the others pass,
    except those that speak of the same alert. A channel whose breaker is open is only probed.
    """
    await _lose(connection, messages.c.lease_until <= now, now)
    claims = []
    for channel in await health.open_to_try(connection, channels, now):
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
        .where(here, ~messages.c.recalled)
        .order_by(case((messages.c.severity == Severity.CRITICAL.value, 0), else_=1), messages.c.position)
        .limit(LOOKED_AT)
    )
    for row in (await connection.execute(query)).mappings():
        if row["next_at"] > now:
            if row["ended"] not in (Result.PERMANENT.value, Result.UNKNOWN.value):
                return None
        elif not await _is_behind(connection, row):
            return row
    return None


async def _is_behind(connection: AsyncConnection, row: RowMapping) -> bool:
    """Whether an earlier message that speaks of the same alert waits for the same channel."""
    mine = select(notices.c.alert_id).where(notices.c.message_id == row["id"])
    earlier = (
        select(messages.c.id)
        .join(notices, notices.c.message_id == messages.c.id)
        .where(
            messages.c.channel == row["channel"],
            messages.c.state == WAITING,
            messages.c.position < row["position"],
            notices.c.alert_id.in_(mine),
        )
        .limit(1)
    )
    return await connection.scalar(earlier) is not None


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
        thread=row["thread"],
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
    if await health.note(connection, claimed.channel, outcome, now):
        await _resume(connection, claimed.channel, now)
    return True


async def _resume(connection: AsyncConnection, channel: str, now: datetime) -> None:
    """A channel is back: what waits for it is due now, in its order."""
    behind = (messages.c.channel == channel) & (messages.c.state == WAITING) & (messages.c.next_at > now)
    await connection.execute(update(messages).where(behind).values(next_at=now))


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
