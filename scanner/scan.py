"""One scan, from targets to a report: the line that everything else hangs on.

    read ─▶ second look ─▶ diff ─▶ judge ─▶ one transaction for each target ─▶ report
                             balances ─▶ judge again ─▶ one transaction for each target ─▶┘

It knows neither SQL nor HTTP, and decides nothing itself: `domain` decides, `store` performs.
"""

import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import aclosing
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.cases import Moved, Part
from scanner.context import Balances
from scanner.context.several import read_balances
from scanner.domain.alerts import Move
from scanner.domain.approvals import End, Snapshot, Target, Underway, Unmoved, combine
from scanner.domain.chains import UnknownChainError, by_index
from scanner.domain.changes import Difference, Known, diff, unseen
from scanner.domain.conditions import Condition
from scanner.domain.cost import Meter, Spent
from scanner.domain.holdings import BalanceReading, Wanted
from scanner.domain.report import Report
from scanner.errors import Reason, Trouble
from scanner.jobs import Job, Step, Told
from scanner.judge import Judge, Judged
from scanner.sources import NOTHING_KNOWN, Source
from scanner.store import balances, conditions, knowledge, lists, scans, spenders, unmoved, visits
from scanner.store.balances import Due
from scanner.store.connections import Work
from scanner.store.engine import Store
from scanner.store.unmoved import Settled
from scanner.streams import mixed

__all__ = ["Scanner"]

STILL_AT_ONCE = 200
"""Targets of which nothing moved that are written down in one transaction."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Scanner:
    """Reads targets, records what that means, and reports it.

    `sources` stand in the order of preference: a target is read by the first one that covers its chain.
    `worker` names this process in what it records, so that nobody takes a scan for dead while it lives.
    `confirm_after` is how much later a doubted absence has to be read again to be believed. `balances` tell
    what owners hold, who knows amounts best last: they are asked where what is known is older than `balances_every`,
    where approvals changed or money moved, and whenever a command asks.
    """

    store: Store
    sources: Sequence[Source]
    judge: Judge
    _: KW_ONLY
    worker: str
    confirm_after: timedelta
    now: Callable[[], datetime]
    balances: Sequence[Balances] = ()
    balances_every: timedelta = timedelta(hours=1)

    async def scan(self, job: Job, progress: Told | None = None) -> Report:
        """Read the targets and report them. Raises StoreError where the store fails; what a source fails at is told."""
        return await _Round(self, job).run(progress)


class _Round:
    """One scan under way."""

    def __init__(self, scanner: Scanner, job: Job) -> None:
        self.store, self.sources, self.judge = scanner.store, scanner.sources, scanner.judge
        self.balances, self.balances_every = scanner.balances, scanner.balances_every
        self.worker, self.confirm_after, self.now = scanner.worker, scanner.confirm_after, scanner.now
        self.job = job
        self.id = secrets.token_hex(8)
        self.began = self.now()
        self.approvals = self.changes = self.raised = self.unreadable = 0
        self.undecided: Counter[str] = Counter()
        self.decided: set[str] = set()
        self.moved = Moved()
        self.meters = {"approvals": Meter([source.cost for source in self.sources])}
        if self.balances:
            self.meters["balances"] = Meter([reader.cost for reader in self.balances])
        self.unrecorded: list[tuple[Snapshot, int]] = []
        self.weighed: list[BalanceReading] = []
        self.based_on: Mapping[Target, int] = {}
        self.open_questions = 0
        self.unjudged = False
        self.reached = not self.job.targets
        self.context_errors: Counter[str] = Counter()

    async def run(self, progress: Told | None) -> Report:
        kept = [target for target in self.job.targets if self.job.keeps(target)]
        if kept:
            await self.store.write(lambda connection: self._begin(connection, kept))
        self.based_on = await self.store.read(lambda connection: knowledge.versions(connection, self.job.targets))
        known = await self.store.read(lambda connection: self._fingerprints(connection, kept))
        ordered = await self.store.read(lambda c: visits.ordered(c, self.job.targets, self.id, self.began))
        with self.meters["approvals"].running(self.now):
            await self._read(ordered, known, progress)
        await self._weigh([target for target in ordered if self.job.keeps(target)])
        if kept:
            await self.store.read(self._take_up)
            await self._judge_together(self.store.write)
            await self.store.write(self._finish)
        if self.unrecorded:
            report = await self.store.rehearse(lambda connection: self._rehearse(connection, first=not kept))
        else:
            report = await self.store.read(self._report)
        self._summarise(report, await self.store.read(conditions.standing))
        return report

    async def _begin(self, connection: AsyncConnection, targets: Sequence[Target]) -> None:
        total = len(self.job.targets)
        await scans.begin(
            connection, self.id, asked_by=self.job.asked_by, worker=self.worker, total=total, at=self.began
        )
        await knowledge.watch(connection, targets, self.began)

    async def _fingerprints(self, connection: AsyncConnection, kept: Sequence[Target]) -> dict[Target, str]:
        """What stands for the last readings of the targets whose scan is recorded."""
        found = await unmoved.fingerprints(connection, self.judge.pack.digest, self.began)
        return {target: found[target] for target in kept if target in found}

    async def _read(self, targets: Sequence[Target], known: Mapping[Target, str], progress: Told | None) -> None:
        """Read targets, and write down what each reading means. Those that say nothing new leave a line together."""
        still: list[Unmoved] = []
        done, total = 0, len(targets)
        async with aclosing(self._readings(targets, known)) as readings:
            async for reading in readings:
                step: Step | Underway
                done += not isinstance(reading, Underway)
                if isinstance(reading, Underway):
                    step = reading
                elif isinstance(reading, Unmoved):
                    self.reached = True
                    still.append(reading)
                    step = Step(reading.target, True, None, done, total)
                else:
                    difference = await self._take(await self._second_look(reading))
                    self.reached |= reading.trouble is None or not reading.trouble.whole_source
                    step = Step(reading.target, difference.complete, difference.trouble, done, total)
                if progress is not None:
                    await progress(step)
                if len(still) >= STILL_AT_ONCE:
                    await self._still(still)
                    still = []
        await self._still(still)

    async def _still(self, readings: Sequence[Unmoved]) -> None:
        """Write down that nothing moved. Who was overtaken by another scan meanwhile is read once more, in full."""
        if not readings:
            return
        came = await self.store.write(lambda connection: unmoved.still(connection, self.id, readings, self.based_on))
        self.approvals += came.approvals
        self.unreadable += came.unreadable
        self.open_questions += came.undecided
        self.unjudged |= len(came.overtaken) < len(readings)
        if came.overtaken:
            await self._read(came.overtaken, NOTHING_KNOWN, None)

    async def _readings(
        self, targets: Sequence[Target], known: Mapping[Target, str] = NOTHING_KNOWN
    ) -> AsyncGenerator[Snapshot | Unmoved | Underway, None]:
        """A reading of each target, from the first source that covers its chain. No source waits for another."""
        left = list(targets)
        streams = []
        for source in self.sources:
            mine = [target for target in left if _covers(source, target)]
            left = [target for target in left if not _covers(source, target)]
            if mine:
                streams.append(source.read(mine, known))
        async with aclosing(mixed(streams)) as readings:
            async for reading in readings:
                yield reading
        for target in left:
            trouble = Trouble(
                Reason.NOT_COVERED,
                f"no source covers chain {target.chain}",
                "Take the chain away from this wallet, or configure a source that covers it",
            )
            yield Snapshot(target, {}, End.INCOMPLETE, frozenset(), "none", self.now(), trouble=trouble)

    async def _second_look(self, snapshot: Snapshot) -> Snapshot:
        """A row can slip between two pages while a list moves: read once more before anything is called gone."""
        if snapshot.pages == 1 or snapshot.end is End.INCOMPLETE or not unseen(await self._known(snapshot), snapshot):
            return snapshot
        [again] = [one async for one in self._readings([snapshot.target]) if isinstance(one, Snapshot)]
        return combine(snapshot, again)

    async def _known(self, snapshot: Snapshot) -> Known:
        return await self.store.read(lambda connection: knowledge.known(connection, snapshot.target))

    async def _take(self, snapshot: Snapshot) -> Difference:
        """Write down what a reading means, or keep it for the rehearsal."""
        based_on = self.based_on[snapshot.target]
        if self.job.keeps(snapshot.target):
            return await self.store.write(lambda connection: self._commit(connection, snapshot, based_on))
        self.unrecorded.append((snapshot, based_on))
        return diff(await self._known(snapshot), snapshot, self.confirm_after)

    async def _commit(self, connection: AsyncConnection, snapshot: Snapshot, based_on: int) -> Difference:
        """Everything that one reading means. What is known is read again: another may have got there first."""
        at = self.now()  # before anything is judged: a moment that passes meanwhile is due at the next scan
        # Without a daemon nothing else would judge stored approvals by rules that were edited since.
        thorough, rules = self.job.asked_by == "command", self.judge.pack.digest
        before = None if thorough else await unmoved.settled(connection, snapshot.target, rules, at)
        known = await knowledge.known(connection, snapshot.target)
        difference = diff(known, snapshot, self.confirm_after, based_on)
        await knowledge.record(connection, self.id, snapshot, difference)
        said = await self.judge.reading(
            connection,
            self.id,
            snapshot,
            difference,
            self.moved,
            settled=before is not None,
            thorough=thorough,
        )
        self._count(said)
        self.unjudged |= before is not None
        held = list(difference.known.in_force)
        unreadable = sum(one.approval.allowance.unreadable is not None for one in held)
        undecided = await unmoved.settle(
            connection,
            snapshot.target,
            fingerprint=snapshot.fingerprint or "" if difference.agrees else None,
            rules=rules,
            due_at=self._due_again(difference, before, at),
            weighed=before is not None and before.weighed,
            counts={"in_force": len(held), "unreadable": unreadable},
        )
        if self.job.urgent:
            await scans.hurry(connection, self.id, at)
        self.open_questions += undecided + said.undecided.total() - said.lasting
        self.approvals += len(held)
        self.unreadable += unreadable
        self.changes += len(difference.changes)
        return difference

    def _due_again(self, difference: Difference, before: Settled | None, at: datetime) -> datetime | None:
        """When time alone may next change what is said of a target that was judged at a time."""
        if before is None:
            return self.judge.moments.due_again(difference.known.in_force, at)
        news = (held for held in difference.rows.values() if held.in_force)
        due = (before.due_at, self.judge.moments.due_again(news, at))
        return min((moment for moment in due if moment is not None), default=None)

    async def _weigh(self, kept: Sequence[Target]) -> None:
        """Read the balances that are due, and judge by them. Whatever they fail at, the approvals are read by now."""
        if not self.balances or not self.job.weighs:
            return
        if not self.reached:
            self.context_errors["balances were not asked for: the approvals could not be read either"] += 1
            return
        due = await self.store.read(lambda connection: self._due(connection, kept))
        unrecorded = [Wanted(snapshot.target, snapshot.tokens, snapshot.nfts) for snapshot, _ in self.unrecorded]
        with self.meters["balances"].running(self.now):
            for some in balances.by_owners(due):
                await self._read_balances(await self.store.read(partial(balances.wanted, due=some)))
            if unrecorded:
                await self._read_balances(unrecorded)

    async def _read_balances(self, wanted: Sequence[Wanted]) -> None:
        async with aclosing(read_balances(self.balances, wanted)) as readings:
            async for reading in readings:
                if reading.trouble is not None:
                    self.context_errors[f"balances: {reading.trouble}"] += 1
                if self.job.keeps(reading.target):
                    await self.store.write(partial(self._commit_balances, reading=reading))
                else:
                    self.weighed.append(reading)

    async def _due(self, connection: AsyncConnection, kept: Sequence[Target]) -> list[Due]:
        """The targets whose balances are to be read: those due by the clock or by a change, or all for a command."""
        every = timedelta() if self.job.asked_by == "command" else self.balances_every
        before = self.now() - every
        return await balances.due(connection, kept, scan_id=self.id, read_before=before, moved=self.job.money_moved)

    async def _commit_balances(self, connection: AsyncConnection, reading: BalanceReading) -> None:
        """What a reading of balances means: what is held, what is at stake, and what the rules say of that."""
        await balances.record(connection, reading)
        await visits.appraise(connection, reading.target)
        if reading.rows or reading.asked:
            self._count(await self.judge.weighed(connection, self.id, reading.target, self.moved))

    async def _take_up(self, connection: AsyncConnection) -> None:
        """Judge also the spenders that a scan moved which broke off before; and of all, those that are not settled."""
        for spender, first in (await spenders.left_unjudged(connection, self.id)).items():
            self.moved.note(spender, first=first)
        self.moved.leave_settled(await self.moved.counts.of(connection, self.moved.spenders))

    async def _judge_together(self, transact: Callable[[Work[Part | None]], Awaitable[Part | None]]) -> None:
        """Judge what only all wallets together show, once for the whole scan, a part in each transaction."""
        for part in self.moved.parts():
            left: Part | None = part
            while left is not None:
                left = await transact(partial(self._judge_part, part=left))

    async def _judge_part(self, connection: AsyncConnection, part: Part) -> Part | None:
        judged, left = await self.judge.together(connection, self.id, self.moved, part)
        self._count(judged)
        return left

    def _count(self, judged: Judged) -> None:
        self.undecided.update(judged.undecided)
        self.decided |= judged.decided
        self.raised += sum(step.move is Move.OPENED for step in judged.transitions)

    async def _finish(self, connection: AsyncConnection) -> None:
        costs = {part: meter.spent for part, meter in self.meters.items()}
        await scans.finish(
            connection,
            self.id,
            at=self.now(),
            requests=sum(spent.requests for spent in costs.values()),
            costs=costs,
            undecided=self.open_questions,
            undecided_rules=sorted(await self._undecided_rules(connection)),
            unreadable=self.unreadable,
            context_errors=[*self._context_errors(), *await lists.errors(connection)],
            at_once=self.job.at_once,
        )

    def _context_errors(self) -> list[str]:
        return [_counted(said, times) for said, times in self.context_errors.items()]

    async def _undecided_rules(self, connection: AsyncConnection) -> Set[str]:
        """The rules that could decide nothing at all. Where not everything was judged, what was true before is."""
        if self.unjudged or self.job.urgent:
            return await scans.undecided_rules(connection) - self.decided
        return self.undecided.keys() - self.decided - self.judge.follow_money

    async def _rehearse(self, connection: AsyncConnection, *, first: bool) -> Report:
        """Do what a recorded scan does, in a transaction that is taken back: the report is what would have been."""
        targets = [target for target in self.job.targets if not self.job.keeps(target)]
        if first:
            await self._begin(connection, targets)
        else:
            await knowledge.watch(connection, targets, self.began)
        for snapshot, based_on in self.unrecorded:
            await self._commit(connection, snapshot, based_on)
        for reading in self.weighed:
            await self._commit_balances(connection, reading)
        await self._take_up(connection)
        await self._judge_together(lambda work: work(connection))
        await self._finish(connection)
        return await self._report(connection)

    async def _report(self, connection: AsyncConnection) -> Report:
        broken = [str(problem) for problem in self.judge.pack.problems]
        scan = await scans.entry(connection, self.id, dry_run=self.job.dry_run, broken_rules=broken)
        if self.job.brief:
            return Report(version=1, scan=scan)
        return await scans.report(connection, scan, frozenset(self.job.targets), self.judge.excepts)

    def _summarise(self, report: Report, wrong: Sequence[Condition]) -> None:
        """One line for the log, with what was wrong with the watch itself when the scan ended."""
        scan = report.scan
        of_balances = scan.costs.get("balances", Spent())
        log.info(
            "scan.finished",
            scan=scan.id,
            asked_by=self.job.asked_by,
            dry_run=scan.dry_run,
            complete=scan.complete,
            targets=len(scan.targets),
            incomplete=sum(not target.complete for target in scan.targets),
            approvals=self.approvals,
            changes=self.changes,
            raised=self.raised,
            undecided=scan.undecided,
            requests=scan.requests,
            retries=scan.retries,
            waited=scan.waited_seconds,
            seconds=scan.seconds,
            balances_requests=of_balances.requests,
            balances_seconds=of_balances.seconds,
            conditions=[condition.key for condition in wrong],
        )


def _counted(said: str, times: int) -> str:
    return said if times == 1 else f"{said} ({times} targets)"


def _covers(source: Source, target: Target) -> bool:
    try:
        return bool(source.covers(by_index(target.chain)))
    except UnknownChainError:
        return False
