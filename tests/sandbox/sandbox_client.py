"""A client that signs as the documents say, and a short story to ask about."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from scanner.sandbox import UINT256_MAX, Row, Sandbox, Spender, Token, World, day_of

APPROVALS = "/api/v5/wallet/security/approvals"
OWNER = f"0x{'a1' * 20}"
OTHER = f"0x{'b2' * 20}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> Any:
        return self.json["code"]

    @property
    def data(self) -> Any:
        return self.json["data"]


class Client:
    """Asks a sandbox, with the right headers unless told otherwise."""

    def __init__(self, session: aiohttp.ClientSession, url: str, sandbox: Sandbox) -> None:
        self.session = session
        self.url = url
        self.sandbox = sandbox

    async def post(
        self,
        body: Any,
        path: str = APPROVALS,
        *,
        change: Callable[[dict[str, str]], object] = lambda headers: None,
        late: timedelta = timedelta(0),
        content_type: str = "application/json",
    ) -> Reply:
        """Send a body (as it is, if it is bytes), signed by the sandbox's own credentials."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**self.signed("POST", path, raw, late=late), "Content-Type": content_type}
        change(headers)
        return await self.send("POST", path, data=raw, headers=headers)

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        change: Callable[[dict[str, str]], object] = lambda headers: None,
    ) -> Reply:
        """Ask for a path with a query, signed over both as they are sent."""
        target = f"{path}?{urlencode(query)}" if query else path
        headers = self.signed("GET", target)
        change(headers)
        return await self.send("GET", target, headers=headers)

    def signed(
        self, method: str, target: str, body: bytes = b"", *, late: timedelta = timedelta(0), stamp: str = ""
    ) -> dict[str, str]:
        """The headers of a request, with a signature by the sandbox's own credentials."""
        mine = self.sandbox.credentials
        stamp = stamp or (datetime.now(UTC) - late).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        mac = hmac.new(mine.secret.encode(), f"{stamp}{method}{target}".encode() + body, hashlib.sha256)
        return {
            "OK-ACCESS-KEY": mine.key,
            "OK-ACCESS-SIGN": base64.b64encode(mac.digest()).decode(),
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-PASSPHRASE": mine.passphrase,
            "OK-ACCESS-PROJECT": mine.project,
        }

    async def send(self, method: str, path: str, **options: Any) -> Reply:
        """Send anything, unsigned."""
        where = URL(self.url + path, encoded=True)
        async with self.session.request(method, where, allow_redirects=False, **options) as response:
            return Reply(response.status, await response.text(), dict(response.headers))

    async def ask(self, *entries: tuple[str, str], cursor: Any = None, limit: Any = "100") -> Reply:
        """Ask for the approvals of owners on chains."""
        quirks = self.sandbox.quirks
        listed = [{"chainIndex": chain, "address": owner} for chain, owner in entries]
        more = {} if cursor is None else {"cursor": cursor}
        return await self.post({quirks.address_key: listed, "limit": limit, **more}, quirks.path)


@asynccontextmanager
async def talking(sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client to a sandbox that listens."""
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        yield Client(session, server.url, sandbox)


def small_world(count: int = 7) -> World:
    """One owner with so many approvals on Ethereum, of which the first is unlimited."""
    raws = [UINT256_MAX, *range(1, count)]
    rows = [Row(OWNER, token(number), spender(number // 2), raw) for number, raw in enumerate(raws[:count])]
    return World("small", (day_of(rows, "the only day"),))


def token(number: int, chain: str = "1") -> Token:
    return Token(chain, f"0x{number + 1:040x}", f"TKN{number}", 18)


def spender(number: int) -> Spender:
    return Spender(f"0x{number + 1000:040x}", f"Project {number}")
