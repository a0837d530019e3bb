"""A reading of the chain itself: the truth of one block, said once, for little, and never half of it in silence."""

import asyncio
from datetime import UTC, datetime, timedelta

import acts
import pytest
from anvil import missing, running
from chain_reader import chain_reader, held, last_of, of, one, targets_of
from limits import Limits, provided
from story import everything
from truth import truth
from world import World

from scanner.domain.approvals import End, Kind, Snapshot, Target, Underway, Unmoved
from scanner.domain.chains import find_chain
from scanner.errors import Reason
from scanner.store.engine import Store


async def test_one_reading_of_each_owner_is_the_state_of_one_block(store: Store, world: World) -> None:
    everything(world)
    height = world.arrive()
    async with chain_reader(store, world.node.url) as source:
        found = [each for each in (await last_of(source, world.owners)).values() if isinstance(each, Snapshot)]
    assert held(*found) == truth(world, height)
    assert {(each.end, each.block, each.kinds) for each in found} == {(End.COMPLETE, height, frozenset(Kind))}
    assert len(found) == len(world.owners)


async def test_an_owner_whose_state_did_not_move_is_said_to_be_unmoved(store: Store, world: World) -> None:
    everything(world)
    world.node.ask("anvil_mine", hex(20))
    world.arrive()
    async with chain_reader(store, world.node.url) as source:
        first = {one.target: one for one in (await last_of(source, world.owners)).values() if isinstance(one, Snapshot)}
        known = {target: snapshot.fingerprint or "" for target, snapshot in first.items()}
        owner, token = world.owners[4], world.contracts.erc20["zrx"]
        world.does(acts.spend(world.spenders[0], token, owner, 1))
        before = source.cost.requests
        again = await last_of(source, world.owners, known)
        assert source.cost.requests - before < 10
    assert [each.target.owner for each in again.values() if isinstance(each, Snapshot)] == [owner]
    assert sum(isinstance(each, Unmoved) for each in again.values()) == len(world.owners) - 1


async def test_what_tokens_say_is_remembered_for_a_day_and_that_they_say_nothing_too(
    store: Store, world: World
) -> None:
    everything(world)
    world.arrive()
    ahead = timedelta()
    owner = world.owners[4]
    async with (
        provided(world.node.url) as provider,
        chain_reader(store, provider.url, now=lambda: datetime.now(UTC) + ahead) as source,
    ):
        calls = []
        for ahead in (timedelta(), timedelta(hours=23), timedelta(hours=25), timedelta(hours=47)):  # noqa: B007 - read above
            before = provider.methods["eth_call"]
            await one(source, owner)
            calls.append(provider.methods["eth_call"] - before)
    assert min(calls[0], calls[2]) > max(calls[1], calls[3]), calls


async def test_a_grant_is_final_once_enough_blocks_follow(store: Store, world: World) -> None:
    owner, token, spender = world.owners[4], world.contracts.erc20["plain"], world.spenders[0]
    [hash_] = world.does(acts.approve(owner, token, spender, 7))
    at = world.node.time()
    async with chain_reader(store, world.node.url, confirmations=2) as source:
        shown = []
        for _ in range(3):
            [approval] = of(await one(source, owner), token)
            shown.append((approval.final, approval.granted_tx, approval.granted_at))
            world.does()
    assert shown == [(final, hash_, datetime.fromtimestamp(at, UTC)) for final in (False, False, True)]


async def test_where_only_what_is_final_counts_the_newest_blocks_are_not_looked_at(store: Store, world: World) -> None:
    owner, token, spender = world.owners[4], world.contracts.erc20["plain"], world.spenders[0]
    world.does(acts.approve(owner, token, spender, 7))
    height = world.node.head
    async with chain_reader(store, world.node.url, confirmations=2, await_final=True) as source:
        assert of(await one(source, owner), token) == []
        world.does()
        world.does()
        snapshot = await one(source, owner)
    [approval] = of(snapshot, token)
    assert (snapshot.block, approval.final, snapshot.end) == (height, True, End.COMPLETE)


async def test_a_past_that_takes_too_long_is_said_and_read_on_beside(store: Store, world: World) -> None:
    everything(world)
    real = truth(world, world.arrive())
    async with (
        provided(world.node.url, Limits(blocks=2)) as provider,
        chain_reader(store, provider.url, patience=0.0) as source,
    ):
        cut = [each for each in (await last_of(source, world.owners)).values() if isinstance(each, Snapshot)]
        last: list[Snapshot] = []
        while not last or any(each.end is not End.COMPLETE for each in last):
            await asyncio.sleep(0.05)
            last = [each for each in (await last_of(source, world.owners)).values() if isinstance(each, Snapshot)]
    assert {(each.end, each.trouble and each.trouble.reason) for each in cut} == {(End.INCOMPLETE, Reason.CACHING)}
    assert "its past is read up to block 0 of" in str(cut[0].trouble)
    assert held(*cut).items() <= real.items()
    assert held(*last) == real


async def test_how_far_the_past_is_read_is_told_while_it_is_waited_for(store: Store, world: World) -> None:
    height = world.arrive()
    async with provided(world.node.url, Limits(blocks=2)) as provider, chain_reader(store, provider.url) as source:
        steps = [each async for each in source.read(targets_of(world.owners)) if isinstance(each, Underway)]
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert (steps[0].chain, {each.total for each in steps}, steps[-1].done) == ("1", {height + 1}, height + 1)


async def test_nodes_that_lag_behind_what_was_read_say_nothing(store: Store, world: World) -> None:
    owner, token, spender = world.owners[4], world.contracts.erc20["plain"], world.spenders[0]
    world.does(acts.approve(owner, token, spender, 7))
    async with chain_reader(store, world.node.url) as source:
        for _ in range(2):
            assert len(of(await one(source, owner), token)) == 1
            world.does()
        await one(source, owner)
    async with (
        provided(world.node.url, Limits(behind=1)) as provider,
        chain_reader(store, provider.url) as source,
    ):
        snapshot = await one(source, owner)
        assert (snapshot.end, snapshot.approvals) == (End.INCOMPLETE, {})
        assert "They lag" in str(snapshot.trouble)
        world.does()
        assert (await one(source, owner)).end is End.COMPLETE


async def test_a_lower_first_block_has_the_past_before_it_read(store: Store, world: World) -> None:
    owner, token, spender = world.owners[4], world.contracts.erc20["plain"], world.spenders[0]
    world.does(acts.approve(owner, token, spender, 7))
    before = world.node.head
    world.does()
    for first, seen in ((before + 1, 0), (before, 1), (before + 1, 1)):
        async with chain_reader(store, world.node.url, from_block=first) as source:
            snapshot = await one(source, owner)
            assert (len(of(snapshot, token)), snapshot.end) == (seen, End.COMPLETE)


async def test_a_chain_without_nodes_is_said_not_to_be_covered(store: Store, world: World) -> None:
    async with chain_reader(store, world.node.url) as source:
        elsewhere = Target("56", world.owners[0])
        [snapshot] = [each async for each in source.read([elsewhere])]
        assert isinstance(snapshot, Snapshot)
        assert snapshot.trouble is not None
        assert snapshot.trouble.reason is Reason.NOT_COVERED
        assert source.covers(find_chain("bsc")) == frozenset()
        assert source.covers(find_chain("ethereum")) == frozenset(Kind)


async def test_nodes_of_another_chain_are_never_believed(store: Store) -> None:

    if reason := missing():
        pytest.skip(reason)
    with running(chain_id=5) as other:
        async with chain_reader(store, other.url) as source:
            snapshot = await one(source, "0x" + "11" * 20)
    assert (snapshot.end, snapshot.approvals) == (End.INCOMPLETE, {})
    assert "serves the chain 5, not Ethereum" in str(snapshot.trouble)
    assert "source.evm.ethereum.rpc" in str(snapshot.trouble)
