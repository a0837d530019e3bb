"""What goes wrong below the protocol: connections that break, hang and drip, and bodies that are not what they say."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

__all__ = ["Wire", "broken_off", "closed", "dripping", "hanging", "sent", "swollen", "twice_coded"]

Wire: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
"""Answers a request badly. The bytes are those of the sound answer."""

DRIP = 0.1
"""Seconds between two bytes of a drip."""


def sent(
    status: int = 200,
    text: str | None = None,
    *,
    content_type: str = "application/json",
    encoding: str = "utf-8",
    **headers: str,
) -> Wire:
    """A whole answer: with that status, body and headers; where no text is given, with the sound body."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        raw = (body.decode() if text is None else text).encode(encoding)
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return web.Response(status=status, body=raw, content_type=content_type, charset="utf-8", headers=named)

    return answer


async def swollen(request: web.Request, body: bytes) -> web.StreamResponse:
    """Ten megabytes of one text, which does not even end."""
    return web.Response(body=b'{"code":"0","msg":"' + b"x" * 10_000_000, content_type="application/json")


async def twice_coded(request: web.Request, body: bytes) -> web.StreamResponse:
    """The sound answer with a second code at its end, which is an error's."""
    return web.Response(body=body[:-1] + b', "code": "50026"}', content_type="application/json")


async def closed(request: web.Request, body: bytes) -> web.StreamResponse:
    """The connection closes without a byte."""
    _hang_up(request)
    return web.Response()


async def broken_off(request: web.Request, body: bytes) -> web.StreamResponse:
    """The connection closes in the middle of the body."""
    response = await _begun(request, len(body))
    await response.write(body[: len(body) // 2])
    _hang_up(request)
    return response


async def hanging(request: web.Request, body: bytes) -> web.StreamResponse:
    """Nothing comes until the client gives up."""
    await asyncio.Event().wait()
    return web.Response()


async def dripping(request: web.Request, body: bytes) -> web.StreamResponse:
    """The body comes a byte at a time."""
    response = await _begun(request, len(body))
    for byte in body:
        await response.write(bytes((byte,)))
        await asyncio.sleep(DRIP)
    await response.write_eof()
    return response


async def _begun(request: web.Request, length: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(length)})
    await response.prepare(request)
    return response


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
