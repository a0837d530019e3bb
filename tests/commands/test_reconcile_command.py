"""`reconcile` reads from a real node and from the API's server, and says of each row where they differ, and why."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import acts
from house import Done, House, house
from reports import chain_source, wallets_of
from world import World

from scanner.sandbox import Row, Spender, Token, day_of
from scanner.sandbox import World as Story


@dataclass
class Api:
    """What the API is made to say."""

    world: World
    rows: list[Row] = field(default_factory=list)

    def says(self, owner: str, token: str, spender: str, raw: int, **more: Any) -> None:
        self.rows.append(Row(owner, Token("1", token, "TKN"), Spender(spender, "Somebody"), raw, **more))

    @property
    def story(self) -> Story:
        return Story("api", (day_of(self.rows),))


async def reconciled(home: House, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = await home.run("reconcile", "--format", "json", *arguments)
    assert done.code == code, done.err
    return done.report


def told(report: dict[str, Any], spender: str) -> tuple[str, str | None, int | None]:
    [row] = [one for one in report["rows"] if one["spender"]["address"] == spender]
    return row["verdict"], row["cause"], row["block"]


async def test_every_row_is_told_with_the_reason_and_the_block(tmp_path: Path, world: World) -> None:
    node, owner, erc20 = world.node, world.owners[4], world.contracts.erc20
    plain, handmade = erc20["plain"], erc20["without decimals"]
    api = Api(world)
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
