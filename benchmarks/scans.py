"""What a scan costs beside the bytes that it has to read anyway."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from benchmarks.far_side import APPROVALS, BALANCES, SOME_BALANCES, FarSide, far_side, not_held, owner
from benchmarks.figures import Figure, Sizes, Spent, against, spend_on
from benchmarks.house import configured, opened, wallets_of

__all__ = ["figures"]

IN_FLIGHT = 64
MOVED_OWNERS = 100
"""One wallet in so many has moved: every approval of it."""

LOOP = f"a bare aiohttp and json loop over the same pages, {IN_FLIGHT} in flight"


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """A first scan, scans in which nothing or little moved, and one that a command asks for."""
    told = f"{sizes.owners * sizes.approvals:,} approvals"
    taken = _Taken()
    async with far_side(sizes.approvals) as far:
        await _bare(far, sizes.owners, sizes.approvals, sizes.owners)
        for _ in range(sizes.runs):
            await _run(far, sizes, taken)
    return [
        against(f"scan of {told}, nothing moved", taken.still, LOOP, taken.floors, 1.5),
        against(f"first scan of {told}, with balances", taken.first, LOOP, taken.both, 4.0),
        against(f"scan of {told}, 1 % moved (1 % of the wallets)", taken.moved, LOOP, taken.some, 1.7),
        against(f"scan of {told}, one in every wallet moved", taken.spread, LOOP, taken.both),
        against(f"scan of {told} by a command: balances, report", taken.asked, LOOP, taken.both),
    ]


@dataclass(frozen=True, slots=True)
class _Taken:
    """What the runs took. Floors: the approvals' pages alone, with every wallet's balances, with some wallets'."""

    floors: list[Spent] = field(default_factory=list)
    both: list[Spent] = field(default_factory=list)
    some: list[Spent] = field(default_factory=list)
    first: list[Spent] = field(default_factory=list)
    still: list[Spent] = field(default_factory=list)
    moved: list[Spent] = field(default_factory=list)
    spread: list[Spent] = field(default_factory=list)
    asked: list[Spent] = field(default_factory=list)


async def _run(far: FarSide, sizes: Sizes, taken: _Taken) -> None:
    """One store's life, each scan beside its floor."""
    await far.told()
    with configured(far, wallets_of(sizes.owners)) as file:
        async with opened(file) as house:
            taken.both.append(await spend_on(lambda: _bare(far, sizes.owners, sizes.approvals, sizes.owners)))
            taken.first.append(await spend_on(house.scan))
            taken.floors.append(await spend_on(lambda: _bare(far, sizes.owners, sizes.approvals)))
            taken.still.append(await spend_on(house.scan))
            await far.told(moved_of=MOVED_OWNERS, moved_rows=sizes.approvals)
            taken.some.append(
                await spend_on(lambda: _bare(far, sizes.owners, sizes.approvals, -(-sizes.owners // MOVED_OWNERS)))
            )
            taken.moved.append(await spend_on(house.scan))
            await far.told()
            await house.scan("command")  # balances too: what an answer lacks for the second time moves once more
            await far.told(moved_rows=1)
            taken.spread.append(await spend_on(house.scan))
            taken.asked.append(await spend_on(lambda: house.scan("command")))


async def _bare(far: FarSide, owners: int, approvals: int, held_by: int = 0) -> None:
    """The floor of a scan: every page of approvals, and what some owners hold, asked for and decoded; nothing else."""
    gate = asyncio.Semaphore(IN_FLIGHT)
    async with aiohttp.ClientSession() as session:

        async def approvals_of(number: int) -> None:
            cursor = ""
            async with gate:
                while True:
                    asked = {"addressList": [{"chainIndex": "1", "address": owner(number)}], "limit": "100"}
                    body = asked | ({"cursor": cursor} if cursor else {})
                    async with session.post(far.url + APPROVALS, json=body) as answer:
                        cursor = json.loads(await answer.read())["data"][0]["cursor"]
                    if not cursor:
                        return

        async def balances_of(number: int) -> None:
            query = {"address": owner(number), "chains": "1", "excludeRiskToken": "1"}
            async with gate, session.get(far.url + BALANCES, params=query) as answer:
                json.loads(await answer.read())
            for tokens in not_held(number, approvals):
                wanted = [{"chainIndex": "1", "tokenContractAddress": token} for token in tokens]
                body = {"address": owner(number), "tokenContractAddresses": wanted, "excludeRiskToken": "1"}
                async with gate, session.post(far.url + SOME_BALANCES, json=body) as answer:
                    json.loads(await answer.read())

        await asyncio.gather(*(approvals_of(number) for number in range(owners)))
        await asyncio.gather(*(balances_of(number) for number in range(held_by)))
