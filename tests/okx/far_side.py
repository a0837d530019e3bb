"""The network's far side on loopback: each test scripts what it answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from scanner.domain.approvals import Snapshot, Target
from scanner.domain.chains import CHAINS
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import Ledger, MemoryLedger
from scanner.okx.signing import Credentials
from scanner.sources.okx import OkxSource

CREDENTIALS = Credentials("the-key", "the-secret", "the-passphrase", "the-project")

Answer = web.StreamResponse | dict[str, Any] | bytes
Script = Callable[["Asked"], Answer | Awaitable[web.StreamResponse] | Awaitable[dict[str, Any]]]


@dataclass
class Asked:
    """One request as it arrived; `number` counts from 1."""

    number: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    request: web.Request

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def addresses(self) -> list[tuple[str, str]]:
        return [(entry["chainIndex"], entry["address"]) for entry in self.json["addressList"]]

    @property
    def cursor(self) -> Any:
        return self.json.get("cursor")


@dataclass
class Clock:
    """A time that passes only while somebody sleeps."""

    time: float = 1_790_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class FarSide:
    def __init__(self, script: Script) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._script = script

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.upper(): value for name, value in request.headers.items()}
        body = await request.read()
        asked = Asked(len(self.asked) + 1, request.method, request.raw_path, headers, body, request)
        self.asked.append(asked)
        answer = self._script(asked)
        if isinstance(answer, Awaitable) and not isinstance(answer, web.StreamResponse):
            answer = await answer
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/json")
        return web.json_response(answer) if isinstance(answer, dict) else answer


@asynccontextmanager
async def far_side(script: Script) -> AsyncIterator[FarSide]:
    far = FarSide(script)
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{rest:.*}", far.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0)
    far.url = str(server.make_url("/")).rstrip("/")
    try:
        yield far
    finally:
        await server.close()


@asynccontextmanager
async def client_of(
    url: str,
    *,
    clock: Clock | None = None,
    ledger: Ledger | None = None,
    **settings: float,
) -> AsyncIterator[OkxClient]:
    """A client in no hurry to wait: 10,000 requests a second, if nothing else is said."""
    chosen = OkxSettings(base_url=url, **{"requests_per_second": 10_000.0, "timeout": 5.0, **settings})
    async with aiohttp.ClientSession() as session:
        if clock is None:
            yield OkxClient(session, CREDENTIALS, chosen, ledger or MemoryLedger())
        else:
            yield OkxClient(session, CREDENTIALS, chosen, ledger or MemoryLedger(), now=clock.now, sleep=clock.sleep)


@asynccontextmanager
async def source_of(url: str, *, clock: Clock | None = None, **options: Any) -> AsyncIterator[OkxSource]:
    ways = {name: options.pop(name) for name in ("api", "path", "page_size", "address_key") if name in options}
    async with client_of(url, clock=clock, **options) as client:
        yield OkxSource(client, **ways)


async def read_all(source: OkxSource, targets: Sequence[Target]) -> dict[Target, Snapshot]:
    found: dict[Target, Snapshot] = {}
    async for snapshot in source.read(targets):
        assert isinstance(snapshot, Snapshot)
        assert snapshot.target not in found
        found[snapshot.target] = snapshot
    assert set(found) == set(targets)
    return found


def address(number: int) -> str:
    return f"0x{number:040x}"


def owner(number: int) -> str:
    return f"0xa{number:039x}"


def project(spender: int, *tokens: int, amount: Any = "7", **more: Any) -> dict[str, Any]:
    return {
        "projectName": f"Project {spender}",
        "approvalAddress": address(spender),
        "tokens": [
            {"approvalNum": amount, "symbol": f"T{token}", "status": "1", "tokenAddress": address(token)}
            for token in tokens
        ],
        **more,
    }


def entry(chain: Any, *projects: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"chainIndex": chain, "approvalProjects": list(projects), **more}


def ok(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(entries)}


def error(code: str, words: str = "") -> dict[str, Any]:
    return {"code": code, "msg": words, "data": []}


ALONE = Target("1", owner(1))
EVM = [chain.index for chain in CHAINS if chain.eip155 is not None]


def seen(snapshot: Snapshot) -> set[tuple[str, str]]:
    return {(row.spender.address, row.token.address) for row in snapshot.approvals.values()}


def rows(count: int, first: int = 1) -> set[tuple[str, str]]:
    return {(address(9), address(token)) for token in range(first, first + count)}


async def read_alone(script: Callable[[Asked], Any], **options: Any) -> Snapshot:
    async with far_side(script) as far, source_of(far.url, clock=Clock(), **options) as source:
        return (await read_all(source, [ALONE]))[ALONE]


def page_after_page(*answers: Any) -> Callable[[Asked], Any]:
    return lambda asked: answers[min(asked.number, len(answers)) - 1]


CLEAN = [{}, {"cursor": None}, {"cursor": ""}, {"cursor": "0"}, {"cursor": 0}, {"cusor": ""}, {"cusor": 0}]


def one_page_each(asked: Asked) -> dict[str, Any]:
    """Every target has one approval, of a token that belongs to its chain."""
    return ok(*(entry(chain, project(9, int(chain)), cursor="") for chain, _ in asked.addresses))


WIDE = [Target(chain, owner(1)) for chain in EVM[:4]]


def packed(asked: Asked) -> bool:
    return len(asked.addresses) > 1
