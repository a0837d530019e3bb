"""What `doctor` says of the daemon on a store."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from scanner.app import now
from scanner.cli.doctor import Health, daemon_on
from scanner.store import daemons
from scanner.store.engine import Store


@pytest.fixture
async def locked(store: Store) -> AsyncIterator[Store]:
    lock = daemons.Lock.take(store.path)
    yield store
    lock.release()


async def test_a_store_without_a_daemon_is_worrying(store: Store) -> None:
    await store.write(lambda c: daemons.enlist(c, "1-dead", now()))
    sign = await daemon_on(store)
    assert (sign.health, sign.said) == (Health.WORRYING, "none runs on this store")


async def test_a_daemon_that_has_not_said_anything_yet_has_just_begun(locked: Store) -> None:
    sign = await daemon_on(locked)
    assert (sign.health, sign.said) == (Health.GOOD, "it runs on this store, and has just begun")


async def test_a_daemon_that_is_well_is_named_with_its_next_scan(locked: Store) -> None:
    await locked.write(lambda c: daemons.enlist(c, "1-me", now()))
    await locked.write(lambda c: daemons.beat(c, "1-me", now(), datetime(2100, 1, 1, tzinfo=UTC)))
    sign = await daemon_on(locked)
    assert sign.health is Health.GOOD
    assert f"(process {os.getpid()})" in sign.said
    assert sign.said.endswith("its next scan is due at 2100-01-01T00:00:00Z")


async def test_a_daemon_that_fell_silent_is_worrying(locked: Store) -> None:
    await locked.write(lambda c: daemons.enlist(c, "1-me", now() - timedelta(minutes=5)))
    assert (await daemon_on(locked)).health is Health.WORRYING
