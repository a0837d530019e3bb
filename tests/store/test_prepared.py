"""Statements that go to the driver as they stand: the same rows as through all of SQLAlchemy, and the same errors."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Column, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store.engine import Store
from scanner.store.prepared import Command, Query
from scanner.store.rows import given
from scanner.store.tables import channel_health, conditions, silenced, tokens

AT = datetime(2026, 11, 3, 12, 30, 15, 123456, tzinfo=UTC)

PUT = Command(insert(channel_health))
SINCE = Query(select(channel_health.c.failing_since).where(channel_health.c.channel == bindparam("name")))
MOMENT = Query(select(bindparam("at", type_=channel_health.c.next_at.type)))
AMOUNT = Query(select(bindparam("raw", type_=silenced.c.magnitude.type)))
FORGET = Command(update(channel_health).where(channel_health.c.channel == bindparam("name")).values(reason="gone"))
COUNTED = Query(
    update(channel_health)
    .where(channel_health.c.channel == bindparam("name"))
    .values(failures=channel_health.c.failures + 1)
    .returning(channel_health.c.failures, channel_health.c.failing_since)
)


async def put(connection: AsyncConnection, *names: str) -> None:
    told = {"failing_since": AT, "failures": 2, "next_at": None, "reason": "why"}
    await PUT(connection, ({"channel": name, **told} for name in names or ["ops"]))


async def test_what_is_written_is_read_as_by_any_other_statement(store: Store) -> None:
    await store.write(put)
    row = (await store.read(lambda c: c.execute(select(channel_health)))).mappings().one()
    assert dict(row) == {"channel": "ops", "failing_since": AT, "failures": 2, "next_at": None, "reason": "why"}
    assert await store.read(lambda c: SINCE(c, name="ops")) == [(AT,)]
    assert await store.read(lambda c: SINCE(c, name="nobody")) == []
    assert await store.read(lambda c: SINCE.first(c, name="ops")) == (AT,)
    assert await store.read(lambda c: SINCE.first(c, name="nobody")) is None


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        (silenced.c.magnitude, 2**256 - 1, f"{2**256 - 1:078d}"),
        (silenced.c.magnitude, 2**63, f"{2**63:078d}"),
        (silenced.c.magnitude, 0, "0" * 78),
        (silenced.c.magnitude, None, None),
        (silenced.c.unlimited, True, 1),
        (silenced.c.unlimited, False, 0),
        (silenced.c.unlimited, None, None),
        (silenced.c.ended_at, AT, 1793709015123456),
        (silenced.c.ended_at, None, None),
        (tokens.c.price_usd, Decimal("0.000000000000000001"), "0.000000000000000001"),
        (tokens.c.price_usd, Decimal("1E+3"), "1000"),
        (conditions.c.told, ["a", "ü"], '["a","\\u00fc"]'),
        (conditions.c.told, [], "[]"),
    ],
)
async def test_a_value_is_kept_and_comes_back_as_its_column_means_it(
    store: Store, column: Column[Any], value: object, kept: object
) -> None:
    """SQLite is asked what it was handed, and hands it back: once as it is, once as the column's own."""
    told = bindparam("told", type_=column.type)
    echo = Query(select(told, func.typeof(told), func.quote(told)))
    [(back, kind, quoted)] = await store.read(lambda c: echo(c, told=value))
    assert back == value
    assert type(back) is type(value)
    assert kind == {int: "integer", str: "text", type(None): "null"}[type(kept)]
    assert quoted == ("NULL" if kept is None else f"'{kept}'" if isinstance(kept, str) else str(kept))


async def test_many_rows_are_written_and_found_at_once(store: Store) -> None:
    names = sorted(f"channel {number}" for number in range(1500))
    await store.write(lambda c: put(c, *names))
    found = Query(select(channel_health.c.channel).where(channel_health.c.channel.in_(given("names"))))
    assert sorted(await store.read(lambda c: found(c, names=names[10:]))) == [(name,) for name in names[10:]]


async def test_what_is_always_the_same_need_not_be_given(store: Store) -> None:
    async def working(connection: AsyncConnection) -> object:
        await put(connection)
        await FORGET(connection, [{"name": "nobody"}, {"name": "ops"}])
        return await connection.scalar(select(channel_health.c.reason))

    assert await store.write(working) == "gone"


async def test_what_a_statement_writes_it_can_return(store: Store) -> None:
    async def counting(connection: AsyncConnection) -> list[tuple[Any, ...]]:
        await put(connection)
        return await COUNTED(connection, name="ops")

    assert await store.write(counting) == [(3, AT)]


async def test_no_rows_are_nothing_to_write(store: Store) -> None:
    await store.write(put)
    await store.write(lambda c: FORGET(c, []))
    assert await store.read(lambda c: c.scalar(select(channel_health.c.reason))) == "why"


async def test_a_value_that_is_missing_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError, match="failing_since"):
        await store.write(lambda c: PUT(c, [{"channel": "ops"}]))


def test_a_statement_that_is_another_one_for_other_values_is_refused() -> None:
    with pytest.raises(ValueError, match="another statement"):
        Query(select(channel_health).where(channel_health.c.channel.in_(["a", "b"])))


def test_what_a_column_holds_by_default_has_to_be_told() -> None:
    with pytest.raises(ValueError, match="another statement"):
        Command(insert(channel_health), ("channel",))


async def test_it_belongs_to_the_transaction(store: Store) -> None:
    await store.rehearse(put)
    assert await store.read(lambda c: c.scalar(select(channel_health.c.channel))) is None


async def test_a_store_that_cannot_be_written_is_said_in_words(store: Store) -> None:
    async def refused(connection: AsyncConnection) -> None:
        await connection.execute(text("PRAGMA query_only = 1"))
        await put(connection)

    with pytest.raises(StoreError, match="cannot be written"):
        await store.write(refused)


async def test_a_moment_of_any_zone_is_kept_in_utc_to_the_microsecond(store: Store) -> None:
    here = AT.astimezone(timezone(timedelta(hours=2)))
    [(back,)] = await store.read(lambda c: MOMENT(c, at=here))
    assert (back, back.tzinfo) == (AT, UTC)


class _Autumn(tzinfo):
    """A zone in whose night clocks go back by an hour."""

    def utcoffset(self, at: datetime | None) -> timedelta:
        return timedelta(hours=1 if at is not None and at.fold else 2)

    def dst(self, at: datetime | None) -> timedelta:
        return self.utcoffset(at) - timedelta(hours=1)

    def tzname(self, at: datetime | None) -> str:
        return "autumn"


async def test_an_hour_that_comes_twice_is_kept_as_two(store: Store) -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=_Autumn())
    kept = [await store.read(partial(MOMENT, at=one)) for one in (first, first.replace(fold=1), first)]
    assert kept == [[(datetime(2026, 10, 25, hour, 30, tzinfo=UTC),)] for hour in (0, 1, 0)]


@pytest.mark.parametrize("value", [-1, 10**78])
async def test_an_amount_that_does_not_fit_is_refused(store: Store, value: int) -> None:
    with pytest.raises(ValueError, match="78 digits"):
        await store.read(lambda c: AMOUNT(c, raw=value))


async def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="time zone"):
        await store.read(lambda c: MOMENT(c, at=AT.replace(tzinfo=None)))
