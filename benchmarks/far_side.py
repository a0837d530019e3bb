"""The far side in a process of its own: answers rendered beforehand, so that only the near side is measured.

It checks nothing and answers at once. Owners share a few dozen lists: an owner's is told by the end of its address.
Most spenders are on the default pack's list of well-known contracts, a few are strangers.
"""

import argparse
import asyncio
import csv
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from aiohttp import web

from scanner.policy.loading import default_rules

__all__ = ["APPROVALS", "BALANCES", "HOOK", "SOME_BALANCES", "VARIANTS", "FarSide", "far_side", "not_held", "owner"]

PAGE = 100
APPROVALS = "/api/v5/wallet/security/approvals"
BALANCES = "/api/v5/dex/balance/all-token-balances-by-address"
SOME_BALANCES = "/api/v5/dex/balance/token-balances-by-address"
HOOK = "/hook"

VARIANTS = 50
"""Lists of approvals that owners share."""

STRANGERS = 20
"""One in so many approvals is to a spender on no list."""


def owner(number: int) -> str:
    """An owner's address."""
    return f"0x{number + 1:040x}"


def not_held(number: int, approvals: int) -> list[list[str]]:
    """The tokens that an owner approved and holds none of, as many together as a request may ask for."""
    tokens = [_token(number % VARIANTS, row) for row in range(1, approvals, 2)]
    return [tokens[start : start + 20] for start in range(0, len(tokens), 20)]


@dataclass(slots=True)
class FarSide:
    """Where it listens, and how to speak with it: what moves, how much it takes."""

    port: int
    _process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def told(self, **how: float) -> dict[str, float]:
        """Set how it is from now on; returns what was counted since it was told the last time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(how).encode() + b"\n")
        counted: dict[str, float] = json.loads(await self._process.stdout.readline())
        return counted


@asynccontextmanager
async def far_side(approvals: int) -> AsyncIterator[FarSide]:
    """The far side, where every owner has so many approvals, while it is needed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.far_side", str(approvals)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield FarSide(int(await process.stdout.readline()), process)
    finally:
        process.kill()
        await process.wait()


@cache
def _known() -> list[str]:
    lines = [line for line in (default_rules() / "known.csv").read_text().splitlines() if not line.startswith("#")]
    return [row["address"].lower() for row in csv.DictReader(lines) if row["chain"] == "ethereum"]


def _token(variant: int, row: int) -> str:
    return f"0x{(variant * 7 + row) % 1_000 + 0x70CE0000:040x}"


def _project(variant: int, row: int, moved: int) -> dict[str, object]:
    known = _known()
    stranger = row % STRANGERS == STRANGERS - 1
    raw = 2**256 - 1 if row % 3 == 0 and not moved else 10**18 + variant * 1_000 + row + moved
    return {
        "projectName": "" if stranger else f"Project {row % len(known)}",
        "projectIcon": "https://static.example/icon.png",
        "approvalAddress": f"0x{0x5712A000 + (variant + row) % 40:040x}" if stranger else known[row % len(known)],
        "tokens": [
            {
                "approvalNum": str(raw),
                "imageUrl": "https://static.example/token.png",
                "symbol": f"TKN{row}",
                "status": "1",
                "tokenAddress": _token(variant, row),
            }
        ],
    }


@cache
def pages(approvals: int, variant: int, moved: int = 0) -> dict[str, bytes]:
    """A list's pages by the cursor that asks for them, "" for the first. The first `moved` rows are other ones than
    before."""
    found = {}
    starts = [*range(0, approvals, PAGE), approvals]
    for start, end in pairwise(starts):
        rows = [_project(variant, row, moved if row < moved else 0) for row in range(start, end)]
        entry = {"cursor": "" if end == approvals else str(end), "chainIndex": "1", "approvalProjects": rows}
        found[str(start) if start else ""] = json.dumps({"code": "0", "msg": "", "data": [entry]}).encode()
    return found


@cache
def balances(approvals: int, variant: int) -> bytes:
    """What an owner holds: half of the tokens that it approved, with prices."""
    rows = [
        {
            "chainIndex": "1",
            "tokenContractAddress": _token(variant, row),
            "address": "",
            "symbol": f"TKN{row}",
            "balance": f"{row % 5}.{row + 1}",
            "rawBalance": "",
            "tokenPrice": "1.25",
            "isRiskToken": False,
        }
        for row in range(0, approvals, 2)
    ]
    return json.dumps({"code": "0", "msg": "", "data": [{"tokenAssets": rows}]}).encode()


NO_BALANCES = json.dumps({"code": "0", "msg": "", "data": [{"tokenAssets": []}]}).encode()
TOO_MUCH = json.dumps({"code": "50011", "msg": "Too Many Requests", "data": []}).encode()


@dataclass(slots=True)
class _Server:
    """What it tells and how much it takes: `limit` requests a second, 0 for any number.

    Of owners whose number can be divided by `moved_of`, the first `moved_rows` approvals are other ones than before.
    """

    approvals: int
    limit: float = 0.0
    moved_of: int = 1
    moved_rows: int = 0
    taken: int = 0
    refused: int = 0
    room: float = 0.0
    seen_at: float = field(default_factory=time.monotonic)

    def told(self, line: bytes) -> dict[str, int]:
        counted = {"taken": self.taken, "refused": self.refused}
        self.taken = self.refused = 0
        how = json.loads(line)
        self.limit, self.room = how.get("limit", 0.0), 1.0
        self.moved_of, self.moved_rows = int(how.get("moved_of", 1)), int(how.get("moved_rows", 0))
        return counted

    def takes(self) -> bool:
        """Whether there is room for another request: as much comes back in a second as the limit says."""
        if not self.limit:
            self.taken += 1
            return True
        now = time.monotonic()
        self.room = min(max(1.0, self.limit / 5), self.room + (now - self.seen_at) * self.limit)
        self.seen_at = now
        if self.room < 1:
            self.refused += 1
            return False
        self.room -= 1
        self.taken += 1
        return True

    def page(self, address: str, cursor: str) -> bytes:
        number = int(address[-12:], 16) - 1
        moved = self.moved_rows if number % self.moved_of == 0 else 0
        return pages(self.approvals, number % VARIANTS, moved)[cursor]

    async def answer_approvals(self, request: web.Request) -> web.Response:
        if not self.takes():
            return web.Response(body=TOO_MUCH, content_type="application/json")
        asked = await request.json()
        several = asked["addressList"]
        if len(several) == 1:
            body = self.page(several[0]["address"], asked.get("cursor", ""))
        else:
            entries = [{"cursor": "", "chainIndex": one["chainIndex"], "approvalProjects": []} for one in several]
            body = json.dumps({"code": "0", "msg": "", "data": entries}).encode()
        return web.Response(body=body, content_type="application/json")

    async def answer_balances(self, request: web.Request) -> web.Response:
        number = int(request.query["address"][-12:], 16) - 1
        return web.Response(body=balances(self.approvals, number % VARIANTS), content_type="application/json")

    async def answer_some_balances(self, request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=NO_BALANCES, content_type="application/json")

    async def take_message(self, request: web.Request) -> web.Response:
        await request.read()
        self.taken += 1
        return web.Response()


async def serve(approvals: int) -> None:
    """Listen on a free port of loopback, print it, and serve until killed."""
    server = _Server(approvals)
    for variant in range(VARIANTS):
        pages(approvals, variant)
        balances(approvals, variant)
    app = web.Application()
    app.router.add_post(APPROVALS, server.answer_approvals)
    app.router.add_get(BALANCES, server.answer_balances)
    app.router.add_post(SOME_BALANCES, server.answer_some_balances)
    app.router.add_post(HOOK, server.take_message)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        print(json.dumps(server.told(line)), flush=True)


def main() -> None:
    """Serve, with so many approvals for every owner."""
    parser = argparse.ArgumentParser()
    parser.add_argument("approvals", type=int)
    asyncio.run(serve(parser.parse_args().approvals))


if __name__ == "__main__":
    main()
