"""`scan` where the chain itself is the source: it finds what the state says, or says that it may not be all."""

import random
from pathlib import Path
from typing import Any

import acts
import pytest
from anvil import Node
from house import House, house, until
from limits import Limits, provided
from reports import chain_source, rights, wallets_of
from story import everything, live
from truth import Right, truth
from world import World, furnished

from scanner.sources.evm_past import SHALLOW

THREE_WAYS = (
    Limits(seed=1, per_second=100, blocks=25, unavailable=0.05, cut=0.05),
    Limits(seed=2, per_second=100, told_when=True, blocks=40, logs=60, batches=False, unavailable=0.02, cut=0.02),
    Limits(seed=3, blocks=100, behind=2, hashes=False, remembers=16),
)


def kinds(report: dict[str, Any]) -> set[str]:
    return {change["kind"] for change in report["changes"]}


async def scanned(home: House, code: int = 0) -> dict[str, Any]:
    """The report of a scan, by a shell without any key."""
    done = await home.scan(env=home.shell)
    assert done.code == code, done.err
    return done.report


async def test_what_is_found_is_the_states_truth_and_nothing_but_a_url_is_needed(tmp_path: Path, world: World) -> None:
    everything(world)
    live(world, 1)
    first = truth(world, world.arrive())
    source, wallets = chain_source([world.node.url]), wallets_of(world.owners)
    async with house(tmp_path, source=source, wallets=wallets, installed=True) as home:
        report = await scanned(home)
        assert rights(report) == first
        assert report["scan"]["complete"]
        assert kinds(report) == {"baseline"}
        live(world, 2, blocks=3)
        second = truth(world, world.arrive())
        later = await scanned(home)
        assert rights(later) == second != first
        assert kinds(later) <= {"new", "restored", "increased", "decreased", "revoked", "expired"}
        stored = await home.run("approvals", "--format", "json")
        assert rights(stored.report) == second


@pytest.mark.parametrize("limits", THREE_WAYS, ids=lambda limits: f"seed {limits.seed}")
async def test_behind_a_provider_that_limits_nothing_is_lost_in_silence(
    tmp_path: Path, world: World, limits: Limits
) -> None:
    everything(world)
    world.node.ask("anvil_mine", hex(150))
    height = world.arrive() - limits.behind
    real = truth(world, height)
    async with (
        provided(world.node.url, limits) as provider,
        house(tmp_path, source=chain_source([provider.url]), wallets=wallets_of(world.owners)) as home,
    ):
        done = await home.scan(env=home.shell)
        found = rights(done.report)
    assert provider.faults.total() or limits.behind, "it limited nothing"
    if done.report["scan"]["complete"]:
        assert (done.code, found) == (0, real)
    else:
        assert done.code == 3
        assert found.items() <= real.items()
        assert all(target["complete"] or target["error"] for target in done.report["scan"]["targets"])


def any_limits(seed: int) -> Limits:
    chance = random.Random(seed)
    return Limits(
        seed=seed,
        per_second=chance.choice([None, 100, 30]),
        told_when=chance.random() < 0.5,
        blocks=chance.choice([None, 5, 25, 100]),
        logs=chance.choice([None, 20, 100]),
        unavailable=chance.choice([0, 0.02, 0.05]),
        cut=chance.choice([0, 0.02, 0.05]),
        behind=chance.choice([0, 0, 2]),
        remembers=chance.choice([None, 8, 64]),
        batches=chance.random() < 0.7,
        hashes=chance.random() < 0.7,
    )


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
async def test_any_world_behind_any_provider_is_read_as_it_is(tmp_path: Path, node: Node, seed: int) -> None:
    world = furnished(node, owners=9, spenders=6)
    limits = any_limits(seed)
    everything(world)
    live(world, seed, blocks=60, acts_in_each=20)
    world.arrive()
    world.node.ask("anvil_mine", hex(seed * 5))
    async with (
        provided(world.node.url, limits) as provider,
        house(tmp_path, source=chain_source([provider.url]), wallets=wallets_of(world.owners)) as home,
    ):
        for step in range(3):
            real = truth(world, world.node.head - limits.behind)
            report = (await home.run("scan", "--format", "json", env=home.shell, within=240)).report
            if report["scan"]["complete"]:
                assert rights(report) == real
            else:
                assert any(target["error"] for target in report["scan"]["targets"])
            live(world, 1_000 * (seed + 1) + step, blocks=4)
            world.node.ask("anvil_mine", hex(limits.behind))


async def test_owners_added_later_have_their_past_read_and_nobody_elses_again(tmp_path: Path, world: World) -> None:
    everything(world)
    world.node.ask("anvil_mine", hex(150))
    real = truth(world, world.arrive())
    some = world.owners[:4]
    async with (
        provided(world.node.url, Limits(blocks=25)) as provider,
        house(tmp_path, source=chain_source([provider.url]), wallets=wallets_of(some)) as home,
    ):
        first = await scanned(home)
        assert rights(first) == {right: held for right, held in real.items() if right.owner in some}
        asked = provider.methods["eth_getLogs"]
        await scanned(home)
        assert provider.methods["eth_getLogs"] - asked < 10, "the past was read again"
        home.write(wallets=wallets_of(world.owners))
        assert rights(await scanned(home)) == real


async def test_a_reading_of_the_past_that_was_killed_goes_on_where_it_was(tmp_path: Path, world: World) -> None:
    everything(world)
    world.node.ask("anvil_mine", hex(SHALLOW + 500))
    real = truth(world, world.arrive())
    async with (
        provided(world.node.url, Limits(blocks=10)) as provider,
        house(tmp_path, source=chain_source([provider.url]), wallets=wallets_of(world.owners)) as home,
    ):
        asked = provider.methods
        async with home.begun("scan", "--format", "json", env=home.shell):
            await until(lambda: asked["eth_getLogs"] >= 150)
        before = asked["eth_getLogs"]
        assert rights(await scanned(home)) == real
        assert asked["eth_getLogs"] - before < 0.85 * 2 * world.node.head / 10, "it began anew"


async def test_what_a_reorganisation_took_away_is_withdrawn_with_its_reason(tmp_path: Path, world: World) -> None:
    everything(world)
    owner, spender, plain = world.owners[4], world.spenders[3], world.contracts.erc20["plain"]
    before = world.arrive()
    source = chain_source([world.node.url], confirmations=3)
    async with house(tmp_path, source=source, wallets=wallets_of([owner])) as home:
        await scanned(home)
        with world.node.undone():
            world.does(acts.approve(owner, plain, spender, acts.UINT256_MAX))
            told = await scanned(home)
            [new] = [change for change in told["changes"] if change["kind"] == "new"]
            [row] = [approval for approval in told["approvals"] if approval["id"] == new["approval"]]
            assert (row["token"]["address"], row["spender"]["address"], row["final"]) == (plain, spender, False)
            [alert] = [alert for alert in told["alerts"] if alert["approval"] == row["id"]]
        assert world.node.head == before
        world.does(after=20)
        world.does(after=20)
        after = await scanned(home)
        assert [change["kind"] for change in after["changes"] if change["approval"] == row["id"]] == ["revoked"]
        assert rights(after) == {
            right: how for right, how in truth(world, world.node.head).items() if right.owner == owner
        }
        [closed] = [one for one in after["alerts"] if one["id"] == alert["id"]]
        assert closed["state"] == "resolved"
        assert "no longer part of the chain" in home.hook.bodies[-1]


async def test_another_endpoint_is_asked_where_the_first_is_down(tmp_path: Path, world: World) -> None:
    everything(world)
    real = truth(world, world.arrive())
    async with (
        provided(world.node.url) as good,
        provided(world.node.url) as bad,
        house(tmp_path, source=chain_source([bad.url, good.url]), wallets=wallets_of(world.owners)) as home,
    ):
        bad.down = True
        assert rights(await scanned(home)) == real
        assert bad.faults["unavailable"] > 0


async def test_a_contract_that_falls_silent_hides_nothing_that_was_seen(tmp_path: Path, world: World) -> None:
    owner, spender = world.owners[4], world.spenders[0]
    token = world.contracts.erc20["without decimals"]
    world.does(acts.approve(owner, token, spender, 5))
    world.arrive()
    async with house(tmp_path, source=chain_source([world.node.url]), wallets=wallets_of([owner])) as home:
        assert Right(owner, "erc20", token, spender) in rights(await scanned(home))
        world.does(acts.fail(world.maker, token))
        [row] = [one for one in (await scanned(home))["approvals"] if one["token"]["address"] == token]
        assert (row["allowance"]["raw"], row["allowance"]["unlimited"]) == (None, None)
