"""The daemon follows a chain: what is mined reaches people within the block, and what a reorganisation takes goes."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import acts
import pytest
from anvil import Sent
from house import Daemon, House, closed_port, house, until
from limits import provided
from reports import chain_source, wallets_of
from world import World

NO_KEY = dict.fromkeys(("OKX_API_KEY", "OKX_SECRET_KEY", "OKX_API_PASSPHRASE", "OKX_PROJECT_ID"), "")
FALSE_KEY = dict.fromkeys(NO_KEY, "x")


@asynccontextmanager
async def following(folder: Path, source: dict[str, Any], owners: list[str]) -> AsyncIterator[House]:
    """A house whose daemon has the chain alone for a source, tells of everything, and lets what can wait wait."""
    async with house(folder, source=source, wallets=wallets_of(owners)) as home:
        home.environ |= NO_KEY
        patient = {"group_wait": "1m", "group_interval": "5m"}
        home.write(channels={"ops": {"url": home.hook.url(), "min_severity": "low"}}, alerting=patient)
        yield home


async def settled(daemon: Daemon) -> None:
    await daemon.says("chain.followed")
    await daemon.says("scan.finished")


async def told(home: House, daemon: Daemon, *words: str, within: float = 10) -> float:
    """Wait until messages have these words; how long it took in seconds."""
    began = time.monotonic()
    await until(lambda: all(word in "\n".join(home.hook.bodies) for word in words), within, daemon.log.read_text)
    return time.monotonic() - began


def approves(world: World, spender: str, amount: int = acts.UINT256_MAX) -> Sent:
    return acts.approve(world.owners[4], world.contracts.erc20["plain"], spender, amount)


@pytest.mark.parametrize("way", ["polling", "websocket"])
async def test_an_approval_is_told_within_two_seconds_of_its_block(tmp_path: Path, world: World, way: str) -> None:
    world.arrive()
    urls, poll = ([world.node.url], "1s") if way == "polling" else ([world.node.url, world.node.websocket], "10m")
    async with (
        following(tmp_path, chain_source(urls, poll=poll), world.owners) as home,
        home.daemon() as daemon,
    ):
        await settled(daemon)
        for spender in world.spenders[:2]:
            world.does(approves(world, spender), after=2)
            assert await told(home, daemon, spender) < 2
        assert await daemon.stop() == 0


async def test_balances_that_cannot_be_read_hold_up_no_message(tmp_path: Path, world: World) -> None:
    world.arrive()
    with closed_port() as port:
        okx = {"okx": {"base_url": f"http://127.0.0.1:{port}"}}
        async with following(tmp_path, chain_source([world.node.url], poll="0.2s") | okx, world.owners) as home:
            home.environ |= FALSE_KEY
            async with home.daemon() as daemon:
                await daemon.says("chain.followed")
                await until(lambda: bool(home.rows("SELECT 1 FROM approvals")))
                for spender in world.spenders[:2]:
                    world.does(approves(world, spender), after=2)
                    await told(home, daemon, spender)
                assert all(scan["asked_by"] == "chain" for scan in daemon.events("scan.finished")), "it was over"
                assert await daemon.stop() == 0


async def test_what_a_reorganisation_takes_away_is_withdrawn_at_once_with_its_reason(
    tmp_path: Path, world: World
) -> None:
    world.arrive()
    spender = world.spenders[0]
    async with (
        following(tmp_path, chain_source([world.node.url], poll="0.2s"), world.owners) as home,
        home.daemon() as daemon,
    ):
        await settled(daemon)
        world.does(approves(world, spender), after=2)
        await told(home, daemon, spender, "Not final yet")
        world.node.ask("anvil_reorg", 1, [])
        assert await told(home, daemon, "no longer part of the chain") < 2
        assert home.rows("SELECT in_force FROM approvals WHERE spender = ?", spender) == [(0,)]
        assert home.rows("SELECT DISTINCT state FROM alerts WHERE rule = 'unlimited-to-nameless'") == [("resolved",)]


async def test_what_becomes_final_is_read_again_and_nobody_is_told(tmp_path: Path, world: World) -> None:
    world.arrive()
    spender, final = world.spenders[0], "SELECT final FROM approvals WHERE spender = ?"
    source = chain_source([world.node.url], poll="0.2s", confirmations=3)
    async with following(tmp_path, source, world.owners) as home, home.daemon() as daemon:
        await settled(daemon)
        world.does(approves(world, spender), after=2)
        await told(home, daemon, spender)
        before = len(home.hook.messages)
        assert home.rows(final, spender) == [(0,)]
        for _ in range(3):
            world.does(after=2)
        await until(lambda: home.rows(final, spender) == [(1,)], seen=daemon.log.read_text)
        await daemon.says("scan.finished", 3)
        assert len(home.hook.messages) == before


async def test_only_what_is_final_is_told_where_that_is_wanted(tmp_path: Path, world: World) -> None:
    world.arrive()
    spender = world.spenders[0]
    source = chain_source([world.node.url], poll="0.2s", confirmations=2, await_final=True)
    async with following(tmp_path, source, world.owners) as home, home.daemon() as daemon:
        await settled(daemon)
        world.does(approves(world, spender), after=2)
        world.does(after=2)
        await asyncio.sleep(0.8)
        assert not home.rows("SELECT 1 FROM approvals WHERE spender = ?", spender)
        world.does(after=2)
        assert await told(home, daemon, spender) < 2
        assert "Not final yet" not in "".join(home.hook.bodies)


async def test_the_end_of_a_right_is_told_with_the_first_block_after_it(tmp_path: Path, world: World) -> None:
    owner, plain, permit2 = world.owners[4], world.contracts.erc20["plain"], world.contracts.permit2[0]
    world.does(acts.approve(owner, plain, permit2, acts.UINT256_MAX))
    world.arrive()
    async with (
        following(tmp_path, chain_source([world.node.url], poll="0.2s"), world.owners) as home,
        home.daemon() as daemon,
    ):
        await settled(daemon)
        ends = int(time.time()) + 3
        world.does(acts.permit2_allow(owner, permit2, plain, world.spenders[1], 10**30, ends), after=2)
        await told(home, daemon, world.spenders[1])
        await asyncio.sleep(ends + 0.5 - time.time())
        assert not any("the approval has expired" in body for body in home.hook.bodies), "no block is as late yet"
        world.arrive()
        assert await told(home, daemon, "the approval has expired") < 2


async def test_what_was_mined_while_the_daemon_was_dead_is_found_at_its_start(tmp_path: Path, world: World) -> None:
    world.arrive()
    async with following(tmp_path, chain_source([world.node.url], poll="0.2s"), world.owners) as home:
        async with home.daemon() as daemon:
            await settled(daemon)
            await daemon.die()
        world.does(approves(world, world.spenders[0]), after=2)
        world.does(after=2)
        async with home.daemon() as daemon:
            await told(home, daemon, world.spenders[0])
            assert all(scan["asked_by"] == "chain" for scan in daemon.events("scan.finished"))


async def test_who_was_heard_of_and_not_read_when_it_was_killed_is_read_at_its_start(
    tmp_path: Path, world: World
) -> None:
    world.does(approves(world, world.spenders[0]))
    world.arrive()
    async with following(tmp_path, chain_source([world.node.url], poll="0.2s"), world.owners) as home:
        async with home.daemon() as daemon:
            await settled(daemon)
            await daemon.die()
        # As it is when the logs were written down, and the state was not asked.
        home.change("UPDATE chain_owners SET proved = heard - 1 WHERE heard IS NOT NULL")
        unread = "SELECT owner FROM chain_owners WHERE proved < heard"
        assert home.rows(unread)
        async with home.daemon() as daemon:
            await until(lambda: not home.rows(unread), seen=daemon.log.read_text)
            assert (await daemon.says("scan.finished"))["asked_by"] == "chain"


async def test_a_wallet_that_is_added_is_followed_too(tmp_path: Path, world: World) -> None:
    world.does(approves(world, world.spenders[0]))
    world.arrive()
    async with (
        following(tmp_path, chain_source([world.node.url], poll="0.2s"), world.owners[:2]) as home,
        home.daemon() as daemon,
    ):
        await settled(daemon)
        home.write(wallets=wallets_of(world.owners))
        daemon.send(signal.SIGHUP)
        await daemon.says("daemon.reloaded")
        await told(home, daemon, world.spenders[0])
        world.does(approves(world, world.spenders[1]), after=2)
        assert await told(home, daemon, world.spenders[1]) < 2


async def test_a_burst_of_blocks_is_no_burst_of_scans(tmp_path: Path, world: World) -> None:
    world.arrive()
    source, spender = chain_source([world.node.url, world.node.websocket]), world.spenders[0]
    async with following(tmp_path, source, world.owners) as home, home.daemon() as daemon:
        await settled(daemon)
        for amount in range(1, 61):
            world.does(approves(world, spender, amount), after=1)
        raw = "SELECT raw FROM approvals WHERE spender = ?"
        await until(lambda: [int(one) for (one,) in home.rows(raw, spender)] == [60], seen=daemon.log.read_text)
        [(scans,)] = home.rows("SELECT count(*) FROM scans WHERE asked_by = 'chain'")
        assert scans < 20


async def test_another_node_is_followed_after_a_reload_and_one_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, world: World
) -> None:
    world.arrive()
    ways = {"poll": "0.2s"}
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with (
            provided(world.node.url) as other,
            following(tmp_path, chain_source([world.node.url], **ways), world.owners) as home,
            home.daemon() as daemon,
        ):
            await settled(daemon)
            home.write(source=chain_source([other.url], **ways))
            daemon.send(signal.SIGHUP)
            await daemon.says("chain.followed", 2)
            world.does(approves(world, world.spenders[0]), after=2)
            assert await told(home, daemon, world.spenders[0]) < 2
            assert other.methods["eth_getLogs"]
            home.write(source=chain_source([f"http://127.0.0.1:{deaf.getsockname()[1]}"], **ways))
            daemon.send(signal.SIGHUP)
            await daemon.says("daemon.reloaded", 2)
            assert await daemon.stop(within=10) == 0
