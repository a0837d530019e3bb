"""A clock that was set back: what was put off by the old time would wait until that comes round again."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store import clocks
from scanner.store.outbox.states import WAITING
from scanner.store.tables import channel_health, messages, notices

__all__ = ["set_right"]

CLOCK = "deliveries"

SLACK = timedelta(minutes=1)
"""So far a clock may go back unnoticed: two processes may ask in another order than they looked at it."""


async def set_right(connection: AsyncConnection, now: datetime) -> bool:
    """Make due what was put off, if the clock stands well before the time at which this was last asked.

    What a service asked to be left alone for is not known any more then. Returns whether the clock was set back.
    """
    last = await clocks.last(connection, CLOCK)
    await clocks.strike(connection, CLOCK, now)
    if last is None or last <= now + SLACK:
        return False
    late = notices.c.message_id.is_(None) & notices.c.send & (notices.c.due_at > now)
    await connection.execute(update(notices).where(late).values(due_at=now))
    put_off = (messages.c.state == WAITING) & messages.c.worker.is_(None) & (messages.c.next_at > now)
    await connection.execute(update(messages).where(put_off).values(next_at=now))
    await connection.execute(update(channel_health).where(channel_health.c.next_at > now).values(next_at=None))
    return True
