"""The far side of a channel on loopback: takes what `json://` posts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["webhook"]


@asynccontextmanager
async def webhook(take: Callable[[str, dict[str, Any]], None]) -> AsyncIterator[int]:
    """Listen on loopback, and hand on each message with the name that it was posted to (`/NAME`). Yields the port."""
    from aiohttp import web

    async def receive(request: web.Request) -> web.Response:
        take(request.match_info["name"], await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/{name}", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
