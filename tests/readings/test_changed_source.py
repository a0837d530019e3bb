"""A target that is read by another source than before: what the one could not show is neither news nor gone."""

from datetime import UTC, datetime

import acts
from chain_reader import chain_reader, one
from msgspec import structs
from scanning import Clock, Scripted, house, kinds
from world import World

from scanner.domain.approvals import End, Kind, Snapshot, Target, gather
from scanner.domain.chains import Chain
from scanner.domain.report import Report
from scanner.store.engine import Store


class Api(Scripted):
    """An API that tells of ERC-20 allowances alone, without what only a chain knows of them."""

    def __init__(self, chain_says: Snapshot) -> None:
        super().__init__(self._said)
        self.rows = [
            structs.replace(each, granted_at=None, granted_tx=None, final=True)
            for each in chain_says.approvals.values()
            if each.kind is Kind.ERC20
        ]

    def covers(self, chain: Chain) -> frozenset[Kind]:
        return frozenset({Kind.ERC20})

    async def _said(self, target: Target) -> Snapshot:
        at = datetime.now(UTC)
        return Snapshot(target, gather(self.rows), End.COMPLETE, frozenset({Kind.ERC20}), "okx", at)


async def lived_in(world: World) -> str:
    """Some rights of every sort; whose they are."""
    owner, spender = world.owners[4], world.spenders[0]
    plain, ape = world.contracts.erc20["plain"], world.contracts.erc721["nft"]
    world.does(acts.approve(owner, plain, spender, 5), acts.operator(owner, ape, spender, True))
    return owner


def rights(report: Report) -> set[tuple[str, str]]:
    return {(each.id, each.kind) for each in report.approvals}


async def test_from_the_api_to_the_chain_what_the_api_never_covered_is_a_quiet_baseline(
    store: Store, world: World
) -> None:
    owner = await lived_in(world)
    target = Target("1", owner)
    async with chain_reader(store, world.node.url) as chain:
        api = Api(await one(chain, owner))
        clock = Clock()
        before = await house(store, api, clock=clock).scan([target])
        after = await house(store, chain, api, clock=clock).scan([target])
        world.does(acts.operator(owner, world.contracts.erc721["nft"], world.spenders[1], True))
        later = await house(store, chain, api, clock=clock).scan([target])
    assert kinds(before) == ["baseline"] * len(api.rows)
    assert kinds(after) == ["baseline"]
    assert {kind for _, kind in rights(after) - rights(before)} == {"erc721_all"}
    assert rights(before) < rights(after)
    assert kinds(later) == ["new"]


async def test_from_the_chain_to_the_api_what_the_api_cannot_show_is_not_gone(store: Store, world: World) -> None:
    owner = await lived_in(world)
    target = Target("1", owner)
    async with chain_reader(store, world.node.url) as chain:
        api = Api(await one(chain, owner))
        before = await house(store, chain).scan([target])
        after = await house(store, api).scan([target])
        again = await house(store, chain).scan([target])
    assert kinds(before) == ["baseline"] * (len(api.rows) + 1)
    assert kinds(after) == kinds(again) == []
    assert rights(before) == rights(after) == rights(again)
