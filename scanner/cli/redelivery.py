"""Trying messages again at once: the daemon's to do where one lives on the store, else this process's own."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.app import now, open_deliverer
from scanner.config import Config
from scanner.domain.messages import Delivery
from scanner.store import deliveries, health, outbox
from scanner.store.daemons import daemon_lives
from scanner.store.engine import Store
from scanner.store.workers import take_over, worker_name

__all__ = ["redeliver"]

LOOK_EVERY = 0.2
DELIVER_WITHIN = timedelta(seconds=30)


async def redeliver(config: Config, store: Store, chosen: Sequence[Delivery]) -> list[Delivery]:
    """Attempt messages now. Returns them as they are then, or when the time for it is over.

    What waits before them for the same channel is attempted, too: order is kept. One whose alerts are told by another
    message by now is replaced by that. A message for a channel that is no longer configured stays as it is. Raises
    ConfigError where this process has to deliver and a secret is missing.
    """
    ids = [one.id for one in chosen]
    marked = await store.read(lambda connection: deliveries.marks(connection, ids))

    async def standing() -> list[Delivery]:
        return await store.read(lambda connection: deliveries.standing(connection, ids, marked))

    possible = [one.id for one in chosen if one.channel in config.channels]
    channels = {one.channel for one in chosen if one.channel in config.channels}
    if daemon_lives(store.path):
        at = await store.write(lambda connection: _ask(connection, possible, channels))
        with suppress(TimeoutError):
            async with asyncio.timeout(DELIVER_WITHIN.total_seconds()):
                while True:
                    if all(_tried(one, at) or one.channel not in channels for one in await standing()):
                        break
                    await asyncio.sleep(LOOK_EVERY)
    else:
        worker = worker_name()
        deliverer = open_deliverer(config, store, worker=worker, only=channels)
        await take_over(store, worker, now())
        await store.write(lambda connection: _ask(connection, possible, channels))
        with suppress(TimeoutError):
            async with asyncio.timeout(DELIVER_WITHIN.total_seconds()):
                await deliverer.compose_due()
                while await deliverer.deliver_once():
                    pass
    return await standing()


async def _ask(connection: AsyncConnection, ids: Collection[str], channels: Collection[str]) -> datetime:
    """Make due what is meant, and what waits before it; a channel that was left alone for a while is tried again."""
    at = now()
    before = [one.id for one in await outbox.listing(connection, [outbox.WAITING]) if one.channel in channels]
    await outbox.retry(connection, {*before, *ids}, at)
    await health.probe_at_once(connection, at, channels)
    return at


def _tried(message: Delivery, asked_at: datetime) -> bool:
    """Whether an attempt ended since: one that failed has set the time of the next."""
    return message.state != outbox.WAITING or message.next_at > asked_at
