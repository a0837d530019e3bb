"""What `doctor` says of the daemon on a store."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.app import now
from scanner.cli.doctor import Health, daemon_on, schedule_on
from scanner.config import Config, load
from scanner.store import daemons, scans
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


def scheduled(folder: Path, every: str, owners: int = 3) -> Config:
    """A configuration that watches so many owners on one chain, twenty seconds a request."""
    rows = "".join(f"  - {{address: '0x{number:040x}', chains: [ethereum]}}\n" for number in range(owners))
    path = folder / "config.yaml"
    path.write_text(f"source: {{okx: {{requests_per_second: 0.05}}}}\nschedule: {{every: {every}}}\nwallets:\n{rows}")
    return load(path, {})


async def lap(store: Store, *, ago: timedelta, took: timedelta, requests: int) -> None:
    """A scheduled round that has ended."""
    began = now() - ago
    await store.write(lambda c: scans.begin(c, f"scan-{ago}", asked_by="schedule", worker="1-test", total=3, at=began))
    await store.write(lambda c: scans.finish(c, f"scan-{ago}", at=began + took, requests=requests, undecided=0))


async def test_a_schedule_that_asks_for_more_than_the_key_allows_is_seen_before_the_first_round(
    store: Store, tmp_path: Path
) -> None:
    sign = await schedule_on(scheduled(tmp_path, "30s"), store)
    assert sign.health is Health.WORRYING
    assert sign.said == "a round of at least 3 requests takes 1 min at 0.05 a second; scans are 30 s apart"
    assert sign.hint.startswith("Give schedule.every 2m or longer")
    assert (await schedule_on(scheduled(tmp_path, "1m"), store)).health is Health.GOOD


async def test_the_dearest_of_the_last_rounds_counts(store: Store, tmp_path: Path) -> None:
    config = scheduled(tmp_path, "15m")
    for number, requests in ((9, 900), (3, 4), (2, 90), (1, 5)):
        await lap(store, ago=timedelta(hours=number), took=timedelta(minutes=2), requests=requests)
    sign = await schedule_on(config, store)
    assert sign.health is Health.WORRYING
    assert sign.said == "a round of 90 requests takes 30 min at 0.05 a second; scans are 15 min apart"
    assert sign.hint.startswith("Give schedule.every 45m or longer")


async def test_a_round_that_took_long_counts_however_few_requests_it_made(store: Store, tmp_path: Path) -> None:
    await lap(store, ago=timedelta(hours=5), took=timedelta(hours=1), requests=1)
    sign = await schedule_on(scheduled(tmp_path, "15m"), store)
    assert sign.health is Health.WORRYING
    assert sign.hint.startswith("Give schedule.every 2h or longer")
