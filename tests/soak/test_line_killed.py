"""kill -9 at every boundary of the whole line: nothing is lost, and what comes twice says so."""

import asyncio
import multiprocessing
import random
import re
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from line import BOUNDARIES, Far, Life, Post, boundaries, dangers, days, living, now, read_whole, unfinished
from scanning import opened
from services import web_server
from sqlalchemy import select

from scanner.store.engine import Store
from scanner.store.tables import alerts, approvals, messages, notices

FULL = 16
"""Messages that may wait before the world stands still for a while."""


@dataclass
class Sweep:
    """Deaths in a row over one store. `trouble` is called before each life, and once more, with None, at the end."""

    life: Life
    far: Far
    post: Post
    store: Store
    chance: random.Random
    trouble: Callable[[random.Random | None], None] = lambda _: None
    tally: Counter[str] = field(default_factory=Counter)
    read: int = 0

    async def kill(self, count: int) -> None:
        """So many deaths; the world moves on whenever a day of it was read as a whole."""
        since = now()
        for _ in range(count):
            self.trouble(self.chance)
            before = self.post.arrived.copy()
            await self._one_life()
            self.tally.update(await self.store.read(partial(boundaries, post=self.post, before=before)))
            if await self.store.read(partial(read_whole, since=since)):
                self.read = self.far.day + 1
                if await self.store.read(unfinished) < FULL:
                    self.far.advance()
                    since = now()

    async def _one_life(self) -> None:
        """One life, that ends some time after it asks the world, as a message arrives, or soon after one did."""
        end = self.chance.choice(("asked", "asked", "arrived", "answered", "answered"))
        self.far.asked.clear()
        async with living(self.life) as process:
            if end == "asked":
                await _within(self.far.asked, 5)
                await asyncio.sleep(self.chance.uniform(0, 0.3))
            else:
                self.post.wait_for(self.chance.randint(1, 8), process if end == "arrived" else None)
                await _within(self.post.knocked, 2)
                self.post.victim = None
                await asyncio.sleep(self.chance.uniform(0, 0.05) if end == "answered" else 0)

    async def end_well(self) -> None:
        """A last life that nobody ends before it has read and told everything."""
        self.trouble(None)
        since = now()
        async with living(self.life), asyncio.timeout(120):
            while not await self._is_done(since):  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.1)
        self.read = self.far.day + 1

    async def _is_done(self, since: datetime) -> bool:
        return await self.store.read(partial(read_whole, since=since)) and not await self.store.read(unfinished)

    async def check(self, kills: int) -> None:
        """All that the world meant arrived, and nothing arrived twice without a death for it and a word about it."""
        assert await self.store.check() == []
        meant = [danger for day in range(self.read) for danger in dangers(day)]
        told = "\n".join(self.post.bodies)
        named = set(re.findall("0x[0-9a-f]{40}", told.lower()))
        assert {danger.token.address for danger in meant} <= named, "0 lost"
        query = select(alerts.c.id, approvals.c.token).join(approvals).where(alerts.c.rule == "unlimited-to-stranger")
        kept = (await self.store.read(lambda c: c.execute(query))).all()
        assert sorted(one.token for one in kept) == sorted(danger.token.address for danger in meant), "once each"
        assert [one.id for one in kept if one.id not in told] == []
        owed = select(messages.c.id, messages.c.state).join(notices, notices.c.message_id == messages.c.id)
        sent = (await self.store.read(lambda c: c.execute(owed.where(notices.c.send)))).all()
        assert {one.state for one in sent} == {"sent"}
        assert {one.id for one in sent} <= set(self.post.arrived)
        assert self.post.repeats <= kills, "at most one repeat a kill"
        for reference, times in self.post.arrived.items():
            assert self.post.marked[reference] >= times - 1, "what comes twice says so"


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def sweep(
    folder: Path,
    kills: int,
    seed: int,
    troubles: Path,
    trouble: Callable[[random.Random | None], None] = lambda _: None,
) -> Sweep:
    far = Far(days(kills + 1))
    async with far.serve() as server, web_server() as service, opened(folder / "store.db") as store:
        post = Post(service)
        service.answer = post.take
        life = Life(folder, server.url, f"json://127.0.0.1:{service.port}/", troubles)
        done = Sweep(life, far, post, store, random.Random(seed), trouble)
        await done.kill(kills)
        await done.end_well()
        print(f"seed {seed}: {kills} kills, {done.read} days, {len(post.bodies)} messages, {dict(done.tally)}")  # noqa: T201 - which moments a sweep hit is its result
        await done.check(kills)
    return done


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_killed_at_every_boundary_of_the_line_nothing_is_lost(tmp_path: Path) -> None:
    done = await sweep(tmp_path, 300, seed=20261120, troubles=tmp_path / "troubles")
    assert set(done.tally) == set(BOUNDARIES)
    assert done.read > 12
    assert not done.life.troubles.exists(), "death is no trouble for the store"


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_killed_while_another_process_holds_the_store_nothing_is_lost(tmp_path: Path) -> None:
    with holding(tmp_path / "store.db", seed=7):
        done = await sweep(tmp_path, 60, seed=7, troubles=tmp_path / "troubles")
    assert done.read > 2
    assert not done.life.troubles.exists(), "who waits for a lock gets it"


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_killed_on_a_full_disk_nothing_is_lost_once_there_is_room(tmp_path: Path) -> None:
    troubles = tmp_path / "troubles"
    with small_disk(tmp_path / "disk") as disk:

        def crowd(chance: random.Random | None) -> None:
            """Leave next to no room before three lives of four, and enough before the others and at the end."""
            ballast = disk / "ballast"
            ballast.unlink(missing_ok=True)
            if chance is not None and chance.random() < 0.75:
                room = chance.choice((0, 8, 64, 256)) * 1024
                with ballast.open("wb") as file:
                    file.truncate(0)
                    size = max(0, shutil.disk_usage(disk).free - room)
                    file.write(b"\0" * size)

        done = await sweep(disk, 60, seed=11, troubles=troubles, trouble=crowd)
    said = troubles.read_text().splitlines()
    assert any("the disk is full. Free some space" in line for line in said), Counter(said)
    assert all(line.startswith("the store ") for line in said), Counter(said)
    assert done.read > 2


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """A disk of a few megabytes, where this machine lets one be mounted."""
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", at], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can be mounted only by root")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


@contextmanager
def holding(path: Path, seed: int) -> Iterator[None]:
    """A second process that takes the write lock again and again, for up to 3 s."""
    holder = multiprocessing.get_context("forkserver").Process(target=hold, args=(path, seed), daemon=True)
    holder.start()
    try:
        yield
    finally:
        holder.kill()
        holder.join()
        holder.close()


def hold(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    while not path.exists():
        time.sleep(0.05)
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as store:
        while True:
            store.execute("BEGIN IMMEDIATE")
            time.sleep(min(3.0, chance.expovariate(2.5)))
            store.execute("ROLLBACK")
            time.sleep(chance.uniform(0, 0.4))
