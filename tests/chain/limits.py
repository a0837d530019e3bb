"""A provider as they are: stands before a node, and limits, fails, cuts answers short and lags behind, by a seed."""

import json
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

__all__ = ["Limits", "Provider", "provided"]

REFUSALS = (
    "eth_getLogs is limited to a {most} block range",
    "exceed maximum block range: {most}",
    "block range is too wide",
    "query exceeds max block range {most}. Try with this block range [{first}, {last}]",
)
"""How providers say that a query spans too many blocks."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider does not bear, and how often it fails.

    `per_second` requests are answered, others get 429; `told_when` says whether with Retry-After. `blocks` is the
    longest range of a query for logs, `logs` the most that one answer holds. Of all answers the share `unavailable` is
    503, and the share `cut` breaks off in the middle. `behind`: blocks by which it lags. `remembers`: blocks back to
    which it knows the state. Without `batches` and `hashes` it refuses batches and block hashes (EIP-1898).
    """

    seed: int = 0
    per_second: int | None = None
    told_when: bool = False
    blocks: int | None = None
    logs: int | None = None
    unavailable: float = 0.0
    cut: float = 0.0
    behind: int = 0
    remembers: int | None = None
    batches: bool = True
    hashes: bool = True


class RefusedError(Exception):
    """An error of JSON-RPC: `args` are its code and words."""


@dataclass(slots=True)
class Provider:
    """What was asked of it: `methods` by name, and `faults` by what it did instead of an answer."""

    limits: Limits
    node: str
    session: aiohttp.ClientSession
    url: str = ""
    methods: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    down: bool = False
    chance: random.Random = field(init=False)
    lately: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.limits.seed)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request, with one question or a batch of them."""
        limits, body = self.limits, json.loads(await request.read())
        if self.down or self.chance.random() < limits.unavailable:
            self.faults["unavailable"] += 1
            return web.Response(status=503, text="<html>no healthy upstream</html>")
        if self._too_many():
            self.faults["429"] += 1
            return web.Response(status=429, headers={"Retry-After": "1"} if limits.told_when else {})
        if isinstance(body, list) and not limits.batches:
            self.faults["batch"] += 1
            return web.json_response(_error(None, -32600, "batch requests are not supported"))
        answers = [await self._one(one) for one in (body if isinstance(body, list) else [body])]
        return await self._sent(request, json.dumps(answers if isinstance(body, list) else answers[0]).encode())

    async def _sent(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """The whole answer, or half of it, under the length of the whole."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        if self.chance.random() < self.limits.cut:
            self.faults["cut"] += 1
            await response.write(body[: len(body) // 2])
            request.protocol.force_close()
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write(body)
        return response

    async def _one(self, asked: dict[str, Any]) -> dict[str, Any]:
        method = asked["method"]
        self.methods[method] += 1
        try:
            head = await self._head()
            changed = asked | {"params": self._bounded(method, asked.get("params", []), head)}
        except RefusedError as refusal:
            self.faults[method] += 1
            return _error(asked["id"], *refusal.args)
        if method == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": asked["id"], "result": hex(head)}
        answer = await self._forwarded(changed)
        most = self.limits.logs
        if method == "eth_getLogs" and most is not None and len(answer.get("result", [])) > most:
            self.faults["logs"] += 1
            return _error(asked["id"], -32005, f"query returned more than {most} results")
        block = answer.get("result")
        if method.startswith("eth_getBlockBy") and block and int(block["number"], 16) > head:
            return {"jsonrpc": "2.0", "id": asked["id"], "result": None}
        return answer

    def _bounded(self, method: str, params: list[Any], head: int) -> list[Any]:
        """The question as this provider understands it; raises RefusedError where it does not bear it."""
        if method == "eth_getBlockByNumber":
            return [self._known(params[0], head), *params[1:]]
        if method == "eth_call":
            return [params[0], self._state(params[1], head), *params[2:]]
        if method == "eth_getLogs" and "blockHash" not in params[0]:
            first, last = (
                int(str(self._known(params[0].get(end, "latest"), head)), 16) for end in ("fromBlock", "toBlock")
            )
            self._within_range(first, last)
            return [params[0] | {"fromBlock": hex(first), "toBlock": hex(min(last, head))}]
        return params

    def _known(self, block: str, head: int) -> str:
        return hex(head) if block in ("latest", "pending") else "0x0" if block == "earliest" else block

    def _state(self, block: Any, head: int) -> Any:
        if isinstance(block, dict):
            if not self.limits.hashes:
                raise RefusedError(
                    -32602, "invalid argument 1: json: cannot unmarshal object into Go value of type string"
                )
            return block
        number = int(self._known(block, head), 16)
        if number > head:
            raise RefusedError(-32000, "header not found")
        if self.limits.remembers is not None and number <= head - self.limits.remembers:
            raise RefusedError(-32000, "missing trie node 6a1c (path ) state 0x6a1c is not available")
        return hex(number)

    def _within_range(self, first: int, last: int) -> None:
        most = self.limits.blocks
        if most is not None and last - first >= most:
            words = self.chance.choice(REFUSALS)
            raise RefusedError(-32602, words.format(most=most, first=hex(first), last=hex(first + most - 1)))

    def _too_many(self) -> bool:
        now = time.monotonic()
        while self.lately and self.lately[0] <= now - 1:
            self.lately.popleft()
        if self.limits.per_second is not None and len(self.lately) >= self.limits.per_second:
            return True
        self.lately.append(now)
        return False

    async def _head(self) -> int:
        answer = await self._forwarded({"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []})
        return max(0, int(answer["result"], 16) - self.limits.behind)

    async def _forwarded(self, asked: dict[str, Any]) -> dict[str, Any]:
        async with self.session.post(self.node, json=asked) as response:
            answer: dict[str, Any] = await response.json()
            return answer


def _error(number: Any, code: int, words: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": words}}


@asynccontextmanager
async def provided(node: str, limits: Limits = Limits()) -> AsyncIterator[Provider]:
    """A provider on a free port of loopback, in front of the node at that URL."""
    async with aiohttp.ClientSession() as session:
        provider = Provider(limits, node, session)
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v2/a-key", provider.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2/a-key"
            yield provider
        finally:
            await runner.cleanup()
