"""A whole scan on loopback: the sandbox, the client, the default rules and a store in a file."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from blank import blank
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection
from stock import default_pack

from scanner.context import Balances
from scanner.context.okx_balances import OkxBalances
from scanner.domain.alerts import Severity
from scanner.domain.approvals import End, Kind, Snapshot, Target, Unmoved, stable_id
from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.domain.report import Report
from scanner.domain.telling import Telling
from scanner.jobs import Job
from scanner.judge import Judge
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import Ledger
from scanner.okx.signing import Credentials
from scanner.policy.rules import Pack
from scanner.sandbox import Row, Sandbox, Spender, Token, World, day_of
from scanner.scan import Scanner
from scanner.sources import NOTHING_KNOWN, Source
from scanner.sources.okx import OkxSource
from scanner.store import tables
from scanner.store.budgets import StoredLedger
from scanner.store.engine import Store

__all__ = [
    "CHANNELS",
    "IN_NO_HURRY",
    "TEN_MINUTES",
    "WALLET",
    "Clock",
    "House",
    "Scripted",
    "Watch",
    "address",
    "all_rows",
    "counted",
    "default_pack",
    "house",
    "in_words",
    "kinds",
    "open_rules",
    "opened",
    "outcome",
    "reading",
    "row",
    "rows",
    "shown",
    "story",
    "watching",
]

TEN_MINUTES = timedelta(minutes=10)
IN_NO_HURRY = OkxSettings(requests_per_second=10_000.0, timeout=5.0, patience=0.0)
"""Nothing is tried again, for loopback loses nothing by itself."""

CHANNELS: Mapping[str, Severity] = {"ops": Severity.HIGH, "log": Severity.LOW}
WALLET = f"0x{0xA11CE:040x}"


@dataclass
class Clock:
    """Everybody's clock: the machine's, moved on by what a test lets pass."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def seconds(self) -> float:
        return time.time() + self.ahead.total_seconds()


@dataclass
class House:
    """A store in a file, the rules, and a scanner over some sources."""

    store: Store
    judge: Judge
    scanner: Scanner
    clock: Clock

    async def scan(
        self, targets: Sequence[Target], *, dry_run: bool = False, recorded: Iterable[Target] | None = None
    ) -> Report:
        """Scan; what is not said to be `recorded` otherwise is."""
        kept = frozenset(targets if recorded is None else recorded)
        return await self.scanner.scan(Job(targets, kept, "test", dry_run=dry_run))


def house(
    store: Store,
    *sources: Source,
    clock: Clock | None = None,
    pack: Pack | None = None,
    confirm_after: timedelta = TEN_MINUTES,
    balances: Balances | None = None,
) -> House:
    """A scanner over these sources on a store, with the default rules unless others are given."""
    clock = clock or Clock()
    judge = Judge(pack or default_pack(), telling=Telling(channels=CHANNELS), now=clock.now)
    scanner = Scanner(
        store,
        sources,
        judge,
        worker="1-test",
        confirm_after=confirm_after,
        now=clock.now,
        balances=() if balances is None else (balances,),
    )
    return House(store, judge, scanner, clock)


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Store]:
    """The store in a file, made if need be."""
    await blank(path)
    store = await Store.open(f"sqlite:///{path}")
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def reading(
    sandbox: Sandbox,
    ledger: Ledger,
    *,
    api: str = "v5",
    page_size: int | None = None,
    key: Credentials | None = None,
    clock: Clock | None = None,
    url: str | None = None,
    settings: OkxSettings = IN_NO_HURRY,
) -> AsyncIterator[OkxSource]:
    """A source that reads the sandbox, or what is at `url`."""
    mine = sandbox.credentials
    theirs = Credentials(mine.key, mine.secret, mine.passphrase, mine.project)
    async with AsyncExitStack() as stack:
        if url is None:
            url = (await stack.enter_async_context(sandbox.serve())).url
        session = await stack.enter_async_context(aiohttp.ClientSession())
        client = OkxClient(
            session, key or theirs, replace(settings, base_url=url), ledger, now=(clock or Clock()).seconds
        )
        yield OkxSource(client, api=api, page_size=page_size)


@dataclass
class Watch:
    """A house that reads a sandbox, which stands for the network's far side."""

    house: House
    sandbox: Sandbox
    source: OkxSource
    targets: list[Target]

    @property
    def store(self) -> Store:
        return self.house.store

    async def scan(self, *targets: Target, **how: Any) -> Report:
        """Scan these targets, or else all of them."""
        return await self.house.scan(targets or self.targets, **how)

    def truth(self, *targets: Target) -> list[tuple[object, ...]]:
        """What the world holds today, in the words of `shown`, as the plainest dialect tells it."""
        found = [row for one in targets or self.targets for row in self.sandbox.today.of(one.chain, one.owner)]
        return in_words(found)


@asynccontextmanager
async def watching(
    folder: Path,
    world: World,
    *,
    sandbox: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    pack: Pack | None = None,
    confirm_after: timedelta = TEN_MINUTES,
    balances: bool = False,
    **how: Any,
) -> AsyncIterator[Watch]:
    """Everything of a scan for a world. Watched is what has an approval on any of its days; `balances` are read too."""
    clock = clock or Clock()
    far = Sandbox(world, **{"now": clock.now, **(sandbox or {})})
    async with (
        opened(folder / "store.db") as store,
        reading(far, StoredLedger(store), clock=clock, **how) as source,
    ):
        targets = [Target(*key) for key in dict.fromkeys(key for day in world.days for key in day.rows)]
        held = OkxBalances(source.client, api=how.get("api", "v5")) if balances else None
        mine = house(store, source, clock=clock, pack=pack, confirm_after=confirm_after, balances=held)
        yield Watch(mine, far, source, targets)


class Scripted:
    """A source that stands for the far side: what it says of a target is what `answer` says.

    What ended has a fingerprint, and what has the one that is known is said to be unmoved.
    """

    name = "scripted"

    def __init__(self, answer: Callable[[Target], Awaitable[Snapshot]]) -> None:
        self.cost = Cost()
        self._answer = answer

    def covers(self, chain: Chain) -> frozenset[Kind]:
        return frozenset({Kind.ERC20})

    async def read(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved, None]:
        for target in targets:
            self.cost.requests += 1
            yield _unless_known(await self._answer(target), known.get(target))


def _unless_known(snapshot: Snapshot, known: str | None) -> Snapshot | Unmoved:
    if snapshot.end is End.INCOMPLETE:
        return snapshot
    sign = stable_id(snapshot.end, *sorted(map(repr, snapshot.approvals.values())))
    if sign == known:
        return Unmoved(snapshot.target, snapshot.source, snapshot.read_at)
    return replace(snapshot, fingerprint=sign)


def address(number: int) -> str:
    """An EVM address that is easily told apart."""
    return f"0x{number:040x}"


def row(number: int, raw: int = 5, *, owner: str = WALLET, chain: str = "1", spender: int = 1, **more: Any) -> Row:
    """The approval of a numbered token to a numbered spender."""
    token = Token(chain, address(0x70CE000 + number), f"TKN{number}")
    return Row(owner, token, Spender(address(0x59E2D000 + spender), f"Project {spender}"), raw, **more)


def rows(count: int, first: int = 1, **more: Any) -> list[Row]:
    """Approvals of so many tokens, numbered from `first`."""
    return [row(number, **more) for number in range(first, first + count)]


def story(*days: Sequence[Row]) -> World:
    """A world with these days."""
    return World("story", tuple(day_of(day) for day in days))


def shown(report: Report) -> list[tuple[object, ...]]:
    """What the report says is in force, without ids and times, in an order of its own."""
    found = [
        (
            one.chain_index,
            one.owner,
            one.token.address,
            one.spender.address,
            one.allowance.raw,
            one.allowance.unlimited,
            one.status,
        )
        for one in report.approvals
    ]
    return sorted(found, key=str)


def in_words(rows: Iterable[Row]) -> list[tuple[object, ...]]:
    """What `shown` has to be for these rows."""
    return sorted(
        (
            *one.key,
            one.token.address,
            one.spender.address,
            str(one.raw),
            one.raw >= 2**128 - 1 or one.raw == 2**96 - 1,
            one.status.name.lower(),
        )
        for one in rows
    )


def kinds(report: Report) -> list[str]:
    """The kinds of the changes that a scan found, sorted."""
    return sorted(change.kind for change in report.changes)


def open_rules(report: Report) -> list[tuple[str, str]]:
    """The open alerts: rule and approval, sorted."""
    return sorted((alert.rule, alert.approval) for alert in report.alerts if alert.state == "open")


def outcome(report: Report) -> dict[str, object]:
    """All that a report says but for ids and times, which no two scans share."""
    return {
        "approvals": [(one.id, one.owner_label) for one in report.approvals],
        "in force": shown(report),
        "changes": sorted((one.kind, one.approval, str(one.before), str(one.after)) for one in report.changes),
        "alerts": sorted((one.rule, one.approval, one.severity, one.state, one.event) for one in report.alerts),
        "raised": len(report.raised),
        "undecided": report.scan.undecided,
        "complete": report.scan.complete,
        "targets": [
            (one.chain, one.owner, one.label, one.complete, one.approvals, one.error) for one in report.scan.targets
        ],
    }


async def all_rows(store: Store, *but: Table) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but some."""

    async def every(connection: AsyncConnection) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table in tables.metadata.sorted_tables:
            if table not in but:
                kept = await connection.execute(select(table).order_by(*table.primary_key))
                found[table.name] = [dict(one) for one in kept.mappings()]
        return found

    return await store.read(every)


async def counted(store: Store) -> dict[str, int]:
    """How many rows each table has."""
    return {name: len(found) for name, found in (await all_rows(store)).items()}
