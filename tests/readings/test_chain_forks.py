"""Logs of one chain and the state of another are never put together."""

import pytest
from aiohttp import web
from chain_reader import chain_reader, of, one
from far_node import Entry, FarNode, Meddling, block_hash, log, serving, word

from scanner.domain.approvals import End
from scanner.evm.topics import APPROVAL
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

OWNER, TOKEN = "0x" + "11" * 20, f"0x{7:040x}"


def balanced(fork: int) -> Meddling:
    """A URL behind which logs come from another node than all the rest, which may be on another fork."""

    def answer(node: FarNode, asked: list[Entry]) -> web.Response | None:
        if all(entry["method"] != "eth_getLogs" for entry in asked):
            return None
        other = FarNode(head=node.head, fork=fork)
        nothing: Entry = {"jsonrpc": "2.0", "result": []}
        said = [{**nothing, "id": e["id"]} if e["method"] == "eth_getLogs" else other.answer(e) for e in asked]
        return web.json_response(said if len(said) > 1 else said[0])

    return answer


@pytest.mark.parametrize(("fork", "end"), [(0, End.COMPLETE), (1, End.INCOMPLETE)])
async def test_logs_of_another_fork_are_not_taken_for_all_there_is(store: Store, fork: int, end: End) -> None:
    node = FarNode(head=100, meddle=balanced(fork))
    async with serving(node), chain_reader(store, node.url) as source:
        snapshot = await one(source, OWNER)
    assert snapshot.end is end
    assert ("do not agree on block 100" in str(snapshot.trouble)) == (end is End.INCOMPLETE)


async def test_a_past_that_broke_off_near_the_head_is_not_taken_as_read_after_a_reorganisation(store: Store) -> None:
    def beyond(node: FarNode, asked: list[Entry]) -> web.Response | None:
        far = any(e["method"] == "eth_getLogs" and int(e["params"][0]["fromBlock"], 16) > 40 for e in asked)
        return web.Response(status=404) if far else None

    node = FarNode(head=100, most_blocks=10, meddle=beyond, returns=lambda data: word(5))
    async with serving(node):
        async with chain_reader(store, node.url, tries=0.5) as source:
            assert (await one(source, OWNER)).end is End.INCOMPLETE
        assert any(last < 40 for first, last in node.ranges), "nothing was read before it broke off"
        topics = [APPROVAL, word(int(OWNER, 16)), word(0xB)]
        node.logs = [{**log(15, 0, 1, fork=1), "topics": topics, "data": word(5)}]
        node.fork, node.meddle = 1, None
        async with chain_reader(store, node.url) as source:
            snapshot = await one(source, OWNER)
    assert snapshot.end is End.COMPLETE
    assert len(of(snapshot, TOKEN)) == 1


async def test_a_block_that_is_reorganised_away_while_it_is_read_is_read_anew(store: Store) -> None:
    def reorganised(node: FarNode, asked: list[Entry]) -> None:
        if asked[0]["method"] == "eth_call":
            node.fork, node.meddle = 1, None
            node.logs = [{**entry, "blockHash": block_hash(40, 1)} for entry in node.logs]

    topics = [APPROVAL, word(int(OWNER, 16)), word(0xB)]
    approved = {**log(40, 0, 1), "topics": topics, "data": word(5)}
    node = FarNode(head=100, logs=[approved], meddle=reorganised, returns=lambda data: word(5))
    async with serving(node), chain_reader(store, node.url, tries=0.5) as source:
        snapshot = await one(source, OWNER)
    assert (snapshot.end, len(of(snapshot, TOKEN))) == (End.COMPLETE, 1)
    [newest, *_] = await StoredIndex(store).checkpoints("1")
    assert newest.hash == block_hash(100, 1)


async def test_what_another_process_read_on_a_fork_is_not_taken_as_read_on_the_chain(store: Store) -> None:
    other = "0x" + "22" * 20
    topics = [APPROVAL, word(int(other, 16)), word(0xB)]
    approved = {**log(50, 0, 1), "topics": topics, "data": word(5)}
    node = FarNode(head=100, logs=[approved], returns=lambda data: word(5))
    async with serving(node), chain_reader(store, node.url) as source:
        await one(source, OWNER)
        node.head, node.fork, node.logs = 105, 1, []
        async with chain_reader(store, node.url) as elsewhere:
            assert of(await one(elsewhere, other), TOKEN) == []
        node.head, node.fork, node.logs = 110, 0, [approved]
        snapshot = await one(source, other)
    assert (snapshot.end, len(of(snapshot, TOKEN))) == (End.COMPLETE, 1)
