"""The processes that work on a store: what they are called, and taking up what dead ones left."""

import os
import secrets
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.store import health, outbox, scans
from scanner.store.engine import Store

__all__ = ["take_over", "worker_name"]

log = structlog.get_logger()


def worker_name() -> str:
    """A name for this process among those that share a store: its process id, and a word that no other has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


async def take_over(store: Store, worker: str, at: datetime) -> None:
    """Take up what dead processes left: their scans, and what they had claimed to send. Raises StoreError."""

    async def taking(connection: AsyncConnection) -> tuple[list[str], int]:
        known = await scans.workers(connection) | await outbox.workers(connection)
        dead = [one for one in known if one != worker and not _lives(one)]
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
