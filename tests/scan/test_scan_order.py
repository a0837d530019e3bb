"""A round begins with what is most urgent, goes on where the last one broke off, and says what it took."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from scanning import Clock, House, Scripted, address, house, opened, rows, story, watching

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, Underway, gather
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost, Spent
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.jobs import Job, Step

TARGETS = [Target("1", address(0xA00 + number)) for number in range(4)]
TOKEN, IDLE, SCAM = (address(0x70C00 + number) for number in range(3))
HOLDINGS = {TARGETS[0]: 10, TARGETS[1]: 1_000_000, TARGETS[2]: 0, TARGETS[3]: 20_000}


@dataclass
class Far:
    """Wallets with one approval each, what they hold, and in which order they were asked for."""

    clock: Clock = field(default_factory=Clock)
    cost: Cost = field(default_factory=Cost)
    asked: list[Target] = field(default_factory=list)
    weighed: list[Target] = field(default_factory=list)
    breaks_after: int = 99
    name: str = "scripted"

    async def answer(self, target: Target) -> Snapshot:
        if len(self.asked) == self.breaks_after:
            raise ConnectionAbortedError
        self.asked.append(target)
        self.clock.ahead += timedelta(seconds=1)
        one = Approval("1", target.owner, Token(TOKEN, "TKN"), Spender(address(0x59E), "Swap"), Allowance(10**30))
        scam = Approval("1", target.owner, Token(SCAM, "SCM"), Spender(address(0x59E), "Swap"), Allowance(10**30))
        found = gather([one, scam])
        return Snapshot(target, found, End.COMPLETE, frozenset({Kind.ERC20}), "scripted", self.clock.now())

    def covers(self, chain: Chain) -> bool:
        return True

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        for one in wanted:
            self.cost.requests += 2
            self.weighed.append(one.target)
            self.clock.ahead += timedelta(seconds=3)
            price, amount = Decimal(1), HOLDINGS[one.target]
            held = Seen(TOKEN, "TKN", Decimal(amount), amount * 10**6, price, risk=False)
            idle = Seen(IDLE, "IDL", Decimal(10**6 - amount), (10**6 - amount) * 10**6, price, risk=False)
            scam = Seen(SCAM, "SCM", Decimal(10**9 - amount), (10**9 - amount) * 10**6, price, risk=True)
            yield BalanceReading(one.target, {TOKEN: held, IDLE: idle, SCAM: scam}, self.clock.now())

    async def scan(self, home: House) -> list[Target]:
        """Scan all; returns in which order the wallets were asked for."""
        self.asked.clear()
        self.weighed.clear()
        self.clock.ahead += timedelta(hours=1)
        await home.scan(TARGETS)
        return self.asked


async def test_the_second_round_begins_with_what_has_most_at_stake(tmp_path: Path) -> None:
    far = Far()
    async with opened(tmp_path / "store.db") as store:
        home = house(store, Scripted(far.answer), clock=far.clock, balances=far)
        assert await far.scan(home) == TARGETS
        richest_first = [TARGETS[number] for number in (1, 3, 0, 2)]
        assert await far.scan(home) == richest_first
        assert far.weighed == richest_first


async def test_a_round_goes_on_where_the_last_one_broke_off(tmp_path: Path) -> None:
    far = Far()
    async with opened(tmp_path / "store.db") as store:
        home = house(store, Scripted(far.answer), clock=far.clock, balances=far)
        await far.scan(home)
        far.breaks_after = 2
        with pytest.raises(ConnectionAbortedError):
            await far.scan(home)
        far.breaks_after = 99
        assert await far.scan(home) == [TARGETS[number] for number in (0, 2, 1, 3)]


async def test_a_scan_says_what_it_took_approvals_and_balances_apart(tmp_path: Path) -> None:
    far = Far()
    async with opened(tmp_path / "store.db") as store:
        home = house(store, Scripted(far.answer), clock=far.clock, balances=far)
        scan = (await home.scanner.scan(Job(TARGETS, frozenset(TARGETS), "test"))).scan
        assert scan.requests == 12
        assert (scan.costs["approvals"].requests, scan.costs["balances"].requests) == (4, 8)
        assert 4 <= scan.costs["approvals"].seconds < 12 <= scan.costs["balances"].seconds
        assert scan.seconds >= scan.costs["approvals"].seconds + scan.costs["balances"].seconds
        assert (scan.retries, scan.waited_seconds) == (0, 0.0)


async def test_twenty_chains_of_one_owner_are_one_request_in_every_round(tmp_path: Path) -> None:
    chains = ["1", "10", "25", "56", "100", "130", "137", "146", "169", "196", "204", "250", "324", "1088", "1101"]
    chains += ["5000", "8453", "42161", "43114", "59144"]
    async with watching(tmp_path, story([one for chain in chains for one in rows(1, chain=chain)])) as watch:
        for _ in range(3):
            scan = (await watch.scan()).scan
            assert (len(scan.targets), scan.complete, scan.costs) == (20, True, {"approvals": scan.costs["approvals"]})
            assert scan.costs["approvals"] == Spent(1, 0, scan.waited_seconds, scan.costs["approvals"].seconds)


class OfOneChain(Scripted):
    """A source of one chain, whose answer may have to wait."""

    def __init__(self, chain: str, waits: asyncio.Event | None = None) -> None:
        super().__init__(self._said)
        self.chain, self.waits = chain, waits

    def covers(self, chain: Chain) -> frozenset[Kind]:
        return super().covers(chain) if chain.index == self.chain else frozenset()

    async def _said(self, target: Target) -> Snapshot:
        if self.waits is not None:
            await self.waits.wait()
        return Snapshot(target, {}, End.COMPLETE, frozenset({Kind.ERC20}), self.name, Clock().now())


async def test_no_source_waits_for_another(tmp_path: Path) -> None:
    slow, quick = Target("1", TARGETS[0].owner), Target("56", TARGETS[0].owner)
    told: list[Target] = []
    other_is_done = asyncio.Event()

    async def step(one: Step | Underway) -> None:
        assert isinstance(one, Step)
        told.append(one.target)
        other_is_done.set()

    async with opened(tmp_path / "store.db") as store, asyncio.timeout(20):
        scanner = house(store, OfOneChain("1", other_is_done), OfOneChain("56")).scanner
        report = await scanner.scan(Job([slow, quick], frozenset({slow, quick}), "schedule"), step)
    assert told == [quick, slow]
    assert report.scan.complete
