"""Who lives on this store: at most one daemon, known to the commands beside it."""

import fcntl
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Self

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store.tables import daemons

__all__ = ["Lock", "Registered", "beat", "daemon_lives", "enlist", "leave", "registered"]

LOCK_TRIES = 10
LOCK_PAUSE = 0.05


class Lock:
    """The right to be the daemon on a store: a lock on a file beside it, which the kernel frees when we die."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def take(cls, store: Path) -> Self:
        """Become the daemon. Raises StoreError if another process is."""
        path = _lock_path(store)
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}", "Run as the store's owner") from error
        try:
            _lock(file)
        except BlockingIOError as error:
            file.seek(0)
            who = file.read().strip()
            file.close()
            raise StoreError(
                f"another daemon{f' (process {who})' if who else ''} runs on {store}",
                "Stop it first; one store has one daemon",
            ) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        return cls(file)

    def release(self) -> None:
        """Stop being the daemon."""
        self._file.close()


def _lock(file: IO[str]) -> None:
    """Lock a file for ourselves. `daemon_lives` holds it for a moment, so one try is not enough."""
    for tries_left in range(LOCK_TRIES - 1, -1, -1):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not tries_left:
                raise
            time.sleep(LOCK_PAUSE)
        else:
            return


def daemon_lives(store: Path) -> bool:
    """Whether a daemon runs on the store."""
    path = _lock_path(store)
    if not path.exists():
        return False
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}", "Run as the store's owner") from error
    return False


def _lock_path(store: Path) -> Path:
    return store.with_name(store.name + ".lock")


@dataclass(frozen=True, slots=True)
class Registered:
    """What the daemon says of itself in the store: its process and its name as a worker, since when it runs, and when
    it was last well."""

    worker: str
    pid: int
    started_at: datetime
    seen_at: datetime
    next_scan_at: datetime | None


async def enlist(connection: AsyncConnection, worker: str, at: datetime) -> None:
    """Write the daemon's line, in place of any before it."""
    await connection.execute(delete(daemons))
    await connection.execute(insert(daemons).values(worker=worker, pid=os.getpid(), started_at=at, seen_at=at))


async def beat(connection: AsyncConnection, worker: str, at: datetime, next_scan_at: datetime | None) -> None:
    """Note that the daemon is alive, and when it scans next."""
    await connection.execute(
        update(daemons).where(daemons.c.worker == worker).values(seen_at=at, next_scan_at=next_scan_at)
    )


async def registered(connection: AsyncConnection) -> Registered | None:
    """What the daemon that wrote last said; it lives if `daemon_lives` says so."""
    row = (await connection.execute(select(daemons))).mappings().first()
    if row is None:
        return None
    return Registered(row["worker"], row["pid"], row["started_at"], row["seen_at"], row["next_scan_at"])


async def leave(connection: AsyncConnection, worker: str) -> None:
    """Take the daemon's line away."""
    await connection.execute(delete(daemons).where(daemons.c.worker == worker))
