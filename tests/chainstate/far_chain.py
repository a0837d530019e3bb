"""A chain's far side: a JSON-RPC server on loopback whose contracts answer from a dictionary, with a budget of gas.

Multicall3 is played from its source: calls one after another, each given 63/64 of the gas that is left.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_hash.auto import keccak

from scanner.domain.chains import find_chain
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block

__all__ = ["BLOCK", "BURNS", "MULTICALL3", "FarChain", "called", "served", "string", "words"]

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"
BLOCK = Block(100, "0x" + "b1" * 32, "0x" + "b0" * 32, datetime(2026, 11, 20, 12, tzinfo=UTC))
ORDINARY = 3_000


BURNS = "burns"
"""The answer of a contract that takes all the gas there is."""


class RevertedError(Exception):
    """A call that reverts, or has no gas left; with the gas that it took."""

    def __init__(self, took: int) -> None:
        super().__init__(took)
        self.took = took


def words(*values: int | str) -> str:
    """Integers and addresses as ABI words, without 0x."""
    return b"".join(_raw(value) for value in values).hex()


def _raw(value: int | str) -> bytes:
    return bytes(12) + bytes.fromhex(value[2:]) if isinstance(value, str) else value.to_bytes(32)


def string(text: str) -> str:
    """ABI's `string`."""
    raw = text.encode()
    return words(32, len(raw)) + (raw + bytes(-len(raw) % 32)).hex()


def called(signature: str, *values: int | str) -> str:
    """Calldata."""
    return "0x" + keccak(signature.encode()).hex()[:8] + words(*values)


@dataclass
class FarChain:
    """`state`: what calls give back; a known contract reverts on all others, an unknown one gives back nothing.

    `aggregator` is what stands at Multicall3's place: "multicall3", or an answer to whatever is asked. `gas` is what a
    node grants one `eth_call`, `largest` the bytes of calldata that it takes. `batches`: whether it takes them.
    `fails_after`: so many calls it answers at all. `asked` is what was asked for directly, `requests` counts HTTP
    requests.
    """

    state: dict[tuple[str, str], str] = field(default_factory=dict)
    aggregator: str | None = "multicall3"
    gas: int = 50_000_000
    largest: int = 2**24
    batches: bool = True
    fails_after: int | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    requests: int = 0

    @property
    def aggregates(self) -> int:
        """How often Multicall3 was asked."""
        return sum(to == MULTICALL3 for to, _ in self.asked)

    def _run(self, to: str, data: str, gas: int) -> tuple[str, int]:
        """What a call gives back, and the gas that it took. Raises RevertedError."""
        if to == MULTICALL3 and self.aggregator == "multicall3":
            return self._aggregate(bytes.fromhex(data[10:]), gas)
        answer = self.aggregator if to == MULTICALL3 else self.state.get((to, data))
        if answer is None and to not in {contract for contract, _ in self.state}:
            return "", 0
        if answer is None or answer == BURNS:
            raise RevertedError(gas if answer else min(ORDINARY, gas))
        cost = ORDINARY + _memory(len(answer) // 2)
        if cost > gas:
            raise RevertedError(gas)
        return answer, cost

    def _aggregate(self, raw: bytes, gas: int) -> tuple[str, int]:
        def number(at: int) -> int:
            return int.from_bytes(raw[at : at + 32])

        array = number(0) + 32
        count, left = number(number(0)), gas
        results: list[tuple[bool, bytes]] = []
        for index in range(count):
            one = array + number(array + 32 * index)
            data_at = one + number(one + 64)
            to, data = raw[one + 12 : one + 32], raw[data_at + 32 : data_at + 32 + number(data_at)]
            assert number(one + 32) == 1
            try:
                returned, took = self._run("0x" + to.hex(), "0x" + data.hex(), left * 63 // 64)
                results.append((True, bytes.fromhex(returned)))
            except RevertedError as reverted:
                took = reverted.took
                results.append((False, b""))
            left -= took + 500 + _memory(len(results[-1][1]))
            if left < 0:
                raise RevertedError(gas)
        parts = [
            _raw(int(succeeded)) + _raw(64) + _raw(len(back)) + back + bytes(-len(back) % 32)
            for succeeded, back in results
        ]
        places, place = [], 32 * count
        for part in parts:
            places.append(_raw(place))
            place += len(part)
        return (_raw(32) + _raw(count) + b"".join(places) + b"".join(parts)).hex(), gas - left

    async def answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.json()
        if isinstance(body, list) and not self.batches:
            error = {"code": -32600, "message": "batch requests are not supported"}
            return web.json_response({"jsonrpc": "2.0", "id": None, "error": error})
        said = [self._reply(one) for one in body] if isinstance(body, list) else self._reply(body)
        return web.Response(text=json.dumps(said), content_type="application/json")

    def _reply(self, asked: dict[str, Any]) -> dict[str, Any]:
        reply = {"jsonrpc": "2.0", "id": asked["id"]}
        method, params = asked["method"], asked["params"]
        if method == "eth_chainId":
            return reply | {"result": "0x1"}
        if method == "eth_getBlockByNumber":
            seconds = int(BLOCK.time.timestamp())
            header = {"number": hex(BLOCK.number), "hash": BLOCK.hash, "parentHash": BLOCK.parent}
            return reply | {"result": header | {"timestamp": hex(seconds)}}
        assert method == "eth_call"
        assert params[1] == {"blockHash": BLOCK.hash}
        to, data = params[0]["to"], params[0]["data"]
        self.asked.append((to, data))
        if len(data) // 2 > self.largest:
            return reply | {"error": {"code": -32602, "message": "call data exceeds the maximum length"}}
        if self.fails_after is not None and len(self.asked) > self.fails_after:
            return reply | {"error": {"code": -32000, "message": "missing trie node"}}
        try:
            return reply | {"result": "0x" + self._run(to, data, self.gas)[0]}
        except RevertedError:
            return reply | {"error": {"code": 3, "message": "execution reverted", "data": "0x"}}


def _memory(size: int) -> int:
    """What memory costs beyond the linear part."""
    return (size // 32) ** 2 // 512


@asynccontextmanager
async def served(chain: FarChain) -> AsyncIterator[Nodes]:
    """The chain behind an endpoint, and nodes that read it."""
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/", chain.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Nodes(session, find_chain("ethereum"), [str(server.make_url("/"))])
