"""What reading a chain costs beside the queries for logs and the multicalls that have to be made anyway.

It stands on a node of its own, as the tests of the chain do: `make bench` fetches it. Without it nothing is measured.
"""

import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figures import Figure, Sizes, Spent, against, spend_on
from benchmarks.house import House, opened
from scanner.domain.approvals import Snapshot
from scanner.evm.multicall import MOST_CALLS, aggregated, parted
from scanner.evm.topics import APPROVAL
from scanner.evm.values import Call
from scanner.readers import open_sources
from scanner.sources.evm_logs import filters

sys.path.append(str(Path(__file__).parents[1] / "tests" / "chain"))  # the node and the contracts that tests stand on

from acts import approve
from anvil import Node, missing, running
from crowd import crowded

__all__ = ["figures"]

TOKENS, SPENDERS = 10, 7
"""Each owner approves every token to every spender."""

EACH = 5
"""Readings in each run: they take a fraction of a second, and one of them says little."""

IN_FLIGHT = 4
ALLOWANCE = "0xdd62ed3e"

LOOP = "a bare aiohttp and json loop: the same queries for logs, the same multicalls"

CONFIGURATION = """\
source: {{evm: {{ethereum: {{rpc: ["{url}"]}}}}}}
wallets_file: wallets.csv
balances: {{every: off}}
log: {{level: error}}
"""


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """All approvals of many owners, read from the chain; and recorded, for the first time and again."""
    if reason := missing():
        print(f"chain: not measured: {reason}", file=sys.stderr)
        return []
    read, floors, first, again = (list[Spent]() for _ in range(4))
    with running() as node:
        owners = _crowd(node, sizes.chain_owners)
        asked = len(owners) * TOKENS * SPENDERS
        assert await _bare(node.url, owners) == asked
        for _ in range(sizes.runs):
            for _ in range(EACH):
                floors.append(await spend_on(lambda: _bare(node.url, owners)))
                async with _house(node.url, owners) as house:
                    read.append(await spend_on(lambda: _read(house, asked)))
            async with _house(node.url, owners) as house:
                first.append(await spend_on(house.scan))
                again.append(await spend_on(house.scan))
    told = f"{asked:,} approvals from a chain's node"
    return [
        against(f"reading {told}, its past included", read, LOOP, floors, 2.0),
        against(f"first scan of {told}", first, LOOP, floors),
        against(f"scan of {told}, nothing moved", again, LOOP, floors),
    ]


def _crowd(node: Node, size: int) -> Sequence[str]:
    """So many owners, one of whom gives an approval twice.

    Thousands of logs and not one more could be all that a node gives, so that they would be asked for again in halves.
    """
    owners = crowded(node, size, tokens=TOKENS, spenders=SPENDERS)
    *_, last = node.ask("eth_getLogs", {"fromBlock": "latest", "topics": [APPROVAL]})
    owner, spender = ("0x" + topic[-40:] for topic in last["topics"][1:])
    node.mine([approve(owner, last["address"], spender, 1)])
    return owners


async def _read(house: House, asked: int) -> None:
    """What the source does by itself: the past, the state, the words of tokens; nothing is judged or recorded."""
    async with open_sources(house.config, house.store) as sources:
        [source] = sources.approvals
        found = [reading async for reading in source.read(house.config.targets)]
    assert sum(len(one.approvals) for one in found if isinstance(one, Snapshot)) == asked


@asynccontextmanager
async def _house(url: str, owners: Sequence[str]) -> AsyncIterator[House]:
    """An empty store beside a configuration that has nothing but the node."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(CONFIGURATION.format(url=url), encoding="utf-8")
        rows = [f"{owner},,ethereum," for owner in owners]
        (Path(folder) / "wallets.csv").write_text("\n".join(["address,label,chains,tags", *rows]), encoding="utf-8")
        async with opened(file) as house:
            yield house


async def _bare(url: str, owners: Sequence[str]) -> int:
    """The floor: the logs, each allowance that they speak of, asked for in aggregates and decoded; nothing else.

    Returns how many are in force.
    """
    gate = asyncio.Semaphore(IN_FLIGHT)
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, *params: Any) -> Any:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with gate, session.post(url, json=body) as answer:
                return json.loads(await answer.read())["result"]

        async def allowances(calls: Sequence[Call], head: str) -> int:
            call = aggregated(calls)
            answer = await ask("eth_call", {"to": call.to, "data": call.data}, {"blockHash": head})
            amounts = parted(answer[2:], len(calls)) or []
            return sum(int(amount or "0", 16) > 0 for amount in amounts)

        head = await ask("eth_getBlockByNumber", "latest", False)
        blocks = {"fromBlock": "0x0", "toBlock": head["number"]}
        queries = [blocks | {"topics": list(wanted.topics)} for wanted in filters(owners, live=False)]
        logs = await asyncio.gather(*(ask("eth_getLogs", query) for query in queries))
        by_token: dict[str, dict[str, None]] = defaultdict(dict)
        for log in (log for found in logs for log in found if len(log["topics"]) == 3):
            by_token[log["address"]][log["topics"][1][2:] + log["topics"][2][2:]] = None
        calls = [
            [Call(token, ALLOWANCE + pair) for pair in list(pairs)[start : start + MOST_CALLS]]
            for token, pairs in by_token.items()
            for start in range(0, len(pairs), MOST_CALLS)
        ]
        return sum(await asyncio.gather(*(allowances(part, head["hash"]) for part in calls)))
