"""What fails is called what it is: the API, or the nodes of chains, also where each reads a part of what is watched."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from watched import REFUSED, WALLETS, Reading, Watched, approvals, trouble, watched

from scanner.domain.approvals import Target
from scanner.errors import Reason

SILENT = trouble(Reason.UNAVAILABLE, "logs of Ethereum could not be read: node.example: did not answer in time")
BY_API = tuple(replace(wallet, chain="56") for wallet in WALLETS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    """Wallets on a chain that is read through nodes."""
    async with watched(tmp_path) as one:
        one.plan = lambda plan: replace(plan, followed=("1",))
        yield one


async def scanned(
    world: Watched, *readings: Reading | Callable[[Target], Reading] | None, asked_by: str = "schedule"
) -> list[str]:
    """What is open after scans that read this; None for what is as it should be."""
    for reading in readings:
        world.wait()
        await world.scan(approvals if reading is None else reading, asked_by=asked_by)
        await world.look()
    return await world.open()


async def test_nodes_that_fail_are_not_called_the_api(world: Watched) -> None:
    assert await scanned(world, None, SILENT) == []
    assert await scanned(world, SILENT) == ["nodes-failing"]
    begun, *_ = await world.bodies()
    assert begun.splitlines()[0] == "HIGH: No chain can be read through its nodes"
    assert "node[.]example: did not answer in time. Nothing is read there" in begun
    assert "source.evm" in begun
    assert "API" not in begun
    assert await scanned(world, None, None) == []


async def test_a_past_that_is_still_being_read_is_no_outage(world: Watched) -> None:
    past = trouble(Reason.CACHING, "its past is read up to block 5 of 20")
    assert await scanned(world, past, past, past) == []


async def test_the_api_is_told_to_refuse_while_nodes_are_read_and_the_other_way_round(world: Watched) -> None:
    world.wallets = (*WALLETS, *BY_API)

    def failing(chain: str, wrong: Reading) -> Callable[[Target], Reading]:
        return lambda target: wrong if target.chain == chain else approvals(target)

    assert await scanned(world, failing("56", REFUSED)) == ["api-refused"]
    assert await scanned(world, failing("1", SILENT), failing("1", SILENT)) == ["nodes-failing"]


async def test_scans_that_a_block_was_the_reason_of_are_no_rounds(world: Watched) -> None:
    world.wallets = WALLETS[:1]
    assert await scanned(world, SILENT, SILENT, asked_by="chain") == []
