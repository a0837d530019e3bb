"""How a chain's past is read: once, by one task, from where it was left, and never across two chains."""

import asyncio

import acts
import pytest
from anvil import missing, running
from chain_reader import chain_reader, held, last_of, of, one, targets_of
from limits import Limits, provided
from story import everything
from truth import truth
from world import World, furnished

from scanner.domain.approvals import End, Snapshot
from scanner.store.engine import Store


async def test_whoever_asks_waits_for_the_same_task(store: Store, world: World) -> None:
    everything(world)
    world.arrive()
    owners = world.owners
    async with provided(world.node.url, Limits(blocks=5)) as provider, chain_reader(store, provider.url) as source:
        await asyncio.gather(*(last_of(source, owners) for _ in range(4)))
        together = provider.methods["eth_getLogs"]
    assert together < 3 * (world.node.head / 5 + 2)


async def test_a_newcomers_past_holds_up_nobody_and_moves_nobody_back(store: Store, world: World) -> None:
    everything(world)
    world.node.ask("anvil_mine", hex(100))
    world.arrive()
    old, new = world.owners[4], world.owners[5]
    async with provided(world.node.url, Limits(blocks=2)) as provider, chain_reader(store, provider.url) as source:
        await one(source, old)
        world.does(acts.approve(old, world.contracts.erc20["plain"], world.spenders[3], 3))
        order = [each.target.owner async for each in source.read(targets_of([new, old])) if isinstance(each, Snapshot)]
    assert order == [old, new]


async def test_what_was_read_is_not_read_again_after_a_start(store: Store, world: World) -> None:
    everything(world)
    height = world.arrive()
    async with chain_reader(store, world.node.url) as source:
        await last_of(source, world.owners)
    async with provided(world.node.url, Limits(blocks=1)) as provider, chain_reader(store, provider.url) as source:
        found = (await last_of(source, world.owners)).values()
        assert provider.methods["eth_getLogs"] == 0
    assert held(*(each for each in found if isinstance(each, Snapshot))) == truth(world, height)


async def test_a_reorganisation_rewinds_to_what_both_have_and_withdraws_the_rest(store: Store, world: World) -> None:
    owner, token = world.owners[4], world.contracts.erc20["plain"]
    kept, lost, moved = world.spenders[:3]
    world.does(acts.approve(owner, token, kept, 5))
    world.arrive()
    async with chain_reader(store, world.node.url) as source:
        await one(source, owner)
        with world.node.undone():
            [first] = world.does(acts.approve(owner, token, lost, 6), after=1)
            world.does(acts.approve(owner, token, moved, 7), after=1)
            before = {each.spender.address: each for each in of(await one(source, owner), token)}
            assert set(before) == {kept, lost, moved}
            assert before[lost].granted_tx == first
        world.does(after=1)
        world.does(after=1)
        [again] = world.does(acts.approve(owner, token, moved, 8), after=1)
        snapshot = await one(source, owner)
        after = {each.spender.address: each for each in of(snapshot, token)}
        assert set(after) == {kept, moved}
        assert after[kept] == before[kept]
        assert after[moved].granted_tx == again
        assert (snapshot.withdrawn, snapshot.end) == (frozenset({before[lost].id}), End.COMPLETE)
        assert (await one(source, owner)).withdrawn == snapshot.withdrawn


async def test_another_chain_under_the_same_address_is_read_from_its_beginning(store: Store) -> None:
    if reason := missing():
        pytest.skip(reason)
    for place, began in enumerate((1_700_000_000, 1_700_500_000)):
        with running(timestamp=began) as node:
            world = furnished(node)
            owner, token = world.owners[4], world.contracts.erc20["plain"]
            spender = world.spenders[place]
            world.does(acts.approve(owner, token, spender, 5))
            async with chain_reader(store, node.url) as source:
                snapshot = await one(source, owner)
            assert [each.spender.address for each in of(snapshot, token)] == [spender]
            assert snapshot.end is End.COMPLETE


async def test_a_past_that_begins_beyond_the_newest_block_is_not_taken_for_an_empty_one(
    store: Store, world: World
) -> None:
    world.does(acts.approve(world.owners[4], world.contracts.erc20["plain"], world.spenders[0], 5))
    head = world.arrive()
    async with chain_reader(store, world.node.url, from_block=head + 1) as source:
        snapshot = await one(source, world.owners[4])
    assert (snapshot.end, dict(snapshot.approvals)) == (End.INCOMPLETE, {})
    assert snapshot.trouble is not None
    assert "source.evm.ethereum.from_block" in str(snapshot.trouble)
    async with chain_reader(store, world.node.url, from_block=head) as source:
        assert (await one(source, world.owners[4])).end is End.COMPLETE
