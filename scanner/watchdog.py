"""The watch over the watcher: looks at how the watch itself is, and tells what goes wrong and what is over.

Every look is one transaction: what is observed, what that does to conditions, and the messages about it are one fact.
It decides nothing itself: `domain.rounds` and `domain.observations` say what is wrong, `domain.conditions` what to do.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.delivery import bulletins
from scanner.delivery.channels import Channel
from scanner.domain import observations
from scanner.domain.conditions import Condition, Observation, Step, Turn, decide, wants
from scanner.domain.laps import Lap, overlong
from scanner.domain.messages import Message
from scanner.domain.observations import Hearing
from scanner.domain.rounds import ROUNDS_LOOKED_AT, rounds_told
from scanner.store import agreements, clocks, health, lists, outbox
from scanner.store import conditions as kept
from scanner.store.engine import Store

__all__ = ["Outlook", "Plan", "Watchdog"]

log = structlog.get_logger()

DRILL = "drill"

UNHEARD: Mapping[str, Hearing] = MappingProxyType({})
"""No chain is followed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one configuration promises, against which the watch is held.

    `targets` is how many are watched. `interval` is the longest time between two scans, `due_after` says when the scan
    after one that began at a time is due. `stale_after`: how long a target may be without a complete reading.
    `broken_rules` are the problems of rules that were left out, `wallets_problems` those of a wallets file that is not
    `wallets_certain`. `followed` are the chains (by chainIndex) whose new blocks are read. `reconciles` says
    that two sources are compared. `drill`: how often a test message goes through every channel, None for never.
    """

    targets: int
    interval: timedelta
    due_after: Callable[[datetime], datetime | None]
    stale_after: timedelta
    broken_rules: tuple[str, ...] = ()
    wallets_certain: bool = True
    wallets_problems: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()
    reconciles: bool = False
    drill: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the watch is: the conditions that are open, whether messages wait too long, how many were written now.

    `lap` is the last scheduled round that ended, None where there was none yet.
    """

    open: tuple[Condition, ...]
    outbox_old: bool
    told: int
    lap: Lap | None = None


class Watchdog:
    """Looks at one store under one configuration. What it has begun is in the store: another may go on with it."""

    def __init__(
        self,
        store: Store,
        plan: Plan,
        channels: Sequence[Channel],
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._plan = plan
        self._channels = {channel.name: channel for channel in channels}
        self._now = now
        self._new_id = new_id
        self._began = now()
        self._hearing = UNHEARD

    async def look(self, *, moving: bool | None = None, hearing: Mapping[str, Hearing] = UNHEARD) -> Outlook:
        """Look once, and tell what has changed.

        `moving` says whether a scan is under way and makes progress; None where no schedule is kept here. `hearing` is
        how chains are heard, where they are followed here. Raises StoreError.
        """
        at = self._now()
        told = 0
        self._hearing = hearing
        if await self._store.read(partial(self._anything_due, at=at, moving=moving)):
            steps, told = await self._store.write(partial(self._perform, at=at, moving=moving))
            for step in steps:
                _note(step)
        return await self._store.read(partial(self._outlook, at=at, told=told))

    async def _turns(self, connection: AsyncConnection, *, at: datetime, moving: bool | None) -> list[Step]:
        seen = await self._observe(connection, at, moving)
        return decide(await kept.standing(connection), seen, await kept.ends(connection, at), at)

    async def _observe(self, connection: AsyncConnection, at: datetime, moving: bool | None) -> list[Observation]:
        plan = self._plan
        rounds = await kept.rounds(connection, plan.targets, ROUNDS_LOOKED_AT, plan.followed)
        fresh = await kept.freshness(connection, at - plan.stale_after)
        states = await health.of(connection, self._channels)
        oldest = await self._oldest(connection, [name for name, one in states.items() if not one.broken])
        had_a_chance = bool(rounds.whole and rounds.whole[0].finished_at >= self._began)
        return [
            *rounds_told(rounds, plan.interval, ever_any=await kept.any_approval(connection)),
            *observations.stale(
                fresh, plan.stale_after, at, can_tell=had_a_chance or at - self._began > observations.LATE_AFTER
            ),
            await self._lateness(connection, at, moving),
            *(observations.silence(chain, self._hearing.get(chain), at) for chain in plan.followed),
            overlong(await kept.laps(connection, ROUNDS_LOOKED_AT), plan.due_after),
            *observations.rules(plan.broken_rules, [one.undecided_rules for one in rounds.whole]),
            observations.wallets_file(plan.wallets_problems, certain=plan.wallets_certain),
            *observations.lists((await lists.states(connection)).values()),
            observations.balances(*await kept.unread_balances(connection)),
            *([observations.agreement(await agreements.last(connection))] if plan.reconciles else []),
            *observations.channels(states.values()),
            observations.outbox(oldest, at),
        ]

    async def _oldest(self, connection: AsyncConnection, channels: Collection[str]) -> dict[str, datetime]:
        """Since when the oldest message of each channel waits and somebody is there to send it."""
        found = await kept.oldest_waiting(connection, channels)
        return {channel: max(since, self._began) for channel, since in found.items()}

    async def _lateness(self, connection: AsyncConnection, at: datetime, moving: bool | None) -> Observation:
        if moving is None:
            return observations.lateness(None, None, at, moving=False)
        began, finished = await kept.last_finished(connection, "schedule") or (None, None)
        due = self._began if began is None else self._plan.due_after(began)
        # Who was not there when a scan was due had no chance to do it before.
        return observations.lateness(due and max(due, self._began), finished, at, moving=moving)

    async def _anything_due(self, connection: AsyncConnection, *, at: datetime, moving: bool | None) -> bool:
        if await self._turns(connection, at=at, moving=moving):
            return True
        standing = await kept.standing(connection)
        return any(self._owed(standing, name) for name in self._channels) or await self._drill_due(connection, at)

    def _owed(self, standing: Sequence[Condition], channel: str) -> list[Condition]:
        """The conditions that a channel wants to hear of and was not told."""
        least = self._channels[channel].min_severity
        return [one for one in standing if channel not in one.told and wants(channel, least, one)]

    async def _perform(
        self, connection: AsyncConnection, *, at: datetime, moving: bool | None
    ) -> tuple[list[Step], int]:
        """What a look comes to, decided again inside the transaction that writes it."""
        steps = await self._turns(connection, at=at, moving=moving)
        await kept.apply(connection, steps)
        standing = await kept.standing(connection)
        over = [step.condition for step in steps if step.turn is Turn.ENDED]
        packed: list[Message] = []
        for name, channel in self._channels.items():
            if gone := [one for one in over if name in one.told]:
                packed.append(bulletins.ended(gone, name, channel.budget, self._new_id()))
            if news := self._owed(standing, name):
                packed.append(bulletins.begun(news, name, channel.budget, self._new_id()))
                await kept.tell(connection, news, name)
                standing = await kept.standing(connection)
        packed += await self._drill(connection, at)
        await outbox.enqueue(connection, packed, at)
        return steps, len(packed)

    async def _drill_due(self, connection: AsyncConnection, at: datetime) -> bool:
        if self._plan.drill is None or not self._channels:
            return False
        last = await clocks.last(connection, DRILL)
        return last is None or abs(at - last) >= self._plan.drill

    async def _drill(self, connection: AsyncConnection, at: datetime) -> list[Message]:
        """The drill's messages, where one is due. However many were missed, it is done once."""
        if self._plan.drill is None or not await self._drill_due(connection, at):
            return []
        await clocks.strike(connection, DRILL, at)
        next_at = at + self._plan.drill
        log.info("drill.began", channels=list(self._channels), next_at=next_at.isoformat())
        return [
            bulletins.drill(name, channel.budget, self._new_id(), next_at) for name, channel in self._channels.items()
        ]

    async def _outlook(self, connection: AsyncConnection, *, at: datetime, told: int) -> Outlook:
        oldest = await self._oldest(connection, self._channels)
        old = any(at - since > observations.OUTBOX_OLD_AFTER for since in oldest.values())
        lap = next(iter(await kept.laps(connection, 1)), None)
        return Outlook(tuple(await kept.standing(connection)), old, told, lap)


def _note(step: Step) -> None:
    one = step.condition
    fields = {"condition": one.key, "severity": one.severity, "title": one.title}
    if step.turn is Turn.BEGAN:
        tell = log.error if one.blinds else log.warning
        tell("condition.began", detail=one.detail, hint=one.fix, **fields)
    elif step.turn is Turn.ENDED:
        log.info("condition.ended", detail=one.detail, since=one.since.isoformat(), **fields)
