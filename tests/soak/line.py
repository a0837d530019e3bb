"""The whole line in a process that may die at any moment, the world that it watches, and what can be said of its death.

A life reads the world, judges, commits, composes, claims, sends and settles, as the daemon does, until it is killed.
"""

import asyncio
import multiprocessing
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from aiohttp import web
from scanning import address, default_pack, opened, reading, row, rows, story
from services import Web
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Target, Underway
from scanner.domain.telling import Telling
from scanner.errors import ApprovalWatchError
from scanner.jobs import Job, Step
from scanner.judge import Judge
from scanner.sandbox import UINT256_MAX, Fault, Row, Sandbox, World
from scanner.sandbox.pages import Asked
from scanner.scan import Scanner
from scanner.store.budgets import StoredLedger
from scanner.store.engine import Store
from scanner.store.tables import messages, notices, scan_targets, scans
from scanner.store.workers import take_over, worker_name

__all__ = ["BOUNDARIES", "Far", "Life", "Post", "boundaries", "dangers", "days", "living", "read_whole", "unfinished"]

OWNERS = [address(0xA00 + number) for number in range(4)]
TARGETS = [Target("1", owner) for owner in OWNERS]
LASTS = 6
"""Days on which a danger is there."""

BOUNDARIES = ("before commit", "between commit and compose", "composed", "claimed", "sent", "settled")

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["pytest", "apprise", "cel_expr_python", "scanner.app", "scanner.delivery.wire", "scanner.sandbox"]
)


def dangers(day: int) -> list[Row]:
    """What is new and dangerous on a day: in every wallet an unlimited approval of a token of its own."""
    return [
        row(1000 + day * len(OWNERS) + place, UINT256_MAX, owner=owner, spender=1000 + day * len(OWNERS) + place)
        for place, owner in enumerate(OWNERS)
    ]


def days(count: int) -> World:
    """A world in which every day brings dangers, raises an allowance in every wallet, and ends what is old."""

    def rows_of(day: int) -> Iterable[Row]:
        for past in range(max(0, day - LASTS + 1), day + 1):
            yield from dangers(past)
        for place, owner in enumerate(OWNERS):
            yield row(1, 5 + day, owner=owner, spender=place)
            yield from rows(3, first=2, owner=owner, spender=place)

    return story(*(list(rows_of(day)) for day in range(count)))


@dataclass(frozen=True, slots=True)
class Life:
    """What a process is born with: the store's folder, its two far sides, and a file for its troubles."""

    folder: Path
    world: str
    hook: str
    troubles: Path


def live(life: Life) -> None:
    """A process of its own: everything that a daemon does between reading and telling, until somebody ends it."""
    asyncio.run(_live_on(life))


async def _live_on(life: Life) -> None:
    """Begin again after a store in trouble, as a service manager would. What nobody looked at is a trouble, too."""

    def keep(trouble: str) -> None:
        with life.troubles.open("a") as kept:
            kept.write(f"{trouble}\n")

    asyncio.get_running_loop().set_exception_handler(lambda _, about: keep(f"forgotten: {about}"))
    while True:
        try:
            async with opened(life.folder / "store.db") as store:
                await _work(life, store)
        except* ApprovalWatchError as group:
            for error in group.exceptions:
                keep(str(error))
        await asyncio.sleep(0.05)


async def _work(life: Life, store: Store) -> None:
    worker = worker_name()
    telling = Telling(channels={"ops": Severity.LOW}, group_wait=timedelta(), group_interval=timedelta(), storm=None)
    await take_over(store, worker, now())
    deliverer = Deliverer(
        store,
        [Channel("ops", life.hook, Severity.LOW)],
        worker=worker,
        now=now,
        new_id=lambda: secrets.token_hex(8),
        jitter=random.random,
        telling=telling,
    )
    judge = Judge(default_pack(), telling=telling, now=now)

    async def moved(_: Step | Underway) -> None:
        deliverer.wake()

    async with reading(Sandbox(story([])), StoredLedger(store), url=life.world) as source:
        scanner = Scanner(store, [source], judge, worker=worker, confirm_after=timedelta(), now=now)
        async with asyncio.TaskGroup() as works:
            works.create_task(deliverer.run(asyncio.Event()))
            while True:
                await scanner.scan(Job(TARGETS, frozenset(TARGETS), "schedule", brief=True), moved)
                deliverer.wake()
                await asyncio.sleep(0.05)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def living(life: Life) -> AsyncIterator[BaseProcess]:
    """A life that ends without warning when the block does."""
    process = FORKS.Process(target=live, args=(life,), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


class Far(Sandbox):
    """The world's server, which says when it is asked."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked = asyncio.Event()

    def strike(self, asked: Asked) -> Fault | None:
        self.asked.set()
        return super().strike(asked)


@dataclass
class Post:
    """The counting webhook: what arrived, by the reference of each message, and how often it was marked as a repeat."""

    service: Web
    arrived: Counter[str] = field(default_factory=Counter)
    marked: Counter[str] = field(default_factory=Counter)
    bodies: list[str] = field(default_factory=list)
    knocked: asyncio.Event = field(default_factory=asyncio.Event)
    victim: BaseProcess | None = None
    left: int = 0

    def take(self, body: dict[str, Any]) -> web.StreamResponse:
        """Count a message. With the last one that is waited for, a victim does not live to hear the answer."""
        lines = body["message"].splitlines()
        reference = lines[-1].removeprefix("ref ")
        self.bodies.append(body["message"])
        self.arrived[reference] += 1
        self.marked[reference] += lines[-2] == "(possible repeat)"
        self.left -= 1
        if self.left <= 0:
            self.knocked.set()
            if self.victim is not None:
                self.victim.kill()
                self.victim = None
        return web.Response()

    def wait_for(self, count: int, victim: BaseProcess | None) -> None:
        """Let `knocked` be set when so many more messages have come, and the victim die of the last one."""
        self.knocked.clear()
        self.left, self.victim = count, victim

    @property
    def repeats(self) -> int:
        return self.arrived.total() - len(self.arrived)


async def boundaries(connection: AsyncConnection, post: Post, before: Counter[str]) -> set[str]:
    """Where a death fell, by what it left behind: in reading and in delivery. `before` is what had arrived at birth."""
    found = set()
    running = select(scans.c.id).where(scans.c.state == "running")
    committed = select(func.count()).where(scan_targets.c.scan_id.in_(running))
    if await connection.scalar(running) and (await connection.scalar(committed) or 0) < len(TARGETS):
        found.add("before commit")
    owed = select(func.count()).where(notices.c.send, notices.c.message_id.is_(None), notices.c.due_at.is_not(None))
    if await connection.scalar(owed):
        found.add("between commit and compose")
    waiting = (await connection.execute(select(messages).where(messages.c.state == "waiting"))).mappings().all()
    held = [one["id"] for one in waiting if one["worker"]]
    if len(held) < len(waiting):
        found.add("composed")
    for one in held:
        found.add("sent" if post.arrived[one] > before[one] else "claimed")
    if post.arrived != before and "sent" not in found:  # what is next may be claimed by then: that is one transaction
        found.add("settled")
    return found


async def read_whole(connection: AsyncConnection, since: datetime) -> bool:
    """Whether a scan that began after that moment has ended."""
    done = select(func.count()).where(scans.c.state == "finished", scans.c.started_at >= since)
    return bool(await connection.scalar(done))


async def unfinished(connection: AsyncConnection) -> int:
    """How many messages and notices are still to go out."""
    owed = select(func.count()).where(notices.c.send, notices.c.message_id.is_(None))
    left = select(func.count()).where(messages.c.state == "waiting")
    return (await connection.scalar(owed) or 0) + (await connection.scalar(left) or 0)
