"""A real store under a watchdog, with scans made by hand at virtual times."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from blank import blank
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token, gather
from scanner.domain.changes import diff
from scanner.domain.messages import Outcome, Result
from scanner.errors import Reason, Trouble
from scanner.store import conditions, knowledge, outbox, scans
from scanner.store.engine import Store
from scanner.store.tables import messages
from scanner.watchdog import Outlook, Plan, Watchdog

__all__ = [
    "QUARTER",
    "REFUSED",
    "START",
    "UNAVAILABLE",
    "WALLETS",
    "Reading",
    "Watched",
    "approvals",
    "trouble",
    "watched",
]

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WALLETS = tuple(Target("1", f"0x{number:040x}", f"wallet {number}") for number in range(1, 5))
IDS = count(1)

Reading = Trouble | Sequence[Approval]


def approvals(target: Target, how_many: int = 1) -> list[Approval]:
    return [
        Approval(target.chain, target.owner, Token(f"0x{n:040x}", "TKN"), Spender(f"0x{99:040x}"), Allowance(5))
        for n in range(1, how_many + 1)
    ]


def trouble(reason: Reason, said: str = "it did not work") -> Trouble:
    return Trouble(reason, said, whole_source=True)


REFUSED = trouble(Reason.REFUSED_KEY, "OKX answered code 50111: the key is not valid")
UNAVAILABLE = trouble(Reason.UNAVAILABLE, "OKX cannot be reached")


@dataclass
class Watched:
    """A store, the time, and whoever looks at it."""

    store: Store
    at: datetime = START
    channels: Mapping[str, Severity] = field(default_factory=lambda: {"ops": Severity.HIGH, "mail": Severity.LOW})
    url: str = "json://127.0.0.1:1/"
    drill: timedelta | None = None
    plan: Callable[[Plan], Plan] = lambda plan: plan
    wallets: Sequence[Target] = WALLETS

    def watchdog(self) -> Watchdog:
        """One that begins now."""
        plan = Plan(
            targets=len(self.wallets),
            interval=QUARTER,
            due_after=lambda began: began + QUARTER,
            stale_after=timedelta(hours=1),
            drill=self.drill,
        )
        told = [Channel(name, self.url, least) for name, least in self.channels.items()]
        return Watchdog(self.store, self.plan(plan), told, now=lambda: self.at, new_id=lambda: f"watch-{next(IDS):09d}")

    def wait(self, minutes: float = 15) -> None:
        """Let time pass."""
        self.at += timedelta(minutes=minutes)

    async def scan(self, reading: Reading | Callable[[Target], Reading], *, asked_by: str = "schedule") -> None:
        """A whole scan, in which each wallet is read as told."""
        scan_id = f"scan-{next(IDS)}"

        async def scanning(connection: AsyncConnection) -> None:
            await scans.begin(
                connection, scan_id, asked_by=asked_by, worker="1-test", total=len(self.wallets), at=self.at
            )
            await knowledge.watch(connection, self.wallets, self.at)
            for target in self.wallets:
                found = reading(target) if callable(reading) else reading
                snapshot = _snapshot(target, found, self.at)
                known = await knowledge.known(connection, target)
                await knowledge.record(connection, scan_id, snapshot, diff(known, snapshot, timedelta(minutes=10)))
            await scans.finish(connection, scan_id, at=self.at, requests=1, undecided=0)

        await self.store.write(scanning)

    async def look(self, dog: Watchdog | None = None, *, moving: bool = False) -> Outlook:
        """Look, by a watchdog that begins now unless there is one, and let the channels take what waits."""
        outlook = await (dog or self.watchdog()).look(moving=moving)
        await self.store.write(self._deliver)
        return outlook

    async def _deliver(self, connection: AsyncConnection) -> None:
        while claims := await outbox.claim(connection, "test", self.at, timedelta(minutes=3), self.channels):
            for claim in claims:
                await outbox.settle(connection, claim, Outcome(Result.DELIVERED), self.at, None)

    async def told(self) -> list[tuple[str, str, str]]:
        """Every message ever written: its channel, kind and title, in order."""
        query = select(messages.c.channel, messages.c.kind, messages.c.title).order_by(
            messages.c.created_at, "position"
        )
        return [tuple(row) for row in await self.store.read(lambda c: c.execute(query))]

    async def bodies(self) -> list[str]:
        query = select(messages.c.body).order_by(messages.c.created_at, "position")
        return list(await self.store.read(lambda c: c.scalars(query)))

    async def open(self) -> list[str]:
        """The keys of the conditions that are open."""
        return [one.key for one in await self.store.read(conditions.standing)]


def _snapshot(target: Target, found: Reading, at: datetime) -> Snapshot:
    covered = frozenset({Kind.ERC20})
    if isinstance(found, Trouble):
        return Snapshot(target, {}, End.INCOMPLETE, covered, "okx", at, trouble=found)
    return Snapshot(target, gather(found), End.COMPLETE, covered, "okx", at)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    path = folder / "store.db"
    await blank(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        yield Watched(store)
    finally:
        await store.close()
