"""Whatever happens in whatever order: what a silence hides is not told, and what it no longer hides is."""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from owed import START, WALLET, approval, opened
from services import Web, web_server
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.deliver import Deliverer
from scanner.delivery.channels import Channel
from scanner.domain.alerts import Alert, Finding, Judgement, Severity, reconcile
from scanner.domain.approvals import Approval, End, Kind, Snapshot, gather
from scanner.domain.changes import diff
from scanner.domain.silences import Matchers, Silence, silence_id
from scanner.domain.telling import Digest, Telling
from scanner.store import acknowledgements, deliveries, knowledge, scans, silences
from scanner.store.alerts import apply, open_alerts
from scanner.store.engine import Store

TELLING = Telling(
    channels={"ops": Severity.LOW},
    group_wait=timedelta(),
    group_interval=timedelta(),
    repeat={severity: timedelta(hours=8) for severity in Severity},
    digest=Digest.OFF,
    storm=None,
)
SPENDERS = 3
IDS = count(10**15)
GRADES = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


@dataclass
class Cover:
    """What the test itself believes of one alert below one silence."""

    until: datetime
    severity: Severity
    raw: int
    broken: bool = False


@dataclass
class Watched:
    """What the test itself believes of one approval and its alert."""

    raw: int = 5
    severity: Severity | None = None
    acknowledged: bool = False
    alert: str = ""
    covers: list[Cover] = field(default_factory=list)

    def hidden(self, now: datetime) -> bool:
        for cover in self.covers:
            assert self.severity is not None
            cover.broken |= self.raw > cover.raw or self.severity.rank > cover.severity.rank
        return any(not cover.broken and now < cover.until for cover in self.covers)


@dataclass
class World:
    """A store, a channel, a clock, and beside them the simplest account of what has to come of it."""

    store: Store
    service: Web
    deliverer: Deliverer | None = None
    now: datetime = START
    watched: list[Watched] = field(default_factory=lambda: [Watched() for _ in range(SPENDERS)])
    later: list[tuple[datetime, bool]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    news: set[str] = field(default_factory=set)

    def row(self, number: int) -> Approval:
        return approval(number + 1, raw=self.watched[number].raw)

    async def see(self) -> None:
        """A complete reading of all that is watched."""
        scan_id = f"scan-{self.now:%d%H%M%S}"

        async def committing(connection: AsyncConnection) -> None:
            await knowledge.watch(connection, [WALLET], self.now)
            await scans.begin(connection, scan_id, asked_by="test", worker="1-test", total=1, at=self.now)
            known = await knowledge.known(connection, WALLET)
            rows = gather(self.row(number) for number in range(SPENDERS))
            snapshot = Snapshot(WALLET, rows, End.COMPLETE, frozenset({Kind.ERC20}), "okx", self.now)
            await knowledge.record(connection, scan_id, snapshot, diff(known, snapshot, timedelta()))

        await self.store.write(committing)

    async def judge(self, number: int, *, raised: bool = False) -> None:
        """What a rule says of an approval now, as a judgement takes it."""
        one, row = self.watched[number], self.row(number)
        severity = one.severity or Severity.HIGH
        holds = Judgement.FAILS if one.severity is None else Judgement.HOLDS
        found = Finding("a-rule", "A danger", severity, row.id, holds, proven=True)

        async def judging(connection: AsyncConnection) -> None:
            known = await open_alerts(connection, [row.id])
            up = [row.id] if raised else []
            steps = reconcile(known, [found], gone={}, baseline=(), raised=up, at=self.now)
            words = {"a-rule": ("It can be taken.", "Revoke it.")}
            await apply(connection, steps, telling=TELLING, words=words.__getitem__, scan_id=None, at=self.now)

        await self.store.write(judging)
        for alert in await self.alerts(number):
            one.alert = alert.id

    async def alerts(self, number: int) -> list[Alert]:
        return await self.store.read(lambda connection: open_alerts(connection, [self.row(number).id]))

    async def act(self, what: str, number: int, hours: int, grade: Severity) -> None:
        one = self.watched[number]
        if what == "silence":
            await self.silence(hours, critical=grade is Severity.CRITICAL, future=number == 0)
        elif what == "unsilence":
            await self.unsilence()
        elif what == "regrade":
            await self.regrade(number, grade)
        elif one.severity is not None:
            await self.happen(what, number)

    async def regrade(self, number: int, grade: Severity) -> None:
        """The rule holds for an approval, with this severity: its alert opens, or is graded anew."""
        one = self.watched[number]
        opens = one.severity is None
        one.acknowledged &= one.severity is not None and one.severity.reaches(grade)
        graver = not opens and one.severity is not None and grade.rank > one.severity.rank
        one.severity = grade
        if graver:
            self.news.add(one.alert)
        if opens:
            fits = [until for until, critical in self.later if critical or grade is not Severity.CRITICAL]
            one.covers = [Cover(until, grade, one.raw) for until in fits]
        await self.judge(number)

    async def happen(self, what: str, number: int) -> None:
        """Something befalls an open alert."""
        one = self.watched[number]
        if what in ("raise", "lower"):
            one.acknowledged &= what != "raise"
            one.raw += 10 if what == "raise" else -1
            self.news |= {one.alert} if what == "raise" else set()
            await self.see()
            await self.judge(number, raised=what == "raise")
        elif what == "ack":
            said = acknowledgements.Acknowledged("bob", self.now, "")
            for alert in await self.alerts(number):
                await self.store.write(partial(acknowledgements.record, alert=alert, said=said, telling=TELLING))
            one.acknowledged = True
        elif what == "end":
            self.over.add(one.alert)
            self.watched[number] = Watched(raw=one.raw)
            await self.judge(number)

    async def silence(self, hours: int, *, critical: bool, future: bool) -> None:
        grades = frozenset(Severity) if critical else frozenset[Severity]()
        matchers = Matchers(chain="1", severity=grades)
        until = self.now + timedelta(hours=hours)
        made = Silence(silence_id(matchers, "alice", self.now), matchers, future, "alice", "known", self.now, until)

        async def making(connection: AsyncConnection) -> None:
            bound = await silences.make(connection, made)
            await deliveries.recall(connection, bound.hidden)

        await self.store.write(making)
        for one in self.watched:
            if one.severity is not None and (critical or one.severity is not Severity.CRITICAL):
                one.covers.append(Cover(until, one.severity, one.raw))
        if future:
            self.later.append((until, critical))

    async def unsilence(self) -> None:
        """All that lasts is taken back."""
        for kept in await self.store.read(lambda connection: silences.listing(connection, self.now)):
            over = partial(silences.end, silence_id=kept.silence.id, reason="taken back", at=self.now)
            await self.store.write(over)
        self.later.clear()
        for one in self.watched:
            one.covers.clear()

    async def turn(self, time: timedelta = timedelta(minutes=1)) -> None:
        """Let time pass, deliver, and hold what arrived against what may be told now."""
        assert self.deliverer is not None
        self.now += time
        self.later = [(until, critical) for until, critical in self.later if self.now < until]
        hidden = {one.alert for one in self.watched if one.severity is not None and one.hidden(self.now)}
        heard: set[str] = set()
        await self.deliverer.remind()
        await self.deliverer.compose_due()
        while await self.deliverer.deliver_once():
            pass
        for body in self.service.bodies:
            if body["title"].startswith("Silences hid"):
                continue
            for block in body["message"].split("———"):
                names = set(re.findall(r"AW-[0-9A-F]{10}", block))
                if block.strip().startswith("RESOLVED"):
                    self.ended |= names
                else:
                    assert not names & hidden, block
                    heard |= names
        self.service.bodies.clear()
        self.told |= heard
        assert self.news - hidden <= heard, "what grew worse is told at once"
        self.news.clear()
        for one in self.watched:
            if one.severity is not None and not one.acknowledged and one.alert not in hidden:
                assert one.alert in self.told


Action = tuple[str, int, int, Severity]

ACTIONS: st.SearchStrategy[Action] = st.tuples(
    st.sampled_from(["regrade", "regrade", "silence", "silence", "unsilence", "raise", "lower", "ack", "end", "wait"]),
    st.integers(0, SPENDERS - 1),
    st.integers(1, 30),
    st.sampled_from(GRADES),
)


async def play(folder: Path, actions: Sequence[Action]) -> None:
    async with opened(folder) as store, web_server() as service:
        world = World(store, service)
        channel = Channel("ops", f"json://127.0.0.1:{service.port}/", Severity.LOW)
        world.deliverer = Deliverer(
            store,
            [channel],
            worker="me",
            now=lambda: world.now,
            new_id=lambda: str(next(IDS)),
            jitter=lambda: 0.5,
            telling=TELLING,
        )
        await world.see()
        for what, number, hours, grade in actions:
            if what == "wait":
                await world.turn(timedelta(hours=hours))
            else:
                await world.act(what, number, hours, grade)
                await world.turn()
        await world.turn(timedelta(hours=31))
        await world.turn()
        assert not any(one.severity is not None and one.hidden(world.now) for one in world.watched)
        assert world.told & world.over <= world.ended


def played(actions: list[Action]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), actions))


@settings(max_examples=8, deadline=None)
@given(st.lists(ACTIONS, min_size=3, max_size=12))
def test_what_is_silenced_is_not_told_and_what_is_silenced_no_longer_is(actions: list[Action]) -> None:
    played(actions)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=500, deadline=None)
@given(st.lists(ACTIONS, min_size=8, max_size=30))
def test_so_it_is_over_many_long_stories(actions: list[Action]) -> None:
    played(actions)
