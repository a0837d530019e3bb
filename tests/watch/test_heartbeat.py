"""The dead-man's switch, against a server on loopback that counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from scanner.heartbeat import Heartbeat

SECRET = "9d1c5a90-secret"


@dataclass
class Switch:
    """What was asked of it, and how it answers."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}"


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    made = Switch()

    async def take(request: web.Request) -> web.Response:
        made.asked.append(request.raw_path)
        if made.hangs:
            await asyncio.Event().wait()
        return web.Response(status=made.status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def beating(url: str | None, seconds: float = 5.0) -> AsyncIterator[Heartbeat]:
    async with aiohttp.ClientSession() as session:
        heartbeat = Heartbeat(session, url, timedelta(seconds=seconds))
        try:
            yield heartbeat
        finally:
            await heartbeat.close()


async def until(switch: Switch, *asked: str) -> None:
    async with asyncio.timeout(5):
        while switch.asked != list(asked):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_it_hears_of_the_beginning_and_of_how_a_scan_ended(switch: Switch) -> None:
    async with beating(switch.url) as heartbeat:
        heartbeat.began()
        heartbeat.ended(well=True)
        await until(switch, f"/{SECRET}/start", f"/{SECRET}")
        heartbeat.began()
        await until(switch, f"/{SECRET}/start", f"/{SECRET}", f"/{SECRET}/start")
        heartbeat.ended(well=False)
        await until(switch, f"/{SECRET}/start", f"/{SECRET}", f"/{SECRET}/start", f"/{SECRET}/fail")


async def test_a_slash_at_the_end_and_a_query_stay_where_they_belong(switch: Switch) -> None:
    async with beating(f"{switch.url}/?create=1") as heartbeat:
        heartbeat.began()
        heartbeat.ended(well=True)
        await until(switch, f"/{SECRET}/start?create=1", f"/{SECRET}/?create=1")


async def test_a_redirect_is_not_followed_and_is_no_success(switch: Switch) -> None:
    switch.status = 302
    with capture_logs() as logs:
        async with beating(switch.url) as heartbeat:
            heartbeat.ended(well=True)
            async with asyncio.timeout(5):
                while not logs:  # noqa: ASYNC110 - the log tells nobody
                    await asyncio.sleep(0.01)
    assert switch.asked == [f"/{SECRET}"] * 3
    assert logs[0]["event"] == "heartbeat.failing"
    assert "302" in logs[0]["problem"]


async def test_an_outage_is_logged_once_without_the_secret_and_so_is_its_end(switch: Switch) -> None:
    switch.status = 500
    with capture_logs() as logs:
        async with beating(switch.url) as heartbeat:
            heartbeat.ended(well=True)
            heartbeat.ended(well=True)
            async with asyncio.timeout(10):
                while len(switch.asked) < 6:  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.01)
            switch.status = 200
            heartbeat.ended(well=True)
            async with asyncio.timeout(5):
                while len(logs) < 2:  # noqa: ASYNC110 - the log tells nobody
                    await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["heartbeat.failing", "heartbeat.recovered"]
    assert SECRET not in str(logs)


async def test_a_switch_that_hangs_holds_up_nothing_and_gets_only_the_newest(switch: Switch) -> None:
    switch.hangs = True
    begun = monotonic()
    async with beating(switch.url, seconds=30) as heartbeat:
        for _ in range(100):
            heartbeat.began()
            heartbeat.ended(well=True)
        await until(switch, f"/{SECRET}/start")
        assert monotonic() - begun < 1
    assert monotonic() - begun < 3
    assert len(switch.asked) == 1


async def test_without_a_url_nothing_is_sent() -> None:
    async with beating(None) as heartbeat:
        heartbeat.began()
        heartbeat.ended(well=True)
