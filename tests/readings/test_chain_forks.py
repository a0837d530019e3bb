"""Logs of one chain and the state of another are never put together."""

import pytest
from aiohttp import web
from chain_reader import chain_reader, one
from far_node import Entry, FarNode, Meddling, serving

from scanner.domain.approvals import End
from scanner.store.engine import Store

OWNER = "0x" + "11" * 20


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
