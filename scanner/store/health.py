"""How each channel is, as its breaker left it: kept, so that a restart does not hammer a service that is down."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, exists, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.breaker import LONGEST_PAUSE, TRIPS, ChannelHealth, after, may_try
from scanner.domain.messages import Outcome
from scanner.store.prepared import Query
from scanner.store.tables import channel_health

__all__ = ["note", "of", "open_to_try", "probe_at_once", "rests"]


async def of(connection: AsyncConnection, channels: Collection[str]) -> dict[str, ChannelHealth]:
    """The health of some channels; one that never failed is well."""
    query = select(channel_health).where(channel_health.c.channel.in_(channels))
    found = {row["channel"]: ChannelHealth(**row) for row in (await connection.execute(query)).mappings()}
    return {channel: found.get(channel, ChannelHealth(channel)) for channel in channels}


async def note(connection: AsyncConnection, channel: str, outcome: Outcome, at: datetime) -> bool:
    """Write down how an attempt ended. Returns whether that brought a broken channel back."""
    known = await _ONE.first(connection, channel=channel)
    before = ChannelHealth(channel) if known is None else ChannelHealth(*known)
    now = after(before, outcome, at)
    if now != before:
        values = {
            "failing_since": now.failing_since,
            "failures": now.failures,
            "next_at": now.next_at,
            "reason": now.reason,
        }
        written = insert(channel_health).values(channel=channel, **values)
        await connection.execute(written.on_conflict_do_update(index_elements=[channel_health.c.channel], set_=values))
    return before.broken and not now.broken


_ONE = Query(
    select(*(channel_health.c[each.name] for each in fields(ChannelHealth))).where(
        channel_health.c.channel == bindparam("channel")
    )
)


async def open_to_try(connection: AsyncConnection, channels: Collection[str], at: datetime) -> list[str]:
    """The channels that may be tried now, in the order given."""
    health = await of(connection, channels)
    return [channel for channel in channels if may_try(health[channel], at)]


def rests(channel: ColumnElement[str], at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """What `may_try` denies, said in SQL: whether a channel is left alone at a time."""
    return exists().where(channel_health.c.channel == channel, channel_health.c.next_at > at)


async def probe_at_once(connection: AsyncConnection, at: datetime, channels: Collection[str] | None = None) -> None:
    """Let broken channels, these or all, be tried at the next occasion: a person asks for it, or a daemon begins.

    One that is left alone for longer than between two probes has asked for that, and is left alone.
    """
    probed = (channel_health.c.failures >= TRIPS) & (channel_health.c.next_at <= at + LONGEST_PAUSE)
    if channels is not None:
        probed &= channel_health.c.channel.in_(channels)
    await connection.execute(update(channel_health).where(probed).values(next_at=None))
