"""A proxy that the environment names is used, and only where it is to be."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from scanner.errors import Trouble
from scanner.http import Answer, send


@pytest.fixture
async def asked() -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy's address, and what it is asked for."""
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(str(request.url))
        return web.Response(text="by way of the proxy")

    server = web.Server(answer)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    await runner.cleanup()


async def ask(url: str) -> Answer | Trouble:
    async with aiohttp.ClientSession() as session:
        return await send(session, "GET", url, {}, far_side="OKX", within=5)


async def test_a_request_takes_the_way_through_the_proxy_that_the_environment_names(
    asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, seen = asked
    monkeypatch.setenv("http_proxy", proxy)
    answer = await ask("http://behind-a-proxy.invalid/path?a=b")
    assert isinstance(answer, Answer)
    assert (answer.body, seen) == (b"by way of the proxy", ["http://behind-a-proxy.invalid/path?a=b"])


async def test_no_proxy_stands_before_what_is_named_as_free_of_it(
    asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, seen = asked
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "straight.invalid")
    assert isinstance(await ask("http://straight.invalid/"), Trouble)
    assert seen == []
