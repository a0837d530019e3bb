"""Plays a scenario: the sandbox on loopback, and against it everything that a daemon is made of, but for its clock.

Nothing is left out between a page and a message but the far sides themselves: the client signs and reads, the store is
a database in a folder, messages are composed, put into the outbox, and posted to a webhook. Time passes in jumps, in
which delivery goes on as the daemon's does. What the daemon says of itself (overdue scans, dead channels) is left out:
a world in which days pass between two scans is not what it watches for.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.app import Clock, open_store, open_works
from scanner.cli.facts import facts_at
from scanner.cli.scenarios.expected import Comparison, Found, Value, compare
from scanner.cli.scenarios.names import Names
from scanner.cli.scenarios.scenario import CHANNEL, Scenario, Step
from scanner.cli.webhook import webhook
from scanner.daemon import Works
from scanner.domain.report import Report
from scanner.domain.telling import Telling
from scanner.formats.documents import TrialEntry
from scanner.jobs import Job
from scanner.policy.explaining import explain
from scanner.sandbox import Sandbox
from scanner.store import journal, knowledge, outbox
from scanner.store.engine import Store
from scanner.store.filters import Filter
from scanner.store.workers import worker_name

__all__ = ["play"]

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
TURN = timedelta(days=1)
"""The longest time that passes between two turns of delivery, unless something is to be repeated sooner."""

MOST_FACTS = 6
"""How many approvals' facts are told of one step."""


async def play(scenario: Scenario, folder: Path) -> list[TrialEntry]:
    """Play a scenario in an empty folder. Returns how each of its steps went. Raises StoreError."""
    clock, names = _Clock(), Names.of(scenario.world)
    sandbox = Sandbox(scenario.world, now=clock.now)
    received: list[_Message] = []

    def take(channel: str, body: dict[str, Any]) -> None:
        title, text = str(body.get("title", "")), str(body.get("message", ""))
        received.append(_Message(channel, title, text, text.rpartition("\nref ")[2].strip()))

    async with sandbox.serve() as server, webhook(take) as port:
        config = scenario.config(server.url, port, folder)
        async with open_store(config) as store:
            living = Clock(clock.now, clock.sleep)
            works = await open_works(config, store, worker=worker_name(), pack=scenario.pack, clock=living)
            try:
                stage = _Stage(scenario, sandbox, store, works, clock, received, config.telling, names)
                return [await stage.step(number, step) for number, step in enumerate(scenario.steps)]
            finally:
                await works.close()


class _Clock:
    """Everybody's clock: it goes on as the machine's does, from a day of its own, and can be moved on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return BEGINS + self._ahead + timedelta(seconds=time.monotonic() - self._began)

    def move_on(self, span: timedelta) -> None:
        self._ahead += span

    async def sleep(self, seconds: float) -> None:
        """Wait without waiting. Of those who wait together, the first that wakes moves the clock on for all."""
        until = self.now() + timedelta(seconds=seconds)
        await asyncio.sleep(0)
        self.move_on(max(until - self.now(), timedelta()))


@dataclass(frozen=True, slots=True)
class _Message:
    """One message that arrived. `ref` is its id in the outbox."""

    channel: str
    title: str
    text: str
    ref: str


@dataclass(frozen=True, slots=True)
class _Stage:
    """A scenario being played."""

    scenario: Scenario
    sandbox: Sandbox
    store: Store
    works: Works
    clock: _Clock
    received: list[_Message]
    telling: Telling
    names: Names

    async def step(self, number: int, step: Step) -> TrialEntry:
        """Let a step happen, and compare."""
        began = perf_counter()
        then = await self.store.read(journal.mark)
        await self._live(step.after)
        self.sandbox.day = number
        self.sandbox.heal()
        for fault in step.faults:
            self.sandbox.fail(fault.name, endpoint=fault.endpoint, times=fault.times)
        await self.works.lists.refresh(due=True)
        targets = self.works.targets
        report = await self.works.scanner.scan(Job(targets, frozenset(targets), "schedule"))
        # A first message waits for what may follow it, the next one of its group until some time after the last.
        await self._live(self.telling.group_wait)
        await self._live(self.telling.group_interval)
        found = await self._found(report, then)
        self.received.clear()
        difference = compare(step.expectation, found, complete=report.scan.complete)
        facts = await self.store.read(lambda connection: self._why(connection, difference))
        return self._entry(step, difference, facts, perf_counter() - began)

    async def _live(self, span: timedelta) -> None:
        """Let time pass, with turns of delivery as long as there is anything to tell."""
        until = self.clock.now() + span
        turn = min(TURN, *self.telling.repeat.values())
        await self._deliver()
        while (left := until - self.clock.now()) > timedelta():
            self.clock.move_on(min(left, turn) if await self.store.read(journal.anything_open) else left)
            await self._deliver()

    async def _deliver(self) -> None:
        deliverer, channels = self.works.deliverer, self.telling.channels
        await deliverer.remind()
        while await self.store.read(lambda connection: outbox.anything_due(connection, self.clock.now(), channels)):
            if not await deliverer.compose_due() + await deliverer.deliver_once():
                break

    async def _found(self, report: Report, then: journal.Mark) -> list[Found]:
        """Everything that a step brought about, by the names of the world."""
        steps = await self.store.read(lambda connection: journal.steps_since(connection, then))
        owed = await self.store.read(lambda connection: journal.owed_since(connection, then))
        found = [Found("changes", {"change": change.kind, **self.names.of_change(change)}) for change in report.changes]
        for step in steps:
            said = {"alert": step.move.value, "rule": step.alert.rule, "severity": step.severity or ""}
            found.append(Found("alerts", {**said, **self.names.of_approval(step.approval)}, step.alert.values or {}))
        for one in owed:
            why = {"sent": "yes" if one.send else "no", "reason": one.reason, "what": one.what.value}
            about = {"rule": one.alert.rule, **self.names.of_approval(one.approval)}
            found.append(Found("notices", {"channel": one.channel, **why, **about}))
        for message in self.received:
            rules = await self.store.read(partial(journal.rules_in, message=message.ref))
            said_: Mapping[str, Value] = {"rule": rules, "says": f"{message.title}\n{message.text}"}
            lines = " / ".join(line for line in message.text.splitlines() if line)
            found.append(Found(CHANNEL + message.channel, said_, {"text": lines}))
        return found

    async def _why(self, connection: AsyncConnection, difference: Comparison) -> tuple[str, ...]:
        """The values that decided: of what was found instead, and of what a rule says where it should have spoken."""
        why = [_because(_named(one.fields), one.facts) for one in difference.instead if one.facts]
        rules = {rule.id: rule for rule in self.scenario.pack.rules}
        held = await knowledge.in_force(connection, Filter())
        for wanted in difference.missing:
            rule = rules.get(wanted.fields.get("rule", ""))
            if rule is None or wanted.part != "alerts":
                continue
            for kept in held:
                about = self.names.of_approval(kept.held.approval)
                if all(wanted.fields.get(name, value) == value for name, value in about.items()):
                    said = explain(rule, await facts_at(connection, kept, self.clock.now()))
                    facts = {one.field: one.value for one in said.values}
                    why.append(_because(f"{_named({'rule': rule.id, **about})}, {said.judgement}", facts))
        return tuple(dict.fromkeys(why[:MOST_FACTS]))

    def _entry(self, step: Step, difference: Comparison, facts: tuple[str, ...], seconds: float) -> TrialEntry:
        place = difference.missing[0].place if difference.missing else step.place
        return TrialEntry(
            kind="scenario",
            subject=self.scenario.title,
            title=step.title,
            file=place.file,
            line=place.line,
            passed=not (difference.expected or difference.found),
            seconds=round(seconds, 6),
            expected=difference.expected,
            found=difference.found,
            facts=facts,
        )


def _named(fields: Mapping[str, Value]) -> str:
    known = (fields.get(name) for name in ("rule", "owner", "token", "spender"))
    return " ".join(value if isinstance(value, str) else ", ".join(sorted(value)) for value in known if value)


def _because(about: str, facts: Mapping[str, str]) -> str:
    return f"{about}: " + ", ".join(f"{name} {value}" for name, value in facts.items())
