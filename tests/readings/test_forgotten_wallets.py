"""What was read of a chain for wallets that nobody watches any more is forgotten, and read anew where they return."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from chain_reader import chain_reader, last_of
from far_node import Entry, FarNode, log, serving, word

from scanner.domain.approvals import End, Snapshot, Target
from scanner.evm.topics import APPROVAL
from scanner.sources.evm import EvmSource
from scanner.store import knowledge
from scanner.store.chain import StoredIndex
from scanner.store.engine import Store
from scanner.store.pruning import prune

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAYS, LEAVES, VISITS = OWNERS = [f"0x{number:040x}" for number in (0xA, 0xB, 0xC)]


def approved(owner: str, block: int, spender: int) -> Entry:
    return {**log(block, int(owner, 16), 1), "topics": [APPROVAL, word(int(owner, 16)), word(spender)]}


@pytest.fixture
def node() -> FarNode:
    """A chain on which each owner approved one spender; every contract answers every question with 5."""
    logs = [approved(owner, 20, 0x5E) for owner in OWNERS]
    return FarNode(head=100, logs=logs, returns=lambda data: word(5))


async def left(store: Store, at: datetime) -> None:
    """Two wallets are watched, and one of them has left the configuration."""
    stays, leaves = Target("1", STAYS), Target("1", LEAVES)
    await store.write(lambda connection: knowledge.watch(connection, [stays, leaves], at - timedelta(days=1)))
    await store.write(lambda connection: knowledge.unwatch(connection, [stays], at))


async def kept(store: Store) -> dict[str, int]:
    """How many nominations are kept of each owner whose past is."""
    return {owner: len(ones) for owner, ones in (await StoredIndex(store).kept("1", OWNERS)).items()}


async def spenders(source: EvmSource, owners: Sequence[str] = OWNERS) -> list[int]:
    """To how many each owner grants something, in whole readings."""
    found = await last_of(source, owners)
    snapshots = [found[owner] for owner in owners]
    assert all(isinstance(one, Snapshot) and one.end is End.COMPLETE for one in snapshots)
    return [len(one.approvals) for one in snapshots if isinstance(one, Snapshot)]


async def test_a_wallet_that_left_is_forgotten_once_that_is_long_enough_ago_and_no_other(
    store: Store, node: FarNode
) -> None:
    async with serving(node), chain_reader(store, node.url) as source:
        await spenders(source)
    await left(store, NOON)
    gone = await prune(store, NOON)
    assert gone == {}
    assert await kept(store) == dict.fromkeys(OWNERS, 1)
    gone = await prune(store, NOON + timedelta(seconds=1))
    assert (gone["chain_owners"], gone["chain_pages"]) == (1, 1)
    assert await kept(store) == {STAYS: 1, VISITS: 1}


async def test_a_wallet_that_returns_is_read_from_the_start(store: Store, node: FarNode) -> None:
    async with serving(node):
        async with chain_reader(store, node.url) as source:
            await spenders(source)
        await left(store, NOON)
        await prune(store, NOON + timedelta(days=1))
        node.logs.append(approved(LEAVES, 110, 0x5F))
        node.head = 120
        async with chain_reader(store, node.url) as source:
            assert await spenders(source) == [1, 2, 1]
    assert await kept(store) == {STAYS: 1, LEAVES: 2, VISITS: 1}


@pytest.mark.parametrize("mined", [0, 20])
async def test_who_still_reads_a_wallet_that_is_forgotten_meanwhile_misses_nothing(
    store: Store, node: FarNode, mined: int
) -> None:
    async with serving(node), chain_reader(store, node.url) as source:
        assert await spenders(source) == [1, 1, 1]
        await left(store, NOON)
        await prune(store, NOON + timedelta(days=1))
        node.logs.append(approved(LEAVES, 100 + mined, 0x5F))
        node.head += mined
        assert await spenders(source) == [1, 2, 1]
    assert (await kept(store))[LEAVES] == 2


async def test_a_past_that_goes_on_from_what_was_forgotten_is_not_taken_for_whole(store: Store, node: FarNode) -> None:
    index = StoredIndex(store)
    async with serving(node), chain_reader(store, node.url) as source:
        await spenders(source)
    await left(store, NOON)
    await prune(store, NOON + timedelta(days=1))
    await index.keep("1", [STAYS, LEAVES], 0, 120, [], anew=False)
    assert await index.heights("1", OWNERS, 0) == {STAYS: 120, VISITS: 100}
