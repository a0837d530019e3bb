"""What is at stake where the chain itself tells what is held: no API is needed for it, but for prices."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import acts
import pytest
from house import STORY, House, house, until
from reports import chain_source, wallets_of
from world import SHARE, World

from scanner.sandbox import Token, day_of
from scanner.sandbox import World as Story

RULE = """
rules:
  - {id: whole, title: It reaches the whole balance, severity: high, when: allowance.covers_balance}
  - {id: part, title: It reaches a part, severity: low, when: "!allowance.covers_balance"}
  - {id: held, title: More than one is held, severity: low, when: balance.amount > 1}
"""


def balance_of(world: World, token: str, owner: str) -> int:
    from calldata import called

    return int(world.node.call(token, called("balanceOf(address)", owner)) or "", 16)


def found(report: dict[str, Any], token: str, kind: str = "erc20") -> dict[str, Any]:
    [row] = [one for one in report["approvals"] if (one["token"]["address"], one["kind"]) == (token, kind)]
    at_stake: dict[str, Any] = row["exposure"]
    return at_stake


def open_rules(report: dict[str, Any], token: str) -> set[str]:
    ids = {one["id"] for one in report["approvals"] if one["token"]["address"] == token}
    return {alert["rule"] for alert in report["alerts"] if alert["approval"] in ids and alert["state"] == "open"}


async def scanned(home: House, env: dict[str, str]) -> dict[str, Any]:
    done = await home.scan(env=env)
    assert done.code == 0, done.err
    assert done.report["scan"]["context_errors"] == []
    return done.report


async def test_amounts_are_the_states_and_rules_need_no_api(tmp_path: Path, world: World) -> None:
    owner, spender, erc20 = world.owners[4], world.spenders[0], world.contracts.erc20
    nft, items = world.contracts.erc721["nft"], world.contracts.erc1155["items"]
    plain, permitted, mute = erc20["plain"], erc20["with permit"], erc20["without decimals"]
    world.does(
        acts.approve(owner, plain, spender, acts.UINT256_MAX),
        acts.approve(owner, permitted, spender, 5),
        acts.approve(owner, mute, spender, 5),
        acts.operator(owner, nft, spender, True),
        acts.operator(owner, items, spender, True),
        acts.mint_nft(world.maker, nft, owner),
        acts.mint_nft(world.maker, nft, owner),
    )
    world.arrive()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "money.yaml").write_text(RULE)
    rules = {"default": False, "dirs": ["rules"]}
    source, wallets = chain_source([world.node.url]), wallets_of([owner])
    async with house(tmp_path, source=source, wallets=wallets, rules=rules) as home:
        report = await scanned(home, home.shell)
        held = found(report, plain)
        assert Decimal(held["balance"]).scaleb(18) == balance_of(world, plain, owner)
        assert (held["price_usd"], held["usd"]) == (None, None)
        assert open_rules(report, plain) >= {"whole"}
        assert open_rules(report, permitted) >= {"part"}
        assert (found(report, nft, "erc721_all")["balance"], open_rules(report, nft)) == ("2", {"whole", "held"})
        assert found(report, items, "erc1155_all")["balance"] is None
        assert (found(report, mute)["balance"], open_rules(report, mute)) == (None, set()), "it has no balanceOf"
        world.does(acts.give(owner, permitted, world.maker, balance_of(world, permitted, owner) - 5))
        again = await scanned(home, home.shell)
        assert open_rules(again, permitted) >= {"whole"}


async def test_a_price_is_the_apis_and_the_amount_beside_it_the_states(tmp_path: Path, world: World) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    world.does(acts.approve(owner, plain, world.spenders[0], acts.UINT256_MAX))
    world.arrive()
    token = Token("1", plain, "USDC", 18, Decimal("0.5"))
    story = Story("prices", (replace(day_of([]), balances={(owner, token): Decimal(7)}),))
    source, wallets = chain_source([world.node.url]), wallets_of([owner])
    async with house(tmp_path, story, watched=(), wallets=wallets) as home:
        home.write(source={**home.settings["source"], **source})
        held = found(await scanned(home, home.environ), plain)
        assert (held["price_usd"], Decimal(held["balance"]).scaleb(18)) == ("0.5", Decimal(SHARE))
        assert Decimal(held["usd"]) == Decimal(SHARE).scaleb(-18) / 2
        world.does(acts.give(owner, plain, world.maker, SHARE - 10**18))
        later = found(await scanned(home, home.shell), plain)
        assert (later["price_usd"], later["balance"], later["usd"]) == ("0.5", "1", "0.5"), "a price is not forgotten"


@pytest.mark.parametrize("final", [False, True])
async def test_balances_are_as_final_as_approvals(tmp_path: Path, world: World, final: bool) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    world.does(acts.approve(owner, plain, world.spenders[0], acts.UINT256_MAX))
    world.does()
    world.arrive()
    world.does(acts.give(owner, plain, world.maker, SHARE))
    source = chain_source([world.node.url], await_final=final, confirmations=1)
    async with house(tmp_path, STORY, source=source, wallets=wallets_of([owner])) as home:
        held = found(await scanned(home, home.shell), plain)
        assert Decimal(held["balance"]).scaleb(18) == (SHARE if final else 0)


async def test_the_daemon_reads_at_once_what_a_transfer_moved_and_asks_the_api_for_nothing(
    tmp_path: Path, world: World
) -> None:
    owner, plain = world.owners[4], world.contracts.erc20["plain"]
    world.does(acts.approve(owner, plain, world.spenders[0], acts.UINT256_MAX))
    world.arrive()
    token = Token("1", plain, "USDC", 18, Decimal("0.5"))
    story = Story("prices", (replace(day_of([]), balances={(owner, token): Decimal(7)}),))
    async with house(tmp_path, story, watched=(), wallets=wallets_of([owner])) as home:
        home.write(source={**home.settings["source"], **chain_source([world.node.url])})

        def held() -> list[tuple[str, str]]:
            query = "SELECT raw, price_usd FROM balances JOIN tokens USING (token) WHERE token = ?"
            return [(str(int(raw)), price) for raw, price in home.rows(query, plain)]

        async with home.daemon() as daemon:
            await until(lambda: held() == [(str(SHARE), "0.5")], seen=held)
            await daemon.says("scan.finished")
            asked = len(home.sandbox.requests)
            world.node.mine([acts.give(owner, plain, world.maker, 5)])
            await until(lambda: held() == [(str(SHARE - 5), "0.5")], within=10, seen=held)
            assert len(home.sandbox.requests) == asked
