"""Several readers of balances tell together what each of them knows, and each is asked only what is its own to tell."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from scanner.context.several import read_balances
from scanner.domain.approvals import Target
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.errors import Reason, Trouble

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TOKEN = "0x" + "c1" * 20
ANN, BEN, ELSEWHERE = Target("1", "0x" + "aa" * 20), Target("1", "0x" + "bb" * 20), Target("56", "0x" + "aa" * 20)
TROUBLE = Trouble(Reason.UNAVAILABLE, "it is down")


@dataclass
class Scripted:
    """A far side: what it says of a target, on the chains that it covers, in the reverse order; it may wait first."""

    says: Callable[[Target], BalanceReading]
    chains: tuple[str, ...] = ("1", "56")
    wait: asyncio.Event | None = None
    asked: list[Wanted] = field(default_factory=list)
    ended: bool = False
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def covers(self, chain: Chain) -> bool:
        return chain.index in self.chains

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading]:
        self.asked += wanted
        try:
            for one in reversed(wanted):
                if self.wait is not None:
                    await self.wait.wait()
                yield self.says(one.target)
        finally:
            self.ended = True


def api(target: Target) -> BalanceReading:
    return BalanceReading(target, {TOKEN: Seen(TOKEN, "T", Decimal(7), 70, Decimal(2), risk=False)}, NOW)


def state(target: Target) -> BalanceReading:
    return BalanceReading(target, {TOKEN: Seen(TOKEN, None, Decimal(9), 90, priced=False)}, NOW)


async def read(readers: Sequence[Scripted], *wanted: Wanted) -> dict[Target, BalanceReading]:
    found = [reading async for reading in read_balances(readers, wanted)]
    assert sorted(map(str, (one.target for one in found))) == sorted(str(one.target) for one in wanted)
    return {one.target: one for one in found}


async def test_each_target_is_told_once_with_what_all_know() -> None:
    found = await read([Scripted(api), Scripted(state, ("1",))], *map(Wanted, (ANN, BEN, ELSEWHERE)))
    told = {target: (one.rows[TOKEN].raw, one.rows[TOKEN].price_usd, one.whole) for target, one in found.items()}
    price = Decimal(2)
    assert told == {ANN: (90, price, True), BEN: (90, price, True), ELSEWHERE: (70, price, True)}


async def test_who_does_not_cover_a_chain_is_not_asked() -> None:
    first, later = Scripted(api, ("56",)), Scripted(state, ("1",))
    await read([first, later], *map(Wanted, (ANN, BEN, ELSEWHERE)))
    assert [one.target for one in first.asked] == [ELSEWHERE]
    assert [one.target for one in later.asked] == [ANN, BEN]


async def test_where_nobody_covers_a_chain_the_first_says_so() -> None:
    first, later = Scripted(lambda target: BalanceReading(target, {}, NOW, trouble=TROUBLE), ()), Scripted(state, ())
    assert (await read([first, later], Wanted(ANN)))[ANN].trouble == TROUBLE
    assert later.asked == []


async def test_where_prices_are_not_wanted_only_who_knows_amounts_best_is_asked() -> None:
    first, later = Scripted(api), Scripted(state, ("1",))
    found = await read([first, later], Wanted(ANN, prices=False), Wanted(BEN), Wanted(ELSEWHERE, prices=False))
    assert [one.target for one in first.asked] == [BEN, ELSEWHERE]
    assert {target: one.whole for target, one in found.items()} == {ANN: False, BEN: True, ELSEWHERE: True}


async def test_who_is_done_waits_for_nobody_elses_targets() -> None:
    gate = asyncio.Event()
    readings = read_balances([Scripted(api, ("1",), gate), Scripted(state, ("56",))], [Wanted(ANN), Wanted(ELSEWHERE)])
    assert (await anext(readings)).target == ELSEWHERE
    gate.set()
    assert (await anext(readings)).target == ANN
    await readings.aclose()


async def test_closing_it_stops_what_is_in_flight() -> None:
    readers = [Scripted(api, ("1",), asyncio.Event()), Scripted(state, ("56",))]
    readings = read_balances(readers, [Wanted(ANN), Wanted(ELSEWHERE)])
    await anext(readings)
    await readings.aclose()
    assert all(reader.ended for reader in readers)


async def test_what_one_raises_is_raised() -> None:
    def breaks(target: Target) -> BalanceReading:
        raise LookupError(target.chain)

    readers = [Scripted(breaks), Scripted(state)]
    with pytest.raises(LookupError):
        await read(readers, Wanted(ANN))
    assert all(reader.ended for reader in readers)
