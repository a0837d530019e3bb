"""What lies in the outbox, and what a person or a change of the configuration does to it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select, update
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


async def retry(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """Make those of some messages due now that wait or were given up.

    What was given up begins anew, at its age as well. If it certainly never arrived, it is composed again: what it
    tells may be over by now. If it may have, it is sent as it was; but where part of it has ended since, and that was
    told, what still stands goes into a new message.
    """
    tells = exists().where(notices.c.message_id == messages.c.id, notices.c.send)
    for part in parts(sorted(ids)):
        mine = messages.c.id.in_(part) & messages.c.worker.is_(None)
        given_up = mine & (messages.c.state == GIVEN_UP)
        await _void_outdated(connection, given_up, now)
        begun_anew = {"state": WAITING, "created_at": now, "recalled": tells & ~messages.c.repeat}
        await connection.execute(update(messages).where(given_up).values(**begun_anew))
        await connection.execute(update(messages).where(mine, messages.c.state == WAITING).values(next_at=now))


async def _void_outdated(connection: AsyncConnection, chosen: ColumnElement[bool], now: datetime) -> None:
    """Close those of some messages that may have arrived and tell of something as open that has ended since.

    What else they tell is owed again.
    """
    tells = (notices.c.message_id == messages.c.id) & notices.c.send & ~is_end()
    over = exists().where(tells, notices.c.alert_id == alerts.c.id, ~is_open())
    said = "part of it has ended since, and that was told; what still stands is told in a new message"
    voided = await connection.scalars(
        update(messages).where(chosen, messages.c.repeat, over).values(state=VOID, error=said).returning(messages.c.id)
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


async def abandon(connection: AsyncConnection, channels: Collection[str]) -> None:
    """Give up what waits for channels that are not among the configured ones.

    What a channel was not sent yet it was not told. That an alert ended is kept for a channel that knows of it: the
    channel may come back.
    """
    await connection.execute(
        update(messages)
        .where(messages.c.state == WAITING, messages.c.worker.is_(None), messages.c.channel.not_in(channels))
        .values(state=GIVEN_UP, recalled=False, error=Why.NO_CHANNEL)
    )
    await connection.execute(
        update(notices)
        .where(notices.c.message_id.is_(None), notices.c.send, notices.c.channel.not_in(channels), ~is_end())
        .values(send=False, reason=Why.NO_CHANNEL)
    )
