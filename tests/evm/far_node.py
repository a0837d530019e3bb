"""A node on loopback that speaks JSON-RPC, and misbehaves as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from scanner.domain.chains import find_chain
from scanner.errors import Trouble
from scanner.evm.failover import Manner
from scanner.evm.learned import Memory
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block, Filter, Log, Stretch

ETHEREUM = find_chain("ethereum")
BORN = 1_790_000_000

Entry = dict[str, Any]
Meddling = Callable[["FarNode", list[Entry]], web.StreamResponse | None]
"""Looks at what was asked, and may answer instead of the node."""


def word(number: int) -> str:
    return f"0x{number:064x}"


def block_hash(number: int, fork: int = 0) -> str:
    return f"0xb{fork:07x}{number:056x}"


def log(block: int, index: int, topic: int, *, fork: int = 0) -> Entry:
    return {
        "address": f"0x{7:040x}",
        "topics": [word(topic), word(block)],
        "data": "0x" + "00" * 32,
        "blockNumber": hex(block),
        "blockHash": block_hash(block, fork),
        "transactionHash": word(block * 1000 + index),
        "logIndex": hex(index),
        "removed": False,
    }


def wanted(*topics: int) -> Filter:
    return Filter((tuple(word(topic) for topic in topics),))


@dataclass(eq=False)
class FarNode:
    """What it holds, what it bears, and how it fails. `told` is what it lets its head be, where that differs."""

    head: int = 100
    logs: list[Entry] = field(default_factory=list)
    chain_id: int = 1
    fork: int = 0
    told: int | None = None
    most_blocks: int | None = None
    most_logs: int | None = None
    refusal: Entry = field(
        default_factory=lambda: {"code": -32005, "message": "query returned more than 10000 results"}
    )
    most_in_batch: int | None = None
    by_hash: bool = True
    returns: Callable[[str], Any] = lambda data: "0x" + "00" * 32
    meddle: Meddling | None = None
    subscribes: bool = True
    requests: list[list[Entry]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    connected: int = 0
    url: str = ""

    @property
    def asked(self) -> list[str]:
        """The methods that were asked for."""
        return [entry["method"] for request in self.requests for entry in request]

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The ranges that logs were asked for."""
        asked = [
            entry["params"][0] for request in self.requests for entry in request if entry["method"] == "eth_getLogs"
        ]
        return [_blocks(one) for one in asked]

    def header(self, number: int) -> Entry | None:
        if number > self.head:
            return None
        return {
            "number": hex(number),
            "hash": block_hash(number, self.fork),
            "parentHash": block_hash(max(0, number - 1), self.fork),
            "timestamp": hex(BORN + 12 * number),
            "transactions": [],
        }

    async def mine(self, count: int = 1) -> None:
        """New blocks, told to who subscribed."""
        for _ in range(count):
            self.head += 1
            for socket in self.sockets:
                params = {"subscription": "0xabc", "result": self.header(self.head)}
                await socket.send_json({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._socket(request)
        body = await request.json()
        entries = body if isinstance(body, list) else [body]
        self.requests.append(entries)
        if self.meddle is not None and (instead := self.meddle(self, entries)) is not None:
            return instead
        if not isinstance(body, list):
            return web.json_response(self.answer(body))
        if self.most_in_batch is not None and len(body) > self.most_in_batch:
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}})
        return web.json_response([self.answer(entry) for entry in body])

    def answer(self, entry: Entry) -> Entry:
        told = self._result(entry["method"], entry["params"])
        kind = "error" if isinstance(told, dict) and "code" in told else "result"
        return {"jsonrpc": "2.0", "id": entry["id"], kind: told}

    def _result(self, method: str, params: Any) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_subscribe":
            return "0xabc" if self.subscribes else {"code": -32601, "message": "method not found"}
        if method == "eth_getBlockByNumber":
            latest = self.head if self.told is None else self.told
            if params[0] == "latest":
                return {**(self.header(min(latest, self.head)) or {}), "number": hex(latest)}
            return self.header(int(params[0], 16))
        if method == "eth_getLogs":
            return self._logs(params[0])
        if method == "eth_call":
            return self._call(*params)
        return {"code": -32601, "message": f"the method {method} does not exist"}

    def _logs(self, asked: Entry) -> Any:
        first, last = _blocks(asked)
        if asked.get("blockHash") not in (None, block_hash(min(first, self.head), self.fork)):
            return {"code": -32000, "message": "unknown block"}
        found = [one for one in self.logs if first <= int(one["blockNumber"], 16) <= min(last, self.head)]
        found = [one for one in found if _matches(one["topics"], asked["topics"])]
        wide = self.most_blocks is not None and last - first + 1 > self.most_blocks
        many = self.most_logs is not None and len(found) > self.most_logs
        return self.refusal if wide or many else found

    def _call(self, call: Entry, at: Any) -> Any:
        if isinstance(at, dict):
            if not self.by_hash:
                return {"code": -32602, "message": "invalid argument 1: json: cannot unmarshal object into Go value"}
            if at["blockHash"] not in {block_hash(number, self.fork) for number in range(self.head + 1)}:
                return {"code": -32000, "message": "header for hash not found"}
        elif int(at, 16) > self.head:
            return {"code": -32000, "message": "header not found"}
        return self.returns(call["data"])

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connected += 1
        async for message in socket:
            entry = json.loads(message.data)
            await socket.send_json(self.answer(entry))
            if entry["method"] == "eth_subscribe" and self.subscribes:
                self.sockets.append(socket)
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket


def _blocks(asked: Entry) -> tuple[int, int]:
    """The first and the last block that logs are asked for."""
    if "blockHash" in asked:
        return (number := int(asked["blockHash"][-56:], 16)), number
    return int(asked["fromBlock"], 16), int(asked["toBlock"], 16)


def _matches(topics: list[str], wanted: list[list[str] | None]) -> bool:
    return len(topics) >= len(wanted) and all(
        any_of is None or topic in any_of for topic, any_of in zip(topics, wanted, strict=False)
    )


@dataclass
class Clock:
    """A time that passes only while somebody sleeps."""

    time: float = float(BORN)
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(*nodes: FarNode) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for node in nodes:
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{rest:.*}", node.handle)
            server = TestServer(app)
            await server.start_server(shutdown_timeout=0)
            stack.push_async_callback(server.close)
            node.url = str(server.make_url("/"))
        yield


@asynccontextmanager
async def nodes_of(
    *nodes: FarNode, urls: Sequence[str] = (), memory: Memory | None = None, clock: Clock | None = None, **manner: float
) -> AsyncIterator[Nodes]:
    """The chain through these nodes, which are served; time passes only in sleeps."""
    clock = clock or Clock()
    async with serving(*nodes), aiohttp.ClientSession() as session:
        yield Nodes(
            session,
            ETHEREUM,
            [*(node.url for node in nodes), *urls],
            memory=memory,
            manner=Manner(**{"timeout": 5.0, **manner}),
            now=clock.now,
            sleep=clock.sleep,
            chance=lambda: 0.5,
        )


async def read(
    nodes: Nodes, first: int, last: int, *filters: Filter
) -> tuple[list[Stretch], list[Log], Trouble | None]:
    """All that is read of a range: the stretches, which follow each other, their logs, and the trouble at the end."""
    stretches: list[Stretch] = []
    trouble = None
    async for item in nodes.logs(filters or (wanted(1, 2),), first, last):
        assert trouble is None, "a trouble is the last item"
        if isinstance(item, Trouble):
            trouble = item
            continue
        assert item.first == (stretches[-1].last + 1 if stretches else first)
        assert item.first <= item.last <= last
        stretches.append(item)
    assert trouble is not None or (stretches[-1].last if stretches else first - 1) == last
    return stretches, [one for stretch in stretches for one in stretch.logs], trouble


def places(logs: Sequence[Log]) -> list[tuple[int, int]]:
    return [(int(one.block_number, 16), int(one.log_index, 16)) for one in logs]


def block(number: int, fork: int = 0) -> Block:
    """A block of that chain, to be pinned."""
    return Block(
        number,
        block_hash(number, fork),
        block_hash(number - 1, fork),
        datetime.fromtimestamp(BORN + 12 * number, UTC),
    )
