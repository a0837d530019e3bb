"""A chain that is dead costs one patience, however many wallets are on it, and nobody but its own wallets."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import aiohttp
import pytest
from aiohttp import web
from chain_reader import chain_reader, one
from far_node import Entry, FarNode, log, serving, word

from scanner.domain.approvals import End, Snapshot, Target
from scanner.domain.chains import by_index
from scanner.domain.cost import Cost
from scanner.errors import Reason
from scanner.evm.failover import Manner
from scanner.evm.nodes import Nodes
from scanner.evm.topics import APPROVAL
from scanner.sources.evm import EvmSource, Terms
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

PATIENCE = 1.0
ABOUT = 2 * PATIENCE
"""What a scan may take then: the machine that runs tests is shared."""

OWNERS = [f"0x{number:040x}" for number in range(1, 101)]
IDS = {"1": 1, "56": 56, "137": 137}

Dying = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def failing(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def hanging(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def hanging_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


DEATHS = {"fails": failing, "hangs": hanging, "hangs up": hanging_up}


class Dead(FarNode):
    """A node that dies at some methods, and goes on to answer the others."""

    def __init__(self, dying: Dying, *methods: str, chain: str = "1") -> None:
        super().__init__(chain_id=IDS[chain], returns=lambda data: word(5))
        self.dying, self.methods = dying, methods
        topics = [[APPROVAL, word(int(owner, 16)), word(0xB)] for owner in OWNERS]
        self.logs = [{**log(20, place, 0), "topics": each} for place, each in enumerate(topics)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked: Entry | list[Entry] = await request.json()
        entries = asked if isinstance(asked, list) else [asked]
        dies = not self.methods or any(entry["method"] in self.methods for entry in entries)
        return await (self.dying(request) if dies else super().handle(request))


@asynccontextmanager
async def source_of(store: Store, **nodes: FarNode) -> AsyncIterator[EvmSource]:
    """Chains through a node each, by chainIndex after a letter."""
    async with serving(*nodes.values()), aiohttp.ClientSession() as session:
        manner = Manner(timeout=0.75 * PATIENCE, patience=PATIENCE)
        chains = {
            name[1:]: Nodes(session, by_index(name[1:]), [node.url], manner=manner) for name, node in nodes.items()
        }
        source = EvmSource(
            chains,
            StoredIndex(store),
            cost=Cost(),
            now=lambda: datetime.now(UTC),
            terms=dict.fromkeys(chains, Terms()),
        )
        try:
            yield source
        finally:
            await source.close()


async def read(source: EvmSource, *chains: str) -> tuple[list[Snapshot], float]:
    """All readings of a hundred wallets on these chains, and the seconds that they took."""
    began = time.monotonic()
    targets = [Target(chain, owner) for chain in chains for owner in OWNERS]
    found = [reading async for reading in source.read(targets) if isinstance(reading, Snapshot)]
    assert {snapshot.target for snapshot in found} == set(targets)
    return found, time.monotonic() - began


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("methods", [(), ("eth_getLogs",), ("eth_call",)])
async def test_a_chain_that_dies_costs_one_patience_however_many_wallets_it_has(
    store: Store, death: str, methods: tuple[str, ...]
) -> None:
    async with source_of(store, _1=Dead(DEATHS[death], *methods)) as source:
        found, took = await read(source, "1")
    assert took < ABOUT
    assert {snapshot.end for snapshot in found} == {End.INCOMPLETE}
    assert {snapshot.trouble and snapshot.trouble.reason for snapshot in found} == {Reason.UNAVAILABLE}
    assert all(snapshot.trouble and "127.0.0.1" in snapshot.trouble.message for snapshot in found)


async def test_logs_that_cannot_be_read_are_what_is_told_and_no_block(store: Store) -> None:
    def shapeless(node: FarNode, asked: list[Entry]) -> web.Response | None:
        answers = [node.answer(entry) for entry in asked]
        told = [
            {**answer, "result": [{"log": 5}]} if entry["method"] == "eth_getLogs" else answer
            for entry, answer in zip(asked, answers, strict=True)
        ]
        return web.json_response(told if len(told) > 1 else told[0])

    node = FarNode(meddle=shapeless)
    async with serving(node), chain_reader(store, node.url, tries=0.5) as source:
        snapshot = await one(source, OWNERS[0])
    assert "logs from block 0 on of Ethereum could not be read" in str(snapshot.trouble)


async def test_dead_chains_are_waited_for_at_the_same_time_and_hold_up_no_other(store: Store) -> None:
    nodes = {"_1": Dead(failing), "_56": Dead(failing, chain="56"), "_137": Dead(failing, "eth_none", chain="137")}
    async with source_of(store, **nodes) as source:
        found, took = await read(source, "1", "56", "137")
    assert took < ABOUT
    assert {one.end for one in found if one.target.chain != "137"} == {End.INCOMPLETE}
    assert {(one.end, len(one.approvals)) for one in found if one.target.chain == "137"} == {(End.COMPLETE, 1)}
    assert [one.target.chain for one in found[:100]] == ["137"] * 100


async def test_a_chain_that_comes_back_is_read_at_the_next_scan(store: Store) -> None:
    node = Dead(failing)
    async with source_of(store, _1=node) as source:
        await read(source, "1")
        node.methods = ("eth_none",)
        found, _ = await read(source, "1")
    assert {snapshot.end for snapshot in found} == {End.COMPLETE}


async def test_a_node_that_fails_now_and_then_has_as_long_as_it_takes(store: Store) -> None:
    numbers = count()

    async def seldom(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        again = next(numbers) % 7 == 3
        return web.Response(status=503) if again else await FarNode.handle(node, request)

    node = Dead(seldom, "eth_getLogs")
    node.most_blocks = 1
    async with source_of(store, _1=node) as source:
        found, took = await read(source, "1")
    assert {snapshot.end for snapshot in found} == {End.COMPLETE}
    assert took > PATIENCE
