"""One daemon for one store, and scans that commands ask of it."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from made import START
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.errors import StoreError
from scanner.store import daemons, requests, scans
from scanner.store.engine import Store
from scanner.store.workers import take_over

HOLD = """
import sys, time
from pathlib import Path
from scanner.store.daemons import Lock
lock = Lock.take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_daemon_is_refused_by_name(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(store)], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert daemons.daemon_lives(store)
        with pytest.raises(StoreError, match=f"process {first.pid}"):
            daemons.Lock.take(store)
        first.kill()
    assert not daemons.daemon_lives(store)
    daemons.Lock.take(store).release()


def test_without_a_lock_file_no_daemon_lives(tmp_path: Path) -> None:
    assert not daemons.daemon_lives(tmp_path / "store.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_daemon_takes_over_from_the_one_before_though_its_process_id_lives_on(store: Store) -> None:
    namesake = f"{os.getppid()}-01234567"

    async def left(connection: AsyncConnection) -> None:
        await daemons.enlist(connection, namesake, START)
        await scans.begin(connection, "scan-1", asked_by="schedule", worker=namesake, total=1, at=START)

    await store.write(left)
    await take_over(store, "1-command", START)
    assert await store.read(scans.workers) == {namesake}
    await take_over(store, "1-daemon", START, only_daemon=True)
    assert await store.read(scans.workers) == frozenset()


async def test_a_request_is_asked_claimed_followed_and_answered(store: Store) -> None:
    asked = requests.Asked("r1", (("1", "0xabc"),), dry_run=True, state="asked")
    await store.write(lambda c: requests.ask(c, asked, START))
    assert await store.read(requests.waits)
    claimed = await store.write(lambda c: requests.claim(c, START))
    assert claimed is not None
    assert (claimed.id, claimed.scope, claimed.dry_run) == ("r1", (("1", "0xabc"),), True)
    assert await store.write(lambda c: requests.claim(c, START)) is None
    await store.write(lambda c: requests.progress(c, "r1", 1, 3))
    followed = await store.read(lambda c: requests.follow(c, "r1"))
    assert followed is not None
    assert (followed.state, followed.done, followed.total) == ("running", 1, 3)
    await store.write(lambda c: requests.answer(c, "r1", report="{}", error=None))
    followed = await store.read(lambda c: requests.follow(c, "r1"))
    assert followed is not None
    assert (followed.state, followed.report) == ("done", "{}")


async def test_two_daemons_never_claim_the_same_request(store: Store) -> None:
    for number in range(20):
        asked = requests.Asked(f"r{number}", (), dry_run=False, state="asked")
        await store.write(partial(requests.ask, asked=asked, at=START))
    other = await Store.open(f"sqlite:///{store.path}")
    claims = await asyncio.gather(*(one.write(lambda c: requests.claim(c, START)) for one in [store, other] * 10))
    assert sorted(claim.id for claim in claims if claim is not None) == sorted(f"r{n}" for n in range(20))
    await other.close()


async def test_an_answer_that_nobody_fetches_is_forgotten(store: Store) -> None:
    asked = requests.Asked("old", (), dry_run=True, state="asked")
    await store.write(lambda c: requests.ask(c, asked, START))
    await store.write(lambda c: requests.claim(c, START + timedelta(hours=2)))
    assert await store.read(lambda c: requests.follow(c, "old")) is None


async def test_what_a_dead_daemon_was_doing_fails_in_words(store: Store) -> None:
    await store.write(lambda c: requests.ask(c, requests.Asked("r1", (), dry_run=False, state="asked"), START))
    await store.write(lambda c: requests.claim(c, START))
    await store.write(lambda c: requests.give_up(c, "the daemon was stopped"))
    followed = await store.read(lambda c: requests.follow(c, "r1"))
    assert followed is not None
    assert (followed.state, followed.error) == ("failed", "the daemon was stopped")
