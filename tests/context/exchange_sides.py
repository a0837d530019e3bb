"""Exchanges on loopback that check what they are sent as their documents say, and count how they are asked."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from scanner.context.exchanges import EXCHANGES, Access, Exchange
from scanner.okx.pacing import Ledger, MemoryLedger

__all__ = ["KEY", "PASSPHRASE", "SECRET", "Side", "exchange_side", "opened", "sound_okx", "sound_xt_v1", "sound_xt_v4"]

KEY = "3f1c9a52-the-key"
SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
PASSPHRASE = "open sesame"

Script = Callable[[web.Request], Any]


@dataclass
class Side:
    """One far side: where it is, and every request that came."""

    script: Script
    url: str = ""
    asked: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = self.script(request)
        answer = await answer if isinstance(answer, Awaitable) and not isinstance(answer, web.Response) else answer
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(body=answer if isinstance(answer, bytes) else json.dumps(answer), content_type="text/plain")


@asynccontextmanager
async def exchange_side(script: Script) -> AsyncIterator[Side]:
    side = Side(script)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", side.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0, access_log=None)
    side.url = str(server.make_url("/")).rstrip("/")
    try:
        yield side
    finally:
        await server.close()


@asynccontextmanager
async def opened(
    exchange: str, api: str, url: str, ledger: Ledger | None = None, **more: Any
) -> AsyncIterator[Exchange]:
    """An account as the program opens it."""
    access = Access(
        name=f"{exchange} main",
        setting=f"exchanges.{exchange}.main",
        base_url=url,
        **{"key": KEY, "secret": SECRET, "passphrase": PASSPHRASE, **more},
    )
    async with aiohttp.ClientSession() as session:
        yield EXCHANGES[exchange, api](access, session, ledger or MemoryLedger())


def sound_okx(request: web.Request) -> bool:
    """Whether OKX would accept the signature: v3 and v5 are signed alike."""
    told = request.headers
    text = told["OK-ACCESS-TIMESTAMP"] + request.method + request.raw_path
    sign = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return (told["OK-ACCESS-SIGN"], told["OK-ACCESS-KEY"], told["OK-ACCESS-PASSPHRASE"]) == (sign, KEY, PASSPHRASE)


def sound_xt_v1(request: web.Request) -> bool:
    """Whether XT's v1 would accept the query: its other parameters, sorted, under the signature."""
    given = dict(parse_qsl(request.query_string))
    signature = given.pop("signature")
    text = "&".join(f"{name}={given[name]}" for name in sorted(given))
    sound = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return signature == sound and given["accesskey"] == KEY and len(given["nonce"]) == 13


def sound_xt_v4(request: web.Request) -> bool:
    """Whether XT's v4 would accept the headers."""
    names = ("validate-algorithms", "validate-appkey", "validate-recvwindow", "validate-timestamp")
    text = "&".join(f"{name}={request.headers[name]}" for name in names) + f"#{request.method}#{request.path}"
    sound = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return request.headers["validate-signature"] == sound and request.headers["validate-appkey"] == KEY
