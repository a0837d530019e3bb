"""A far side that knows what owners hold, and tells it as the balance endpoints are documented, strictly."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from far_side import Asked, Clock, FarSide, client_of, error, far_side

from scanner.context.okx_balances import OkxBalances
from scanner.domain.approvals import Target
from scanner.domain.chains import by_index
from scanner.domain.holdings import BalanceReading, Wanted

__all__ = ["ANN", "MINT", "SOL", "Bank", "asset", "coin", "listed", "read", "read_one", "reader_of", "token", "told"]

ANN = "0x00000000000000000000000000000000000000aa"
SOL = "7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def token(number: int) -> str:
    return f"0x{number:040x}"


def coin(chain: str, **more: Any) -> dict[str, Any]:
    return asset(chain, "", **more)


def asset(chain: object, contract: object, **more: Any) -> dict[str, Any]:
    """A row in the shape of a live answer, with made-up numbers."""
    return {
        "chainIndex": chain,
        "tokenContractAddress": contract,
        "symbol": "USDT",
        "balance": "1.940611",
        "tokenPrice": "0.9998",
        "isRiskToken": False,
        "rawBalance": "1940611",
        "address": "",
        **more,
    }


def told(*assets: Any, **more: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "success", "data": [{"tokenAssets": list(assets), **more}]}


def listed(asked: Asked) -> bool:
    return asked.method == "GET"


@dataclass
class Bank:
    """Holdings by owner. A row with `hidden` is told only to who asks for it by its address."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    prefix: str = "/api/v5/dex/balance"

    def __call__(self, asked: Asked) -> dict[str, Any]:
        url = urlsplit(asked.target)
        query: dict[str, Any]
        if asked.method == "GET" and url.path == f"{self.prefix}/all-token-balances-by-address":
            query = dict(parse_qsl(url.query, strict_parsing=True))
            chains, tokens = query.pop("chains").split(","), None
            fits = len(chains) <= 50
        elif asked.method == "POST" and url.path == f"{self.prefix}/token-balances-by-address":
            query = asked.json
            tokens = [(one["chainIndex"], one["tokenContractAddress"]) for one in query.pop("tokenContractAddresses")]
            chains = [chain for chain, _ in tokens]
            fits = len(set(tokens)) == len(tokens) <= 20
        else:
            return error("50000", f"no such endpoint: {asked.method} {url.path}")
        families = {by_index(chain).family for chain in chains}
        exact = query == {"address": query["address"], "excludeRiskToken": "1"}
        if not (fits and exact and len(families) == 1 and "OK-ACCESS-PROJECT" not in asked.headers):
            return error("51000", "Parameter error")
        if self.unknown & set(chains):
            return error("81104", "Chain not support")
        rows = [row for row in self.rows.get(query["address"], []) if row["chainIndex"] in chains]
        if tokens is None:
            return told(*(_shown(row) for row in rows if not row.get("hidden")))
        return told(*(_shown(row) for row in rows if (row["chainIndex"], row["tokenContractAddress"]) in tokens))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hidden"}


@asynccontextmanager
async def reader_of(
    script: Any, *, api: str = "v5", clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[OkxBalances, FarSide]]:
    """A reader, and the far side that it speaks to."""
    async with far_side(script) as far, client_of(far.url, clock=clock or Clock(), **settings) as client:
        yield OkxBalances(client, api=api), far


async def read(reader: OkxBalances, wanted: Sequence[Wanted]) -> dict[Target, BalanceReading]:
    """Every reading by its target: exactly one for each."""
    found: dict[Target, BalanceReading] = {}
    async for reading in reader.read(wanted):
        assert reading.target not in found
        found[reading.target] = reading
    assert set(found) == {one.target for one in wanted}
    return found


async def read_one(script: Any, *tokens: str, chain: str = "1", owner: str = ANN, **options: Any) -> BalanceReading:
    """One target's reading."""
    target = Target(chain, owner)
    async with reader_of(script, **options) as (reader, _):
        return (await read(reader, [Wanted(target, frozenset(tokens))]))[target]
