"""What a person asks and does about messages in the outbox."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.messages import Delivery
from scanner.store.outbox.keeping import listing
from scanner.store.outbox.states import EVERY, WAITING
from scanner.store.rows import parts
from scanner.store.tables import messages, notices

__all__ = ["alerts_in", "marks", "recall", "standing"]

T = TypeVar("T", int, str)


async def alerts_in(connection: AsyncConnection, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The alerts that messages tell or count, in the order in which they came up; a message without any is left out."""
    found: dict[str, dict[str, None]] = {}
    for part in parts(sorted(ids)):
        query = select(notices.c.message_id, notices.c.alert_id).where(notices.c.message_id.in_(part), notices.c.send)
        for message_id, alert_id in await connection.execute(query.order_by(notices.c.seq)):
            found.setdefault(message_id, {})[alert_id] = None
    return {message_id: tuple(alerts) for message_id, alerts in found.items()}


async def recall(connection: AsyncConnection, alert_ids: Collection[str]) -> None:
    """Have messages composed again that speak of some alerts and certainly were not sent: those are hidden now."""
    waits = (messages.c.state == WAITING) & messages.c.worker.is_(None) & ~messages.c.repeat
    for part in parts(sorted(alert_ids)):
        speak = select(notices.c.message_id).where(notices.c.alert_id.in_(part), notices.c.send)
        await connection.execute(update(messages).where(waits, messages.c.id.in_(speak)).values(recalled=True))


async def marks(connection: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """For each of some messages a notice in it, by which it is found again when it was joined to another one."""
    found: dict[str, int] = {}
    for part in parts(sorted(ids)):
        query = select(notices.c.message_id, func.min(notices.c.seq)).where(notices.c.message_id.in_(part))
        found |= {row[0]: row[1] for row in await connection.execute(query.group_by(notices.c.message_id))}
    return found


async def standing(connection: AsyncConnection, ids: Collection[str], marked: Mapping[str, int]) -> list[Delivery]:
    """Some messages as they are now; in place of one that was joined to another, that other one."""
    seqs = {marked[message_id] for message_id in ids if message_id in marked}
    joined: set[str] = set()
    for part in parts(sorted(seqs)):
        joined.update(await connection.scalars(select(notices.c.message_id).where(notices.c.seq.in_(part))))
    wanted = joined | {message_id for message_id in ids if message_id not in marked}
    return [one for part in parts(sorted(wanted)) for one in await listing(connection, EVERY, part)]
