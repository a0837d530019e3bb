"""`reconcile` reads from a real node and from the API's server, and says of each row where they differ, and why."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import acts
from house import TREASURY, House, house, until
from limits import Limits, provided
from reports import chain_source, wallets_of
from world import World

from scanner.sandbox import Row, Spender, Token, day_of
from scanner.sandbox import World as Story


@dataclass
class Api:
    """What the API is made to say."""

    rows: list[Row] = field(default_factory=list)

    def says(self, owner: str, token: str, spender: str, raw: int, **more: Any) -> None:
        self.rows.append(Row(owner, Token("1", token, "TKN"), Spender(spender, "Somebody"), raw, **more))

    @property
    def story(self) -> Story:
        return Story("api", (day_of(self.rows),))


async def reconciled(home: House, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    done = await home.run("reconcile", "--format", "json", *arguments, env={**home.environ, **environ})
    assert done.code == code, done.err
    return done.report


def told(report: dict[str, Any], spender: str) -> tuple[str, str | None, int | None]:
    [row] = [one for one in report["rows"] if one["spender"]["address"] == spender]
    return row["verdict"], row["cause"], row["block"]


async def test_every_row_is_told_with_the_reason_and_the_block(tmp_path: Path, world: World) -> None:
    node, owner, erc20 = world.node, world.owners[4], world.contracts.erc20
    plain, handmade = erc20["plain"], erc20["without decimals"]
    api = Api()
    same, words, lower, spent, gone, spoofed, unlisted, nowhere, operator = (
        f"0x{0x5E0000 + number:040x}" for number in range(9)
    )
    for spender, amount in ((same, 7), (words, acts.UINT256_MAX), (lower, 9), (unlisted, 3)):
        world.does(acts.approve(owner, plain, spender, amount))
    world.does(acts.approve(owner, handmade, spent, 50))  # it is silent about what is spent
    granted = node.head
    world.does(acts.approve(owner, plain, gone, 5))
    world.does(acts.pretend(owner, handmade, owner, spoofed, 5))
    pretended = node.head
    world.does(acts.operator(owner, world.contracts.erc721["nft"], operator, True))
    for _ in range(2):
        world.does(acts.spend(spent, handmade, owner, 25))
    world.does(acts.approve(owner, plain, gone, 0))
    for _ in range(100):
        world.does()
    height = world.arrive()
    for spender, raw in ((same, 7), (words, acts.UINT256_MAX), (lower, 8), (gone, 5), (nowhere, 4)):
        api.says(owner, plain, spender, raw)
    for spender, raw in ((spoofed, 5), (spent, 50)):
        api.says(owner, handmade, spender, raw)
    async with house(tmp_path, api.story, watched=(), wallets=wallets_of([owner])) as home:
        home.write(source={**home.settings["source"], **chain_source([node.url])})
        report = await reconciled(home)
        assert told(report, same) == ("equal", None, height)
        assert told(report, words) == ("equal", None, height)
        assert told(report, lower) == ("amounts-differ", None, height)
        assert told(report, spent) == ("only-okx", "spent", granted)
        assert told(report, gone) == ("only-okx", "ended", height)
        assert told(report, spoofed) == ("only-okx", "spoofed", pretended)
        assert told(report, unlisted) == ("only-evm", None, height)
        assert told(report, nowhere) == ("only-okx", "not-in-state", height)
        assert told(report, operator) == ("only-evm", "not-covered", height)
        [generous] = [one for one in report["rows"] if one["token"]["symbol"] == "GEN"]
        assert generous["cause"] == "no-log", "it allows Permit2 everything, and no log says so"
        counts = [report["targets"][0][name] for name in ("equal", "differences", "unproven")]
        assert (counts, report["differences"], report["complete"]) == ([2, 7, 0], 7, True)
        before = home.tables()
        again = await home.run("reconcile", "--fail-on-difference")
        assert (again.code, "1 target: 7 differences, 2 equal, 1 to be expected" in again.out) == (4, True)
        assert home.tables() == before, "nothing is recorded"
        assert not before["approvals"]
        assert not before["scans"]


async def test_permit2_and_what_is_new_is_no_news(tmp_path: Path, world: World) -> None:
    node, owner, plain = world.node, world.owners[4], world.contracts.erc20["plain"]
    permit2, now = world.contracts.permit2[0], int(time.time())
    ending, lasting, fresh = (f"0x{0x5E0000 + number:040x}" for number in range(3))
    world.does(acts.approve(owner, plain, permit2, acts.UINT256_MAX))
    world.does(acts.permit2_allow(owner, permit2, plain, ending, 5, now - 3600))
    world.does(acts.permit2_allow(owner, permit2, plain, lasting, 5, now + 3600))
    world.arrive()
    world.does(acts.approve(owner, plain, fresh, 7), after=1)
    api = Api()
    api.says(owner, plain, permit2, acts.UINT256_MAX)
    api.says(owner, plain, ending, 5)
    api.says(owner, plain, lasting, 5)
    async with house(tmp_path, api.story, watched=(), wallets=wallets_of([owner])) as home:
        home.write(source={**home.settings["source"], **chain_source([node.url])})
        report = await reconciled(home)
        plainly = [one["verdict"] for one in report["rows"] if one["token"]["address"] == plain and one["differs"]]
        assert plainly == ["only-okx", "only-okx"]
        assert told(report, ending)[:2] == ("only-okx", "expired")
        assert told(report, fresh)[:2] == ("only-evm", "behind")
        both = [(one["verdict"], one["cause"]) for one in report["rows"] if one["spender"]["address"] == lasting]
        assert sorted(both) == [("only-evm", "not-covered"), ("only-okx", "through-permit2")]


async def test_what_cannot_be_read_is_said_and_nothing_follows_from_it(tmp_path: Path, world: World) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    world.does(acts.approve(owner, plain, world.spenders[0], 7))
    world.arrive()
    async with house(tmp_path, Api().story, watched=(), wallets=wallets_of([owner])) as home:
        home.write(source={**home.settings["source"], **chain_source([world.node.url])})
        report = await reconciled(home, "--fail-on-difference", code=3, OKX_API_KEY="another")
        assert told(report, world.spenders[0])[:2] == ("unproven", "unread")
        [target] = report["targets"]
        assert (target["complete"], target["evm_error"], bool(target["okx_error"])) == (False, None, True)


async def test_both_sources_are_needed_and_it_is_said_what_to_configure(tmp_path: Path, world: World) -> None:
    async with house(tmp_path) as home:
        alone = await home.run("reconcile")
        assert (alone.code, alone.out) == (2, "")
        assert "source.evm" in alone.err
        evm = chain_source([world.node.url])["evm"]
        home.write(source={**home.settings["source"], "evm": evm})
        keyless = await home.run("reconcile", env=home.shell)
        assert keyless.code == 2
        assert "OKX_API_KEY" in keyless.err
        home.write(wallets=[{"address": TREASURY, "chains": ["ethereum", "base"]}])
        both = await home.run("reconcile")
        assert both.code == 0, both.err
        assert "1 wallet on base left out" in both.err
        elsewhere = await home.run("reconcile", "--chain", "base")
        assert (elsewhere.code, "source.evm" in elsewhere.err) == (2, True)


async def test_the_daemon_compares_when_that_is_due_and_tells_what_differs(tmp_path: Path, world: World) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    world.does(acts.approve(owner, plain, world.spenders[0], 7))
    for _ in range(100):
        world.does()
    world.arrive()
    async with house(tmp_path, Api().story, watched=(), wallets=wallets_of([owner])) as home:
        source = {**home.settings["source"], **chain_source([world.node.url]), "reconcile": "weekly"}
        home.write(source=source, rules={"default": False})
        async with home.daemon() as daemon:
            await until(lambda: any("The chain and the API disagree" in body for body in home.hook.bodies))
            assert len(daemon.events("sources.reconciled")) == 1
        [(targets, unread, differences)] = home.rows("SELECT targets, unread, differences FROM agreements")
        assert (targets, unread, differences) == (1, 0, 2), "one that the API lacks, and one of which no log tells"


async def test_a_node_that_keeps_no_old_state_leaves_causes_unknown_and_nothing_else(
    tmp_path: Path, world: World
) -> None:
    owner, handmade, plain = world.owners[4], world.contracts.erc20["without decimals"], world.contracts.erc20["plain"]
    spent, unlisted = world.spenders[:2]
    world.does(acts.approve(owner, handmade, spent, 50), acts.approve(owner, plain, unlisted, 3))
    world.does(acts.spend(spent, handmade, owner, 50))
    for _ in range(100):
        world.does()
    height = world.arrive()
    api = Api()
    api.says(owner, handmade, spent, 50)
    async with (
        provided(world.node.url, Limits(remembers=16, hashes=False)) as provider,
        house(tmp_path, api.story, watched=(), wallets=wallets_of([owner])) as home,
    ):
        home.write(source={**home.settings["source"], **chain_source([provider.url])})
        report = await reconciled(home)
        assert told(report, spent) == ("only-okx", "not-in-state", height)
        assert told(report, unlisted) == ("only-evm", None, height)
        assert report["complete"]
