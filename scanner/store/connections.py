"""Connections to one SQLite file, each with a thread of its own in which whole transactions run.

Queries are written as coroutines, since a database may be far away. This one is not: what takes long is to hand a
statement to another thread and to wait for its answer, ten times as long as the statement itself. So a transaction is
handed over once, and its coroutine runs to its end in the connection's thread, where every answer is there at once.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import URL, NullPool, create_engine, event
from sqlalchemy.engine import Connection, CursorResult, Engine, ScalarResult
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Connections", "Work"]

T = TypeVar("T")
Work = Callable[[AsyncConnection], Coroutine[Any, Any, T]]
"""What is done in one transaction. It may await its connection, and nothing else."""

LOG_PAGES = 4_000
"""Pages of the write-ahead log after which it is written back. By itself, SQLite does so after every 1,000."""

MOST = 4
"""Connections to a file. One writes at a time, and others read beside it."""


class Connections:
    """As many connections to a file as are needed at once, at most `MOST`; those that are free are used again.

    `patience` is how many seconds one of them waits for a writer.
    """

    def __init__(self, path: Path, patience: float) -> None:
        self._engine = _engine(path, patience)
        self._free = asyncio.Semaphore(MOST)
        self._idle: list[_Worker] = []
        self._closing = asyncio.Lock()
        self._closed = False

    async def run(self, work: Work[T], *, begin: str, keep: bool) -> T:
        """Do the work in a transaction that begins `IMMEDIATE` or `DEFERRED`; take it back unless it is to be kept."""
        async with self._free:
            worker = await self._any()
            try:
                return await worker.transact(work, begin, keep=keep)
            finally:
                if self._closed:
                    await worker.close()
                else:
                    self._idle.append(worker)

    async def _any(self) -> "_Worker":
        if self._idle:
            return self._idle.pop()
        worker = _Worker(self._engine)
        await worker
        return worker

    async def close(self) -> None:
        """Close them all, once what is under way has ended. Who comes later has a connection for that time alone."""
        self._closed = True
        async with self._closing:  # two at once would wait for each other, each with half of what is free
            for _ in range(MOST):
                await self._free.acquire()
            while self._idle:
                await self._idle.pop().close()
            for _ in range(MOST):
                self._free.release()


class _Worker(aiosqlite.Connection):
    """A connection and its thread, which takes a transaction as one piece of work."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(self._open, iter_chunk_size=1)
        # Who was not closed must not hold up the interpreter's exit: as SQLAlchemy does it for its own connections.
        self._thread.daemon = True
        self._engine = engine

    def _open(self) -> sqlite3.Connection:
        self._sql = self._engine.connect()
        raw: sqlite3.Connection = self._sql.connection.driver_connection  # type: ignore[assignment]  # - the driver's
        return raw

    async def transact(self, work: Work[T], begin: str, *, keep: bool) -> T:
        """Do the work in the thread, and the whole transaction with it."""
        done: T = await self._execute(self._transact, work, begin, keep=keep)  # type: ignore[no-untyped-call]  # - its own
        return done

    def _transact(self, work: Work[T], begin: str, *, keep: bool) -> T:
        try:
            with self._sql.begin() as transaction:
                self._conn.execute(f"BEGIN {begin}")  # through SQLAlchemy this took five times as long
                done = _driven(work(_AtOnce(self._sql)))
                if not keep:
                    transaction.rollback()
        except BaseException:
            # One that could not be committed is open still, and holds the lock; where none is, this does nothing.
            self._conn.rollback()
            raise
        return done

    async def close(self) -> None:
        """Close the connection, and let its thread end."""
        await self._execute(self._sql.close)  # type: ignore[no-untyped-call]  # - its own
        await super().close()


class _AtOnce(AsyncConnection):
    """A connection as queries know it, used in its own thread: no call of it ever waits for another one."""

    def __init__(self, connection: Connection) -> None:
        self._here = connection

    async def execute(self, statement: Any, parameters: Any = None, **options: Any) -> CursorResult[Any]:
        return self._here.execute(statement, parameters, **options)

    async def scalar(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        return self._here.scalar(statement, parameters, **options)

    async def scalars(self, statement: Any, parameters: Any = None, **options: Any) -> ScalarResult[Any]:
        return self._here.scalars(statement, parameters, **options)

    async def run_sync(self, fn: Callable[..., T], *args: Any, **named: Any) -> T:
        return fn(self._here, *args, **named)


def _driven(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never has to wait. Raises RuntimeError for one that does."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("a transaction awaits something else than its connection")


def _engine(path: Path, patience: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": patience, "isolation_level": None},
        poolclass=NullPool,
    )
    event.listen(engine, "connect", lambda raw, _: _set_up(raw, patience))
    return engine


def _set_up(raw: sqlite3.Connection, patience: float) -> None:
    raw.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
    for tries_left in range(50, -1, -1):
        try:
            raw.execute("PRAGMA journal_mode=WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            if not tries_left or "locked" not in str(error):
                raise
            time.sleep(0.1)
    # Pages that are written again and again go into the database itself less often; the log takes 16 MiB.
    raw.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("PRAGMA foreign_keys=ON")
