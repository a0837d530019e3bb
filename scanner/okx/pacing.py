"""One paced budget for a key, whoever uses it: processes that share a store share it through a ledger.

What is decided is pure: `reserve`, `slowed` and `eased` make a new pace of an old one. A ledger only keeps paces.

A far side tells its limit by refusing alone, so the pace remembers two rates: the one that was refused, and the one
that held. While none is known to hold, a refusal takes off more than a third. From a rate that holds it goes a quarter
of the way towards the refused one, and back again at a refusal, until the two lie close together. There it stays, and
only now and then tries whether more is taken. It is never faster than what was configured.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

__all__ = ["Budget", "Grant", "Ledger", "MemoryLedger", "Pace", "eased", "reserve", "slowed"]

T = TypeVar("T")

BATCH = 0.25
"""Seconds' worth of slots that are reserved at once: at high rates the ledger is not asked for every request."""

SLOWEST = 30.0
"""Seconds between two requests that the far side can slow a key down to, unless it is configured slower still."""

LONGEST_PAUSE = 600.0
"""Seconds that a far side can hold a key back for at one time."""

LONGEST_WAIT = 60.0
"""Seconds that a request waits for its slot; a key that is held back for longer is told instead."""

BACKED_OFF = 1.6
"""How many times as far apart requests are after a refusal, where no rate is known to hold."""

YIELDED = 1.05
"""How many times as far apart they are after a rate was refused that had held: the limit is a little lower."""

STEP = 0.25
"""The part of the way to the rate that was refused which a rate that held goes at a time."""

NEAR = 0.08
"""The part of a rate below the refused one at which it is left alone."""

HOLDS_AFTER, HOLDS_FOR = 2.0, 4
"""Seconds, and requests, after which a rate that was not refused is believed to hold."""

PROBED_AFTER, PROBED_FOR = 60.0, 200
"""Seconds, and requests, after which a rate that is left alone tries whether more is taken by now."""

EASED_EVERY = 1.0
"""Seconds between two looks at whether the rate may rise."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a key may be used. Times are seconds since 1970.

    `next_at` is the next free slot, `interval` the seconds between two slots, `moved_at` when the interval last moved.
    `refused` is the interval that was refused last, and `held` one that was not; 0 where none is known.
    """

    next_at: float
    interval: float
    moved_at: float = 0.0
    refused: float = 0.0
    held: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """Slots that were reserved: `count` of them, `interval` seconds apart. None where `first` comes too late."""

    first: float
    interval: float
    count: int


class Ledger(Protocol):
    """Keeps one pace for each key, for all who share it."""

    async def apply(self, key: str, step: Callable[[Pace | None], tuple[Pace, T]]) -> T:
        """In one small transaction: hand the key's pace (None at first) to `step`, keep the pace that it makes.

        Returns what `step` returns beside it. `step` is pure and quick; it may be called again for a transaction that
        has to be repeated.
        """
        ...


class MemoryLedger:
    """A ledger for one process."""

    def __init__(self) -> None:
        self.paces: dict[str, Pace] = {}

    async def apply(self, key: str, step: Callable[[Pace | None], tuple[Pace, T]]) -> T:
        """Change the key's pace."""
        self.paces[key], told = step(self.paces.get(key))
        return told


def reserve(pace: Pace | None, *, now: float, floor: float, latest: float) -> tuple[Pace, Grant]:
    """Take the next slots, as many as `BATCH` holds and at least one; none if the first is later than `latest`.

    `floor` is the configured interval. Slots that nobody took in time are gone: a pause is no licence for a burst.
    """
    known = pace or Pace(now, floor)
    interval = max(known.interval, floor)
    # A slot beyond any pause means that the clock was set back: it must not hold the key until then.
    first = now if known.next_at > now + LONGEST_PAUSE + 2 * interval else max(known.next_at, now)
    count = max(1, int(BATCH / interval)) if first <= latest else 0
    return replace(known, next_at=first + count * interval, interval=interval), Grant(first, interval, count)


def slowed(pace: Pace | None, *, sent_at: float, now: float, floor: float, pause: float) -> Pace:
    """Go back to the interval that held, or else make it longer, and hold the key back for `pause` seconds.

    Several requests in flight are refused for the same fault: one sent before the interval last moved does not
    move it again.
    """
    known = pace or Pace(now, floor)
    if sent_at >= known.moved_at or known.moved_at > now:
        known = _gone_back(replace(known, interval=max(known.interval, floor)), now, max(SLOWEST, floor))
    held_until = now + max(known.interval, floor, min(pause, LONGEST_PAUSE))
    return replace(known, next_at=max(known.next_at, held_until))


def _gone_back(known: Pace, now: float, slowest: float) -> Pace:
    if known.interval < known.held:
        return replace(known, interval=known.held, refused=known.interval, moved_at=now)
    slower = known.interval * (YIELDED if known.held else BACKED_OFF)
    return replace(known, interval=min(slower, slowest), refused=known.interval, held=0.0, moved_at=now)


def eased(pace: Pace | None, *, now: float, floor: float) -> Pace:
    """Let the rate of a key that was slowed down rise by a step, if it held for long enough."""
    known = pace or Pace(now, floor)
    interval, quiet = known.interval, now - known.moved_at
    if interval <= floor or 0 <= quiet < max(HOLDS_AFTER, HOLDS_FOR * interval):
        return known
    rate, most = 1 / interval, 1 / max(known.refused, floor)
    if most - rate > NEAR * rate:
        return replace(known, interval=max(floor, 1 / (rate + STEP * (most - rate))), held=interval, moved_at=now)
    if 0 <= quiet < max(PROBED_AFTER, PROBED_FOR * interval):
        return replace(known, held=interval)
    return replace(known, interval=max(floor, interval / (1 + NEAR)), held=interval, refused=0.0, moved_at=now)


class Budget:
    """The budget of one key, as one process sees it: hands out the moments at which a request may be sent."""

    def __init__(
        self,
        ledger: Ledger,
        key: str,
        requests_per_second: float,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._floor = 1 / requests_per_second
        self._now = now
        self._sleep = sleep
        self._grant = Grant(0.0, self._floor, 0)
        self._slowdowns = 0
        self._eased_at = 0.0
        self._line = asyncio.Lock()
        self._gate = asyncio.Lock()

    async def turn(self, *, urgent: bool = False, latest: float | None = None) -> float | None:
        """Wait for a slot; returns for how long it was waited at the gate, None where no slot comes before `latest`.

        Everybody stands in one line, and its head at the gate. What is urgent (another attempt, another page of a
        list that was begun) goes straight to the gate, so that it waits for one other at most.
        """
        if urgent:
            return await self._pass(latest)
        async with self._line:
            return await self._pass(latest)

    async def refused(self, sent_at: float, retry_after: float | None) -> None:
        """The far side says that a request sent at `sent_at` was too much, and when to come again."""
        now, pause = self._now(), retry_after or 0.0
        await self._ledger.apply(
            self._key, lambda pace: (slowed(pace, sent_at=sent_at, now=now, floor=self._floor, pause=pause), None)
        )
        # What was reserved at the old pace is void, also for whoever waits at the gate for it.
        self._slowdowns += 1
        self._grant = replace(self._grant, count=0)

    async def answered(self) -> None:
        """The far side took a request: a key that was slowed down gets back some of its rate."""
        now = self._now()
        if self._grant.interval <= self._floor or 0 <= now - self._eased_at < EASED_EVERY:
            return
        self._eased_at = now
        await self._ledger.apply(self._key, lambda pace: (eased(pace, now=now, floor=self._floor), None))

    async def _pass(self, latest: float | None) -> float | None:
        async with self._gate:
            began = self._now()
            while True:
                slowdowns = self._slowdowns
                slot = await self._slot(self._now() + max(LONGEST_WAIT, 4 * self._floor) if latest is None else latest)
                if slot is None:
                    return None
                if (wait := slot - self._now()) > 0:
                    await self._sleep(wait)
                if slowdowns == self._slowdowns:
                    return max(0.0, self._now() - began)

    async def _slot(self, latest: float) -> float | None:
        now = self._now()
        grant = _still_ahead(self._grant, now - BATCH)
        if not grant.count or grant.first > now + LONGEST_PAUSE:
            grant = await self._ledger.apply(
                self._key, lambda pace: reserve(pace, now=now, floor=self._floor, latest=latest)
            )
        if not grant.count or grant.first > latest:
            self._grant = grant
            return None
        self._grant = replace(grant, first=grant.first + grant.interval, count=grant.count - 1)
        return grant.first


def _still_ahead(grant: Grant, since: float) -> Grant:
    """What of a grant lies not before a time."""
    first, count = grant.first, grant.count
    while count and first < since:
        first, count = first + grant.interval, count - 1
    return replace(grant, first=first, count=count) if count < grant.count else grant
