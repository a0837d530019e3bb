"""The processes that work on a store: what they are called, and taking up what dead ones left."""

import os
import secrets
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store import daemons, health, outbox, scans
from scanner.store.engine import Store

__all__ = ["take_over", "worker_name"]

log = structlog.get_logger()


def worker_name() -> str:
    """A name for this process among those that share a store: its process id, and a word that no other has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


async def take_over(store: Store, worker: str, at: datetime, *, only_daemon: bool = False) -> None:
    """Take up what dead processes left: their scans, and what they had claimed to send. Raises StoreError.

    `only_daemon` says that `worker` holds the right to be the daemon. Whoever is written down as one is dead then, also
    where its process id is another's by now, as after a power cut.
    """

    async def taking(connection: AsyncConnection) -> tuple[list[str], int]:
        known = await scans.workers(connection) | await outbox.workers(connection)
        before = await daemons.registered(connection) if only_daemon else None
        dead = [one for one in known - {worker} if not _lives(one) or (before and before.worker == one)]
        await health.probe_at_once(connection, at)
        return await scans.interrupt(connection, dead, at), await outbox.take_back(connection, dead, at)

    left, back = await store.write(taking)
    if left or back:
        log.info("remains.taken_over", scans=left, messages=back)


def _lives(worker: str) -> bool:
    """Whether the process that gave itself this name still runs; one with our own id is a dead namesake."""
    pid = int(worker.partition("-")[0])
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
