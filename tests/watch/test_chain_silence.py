"""A chain that tells of no new blocks any more is told, and so is its end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from watched import START, Watched, approvals, watched

from scanner.domain.alerts import Severity
from scanner.domain.observations import SILENT_AFTER, Hearing, silence
from scanner.watchdog import Watchdog

ETHEREUM = "1"
READ = Hearing(ETHEREUM, START, 21_000_000)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watched(tmp_path) as one:
        one.plan = lambda plan: replace(plan, followed=(ETHEREUM,))
        yield one


async def looks(world: Watched, dog: Watchdog, hearing: Hearing | None) -> list[str]:
    outlook = await dog.look(moving=False, hearing={} if hearing is None else {ETHEREUM: hearing})
    return [one.key for one in outlook.open]


async def test_a_chain_without_new_blocks_is_told_after_a_while_and_so_is_the_next_block(world: Watched) -> None:
    dog = world.watchdog()
    await world.scan(approvals)
    world.wait(9)
    assert await looks(world, dog, READ) == []
    world.wait(2)
    assert await looks(world, dog, replace(READ, trouble="node 1: did not answer\nin time")) == [
        "chain-silent:ethereum"
    ]
    assert await looks(world, dog, None) == ["chain-silent:ethereum"], "who does not listen cannot tell"
    assert await looks(world, world.watchdog(), Hearing(ETHEREUM, world.at)) == ["chain-silent:ethereum"]
    world.wait(1)
    assert await looks(world, dog, replace(READ, since=world.at, block=21_000_099)) == []
    begun, *_, over = await world.bodies()
    assert begun.splitlines()[0] == "HIGH: No new block of Ethereum is read"
    assert "The newest is 21000000, read 2026-11-20 08:00 UTC. node 1: did not answer in time." in begun
    assert "approval-watch doctor" in begun
    assert "Its blocks are read again." in over


def test_who_has_only_begun_to_listen_says_neither_yes_nor_no() -> None:
    just_begun = Hearing(ETHEREUM, START)
    for passed, wrong in ((timedelta(), None), (SILENT_AFTER, None), (SILENT_AFTER + timedelta(seconds=1), True)):
        assert silence(ETHEREUM, just_begun, START + passed).wrong is wrong


def test_between_silence_and_life_nothing_is_said() -> None:
    said = [silence(ETHEREUM, READ, START + timedelta(minutes=minutes)).wrong for minutes in (0, 5, 6, 10, 11)]
    assert said == [False, False, None, None, True]
    assert silence(ETHEREUM, READ, START).severity is Severity.HIGH
