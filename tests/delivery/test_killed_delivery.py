"""kill -9 between any two steps of a delivery: nothing is lost, and what comes twice says so."""

import asyncio
import multiprocessing
import os
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from owed import approval, grant, opened, raise_alerts
from services import Web, until, web_server
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.messages import Message, MessageKind
from scanner.domain.telling import Telling
from scanner.store import outbox
from scanner.store.engine import Store

AT_ONCE = Telling(channels={"ops": Severity.LOW}, group_wait=timedelta(), group_interval=timedelta())
"""What is put there is told at once: nothing waits for more of its group."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["apprise", "scanner.deliver", "scanner.delivery.wire", "scanner.store.outbox", "scanner.store.engine"]
)


def deliver(folder: str, port: int) -> None:
    """What a daemon does with the outbox, from its start until somebody ends it."""

    async def delivering() -> None:
        async with opened(Path(folder)) as store:
            worker = f"{os.getpid()}-{secrets.token_hex(4)}"
            held = await store.read(outbox.workers)
            await store.write(lambda c: outbox.take_back(c, held, datetime.now(UTC)))
            deliverer = Deliverer(
                store,
                [Channel("ops", f"json://127.0.0.1:{port}/")],
                worker=worker,
                now=lambda: datetime.now(UTC),
                new_id=lambda: secrets.token_hex(8),
                jitter=random.random,
            )
            await deliverer.run(asyncio.Event())

    asyncio.run(delivering())


@dataclass(slots=True)
class Ledger:
    """What arrived, by the reference of each message, and how often it said that it may repeat."""

    arrived: Counter[str] = field(default_factory=Counter)
    marked: Counter[str] = field(default_factory=Counter)

    def enter(self, body: dict[str, Any]) -> web.StreamResponse:
        lines = body["message"].splitlines()
        self.arrived[lines[-1]] += 1
        self.marked[lines[-1]] += lines[-2] == "(possible repeat)"
        return web.Response()

    def reached(self, total: int) -> bool:
        return self.arrived.total() >= total


@asynccontextmanager
async def running(folder: Path, service: Web) -> AsyncIterator[Any]:
    """A deliverer in a process of its own, killed without warning at the end."""
    process = FORKS.Process(target=deliver, args=(str(folder), service.port), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


async def put(store: Store, number: int) -> None:
    """Two alerts that the deliverer has to make a message of, and three messages that wait for it already."""
    now = datetime.now(UTC)
    await raise_alerts(store, [approval(1), approval(2)], rule=f"rule-{number}", at=now, telling=AT_ONCE)
    ids = [f"{number:08x}{part:08x}" for part in range(3)]
    ready = [Message(one, "ops", MessageKind.ALERT, Severity.HIGH, "Ready", f"Told\nref {one}", ()) for one in ids]
    await store.write(lambda c: outbox.enqueue(c, ready, now))


async def sweep(folder: Path, kills: int, seed: int) -> None:
    """Kill a deliverer again and again while it works off what is put there meanwhile; then let one finish."""
    chance = random.Random(seed)
    ledger = Ledger()
    async with web_server() as service, opened(folder) as store:
        service.answer = ledger.enter
        await grant(store, 2)
        for number in range(kills):
            await put(store, number)
            wanted = ledger.arrived.total() + chance.randint(1, 3)
            service.delay = chance.choice([0.0, 0.0, 0.01])
            async with running(folder, service):
                await until(partial(ledger.reached, wanted), within=20)
                await asyncio.sleep(chance.uniform(0, 0.02))
        async with running(folder, service):
            for _ in range(500):
                if not await store.read(anything_left):
                    break
                await asyncio.sleep(0.02)
        assert await store.read(lambda c: outbox.listing(c, ("waiting", "given-up"))) == []
        sent = await store.read(lambda c: outbox.listing(c, ("sent",)))
    assert set(ledger.arrived) == {f"ref {row.id}" for row in sent}, "nothing is lost, nothing is invented"
    assert len(sent) >= 3 * kills + 1
    assert ledger.arrived.total() - len(sent) <= kills, "at most one repeat a kill"
    for reference, times in ledger.arrived.items():
        assert ledger.marked[reference] >= times - 1, "what comes twice says so"


async def anything_left(connection: AsyncConnection) -> bool:
    due = await outbox.anything_due(connection, datetime.now(UTC), ["ops"])
    return due or bool(await outbox.waiting(connection))


async def test_nothing_is_lost_when_the_deliverer_is_killed(tmp_path: Path) -> None:
    await sweep(tmp_path, kills=8, seed=1)


async def test_nothing_is_lost_when_the_deliverer_is_killed_amid_many(tmp_path: Path) -> None:
    ledger, kills = Ledger(), 3
    async with web_server() as service, opened(tmp_path) as store:
        service.answer = ledger.enter
        ids = [f"{number:016x}" for number in range(200)]
        ready = [Message(one, "ops", MessageKind.ALERT, Severity.HIGH, "Ready", f"Told\nref {one}", ()) for one in ids]
        await store.write(lambda c: outbox.enqueue(c, ready, datetime.now(UTC)))
        for number in range(kills):
            async with running(tmp_path, service):
                await until(partial(ledger.reached, 45 * (number + 1)), within=20)
        async with running(tmp_path, service):
            for _ in range(500):
                if not await store.read(anything_left):
                    break
                await asyncio.sleep(0.02)
    assert set(ledger.arrived) == {f"ref {one}" for one in ids}
    assert ledger.arrived.total() - len(ids) <= kills, "at most one repeat a kill"
    for reference, times in ledger.arrived.items():
        assert ledger.marked[reference] >= times - 1, "what comes twice says so"


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_in_a_long_sweep_of_kills(tmp_path: Path, seed: int) -> None:
    await sweep(tmp_path, kills=100, seed=seed)
