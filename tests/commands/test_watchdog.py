"""The watchdog is told that all is well only while scans and deliveries make progress."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import OPS, House, house, until

from scanner.app import now, open_works
from scanner.config import load
from scanner.daemon import Daemon, Works
from scanner.deliver import Deliverer
from scanner.packs import load_pack
from scanner.store.engine import Store
from scanner.systemd import ServiceManager

LATER = timedelta(minutes=11)


class Clock:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def watched(home: House, clock: Clock, *, deliveries: Clock) -> AsyncIterator[socket.socket]:
    """A daemon in this process, and the socket at which its manager listens. `deliveries` is their loop's clock."""
    config = load(home.folder / "config.yaml", home.environ)
    store = await Store.open(config.store.url)

    async def build() -> Works:
        works = await open_works(config, store, worker="1-test", pack=load_pack(config, now()))
        deliverer = Deliverer(store, [], worker="1-test", now=deliveries.now, new_id=lambda: "none", jitter=lambda: 0.0)
        return replace(works, deliverer=deliverer)

    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.setblocking(False)
        manager.bind(str(home.folder / "notify"))
        told = ServiceManager({"NOTIFY_SOCKET": str(home.folder / "notify"), "WATCHDOG_USEC": "200000"})
        running = asyncio.create_task(Daemon(store, build, worker="1-test", now=clock.now, manager=told).run())
        try:
            async with asyncio.timeout(30):
                while b"READY=1" not in await asyncio.get_running_loop().sock_recv(manager, 4096):
                    pass
            try:
                yield manager
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # which the daemon handles, since it is ready
                await running
        finally:
            running.cancel()
            await asyncio.wait([running])
            await store.close()


async def pinged(manager: socket.socket, times: int = 2, within: float = 30.0) -> None:
    """Wait until the manager is told so often from now on that all is well."""
    with suppress(BlockingIOError):
        while True:
            manager.recv(4096)
    async with asyncio.timeout(within):
        while times > 0:
            times -= b"WATCHDOG=1" in await asyncio.get_running_loop().sock_recv(manager, 4096)


async def silence(manager: socket.socket, seconds: float = 0.5, within: float = 30.0) -> None:
    """Wait for so many seconds, the length of five pings, in which the manager is told nothing of the kind."""
    async with asyncio.timeout(within):
        with suppress(TimeoutError):
            while True:
                await pinged(manager, times=1, within=seconds)


async def test_an_idle_daemon_is_well_however_long_it_waits(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path) as home, watched(home, clock, deliveries=clock) as manager:
        await until(lambda: len(home.sandbox.requests) >= 2)
        clock.ahead = LATER
        await pinged(manager, times=6)


async def test_a_scan_that_does_not_move_is_not_well(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path) as home:
        home.sandbox.fail("hang", times=None, target=("1", OPS))
        async with watched(home, clock, deliveries=clock) as manager:
            await until(lambda: any(one.fault == "hang" for one in home.sandbox.requests))
            await pinged(manager)
            clock.ahead = LATER
            await silence(manager)


async def test_deliveries_that_do_not_turn_are_not_well(tmp_path: Path) -> None:
    clock = Clock()
    async with house(tmp_path) as home, watched(home, clock, deliveries=Clock()) as manager:
        await until(lambda: len(home.sandbox.requests) >= 2)
        await pinged(manager)
        clock.ahead = LATER
        await silence(manager)


@pytest.mark.parametrize("limit", ["", "0", "nonsense"])
def test_without_a_limit_nobody_has_to_be_told(limit: str) -> None:
    assert ServiceManager({"WATCHDOG_USEC": limit}).ping_every is None
    assert ServiceManager({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}).ping_every is None
    ServiceManager({"NOTIFY_SOCKET": "/nowhere/at/all"}).alive()
