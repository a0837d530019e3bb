"""Statements that go to the driver as they stand: the same rows as through all of SQLAlchemy, and the same errors."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store.engine import Store
from scanner.store.ready import Ready, kept, moment
from scanner.store.tables import channel_health

AT = datetime(2026, 11, 3, 12, 30, 15, 123456, tzinfo=UTC)

PUT = Ready.of(insert(channel_health))
SINCE = Ready.of(select(channel_health.c.failing_since).where(channel_health.c.channel == bindparam("name")))
FORGET = Ready.of(update(channel_health).where(channel_health.c.channel == bindparam("name")).values(reason="gone"))


async def put(connection: AsyncConnection, name: str = "ops") -> None:
    await PUT.on(connection, channel=name, failing_since=kept(AT), failures=2, next_at=None, reason="why")


async def test_what_is_written_is_read_as_by_any_other_statement(store: Store) -> None:
    await store.write(put)
    row = (await store.read(lambda c: c.execute(select(channel_health)))).mappings().one()
    assert dict(row) == {"channel": "ops", "failing_since": AT, "failures": 2, "next_at": None, "reason": "why"}

    async def since(connection: AsyncConnection) -> int:
        return int((await SINCE.on(connection, name="ops")).fetchone()[0])

    assert moment(await store.read(since)) == AT


async def test_what_is_always_the_same_need_not_be_given(store: Store) -> None:
    async def working(connection: AsyncConnection) -> tuple[int, object]:
        await put(connection)
        changed = await FORGET.on(connection, name="ops")
        return changed.rowcount, await connection.scalar(select(channel_health.c.reason))

    assert await store.write(working) == (1, "gone")


async def test_it_belongs_to_the_transaction(store: Store) -> None:
    await store.rehearse(put)
    assert await store.read(lambda c: c.scalar(select(channel_health.c.channel))) is None


async def test_a_store_that_cannot_be_written_is_said_in_words(store: Store) -> None:
    async def refused(connection: AsyncConnection) -> None:
        await connection.execute(text("PRAGMA query_only = 1"))
        await put(connection)

    with pytest.raises(StoreError, match="cannot be written"):
        await store.write(refused)


def test_a_moment_is_kept_to_the_microsecond_in_utc() -> None:
    here = AT.astimezone(timezone(timedelta(hours=2)))
    assert kept(here) == kept(AT)
    assert (moment(kept(AT)), moment(None), kept(None)) == (AT, None, None)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        kept(AT.replace(tzinfo=None))
