"""New heads, as a WebSocket tells them or as they are looked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import aiohttp
from far_node import ETHEREUM, FarNode, block, serving

from scanner.evm.failover import Manner
from scanner.evm.learned import ShortMemory, fingerprint
from scanner.evm.nodes import Nodes
from scanner.evm.values import Block


@asynccontextmanager
async def watching(
    *nodes: FarNode, sockets: tuple[FarNode, ...] = (), memory: ShortMemory | None = None, quiet: float = 5.0
) -> AsyncIterator[Nodes]:
    """In real time: sockets do not wait for a clock that is played."""
    both = [*nodes, *(socket for socket in sockets if socket not in nodes)]
    async with serving(*both), aiohttp.ClientSession() as session:
        urls = [*(node.url for node in nodes), *(node.url.replace("http", "ws") for node in sockets)]
        manner = Manner(poll=0.02, quiet=quiet, patience=0.2)
        yield Nodes(session, ETHEREUM, urls, memory=memory, manner=manner)


async def mined(far: FarNode, count: int, every: float = 0.05) -> None:
    for _ in range(count):
        await asyncio.sleep(every)
        await far.mine()


async def heads_of(nodes: Nodes, upto: int) -> list[Block]:
    found = []
    async with aclosing(nodes.heads()) as heads, asyncio.timeout(10):
        async for head in heads:
            found.append(head)
            if head.number >= upto:
                break
    return found


async def test_heads_are_looked_for_where_there_is_no_websocket() -> None:
    far = FarNode(head=100)
    async with watching(far) as nodes:
        mining = asyncio.create_task(mined(far, 3))
        assert await heads_of(nodes, 103) == [block(number) for number in range(100, 104)]
        await mining


async def test_a_websocket_tells_each_head_and_nothing_is_asked_for_them() -> None:
    far = FarNode(head=100)
    async with watching(far, sockets=(far,)) as nodes:
        mining = asyncio.create_task(mined(far, 3))
        assert await heads_of(nodes, 103) == [block(number) for number in range(100, 104)]
        await mining
    assert far.requests == []


async def test_heads_that_were_missed_are_caught_up_when_a_connection_is_lost() -> None:
    far = FarNode(head=100)
    async with watching(far, sockets=(far,)) as nodes:

        async def losing() -> None:
            await mined(far, 2)
            for socket in list(far.sockets):
                await socket.close()
            far.head += 5
            await mined(far, 2)

        mining = asyncio.create_task(losing())
        found = await heads_of(nodes, 109)
        await mining
    assert [head.number for head in found[:3]] == [100, 101, 102]
    assert found[-1] == block(109)
    assert far.asked.count("eth_chainId") >= 1  # it was looked for meanwhile


async def test_a_node_without_subscriptions_is_remembered_and_heads_are_looked_for() -> None:
    far, memory = FarNode(head=100, subscribes=False), ShortMemory()
    async with watching(far, sockets=(far,), memory=memory) as nodes:
        mining = asyncio.create_task(mined(far, 2))
        assert (await heads_of(nodes, 102))[-1] == block(102)
        await mining
        assert not memory.known[fingerprint(far.url.replace("http", "ws"))].subscribes


async def test_a_websocket_that_falls_silent_is_found_out() -> None:
    far, silent = FarNode(head=100), FarNode(head=100)
    async with watching(far, sockets=(silent,), quiet=0.1) as nodes:
        mining = asyncio.create_task(mined(far, 8))
        assert (await heads_of(nodes, 108))[-1] == block(108)
        await mining
    assert silent.connected > 1  # it was left, and tried again later


async def test_a_websocket_of_another_chain_is_not_believed() -> None:
    far, other = FarNode(head=100), FarNode(head=10**6, chain_id=56)
    async with watching(far, sockets=(other,)) as nodes:
        [trouble] = await nodes.check()
        assert "serves the chain 56" in trouble.message
        assert await heads_of(nodes, 100) == [block(100)]


async def test_a_websocket_that_nobody_serves_costs_no_heads() -> None:
    far, gone = FarNode(head=100), FarNode()
    async with serving(gone):
        pass
    async with serving(far), aiohttp.ClientSession() as session:
        nodes = Nodes(session, ETHEREUM, [gone.url.replace("http", "ws"), far.url], manner=Manner(poll=0.02))
        assert await heads_of(nodes, 100) == [block(100)]
        assert len(await nodes.check()) == 1


async def test_a_block_that_replaces_the_head_is_a_new_head_and_one_below_it_is_none() -> None:
    far = FarNode(head=100)
    async with watching(far) as nodes:

        async def reorganising() -> None:
            await asyncio.sleep(0.1)
            far.fork, far.head = 1, 99
            await asyncio.sleep(0.1)
            await far.mine()

        mining = asyncio.create_task(reorganising())
        found = []
        async with aclosing(nodes.heads()) as heads, asyncio.timeout(10):
            async for head in heads:
                found.append(head)
                if head == block(100, fork=1):
                    break
        await mining
    assert found == [block(100), block(100, fork=1)]


async def test_while_nobody_tells_a_head_the_trouble_says_why() -> None:
    async with watching() as nodes:
        waiting = asyncio.create_task(heads_of(nodes, 1))
        await asyncio.sleep(0.1)
        assert nodes.trouble is not None
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
