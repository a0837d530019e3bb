"""Claims: a message is sent by one worker at a time, and only what that worker writes back counts.

A claim counts its attempt and carries a lease; whatever is written back is fenced by worker and attempt, so that a
worker that was thought dead cannot undo what its successor did. Each function runs inside the caller's transaction.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, MessageKind, Outcome, Result
from scanner.store import health
from scanner.store.columns import Instant
from scanner.store.outbox.states import GIVEN_UP, SENT, WAITING
from scanner.store.prepared import Command, Query
from scanner.store.tables import attempts, messages, notices

__all__ = ["claim", "claim_next", "settle", "take_back", "workers"]

_WAITING: ColumnElement[str] = literal_column(f"'{WAITING}'")
"""The word itself and no parameter: partial indexes hang on it, and SQLite would plan anew for each value."""

_LETS_PASS: list[ColumnElement[str]] = [literal_column(f"'{result}'") for result in (Result.PERMANENT, Result.UNKNOWN)]
"""How an attempt ended after which a message does not hold up the others: the channel lives, or nobody knows."""

_TOLD = [
    messages.c[name]
    for name in ("id", "channel", "kind", "severity", "title", "body", "attempts", "repeat", "created_at", "thread")
]
"""What a claim says of its message, in the order in which `_claim` takes it."""


async def claim(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, channels: Collection[str]
) -> list[Claim]:
    """Claim the next message of each channel as `claim_next` does, once the claims that ran out are taken back."""
    await _lose(connection, messages.c.lease_until <= now, now)
    found = [await claim_next(connection, worker, now, lease, channel) for channel in channels]
    return [one for one in found if one is not None]


async def claim_next(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, channel: str
) -> Claim | None:
    """Claim the next message of a channel that has none in flight; None where nothing may go now.

    Order is kept, critical messages first. While the first one waits to be tried again, the others wait behind it: the
    channel is down. A message that the channel refuses, or never answers, lets the others pass, except those that
    speak of the same alert. A channel whose breaker is open is only probed.
    """
    claimed = await _CLAIM.first(connection, claimant=worker, now=now, until=now + lease, to=channel)
    return None if claimed is None else _claim(claimed, worker)


def _claiming() -> ReturningUpdate[Any]:
    """One statement, made once: it is carried out for every message, and is not to look at all that waits."""
    now, channel = bindparam("now", type_=Instant), bindparam("to", type_=String)
    critical, other = (_leading(now, channel, urgent=urgent).subquery() for urgent in (True, False))
    first = union_all(select(critical.c.id), select(other.c.id)).limit(1).scalar_subquery()
    flying = messages.alias()
    in_flight = channel.in_(select(flying.c.channel).where(flying.c.worker.is_not(None)))
    return (
        update(messages)
        .where(messages.c.id == first, messages.c.next_at <= now, ~in_flight, ~health.rests(channel, now))
        .values(
            worker=bindparam("claimant"),
            lease_until=bindparam("until", type_=Instant),
            attempts=messages.c.attempts + 1,
        )
        .returning(*_TOLD)
    )


def _leading(now: ColumnElement[datetime], channel: ColumnElement[str], *, urgent: bool) -> Select[str]:
    """The first message, of the critical or of the other ones, that may go, or that holds up those behind it."""
    one, mine, theirs, earlier = messages.alias(), notices.alias(), notices.alias(), messages.alias()
    ended = select(attempts.c.outcome).where(attempts.c.message_id == one.c.id)
    last = func.coalesce(ended.order_by(attempts.c.seq.desc()).limit(1).scalar_subquery(), "")
    behind = (
        select(earlier.c.id)
        .join_from(mine, theirs, theirs.c.alert_id == mine.c.alert_id)
        .join(earlier, earlier.c.id == theirs.c.message_id)
        .where(
            mine.c.message_id == one.c.id,
            earlier.c.channel == channel,
            earlier.c.state == _WAITING,
            earlier.c.position < one.c.position,
        )
        .exists()
    )
    waits = (one.c.channel == channel) & (one.c.state == _WAITING)
    worst: ColumnElement[str] = literal_column(f"'{Severity.CRITICAL}'")
    return (
        select(one.c.id)
        .where(
            waits,
            one.c.severity == worst if urgent else one.c.severity != worst,
            ~one.c.recalled,
            or_((one.c.next_at <= now) & ~behind, (one.c.next_at > now) & last.not_in(_LETS_PASS)),
        )
        .order_by(one.c.position)
        .limit(1)
    )


_CLAIM = Query(_claiming())


def _claim(row: tuple[Any, ...], worker: str) -> Claim:
    message, channel, kind, severity, title, body, attempt, repeat, created_at, thread = row
    return Claim(
        id=message,
        channel=channel,
        kind=MessageKind(kind),
        severity=Severity(severity),
        title=title,
        body=body,
        worker=worker,
        attempt=attempt,
        repeat=repeat,
        created_at=created_at,
        thread=thread,
    )


async def settle(
    connection: AsyncConnection, claimed: Claim, outcome: Outcome, now: datetime, next_at: datetime | None
) -> bool:
    """Write back how an attempt ended. `next_at` is the next attempt, None gives the message up.

    Returns False, and changes nothing, where the claim is no longer this worker's.
    """
    delivered = outcome.result is Result.DELIVERED
    settled = await _SETTLE(
        connection,
        message=claimed.id,
        claimant=claimed.worker,
        attempt=claimed.attempt,
        becomes=SENT if delivered else GIVEN_UP if next_at is None else WAITING,
        arrived=now if delivered else None,
        again=None if delivered else next_at,
        why=None if delivered else outcome.detail,
        unsure=outcome.result is Result.UNKNOWN,
    )
    if not settled:
        return False
    ended = {"number": claimed.attempt, "at": now, "outcome": outcome.result.value, "detail": outcome.detail}
    await _NOTE(connection, [{"message_id": claimed.id, **ended}])
    if await health.note(connection, claimed.channel, outcome, now):
        await _resume(connection, claimed.channel, now)
    return True


def _settling() -> ReturningUpdate[Any]:
    mine = (messages.c.worker == bindparam("claimant")) & (messages.c.attempts == bindparam("attempt"))
    return (
        update(messages)
        .where(messages.c.id == bindparam("message"), messages.c.state == _WAITING, mine)
        .values(
            worker=None,
            lease_until=None,
            state=bindparam("becomes"),
            sent_at=bindparam("arrived", type_=Instant),
            next_at=func.coalesce(bindparam("again", type_=Instant), messages.c.next_at),
            error=bindparam("why"),
            repeat=or_(messages.c.repeat, bindparam("unsure", type_=Boolean)),
        )
        .returning(messages.c.id)
    )


_SETTLE = Query(_settling())
_NOTE = Command(insert(attempts), ("message_id", "number", "at", "outcome", "detail"))


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
    await _NOTE(connection, tried)
    return len(tried)


async def workers(connection: AsyncConnection) -> frozenset[str]:
    """Who holds a claim."""
    held = select(messages.c.worker).where(messages.c.state == WAITING, messages.c.worker.is_not(None)).distinct()
    return frozenset(await connection.scalars(held))
