"""A reading that takes longer than nodes keep a block's state goes on at a newer block."""

import asyncio
from collections.abc import Sequence

from aiohttp import web
from chain_reader import chain_reader, last_of, targets_of
from far_node import Entry, FarNode, block_hash, log, serving, word

from scanner.domain.approvals import End, Kind, Snapshot
from scanner.domain.nominations import Nomination
from scanner.evm.topics import APPROVAL
from scanner.sources.evm_chain import PIECE, TOGETHER
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store

EACH = PIECE // TOGETHER
OWNERS = [f"0x{number:040x}" for number in range(1, 1 + 2 * TOGETHER)]


def approved(owner: str, spenders: int) -> list[Entry]:
    """Approvals of one token to so many spenders, all in one block."""
    topics = [APPROVAL, word(int(owner, 16))]
    return [{**log(20, number, 1), "topics": [*topics, word(number + 1)]} for number in range(spenders)]


def told(data: str) -> str:
    """Each allowance is 5, asked for alone or through Multicall3."""
    if not data.startswith("0x82ad56cb"):
        return word(5)
    count = int(data[10 + 64 : 10 + 128], 16)
    places = [32 * count + 128 * number for number in range(count)]
    result = "".join(word(one)[2:] for one in (1, 64, 32, 5))
    return "0x" + "".join(word(one)[2:] for one in (32, count, *places)) + result * count


def quick(every: Sequence[str], keeps: int) -> FarNode:
    """A chain that is `keeps` blocks further with each reading of state, and of an older block none is there."""

    def meddle(node: FarNode, asked: list[Entry]) -> web.Response | None:
        calls = [entry for entry in asked if entry["method"] == "eth_call"]
        gone = {block_hash(number) for number in range(node.head - keeps)}
        if any(entry["params"][1]["blockHash"] in gone for entry in calls):
            error = {"code": -32000, "message": "missing trie node"}
            said = [{"jsonrpc": "2.0", "id": entry["id"], "error": error} for entry in asked]
            return web.json_response(said if len(said) > 1 else said[0])
        node.head += sum(entry["params"][0]["data"].startswith("0x82ad56cb") for entry in calls)
        return None

    logs = [entry for owner in every for entry in approved(owner, EACH)]
    return FarNode(head=10_000, logs=logs, returns=told, meddle=meddle)


async def test_what_is_left_when_a_state_is_kept_no_more_is_read_at_a_newer_block(store: Store) -> None:
    node = quick(OWNERS, keeps=15)
    async with serving(node), chain_reader(store, node.url, tries=0.5) as source:
        found = await last_of(source, OWNERS)
    snapshots = [one for one in found.values() if isinstance(one, Snapshot)]
    assert [(one.end, len(one.approvals)) for one in snapshots] == [(End.COMPLETE, EACH)] * len(OWNERS)
    assert len({one.block for one in snapshots}) > 1, "one block served all: nothing was shown"


async def test_who_is_left_for_a_newer_block_is_not_held_against_a_patience_that_others_took(store: Store) -> None:
    """Their past was known; what is read of it since then is waited for."""
    mine = [
        Nomination(owner, Kind.ERC20, f"0x{7:040x}", f"0x{1 + each:040x}") for owner in OWNERS for each in range(EACH)
    ]
    await StoredIndex(store).keep("1", OWNERS, 0, 9_999, mine)
    ends: list[End] = []
    async with (
        serving(node := quick(OWNERS, keeps=15)),
        chain_reader(store, node.url, patience=1.0, tries=0.5) as source,
    ):
        async for reading in source.read(targets_of(OWNERS)):
            if isinstance(reading, Snapshot):
                await asyncio.sleep(0.0 if ends else 1.0)
                ends.append(reading.end)
    assert ends == [End.COMPLETE] * len(OWNERS)


async def test_a_node_that_keeps_no_state_at_all_is_said(store: Store) -> None:
    node = quick(OWNERS[:1], keeps=-1)
    async with serving(node), chain_reader(store, node.url, tries=0.5) as source:
        [snapshot] = (await last_of(source, OWNERS[:1])).values()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.end is End.INCOMPLETE
    assert "missing trie node" in str(snapshot.trouble)
