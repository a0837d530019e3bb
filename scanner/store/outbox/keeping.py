"""What lies in the outbox, and what a person or a change of the configuration does to it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.alerts import Severity
from scanner.domain.messages import Delivery
from scanner.domain.notices import Why
from scanner.store.outbox.states import GIVEN_UP, VOID, WAITING
from scanner.store.rows import is_end, is_open, parts
from scanner.store.tables import alerts, messages, notices

__all__ = ["abandon", "give_up_old", "listing", "retry", "waiting"]


async def waiting(connection: AsyncConnection) -> dict[str, int]:
    """How many messages wait for each channel that has any."""
    query = select(messages.c.channel, func.count()).where(messages.c.state == WAITING).group_by(messages.c.channel)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def listing(
    connection: AsyncConnection, states: Collection[str] = (WAITING, GIVEN_UP), ids: Sequence[str] | None = None
) -> list[Delivery]:
    """The messages in some states, the newest first; with `ids` only those of them."""
    query = select(messages).where(messages.c.state.in_(states))
    if ids is not None:
        query = query.where(messages.c.id.in_(ids))
    rows = (await connection.execute(query.order_by(messages.c.created_at.desc(), messages.c.position))).mappings()
    return [
        Delivery(
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


async def retry(connection: AsyncConnection, ids: Collection[str] | None, now: datetime) -> list[str]:
    """Make messages due now, all that wait or were given up or those with these ids. Returns which they are.

    What was given up begins anew, at its age as well. If it certainly never arrived, it is composed again: what it
    tells may be over by now. If it may have, it is sent as it was; but where part of it has ended since, and that was
    told, what still stands goes into a new message.
    """
    query = select(messages).where(messages.c.state.in_((WAITING, GIVEN_UP)), messages.c.worker.is_(None))
    chosen = [row for row in (await connection.execute(query)).mappings().all() if ids is None or row["id"] in ids]
    again = [row["id"] for row in chosen if row["state"] == GIVEN_UP]
    for part in parts(again):
        await _void_outdated(connection, part, now)
        tells = exists().where(notices.c.message_id == messages.c.id, notices.c.send)
        await connection.execute(
            update(messages)
            .where(messages.c.id.in_(part), messages.c.state == GIVEN_UP)
            .values(state=WAITING, created_at=now, recalled=tells & ~messages.c.repeat)
        )
    for part in parts([row["id"] for row in chosen]):
        await connection.execute(update(messages).where(messages.c.id.in_(part)).values(next_at=now))
    return sorted(row["id"] for row in chosen)


async def _void_outdated(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> None:
    """Close messages that may have arrived and tell of something as open that has ended since. What else they tell is
    owed again."""
    tells = (notices.c.message_id == messages.c.id) & notices.c.send & ~is_end()
    over = exists().where(tells, notices.c.alert_id == alerts.c.id, ~is_open())
    said = "part of it has ended since, and that was told; what still stands is told in a new message"
    voided = await connection.scalars(
        update(messages)
        .where(messages.c.id.in_(ids), messages.c.repeat, over)
        .values(state=VOID, error=said)
        .returning(messages.c.id)
    )
    inside = notices.c.message_id.in_(list(voided)) & notices.c.send
    stands = or_(is_end(), exists().where(alerts.c.id == notices.c.alert_id, is_open()))
    await connection.execute(update(notices).where(inside, stands).values(message_id=None, due_at=now))


async def give_up_old(connection: AsyncConnection, channel: str, born: datetime, reason: str) -> int:
    """Give up what waits for a channel since then or longer, but for what is critical. Returns how many that were."""
    mine = (messages.c.channel == channel) & (messages.c.state == WAITING) & messages.c.worker.is_(None)
    old = (messages.c.created_at <= born) & (messages.c.severity != Severity.CRITICAL.value)
    gone = await connection.execute(
        update(messages).where(mine, old).values(state=GIVEN_UP, recalled=False, error=reason)
    )
    return gone.rowcount


async def abandon(connection: AsyncConnection, channels: Collection[str]) -> int:
    """Give up what waits for channels that are not among the configured ones. Returns how many messages that were.

    What a channel was not sent yet it was not told. That an alert ended is kept for a channel that knows of it: the
    channel may come back.
    """
    gone = await connection.execute(
        update(messages)
        .where(messages.c.state == WAITING, messages.c.worker.is_(None), messages.c.channel.not_in(channels))
        .values(state=GIVEN_UP, recalled=False, error=Why.NO_CHANNEL)
    )
    await connection.execute(
        update(notices)
        .where(notices.c.message_id.is_(None), notices.c.send, notices.c.channel.not_in(channels), ~is_end())
        .values(send=False, reason=Why.NO_CHANNEL)
    )
    return gone.rowcount
