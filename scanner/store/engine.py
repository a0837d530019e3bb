"""The database: how it is opened, how a transaction runs, and what its errors mean to a person.

SQLite runs in WAL mode with full synchronisation, so that what was committed survives a power cut. Every writing
transaction begins IMMEDIATE: two writers wait for each other instead of failing half-way. The recipe's details were
measured: a deferred BEGIN fails under two writers, and switching a new file to WAL ignores the busy timeout.
A transaction runs in its connection's thread from its beginning to its end (`connections`).
"""

import asyncio
import sqlite3
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store.connections import Connections, Work
from scanner.store.migrations import HEAD, revision, upgrade

__all__ = ["Room", "Store", "uncancelled"]

T = TypeVar("T")

BUSY_SECONDS = 5.0
SETTLE_SECONDS = 0.1
LOCKED_TRIES = 6


@dataclass(frozen=True, slots=True)
class Room:
    """What a store takes: `pages` of so many bytes each, and how many of them are `free`."""

    pages: int
    free: int
    page_size: int


class Store:
    """One open database. `write` and `read` are the only ways in; each runs one transaction.

    What runs in one may await its connection and nothing else: it would hold up every other writer.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._connections = Connections(path, patience)
        self._writing = asyncio.Lock()
        self.path = path

    @classmethod
    async def open(cls, url: str, *, migrate: bool = True, patience: float = BUSY_SECONDS) -> Self:
        """Open the store at `sqlite:///PATH`, making it and bringing it up to date if `migrate`.

        `patience` is how many seconds one try waits for another writer. Raises StoreError in words: a folder that is
        missing, a file that is no database, a newer version.
        """
        path = Path(make_url(url).database or "")
        if not path.parent.is_dir():
            raise StoreError(f"the folder of the store {path} does not exist", f"Make it: mkdir -p {path.parent}")
        if not migrate and not path.exists():
            raise StoreError(f"there is no store at {path}", "Make one: approval-watch db upgrade")
        store = cls(path, patience)
        try:
            await store._prepare(migrate=migrate)
        except BaseException:
            await store.close()
            # A connection that never opened leaves a thread that still has something to say to this event loop.
            await asyncio.sleep(SETTLE_SECONDS)
            raise
        return store

    async def _prepare(self, *, migrate: bool) -> None:
        found = await self.read(revision)
        if found is not None and found > HEAD:
            raise StoreError(
                f"the store {self.path} was written by a newer version (its schema is {found}, this one knows {HEAD})",
                "Install that version or restore a backup; nothing was changed",
            )
        if found == HEAD:
            return
        if not migrate:
            raise StoreError(
                f"the store {self.path} is of an older version", "Bring it up to date: approval-watch db upgrade"
            )
        await self.write(upgrade)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction that is on disk when this returns, or leaves no trace if it raises.

        Waits while another process writes. A cancellation waits for the transaction to end: a task that is cancelled
        inside one can leave the write lock behind.
        """
        async with self._writing:
            return await uncancelled(self._write(work))

    async def _write(self, work: Work[T]) -> T:
        for tries_left in range(LOCKED_TRIES - 1, -1, -1):
            try:
                return await self._transact(work, begin="IMMEDIATE", keep=True)
            except StoreError as error:
                if not (error.retry and tries_left):
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one consistent view of the database, which it must not change."""
        return await uncancelled(self._transact(work, begin="DEFERRED", keep=False))

    async def rehearse(self, work: Work[T]) -> T:
        """Run `work` as `write` would, and take everything back: what it returns is what would have been."""
        async with self._writing:
            return await uncancelled(self._transact(work, begin="IMMEDIATE", keep=False))

    async def _transact(self, work: Work[T], *, begin: str, keep: bool) -> T:
        with _in_words(self.path):
            return await self._connections.run(work, begin=begin, keep=keep)

    async def backup(self, to: Path) -> None:
        """Copy the database to a new file, whole and consistent, while others go on using it.

        Raises StoreError where the file exists already or cannot be written.
        """
        if to.exists():
            raise StoreError(f"{to} exists already", "Name a new file: a backup never overwrites")
        with _in_words(to):
            await asyncio.to_thread(_copy, self.path, to)

    async def check(self) -> list[str]:
        """What is wrong inside the file, in SQLite's words; empty when it is sound."""

        async def checking(connection: AsyncConnection) -> list[str]:
            said = [str(row[0]) for row in await connection.execute(text("PRAGMA integrity_check"))]
            broken = [
                f"a row of {row[0]} refers to nothing in {row[2]}"
                for row in await connection.execute(text("PRAGMA foreign_key_check"))
            ]
            return [line for line in said if line != "ok"] + broken

        return await self.read(checking)

    async def room(self) -> Room:
        """How large the file is. Free pages are used again before it grows."""

        async def measuring(connection: AsyncConnection) -> Room:
            names = ("page_count", "freelist_count", "page_size")
            return Room(*[int(await connection.scalar(text(f"PRAGMA {name}"))) for name in names])

        return await self.read(measuring)

    async def close(self) -> None:
        """Close every connection."""
        await uncancelled(self._connections.close())


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Let the work end before a cancellation goes on; what the work failed at is then the cancellation's cause."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        await asyncio.wait([task])
        raise cancelled from None if task.cancelled() else task.exception()


def _copy(source: Path, to: Path) -> None:
    partial = to.with_name(to.name + ".partial")
    try:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(partial)) as there:
            here.backup(there)
        partial.rename(to)
    finally:
        partial.unlink(missing_ok=True)


_WORDS = (
    ("locked", "is held by another process", "Wait for it to end, or see who has the file open: fuser {path}", True),
    ("disk is full", "cannot grow: the disk is full", "Free some space; nothing that was stored is lost", False),
    ("malformed", "is damaged", "Restore a backup, or save what can be read: sqlite3 {path} .recover", False),
    ("not a database", "is not a database", "Set store.url to another file, or move this one away", False),
    ("readonly", "cannot be written", "Check who owns {path} and its folder, and run as that user", False),
    (
        "unable to open",
        "cannot be opened",
        "Check that {path} and its folder can be read and written by this user",
        False,
    ),
    (
        "disk I/O error",
        "cannot be read or written: the disk failed",
        "Look at the system's log; restore a backup on a sound disk",
        False,
    ),
    ("already exists", "belongs to another program", "Set store.url to another file", False),
)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Say what a database error means and what to do about it."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        for sign, said, hint, retry in _WORDS:
            if sign in str(original):
                refused = StoreError(f"the store {path} {said}", hint.format(path=path))
                refused.retry = retry
                raise refused from error
        raise
