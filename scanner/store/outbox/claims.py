"""Claims: a message is sent by one worker at a time, and only what that worker writes back counts.

A claim counts its attempt and carries a lease; whatever is written back is fenced by worker and attempt, so that a
worker that was thought dead cannot undo what its successor did. Each function runs inside the caller's transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Executable,
    Integer,
    RowMapping,
    Select,
    String,
    Update,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, MessageKind, Outcome, Result
from scanner.store import health
from scanner.store.columns import Instant
from scanner.store.outbox.states import GIVEN_UP, SENT, WAITING
from scanner.store.tables import attempts, messages, notices

__all__ = ["claim", "claim_many", "claim_next", "hand_back", "settle", "settle_sent", "take_back", "workers"]

_LETS_PASS = (Result.PERMANENT.value, Result.UNKNOWN.value)
"""How an attempt ended after which a message does not hold up the others: the channel lives, or nobody knows."""


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
    asked = {"claimant": worker, "now": now, "until": now + lease, "to": channel}
    row = (await connection.execute(_CLAIM, asked)).mappings().first()
    return None if row is None else _claim(row, worker)


async def claim_many(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, channel: str, most: int
) -> list[Claim]:
    """Claim the next messages of a channel, to be sent in this order; several only where all that waits may go now.

    Where one was tried before, or has to wait, it is as with `claim_next`.
    """
    asked = {"claimant": worker, "now": now, "until": now + lease, "to": channel}
    if most > 1:
        rows = (await connection.execute(_CLAIM_MANY, asked | {"most": most})).mappings().all()
        if rows:
            order = sorted(rows, key=lambda row: (row["severity"] != Severity.CRITICAL, row["position"]))
            return [_claim(row, worker) for row in order]
    one = await claim_next(connection, worker, now, lease, channel)
    return [] if one is None else [one]


def _claiming() -> Executable:
    """One statement, made once: it is carried out for every message, and is not to look at all that waits."""
    now, channel = bindparam("now", type_=Instant), bindparam("to", type_=String)
    critical, other = (_leading(now, channel, urgent=urgent).subquery() for urgent in (True, False))
    first = union_all(select(critical.c.id), select(other.c.id)).limit(1).scalar_subquery()
    flying = messages.alias()
    in_flight = exists().where(flying.c.channel == channel, flying.c.state == WAITING, flying.c.worker.is_not(None))
    return _taking(messages.c.id == first, messages.c.next_at <= now, ~in_flight, ~health.rests(channel, now))


def _claiming_many() -> Executable:
    """As `_claiming`, where nothing that waits for the channel was tried, put off, recalled, or is in flight."""
    now, channel = bindparam("now", type_=Instant), bindparam("to", type_=String)
    one, odd = messages.alias(), messages.alias()
    waits = (one.c.channel == channel) & (one.c.state == WAITING)
    order = case((one.c.severity == Severity.CRITICAL.value, 0), else_=1), one.c.position
    first = select(one.c.id).where(waits).order_by(*order).limit(bindparam("most", type_=Integer))
    of_note = (odd.c.attempts > 0) | (odd.c.next_at > now) | odd.c.recalled | odd.c.worker.is_not(None)
    any_odd = exists().where(odd.c.channel == channel, odd.c.state == WAITING, of_note)
    return _taking(messages.c.id.in_(first), ~any_odd, ~health.rests(channel, now))


def _taking(*which: ColumnElement[bool]) -> Executable:
    until = bindparam("until", type_=Instant)
    taken = {"worker": bindparam("claimant"), "lease_until": until, "attempts": messages.c.attempts + 1}
    return update(messages).where(*which).values(taken).returning(messages)


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
            earlier.c.state == WAITING,
            earlier.c.position < one.c.position,
        )
        .exists()
    )
    # Said as the partial index says it: with parameters SQLite would not find it.
    waits = (one.c.channel == channel) & (one.c.state == literal_column(f"'{WAITING}'"))
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


_CLAIM, _CLAIM_MANY = _claiming(), _claiming_many()


def _claim(row: RowMapping, worker: str) -> Claim:
    return Claim(
        id=row["id"],
        channel=row["channel"],
        kind=MessageKind(row["kind"]),
        severity=Severity(row["severity"]),
        title=row["title"],
        body=row["body"],
        worker=worker,
        attempt=row["attempts"],
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
    delivered = outcome.result is Result.DELIVERED
    end = {
        "becomes": SENT if delivered else GIVEN_UP if next_at is None else WAITING,
        "arrived": now if delivered else None,
        "again": None if delivered else next_at,
        "why": None if delivered else outcome.detail,
        "unsure": outcome.result is Result.UNKNOWN,
    }
    written = await connection.execute(_SETTLE, _fenced(claimed) | end)
    if written.rowcount != 1:
        return False
    await connection.execute(_NOTE, _noted(claimed, outcome, now))
    if await health.note(connection, claimed.channel, outcome, now):
        await _resume(connection, claimed.channel, now)
    return True


async def settle_sent(connection: AsyncConnection, claimed: Sequence[Claim], now: datetime) -> set[str]:
    """Write back that messages which were claimed together for a channel arrived, as `settle` does for each.

    Returns the ids of those whose claims were still this worker's.
    """
    outcome = Outcome(Result.DELIVERED)
    fences = [
        (messages.c.id == c.id) & (messages.c.worker == c.worker) & (messages.c.attempts == c.attempt) for c in claimed
    ]
    held = select(messages.c.id).where(messages.c.state == WAITING, or_(*fences))
    mine = set(await connection.scalars(held))
    ended = [one for one in claimed if one.id in mine]
    if ended:
        end = {"becomes": SENT, "arrived": now, "again": None, "why": None, "unsure": False}
        await connection.execute(_SETTLE, [_fenced(one) | end for one in ended])
        await connection.execute(_NOTE, [_noted(one, outcome, now) for one in ended])
        if await health.note(connection, ended[0].channel, outcome, now):
            await _resume(connection, ended[0].channel, now)
    return mine


async def hand_back(connection: AsyncConnection, claimed: Sequence[Claim]) -> None:
    """Free messages that were claimed and never begun: they were not attempted."""
    if claimed:
        await connection.execute(_HAND_BACK, [_fenced(one) for one in claimed])


def _fenced(claimed: Claim) -> dict[str, object]:
    return {"message": claimed.id, "claimant": claimed.worker, "attempt": claimed.attempt}


def _noted(claimed: Claim, outcome: Outcome, now: datetime) -> dict[str, object]:
    ended = {"number": claimed.attempt, "at": now, "outcome": outcome.result.value, "detail": outcome.detail}
    return {"message_id": claimed.id, **ended}


def _held() -> Update:
    """What is still as its claim left it."""
    mine = (messages.c.worker == bindparam("claimant")) & (messages.c.attempts == bindparam("attempt"))
    return update(messages).where(messages.c.id == bindparam("message"), messages.c.state == WAITING, mine)


def _settling() -> Update:
    return _held().values(
        worker=None,
        lease_until=None,
        state=bindparam("becomes"),
        sent_at=bindparam("arrived", type_=Instant),
        next_at=func.coalesce(bindparam("again", type_=Instant), messages.c.next_at),
        error=bindparam("why"),
        repeat=or_(messages.c.repeat, bindparam("unsure", type_=Boolean)),
    )


_SETTLE = _settling()
_HAND_BACK = _held().values(worker=None, lease_until=None, attempts=messages.c.attempts - 1)
_NOTE = insert(attempts)


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
