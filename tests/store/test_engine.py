"""The database: what is committed is there, what fails leaves no trace, and every failure is said in words."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store.engine import Store
from scanner.store.migrations import HEAD
from scanner.store.tables import metadata


async def count(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT count(*) FROM budgets")) or 0)


async def add(connection: AsyncConnection, key: str = "a") -> None:
    row = text("INSERT INTO budgets (key, next_at, interval, moved_at) VALUES (:key, 0, 1, 0)")
    await connection.execute(row, {"key": key})


def take_a_while() -> None:
    """A transaction holds up its own thread alone."""
    time.sleep(0.05)


async def test_what_is_committed_survives_closing(store: Store) -> None:
    await store.write(add)
    await store.close()
    again = await Store.open(f"sqlite:///{store.path}")
    assert await again.read(count) == 1
    await again.close()


async def test_who_uses_a_closed_store_leaves_no_connection_open(store: Store) -> None:
    await store.close()
    threads = threading.active_count()
    await store.write(add)
    assert await store.read(count) == 1
    async with asyncio.timeout(5):
        while threading.active_count() > threads:  # noqa: ASYNC110 - a thread ends by itself
            await asyncio.sleep(0.01)


async def test_a_store_may_be_closed_twice_at_once(store: Store) -> None:
    reading = [asyncio.create_task(store.read(count)) for _ in range(8)]
    async with asyncio.timeout(5):
        await asyncio.gather(store.close(), store.close(), *reading)


async def test_a_transaction_that_raises_leaves_no_trace(store: Store) -> None:
    async def failing(connection: AsyncConnection) -> None:
        await add(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(failing)
    assert await store.read(count) == 0


async def test_a_commit_that_fails_leaves_no_trace_and_frees_the_lock(store: Store) -> None:
    async def contradicting(connection: AsyncConnection) -> None:
        await add(connection)
        await connection.execute(
            text("CREATE TABLE part (of_it TEXT REFERENCES budgets DEFERRABLE INITIALLY DEFERRED)")
        )
        await connection.execute(text("INSERT INTO part VALUES ('nothing')"))

    with pytest.raises(IntegrityError):
        await store.write(contradicting)
    with closing(sqlite3.connect(store.path, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
    await store.write(partial(add, key="b"))
    assert await store.read(count) == 1


async def test_a_rehearsal_sees_its_own_work_and_leaves_no_trace(store: Store) -> None:
    async def rehearsing(connection: AsyncConnection) -> int:
        await add(connection)
        return await count(connection)

    assert await store.rehearse(rehearsing) == 1
    assert await store.read(count) == 0


async def test_a_cancelled_write_is_whole_and_frees_the_lock(store: Store) -> None:
    began = threading.Event()

    async def slow(connection: AsyncConnection) -> None:
        await add(connection)
        began.set()
        take_a_while()
        await add(connection, "b")

    task = asyncio.create_task(store.write(slow))
    assert await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.read(count) in (0, 2)
    await store.write(lambda connection: add(connection, "c"))


async def test_a_transaction_that_awaits_something_else_fails_and_leaves_no_trace(store: Store) -> None:
    async def waiting(connection: AsyncConnection) -> None:
        await add(connection)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else than its connection"):
        await store.write(waiting)
    assert await store.read(count) == 0
    await store.write(add)


async def test_what_reads_changes_nothing(store: Store) -> None:
    await store.read(add)
    assert await store.read(count) == 0


async def test_a_reader_goes_on_while_another_one_takes_its_time(store: Store) -> None:
    reading, read = threading.Event(), threading.Event()

    async def slow(connection: AsyncConnection) -> int:
        reading.set()
        assert read.wait(5)
        return await count(connection)

    first = asyncio.create_task(store.read(slow))
    assert await asyncio.to_thread(reading.wait, 5)
    await store.write(add)
    assert await store.read(count) == 1
    read.set()
    assert await first == 1


async def test_closing_waits_for_what_is_under_way(store: Store) -> None:
    began = threading.Event()

    async def slow(connection: AsyncConnection) -> None:
        began.set()
        take_a_while()
        await add(connection)

    task = asyncio.create_task(store.write(slow))
    assert await asyncio.to_thread(began.wait, 5)
    await store.close()
    await task
    assert await store.read(count) == 1


async def test_many_writers_lose_nothing(store: Store) -> None:
    other = await Store.open(f"sqlite:///{store.path}")
    writers = [(one, f"{number}") for number, one in enumerate([store, other] * 25)]
    await asyncio.gather(*(one.write(partial(add, key=key)) for one, key in writers))
    assert await store.read(count) == 50
    await other.close()


async def test_what_a_cancelled_write_failed_at_is_the_cause_of_its_cancellation(store: Store) -> None:
    began = threading.Event()

    async def failing(connection: AsyncConnection) -> None:
        began.set()
        take_a_while()
        raise LookupError

    task = asyncio.create_task(store.write(failing))
    assert await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    assert isinstance(raised.value.__cause__, LookupError)


async def test_full_synchronisation_and_foreign_keys_are_on(store: Store) -> None:
    async def settings(connection: AsyncConnection) -> tuple[object, ...]:
        return tuple(
            [
                await connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        )

    assert await store.read(settings) == ("wal", 2, 1)


async def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    def difference(connection: Connection) -> list[object]:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await store.read(lambda connection: connection.run_sync(difference)) == []


def test_the_newest_revision_is_the_one_that_the_code_names() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from scanner.store import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_a_store_of_a_newer_version_is_refused_and_left_alone(store: Store) -> None:
    await store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StoreError, match="newer version"):
        await Store.open(f"sqlite:///{store.path}")


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"these are my notes, not a database\n" * 100)
    with pytest.raises(StoreError, match="is not a database"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"these are my notes")


async def test_a_foreign_database_is_not_taken_for_a_store(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alerts (id TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        await Store.open(f"sqlite:///{path}")


async def test_a_missing_folder_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="mkdir -p"):
        await Store.open(f"sqlite:///{tmp_path / 'no' / 'such' / 'store.db'}")


async def test_a_damaged_file_is_said(store: Store) -> None:
    await store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    store.path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="damaged"):
        await Store.open(f"sqlite:///{store.path}")


async def test_a_full_disk_is_said_and_nothing_is_lost(store: Store) -> None:
    async def filling(connection: AsyncConnection) -> None:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        for number in range(2000):
            await add(connection, f"{number:030d}")

    await store.write(add)
    with pytest.raises(StoreError, match="the disk is full"):
        await store.write(filling)
    assert await store.read(count) == 1


async def test_a_lock_held_too_long_is_said(tmp_path: Path, store: Store) -> None:
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    hasty = await Store.open(f"sqlite:///{store.path}", patience=0.1)
    with pytest.raises(StoreError, match="held by another process") as raised:
        await hasty.write(add)
    assert raised.value.retry
    holder.rollback()
    await hasty.write(add)
    holder.close()
    await hasty.close()


async def test_a_backup_is_whole_while_others_write(store: Store, tmp_path: Path) -> None:
    await store.write(add)
    writing = asyncio.gather(*(store.write(partial(add, key=f"w{number}")) for number in range(20)))
    await store.backup(tmp_path / "copy.db")
    await writing
    copy = await Store.open(f"sqlite:///{tmp_path / 'copy.db'}")
    assert await copy.check() == []
    assert 1 <= await copy.read(count) <= 21
    await copy.close()


async def test_a_backup_never_overwrites(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious", encoding="utf-8")
    with pytest.raises(StoreError, match="exists already"):
        await store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text(encoding="utf-8") == "precious"
