"""The daemon: scans when it is time or when asked, delivers without pause, and ends without losing anything.

Everything it needs is in the store. What is in memory are tasks that can be killed at any moment: the next start takes
up where they were.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from scanner.deliver import Deliverer
from scanner.domain.approvals import Target, Underway
from scanner.domain.report import Report
from scanner.errors import ApprovalWatchError, StoreError
from scanner.follow import Follower
from scanner.heartbeat import Heartbeat
from scanner.jobs import Job, Step, Told
from scanner.judge import Judge
from scanner.loops import end, guarded, rest
from scanner.reconcile import Reconciling
from scanner.refresh import LOOK_EVERY, Refresher
from scanner.retention import Retention
from scanner.scan import Scanner
from scanner.schedule import due_after
from scanner.status import Status
from scanner.store import daemons, health, knowledge, requests, scans
from scanner.store.engine import Store
from scanner.store.workers import take_over
from scanner.systemd import ServiceManager
from scanner.watchdog import Outlook, Watchdog

__all__ = ["Daemon", "Works"]

log = structlog.get_logger()

ASKED_EVERY = timedelta(seconds=0.3)
"""The time between two looks at what commands ask for."""

BEAT_EVERY = timedelta(seconds=5)
STUCK_AFTER = timedelta(minutes=10)
"""How long a scan or the deliveries may make no progress before the watchdog is no longer told that all is well: one
target of the greatest size may take 200 requests."""

WATCH_EVERY = timedelta(seconds=5)
"""The time between two looks at how the watch itself is."""

SCANS_END_WITHIN = timedelta(seconds=3)
LOOPS_END_WITHIN = timedelta(seconds=5)
ENDS_WITHIN = timedelta(seconds=8.5)


@dataclass(frozen=True, slots=True)
class Works:
    """What one configuration makes the daemon of. `certain` says that every configured wallet could be read."""

    scanner: Scanner
    judge: Judge
    lists: Refresher
    deliverer: Deliverer
    watchdog: Watchdog
    heartbeat: Heartbeat
    follower: Follower
    reconciling: Reconciling
    retention: Retention
    targets: tuple[Target, ...]
    certain: bool
    trigger: BaseTrigger
    close: Callable[[], Awaitable[None]]


class Daemon:
    """Runs until SIGTERM. `build` reads the configuration and makes the works of it; it raises in words."""

    def __init__(
        self,
        store: Store,
        build: Callable[[], Awaitable[Works]],
        *,
        worker: str,
        now: Callable[[], datetime],
        manager: ServiceManager,
    ) -> None:
        self._store = store
        self._build = build
        self._worker = worker
        self._now = now
        self._manager = manager
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._scans: set[asyncio.Task[None]] = set()
        self._moved = now()
        self._status = Status(manager)
        self._in_force: Works | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._scheduler = AsyncIOScheduler(
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    async def run(self) -> None:
        """Be the daemon. Raises StoreError where another is one, and whatever `build` raises at the start."""
        lock = daemons.Lock.take(self._store.path)
        try:
            works = await self._build()
            try:
                await self._take_over()
                self._listen()
                works = await self._work(works)
            finally:
                await works.close()
                await self._store.write(lambda connection: daemons.leave(connection, self._worker))
        finally:
            if self._limit is not None:
                self._limit.cancel()
            lock.release()

    async def _take_over(self) -> None:
        at, said = self._now(), "the daemon was stopped before it was done; ask again"
        await take_over(self._store, self._worker, at, only_daemon=True)
        await self._store.write(lambda connection: daemons.enlist(connection, self._worker, at))
        await self._store.write(lambda connection: requests.give_up(connection, said))

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)

    async def _work(self, works: Works) -> Works:
        """Work, by new works after each reload, until it is time to stop. Returns the last ones."""
        self._scheduler.start()
        try:
            event = "daemon.ready"
            while (fresh := await self._live_by(works, event)) is not None:
                self._start(self._retire(works, fresh, frozenset(self._scans)))
                works, event = fresh, "daemon.reloaded"
        finally:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)
        log.info("daemon.stopped")
        return works

    async def _live_by(self, works: Works, event: str) -> Works | None:
        """Work by one configuration, until there is another one, or None when it is time to stop."""
        self._in_force = works
        await self._schedule(works)
        stop = asyncio.Event()
        loops = [
            works.deliverer.run(stop),
            self._answer(works, stop),
            self._beat(works, stop),
            self._watch(works, stop),
        ]
        running = [asyncio.create_task(loop) for loop in loops]
        beside = (self._refresh(works, stop), self._forget(works, stop), self._follow(works))
        refreshing = [asyncio.create_task(loop) for loop in (*beside, self._reconcile(works, stop))]
        try:
            self._status.ready(len(works.targets))
            log.info(event, targets=len(works.targets))
            self._start(self._settle_in(works))
            fresh = await self._until_called()
            stop.set()
            if fresh is None:
                self._manager.stopping()
                self._limit = asyncio.get_running_loop().call_later(ENDS_WITHIN.total_seconds(), _break_off)
                await self._end_scans()
            return fresh
        finally:
            stop.set()
            await end(refreshing, timedelta())
            await end(running, LOOPS_END_WITHIN)

    async def _until_called(self) -> Works | None:
        """Wait for SIGTERM, or for a SIGHUP whose configuration is sound; a broken one leaves the old in force."""
        while True:
            waiting = [asyncio.create_task(self._stop.wait()), asyncio.create_task(self._reload.wait())]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            await end(waiting, timedelta())
            if self._stop.is_set():
                return None
            self._reload.clear()
            self._manager.reloading()
            try:
                return await self._build()
            except ApprovalWatchError as error:
                log.error("daemon.reload_refused", problem=str(error), hint="the old configuration stays in force")
                self._manager.ready("the new configuration is broken; the old one stays in force")

    async def _schedule(self, works: Works) -> None:
        """Plan the scans: at once if one is due since the last, or a wallet was never read; else when it is due."""
        last = await self._store.read(lambda connection: scans.last_begun(connection, "schedule"))
        read = await self._store.read(lambda connection: knowledge.versions(connection, works.targets))
        now = self._now()
        due = now if last is None or not all(read.values()) else min(_next(works, last), _next(works, now))
        self._scheduler.add_job(
            self._scheduled,
            works.trigger,
            args=[works],
            id="scan",
            replace_existing=True,
            next_run_time=max(due, now),
        )

    async def _scheduled(self, works: Works) -> None:
        """APScheduler cancels its own coroutines at its end, so the scan is a task of ours, and it only waits."""
        task = self._start(self._round(works))
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)

    async def _round(self, works: Works) -> None:
        """One scheduled scan, and what the dead-man's switch hears of it."""
        works.heartbeat.began()
        try:
            report = await self._scan(works, Job(works.targets, frozenset(works.targets), "schedule", brief=True))
            outlook = await self._look(works)
        except Exception:
            works.heartbeat.ended(well=False)
            raise
        delivers = self._now() - works.deliverer.turned_at < STUCK_AFTER and not outlook.outbox_old
        works.heartbeat.ended(well=report.scan.complete and works.certain and delivers)

    async def _settle_in(self, works: Works) -> None:
        """Close what nobody watches any more, judge what is stored by the rules of now, and try every channel.

        Works that were replaced meanwhile would close the alerts of rules and wallets that have come since.
        """
        if works is not self._in_force:
            return
        await self._store.write(lambda connection: health.probe_at_once(connection, self._now()))
        await works.judge.tidy(self._store, frozenset(works.targets), certain=works.certain)
        await works.judge.again(self._store)
        works.deliverer.wake()

    async def _scan(self, works: Works, job: Job, request: str | None = None, tell: Told | None = None) -> Report:
        told = datetime.min.replace(tzinfo=UTC)

        async def moved(step: Step | Underway) -> None:
            nonlocal told
            self._moved = at = self._now()
            if job.urgent:
                works.deliverer.wake()
            if tell is not None:
                await tell(step)
            if isinstance(step, Step) and request is not None and (at - told >= ASKED_EVERY or step.done == step.total):
                told = at
                await self._store.write(lambda c: requests.progress(c, request, step.done, step.total))

        self._moved = self._now()
        await works.lists.looked()
        report = await works.scanner.scan(job, moved)
        works.deliverer.wake()
        if request is not None:
            text = msgspec.json.encode(report).decode()
            await self._store.write(lambda c: requests.answer(c, request, report=text, error=None))
        return report

    async def _answer(self, works: Works, stop: asyncio.Event) -> None:
        """Do the scans that commands ask for. What was claimed is begun: this loop is never cancelled in between."""
        while not stop.is_set():
            await guarded(self._take_requests(works))
            await rest(stop, ASKED_EVERY)

    async def _take_requests(self, works: Works) -> None:
        if await self._store.read(requests.waits):
            asked = await self._store.write(lambda connection: requests.claim(connection, self._now()))
            if asked is not None:
                self._start(self._answer_one(works, asked))

    async def _answer_one(self, works: Works, asked: requests.Asked) -> None:
        mine = {target: target for target in works.targets}
        wanted = [mine.get(target, target) for target in (Target(chain, owner) for chain, owner in asked.scope)]
        job = Job(wanted, frozenset(works.targets), "command", dry_run=asked.dry_run, at_once=True)
        try:
            await self._scan(works, job, asked.id)
        except BaseException as error:
            why = _why(error)
            await self._store.write(lambda c: requests.answer(c, asked.id, report=None, error=why))
            raise

    def _start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Run something that ends by itself; its failure is logged and touches nothing else."""
        task = asyncio.create_task(guarded(work))
        self._scans.add(task)
        task.add_done_callback(self._scans.discard)
        return task

    async def _retire(self, works: Works, fresh: Works, using: Collection[asyncio.Task[None]]) -> None:
        """Close old works once the scans that still use them have ended; what those found is judged by the new."""
        if using:
            await asyncio.wait(using)
            await self._settle_in(fresh)
        await works.close()

    async def _end_scans(self) -> None:
        """No new scan, and an end to those under way: what was read is stored, and the rest is for the next start."""
        self._scheduler.pause()
        running = set(self._scans)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=SCANS_END_WITHIN.total_seconds())
        await self._store.write(lambda connection: scans.interrupt(connection, [self._worker], self._now()))

    async def _refresh(self, works: Works, stop: asyncio.Event) -> None:
        """Look at all lists now, and from then on at each when it is due."""
        due = False
        while not stop.is_set():
            await guarded(self._look_at_lists(works, due=due))
            due = True
            await rest(stop, LOOK_EVERY)

    async def _look_at_lists(self, works: Works, *, due: bool) -> None:
        if (await works.lists.refresh(due=due)).judged:
            works.deliverer.wake()

    async def _forget(self, works: Works, stop: asyncio.Event) -> None:
        """Forget what is older than is to be kept."""
        while not stop.is_set():
            await guarded(works.retention.forget_daily())
            await rest(stop, LOOK_EVERY)

    async def _follow(self, works: Works) -> None:
        """Follow chains, and read at once whom they speak of."""
        await works.follower.run(lambda job, tell: self._start(self._scan(works, job, tell=tell)))

    async def _reconcile(self, works: Works, stop: asyncio.Event) -> None:
        """Hold the sources against each other when that is due, and no scan waits for them."""
        while not stop.is_set():
            if not self._scans:
                await guarded(works.reconciling.when_due())
            await rest(stop, BEAT_EVERY)

    async def _beat(self, works: Works, stop: asyncio.Event) -> None:
        """Tell the store and the service manager that all is well, as long as it is."""
        pause = min(BEAT_EVERY, self._manager.ping_every or BEAT_EVERY)
        while not stop.is_set():
            await guarded(self._pulse(works))
            await rest(stop, pause)

    async def _pulse(self, works: Works) -> None:
        job, now = self._scheduler.get_job("scan"), self._now()
        due = None if job is None else min(job.next_run_time, _next(works, now))
        if job is not None and due != job.next_run_time:
            # The clock was set back: what was planned by it would come too late.
            job.modify(next_run_time=due)
        try:
            await self._store.write(lambda connection: daemons.beat(connection, self._worker, now, due))
        except StoreError as error:
            self._status.store_failed(error)
            return
        self._status.store_works()
        scans_move = not self._scans or now - self._moved < STUCK_AFTER
        if scans_move and now - works.deliverer.turned_at < STUCK_AFTER:
            self._manager.alive()

    async def _watch(self, works: Works, stop: asyncio.Event) -> None:
        """Look at how the watch is, again and again."""
        while not stop.is_set():
            await guarded(self._look(works))
            await rest(stop, WATCH_EVERY)

    async def _look(self, works: Works) -> Outlook:
        """Look at how the watch is, let what is told go out, and keep the manager's line true."""
        under_way = bool(self._scans) and self._now() - self._moved < STUCK_AFTER
        outlook = await works.watchdog.look(moving=under_way, hearing=works.follower.hearing)
        if outlook.told:
            works.deliverer.wake()
        self._status.show(outlook, works.follower.underway)
        return outlook


def _next(works: Works, at: datetime) -> datetime:
    """When the next scan after a moment is due."""
    return due_after(works.trigger, at) or at


def _break_off() -> None:
    """End at once. Who holds the store for long would hold up the end as long; the next start takes up what is left."""
    log.error("daemon.broken_off", hint="it could not write to the store; the next start takes up what is left")
    os._exit(1)


def _why(error: BaseException) -> str:
    if isinstance(error, ApprovalWatchError):
        return str(error)
    if isinstance(error, asyncio.CancelledError):
        return "the daemon was stopped before it was done; ask again"
    return "the daemon could not finish; see its log"
