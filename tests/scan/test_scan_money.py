"""Money that moves under approvals that do not: through the scan, the judge and the store."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from scanning import WALLET, Clock, House, Scripted, address, house, opened
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.cases import Moved
from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Kind,
    Snapshot,
    Spender,
    Target,
    Token,
    gather,
)
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.domain.lists import Entry, ListState
from scanner.domain.telling import Telling
from scanner.judge import Judge
from scanner.policy.loading import load
from scanner.store import balances, lists
from scanner.store.tables import alert_events, alerts

TARGET = Target("1", WALLET)
TOKEN = address(0x70CE)
UNLIMITED = Approval("1", WALLET, Token(TOKEN, "TKN"), Spender(address(0x59E2D), "Swap"), Allowance(UINT256_MAX))
LIMITED = Approval("1", WALLET, Token(TOKEN, "TKN"), Spender(address(0x59E2D), "Swap"), Allowance(10**12))


@dataclass
class Held:
    """What the far side says that the wallet holds: so many tokens of six decimals, at a price or at none."""

    clock: Clock
    amount: int = 0
    price: str | None = "1"
    name: str = "scripted"
    cost: Cost = field(default_factory=Cost)

    def covers(self, chain: Chain) -> bool:
        return True

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        for one in wanted:
            price = None if self.price is None else Decimal(self.price)
            row = Seen(TOKEN, "TKN", Decimal(self.amount), self.amount * 10**6, price, risk=False)
            yield BalanceReading(one.target, {TOKEN: row}, self.clock.now())


@dataclass
class Money:
    """A wallet with one approval, which is scanned again whenever its money has moved."""

    home: House
    held: Held

    async def holds(self, amount: int, price: str | None = "1") -> list[tuple[str, str, str]]:
        """Let two hours pass, hold this much, scan: the steps that alerts took, as rule, step and severity."""
        self.held.amount, self.held.price = amount, price
        self.home.clock.ahead += timedelta(hours=2)
        report = await self.home.scan([TARGET])
        assert report.scan.context_errors == ()

        async def asking(connection: AsyncConnection) -> list[tuple[str, str, str]]:
            steps = select(alerts.c.rule, alert_events.c.move, alerts.c.severity).join(
                alerts, alerts.c.id == alert_events.c.alert_id
            )
            found = await connection.execute(steps.where(alert_events.c.scan_id == report.scan.id))
            return sorted((row.rule, row.move, row.severity) for row in found)

        return await self.home.store.read(asking)


def far_side(approval: Approval, clock: Clock) -> Scripted:
    async def answer(target: Target) -> Snapshot:
        return Snapshot(target, gather([approval]), End.COMPLETE, frozenset({Kind.ERC20}), "scripted", clock.now())

    return Scripted(answer)


async def test_a_change_is_told_as_the_approval_is_in_token_units_and_with_what_lists_say(tmp_path: Path) -> None:
    listed = ListState(name="ours", label="known", origin="ours.csv")
    entry = Entry(LIMITED.spender.address, ("known",))
    async with opened(tmp_path / "store.db") as store:
        clock = Clock()
        await store.write(lambda connection: lists.keep(connection, listed, [entry], at=clock.now()))
        report = await house(store, far_side(LIMITED, clock), clock=clock, balances=Held(clock, 5)).scan([TARGET])
        [approval], [change] = report.approvals, report.changes
        assert change.after is not None
        assert change.after.amount == approval.allowance.amount == "1000000"
        assert change.token == approval.token
        assert change.spender == approval.spender
        assert approval.spender.labels == ("known",)


async def test_money_under_a_limited_allowance_is_one_alert_that_worsens_and_eases(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.db") as store:
        clock = Clock()
        held = Held(clock)
        money = Money(house(store, far_side(LIMITED, clock), clock=clock, balances=held), held)
        assert await money.holds(50) == []
        assert await money.holds(5_000) == [("exposure-to-stranger", "opened", "medium")]
        assert await money.holds(50_000) == [("exposure-to-stranger", "worsened", "high")]
        assert await money.holds(8_500) == []
        assert await money.holds(50_000, price=None) == []
        assert await money.holds(7_000) == [("exposure-to-stranger", "eased", "medium")]
        assert await money.holds(50) == [("exposure-to-stranger", "resolved", "medium")]


async def test_a_price_that_is_not_known_neither_opens_nor_resolves_anything(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.db") as store:
        clock = Clock()
        held = Held(clock)
        money = Money(house(store, far_side(LIMITED, clock), clock=clock, balances=held), held)
        assert await money.holds(50_000, price=None) == []
        assert await money.holds(50_000) == [("exposure-to-stranger", "opened", "high")]
        assert await money.holds(50_000, price=None) == []
        assert await money.holds(50_000) == []


async def test_a_balance_that_arrives_under_an_old_unlimited_approval_alerts(tmp_path: Path) -> None:
    async with opened(tmp_path / "store.db") as store:
        clock = Clock()
        held = Held(clock)
        money = Money(house(store, far_side(UNLIMITED, clock), clock=clock, balances=held), held)
        assert await money.holds(0) == [("unlimited-to-stranger", "opened", "high")]
        clock.ahead += timedelta(days=700)
        assert await money.holds(5_000) == [("exposure-grown", "opened", "medium")]
        assert await money.holds(900) == []
        assert await money.holds(200_000) == [
            ("exposure-grown", "worsened", "high"),
            ("unlimited-to-stranger", "worsened", "critical"),
        ]
        assert await money.holds(0, price=None) == [
            ("exposure-grown", "resolved", "high"),
            ("unlimited-to-stranger", "eased", "high"),
        ]


async def test_what_other_rules_have_weighed_is_still_to_be_judged_by_those_that_settled_the_wallet(
    tmp_path: Path,
) -> None:
    rich = "rules:\n  - {id: rich, title: Rich, severity: high, when: exposure.usd > 1e9, why: It is, fix: Revoke}\n"
    (tmp_path / "rich.yaml").write_text(rich, encoding="utf-8")
    async with opened(tmp_path / "store.db") as store:
        clock = Clock()
        held = Held(clock)
        money = Money(house(store, far_side(LIMITED, clock), clock=clock, balances=held), held)
        assert await money.holds(50) == await money.holds(50) == []
        row = Seen(TOKEN, "TKN", Decimal(50_000), 50_000 * 10**6, Decimal(1), risk=False)
        told = BalanceReading(TARGET, {TOKEN: row}, clock.now())
        other = Judge(load([tmp_path / "rich.yaml"]), telling=Telling(channels={}), now=clock.now)
        await store.write(lambda connection: balances.record(connection, told))
        await store.write(lambda connection: other.weighed(connection, "theirs", TARGET, Moved()))
        assert await money.holds(50_000) == [("exposure-to-stranger", "opened", "high")]
