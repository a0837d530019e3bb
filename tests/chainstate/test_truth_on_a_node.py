"""On a real node, what the logs nominate and the state confirms is all that is true, and nothing else."""

from contextlib import aclosing
from datetime import UTC, datetime

import acts
import aiohttp
import handmade
import pytest
from artifacts import MULTICALL3
from calldata import called
from story import everything, live
from truth import Held, Right, truth
from world import World

from scanner.domain.approvals import Approval
from scanner.domain.chains import find_chain
from scanner.errors import Trouble
from scanner.evm.index import Kept
from scanner.evm.nodes import Nodes
from scanner.evm.values import Log
from scanner.sources.evm_logs import filters, nominations
from scanner.sources.evm_metadata import token_facts
from scanner.sources.evm_state import approval, rights


async def read(world: World) -> tuple[list[Approval], int]:
    """What is found of all owners at the head, and the requests that it took."""
    async with aiohttp.ClientSession() as session:
        nodes = Nodes(session, find_chain("ethereum"), [world.node.url])
        block = await nodes.head()
        assert not isinstance(block, Trouble)
        logs: list[Log] = []
        async with aclosing(nodes.logs(filters(world.owners, live=False), 0, block.number)) as stretches:
            async for stretch in stretches:
                assert not isinstance(stretch, Trouble)
                logs += stretch.logs
        named = nominations(logs, frozenset(world.owners))
        facts = await token_facts(nodes, [one.token for one in named], block)
        assert not isinstance(facts, Trouble)
        found = await rights(nodes, list(map(Kept, named)), block)
        assert not isinstance(found, Trouble)
        granted = [(one, right) for one, right in zip(named, found, strict=True) if right is not None]
        told = [approval("1", *each, facts[each[0].token]) for each in granted if not each[1].expired(block.time)]
        return told, nodes.cost.requests


def compared(found: list[Approval]) -> dict[Right, Held]:
    """What was found, in the oracle's words."""
    return {
        Right(one.owner, one.kind.value, one.token.address, one.spender.address, one.token_id, one.via): Held(
            None if one.allowance.in_words else one.allowance.raw,
            None if one.expires_at is None else int(one.expires_at.timestamp()),
        )
        for one in found
    }


@pytest.mark.parametrize("aggregates", [True, False])
async def test_everything_that_can_be_approved_is_found_and_nothing_else(world: World, aggregates: bool) -> None:
    everything(world)
    live(world, 5, blocks=6)
    if not aggregates:
        world.node.ask("anvil_setCode", MULTICALL3, "0x")
    height = world.arrive()
    found, requests = await read(world)
    assert compared(found) == truth(world, height)
    assert len(compared(found)) == len(found)
    assert requests < 40


async def test_bad_words_hide_no_approval(world: World) -> None:
    everything(world)
    world.arrive()
    found, _ = await read(world)
    tokens = {one.token.address: one.token for one in found}
    erc20 = {name: tokens[there] for name, there in world.contracts.erc20.items() if there in tokens}
    assert erc20["without words"].symbol is None
    assert erc20["without decimals"].decimals is None
    assert erc20["odd decimals"].decimals is None
    assert erc20["symbol in 32 bytes"].symbol == "MKR"
    assert erc20["plain"].symbol == "USDC"
    assert erc20["plain"].supply


async def test_a_grant_is_dated_by_what_the_owner_did_and_not_by_a_spend_that_says_approval(world: World) -> None:
    owner, spender, token = world.owners[4], world.spenders[0], world.contracts.erc20["of 2020"]
    [granted] = world.does(acts.approve(owner, token, spender, 1_000))
    at = world.node.time()
    world.does(acts.spend(spender, token, owner, 400))
    world.does(acts.approve(owner, world.contracts.erc20["weth"], spender, 5))
    found, _ = await read(world)
    [one] = [row for row in found if (row.token.address, row.spender.address) == (token, spender)]
    assert one.allowance.raw == 600
    assert (one.granted_tx, one.granted_at) == (granted, datetime.fromtimestamp(at, UTC))


async def test_a_contract_that_spends_while_it_is_asked_hides_nothing(world: World) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    loot = called("transferFrom(address,address,uint256)", owner, world.maker, 500)
    [thief] = world.node.deploy(world.maker, handmade.thief(plain, loot))
    world.does(acts.pretend(world.maker, thief, owner, world.spenders[0], 1), acts.approve(owner, plain, thief, 500))
    found, _ = await read(world)
    taken = {one.spender.address: one.allowance.raw for one in found if one.token.address == plain}
    assert taken == {thief: 500}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
async def test_whatever_happens_all_that_is_true_is_found(world: World, seed: int) -> None:
    everything(world)
    live(world, seed, blocks=20)
    height = world.arrive()
    found, _ = await read(world)
    assert compared(found) == truth(world, height)
