"""The delivery loop: what is due becomes messages, and each message is claimed, sent and settled, one at a time for
each channel and all channels side by side.

Nothing is kept in memory: whoever starts next finds in the store what is left. `delivery` knows words and channels,
`store` the outbox; only this loop knows both.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.delivery.channels import Channel, scrubbed
from scanner.delivery.frame import repeated
from scanner.delivery.hidden import hidden_digest
from scanner.delivery.messages import compose
from scanner.delivery.summaries import review, storm_summary
from scanner.delivery.verdicts import next_attempt
from scanner.domain.bundles import Plan, Traffic, arrange, thread_of
from scanner.domain.messages import Claim, FirstReading, Message, Outcome, Result
from scanner.domain.telling import Telling
from scanner.errors import ApprovalWatchError
from scanner.store import outbox
from scanner.store.engine import Store

__all__ = ["Deliverer"]

log = structlog.get_logger()

LEASE = timedelta(minutes=3)
"""Longer than any send may take: who holds a claim longer is taken for dead."""

LOOK_EVERY = 1.0
"""Seconds between two looks at the outbox, for what another process put there and for what comes due."""

REMIND_EVERY = timedelta(seconds=30)
"""The time between two looks at what comes due although nothing happened."""

AFTER_TROUBLE = 5.0
"""Seconds of rest after the store failed."""

LANDING = 4.0
"""Seconds that sends in flight are given to end when the loop stops."""


class Deliverer:
    """Sends what the outbox holds over some channels.

    `telling` is how people want to be told; by default as each channel says, and in all else as the program thinks
    best. `worker` names this process in its claims; `now`, `new_id` (at most 16 characters, never the same twice) and
    `jitter` (from 0 to 1) are the world's. `turned_at` is when the loop last went round without trouble.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        *,
        worker: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        jitter: Callable[[], float],
        telling: Telling | None = None,
    ) -> None:
        self._store = store
        self._channels: Mapping[str, Channel] = {channel.name: channel for channel in channels}
        wanted = {channel.name: channel.min_severity for channel in channels}
        self._telling = replace(telling or Telling(channels=wanted), channels=wanted)
        self._worker = worker
        self._now = now
        self._new_id = new_id
        self._jitter = jitter
        self._woken = asyncio.Event()
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._failing: dict[str, datetime] = {}
        self._looked_at: datetime | None = None
        self.turned_at = now()

    def wake(self) -> None:
        """Look at the outbox now: something was put there."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then let what is in flight end, within a limit, and hand the rest back."""
        try:
            while not stop.is_set():
                await self._rest(stop, LOOK_EVERY if await self._turn(stop) else AFTER_TROUBLE)
        finally:
            await self._land()

    async def drain(self, limit: timedelta) -> dict[str, int]:
        """Deliver what is due now, also by time alone, within a limit. Returns how many messages stay in the outbox for
        each channel."""
        end = self._now() + limit
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self.remind()
                await self.compose_due()
                await asyncio.gather(*(self._empty(name, end) for name in self._channels))
        except TimeoutError:
            log.warning("delivery.out_of_time", seconds=limit.total_seconds())
        return await self._store.read(outbox.waiting)

    async def remind(self) -> int:
        """Put down what comes due although nothing happened: reminders, what silences hid, the regular review.

        Returns how many notices and messages that made.
        """
        if await self._store.write(lambda connection: outbox.set_right(connection, self._now())):
            log.warning("clock.set_back", hint="what was put off until a time of the old clock is sent now")
        return await self._store.write(self._remind)

    async def compose_due(self) -> int:
        """Make messages of the notices that are due, in one transaction. Returns how many."""
        return await self._store.write(self._compose)

    async def deliver_once(self) -> int:
        """Attempt the next message of every channel that has none in flight. Returns how many attempts that were."""
        claims = await self._claim(self._channels)
        await asyncio.gather(*(self._work_off(claim, lambda: False) for claim in claims))
        return len(claims)

    async def _turn(self, stop: asyncio.Event) -> bool:
        self._woken.clear()
        try:
            if self._looked_at is None or not timedelta() <= self._now() - self._looked_at < REMIND_EVERY:
                self._looked_at = self._now()
                await self.remind()
            if await self._store.read(lambda c: outbox.anything_due(c, self._now(), self._channels)):
                await self.compose_due()
                for claim in await self._claim([name for name in self._channels if name not in self._flights]):
                    self._take_off(claim, stop)
        except ApprovalWatchError as error:
            log.error("delivery.trouble", error=str(error))
            return False
        except Exception:  # the loop's edge: one bad turn must not end all delivery
            log.exception("delivery.trouble")
            return False
        self.turned_at = self._now()
        return True

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (self._woken, stop)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take_off(self, claim: Claim, stop: asyncio.Event) -> None:
        async def flying() -> None:
            await self._work_off(claim, lambda: not stop.is_set())

        def landed(flight: asyncio.Task[None]) -> None:
            del self._flights[claim.channel]
            self.wake()
            if not flight.cancelled() and (error := flight.exception()) is not None:
                log.error("delivery.crashed", channel=claim.channel, error=repr(error))

        flight = asyncio.create_task(flying(), name=f"send to {claim.channel}")
        self._flights[claim.channel] = flight
        flight.add_done_callback(landed)

    async def _land(self) -> None:
        flights = list(self._flights.values())
        try:
            if flights:
                await asyncio.wait(flights, timeout=LANDING)
        finally:
            for flight in flights:
                flight.cancel()
            await asyncio.gather(*flights, return_exceptions=True)

    async def _empty(self, name: str, end: datetime) -> None:
        """Attempt what waits for a channel, again and again where the next attempt is due before the end."""
        again: datetime | None = None
        while (await self._store.read(outbox.waiting)).get(name):
            claims = await self._claim([name])
            if claims:
                again = await self._work_off(claims[0], lambda: True)
            elif again is None or again >= end:
                return
            else:
                await asyncio.sleep(LOOK_EVERY)

    async def _remind(self, connection: AsyncConnection) -> int:
        now = self._now()
        made = await outbox.tell_again(connection, self._telling, now)
        packed = []
        for name, channel in self._channels.items():
            if found := await outbox.review(connection, name, self._telling, now):
                packed.append(review(found, name, self._telling.digest, channel.budget, self._new_id()))
            if kept := await outbox.hidden(connection, name, now):
                packed.append(hidden_digest(kept, name, channel.budget, self._new_id()))
        await outbox.enqueue(connection, packed, now)
        return made + len(packed)

    async def _compose(self, connection: AsyncConnection) -> int:
        """Decide and word what is told of all that is due, by what is so now. The plan is carried out first: what it
        leaves out of recalled messages is not taken up by their successors."""
        now = self._now()
        dues = await outbox.take_up(connection, now, self._channels)
        scans = {due.reading for due in dues if due.reading is not None}
        readings = await outbox.first_readings(connection, scans) if scans else {}
        packed: list[Message] = []
        for name in self._channels:
            if mine := [due for due in dues if due.channel == name]:
                plan = arrange(mine, await self._traffic(connection, name, now), self._telling.storm, now)
                await outbox.carry_out(connection, plan)
                packed += self._worded(plan, name, readings)
        await outbox.enqueue(connection, packed, now)
        await outbox.void_recalled(connection, self._channels)
        return len(packed)

    async def _traffic(self, connection: AsyncConnection, name: str, now: datetime) -> Traffic:
        storm = self._telling.storm
        return Traffic() if storm is None else await outbox.traffic(connection, name, storm, now)

    def _worded(self, plan: Plan, name: str, readings: Mapping[str, FirstReading]) -> list[Message]:
        budget, storm = self._channels[name].budget, self._telling.storm
        packed: list[Message] = []
        for bundle in plan.told:
            packed += compose(bundle, budget, self._new_id, readings, thread_of(bundle))
        if plan.summed and storm is not None:
            packed.append(storm_summary(plan.summed, storm, budget, self._new_id()))
            log.info("messages.capped", channel=name, counted=len(plan.summed))
        return packed

    async def _claim(self, names: Collection[str]) -> list[Claim]:
        return await self._store.write(lambda c: outbox.claim(c, self._worker, self._now(), LEASE, names))

    async def _work_off(self, claim: Claim, go_on: Callable[[], bool]) -> datetime | None:
        """Attempt a message, and then, one after the other, those that follow it for as long as `go_on` says so.

        Returns when the last of them is tried again, if it is.
        """
        me = asyncio.current_task()
        following: Claim | None = claim
        while following is not None:
            claim = following
            outcome = await self._attempt(claim)
            next_at = None if outcome.result is Result.DELIVERED else self._next_attempt(claim, outcome)
            # Who is about to be cancelled must not claim what nobody will send then.
            following = await self._settle(
                claim, outcome, next_at, lambda: go_on() and not (me is not None and me.cancelling())
            )
        return next_at

    async def _attempt(self, claim: Claim) -> Outcome:
        """Send a message once."""
        body = repeated(claim.body) if claim.repeat else claim.body
        channel = self._channels[claim.channel]
        try:
            return await channel.send(
                claim.title, body, kind=claim.kind, severity=claim.severity, ref=claim.id, thread=claim.thread
            )
        except asyncio.CancelledError:
            stopped = Outcome(Result.UNKNOWN, "the program stopped while this was being sent")
            await self._settle(claim, stopped, self._now(), lambda: False)
            raise
        except Exception as error:  # noqa: BLE001 - the loop's edge: one message must not stop the others
            # No traceback: what it shows of the plugin may hold the channel's secret.
            said = scrubbed(repr(error), channel.url)
            log.error("message.crashed", message=claim.id, channel=claim.channel, error=said)
            return Outcome(Result.UNKNOWN, f"sending it failed in an unexpected way: {said}")

    def _next_attempt(self, claim: Claim, outcome: Outcome) -> datetime | None:
        return next_attempt(claim, outcome, self._now(), self._jitter(), self._telling.give_up_after)

    async def _settle(
        self, claim: Claim, outcome: Outcome, next_at: datetime | None, go_on: Callable[[], bool]
    ) -> Claim | None:
        """Write the outcome back, for as long as the claim lasts: a store in trouble must not make a message repeat.

        Returns the claim of what is sent next, where that is to go on and something may go.
        """
        for tries_left in range(int(LEASE.total_seconds() / AFTER_TROUBLE), -1, -1):
            try:
                mine, following = await self._store.write(lambda c: self._note(c, claim, outcome, next_at, go_on))
            except ApprovalWatchError as error:
                log.error("delivery.trouble", error=str(error), message=claim.id)
                if tries_left:
                    await asyncio.sleep(AFTER_TROUBLE)
            else:
                self._tell(claim, outcome, next_at, mine=mine)
                return following
        return None

    async def _note(
        self,
        connection: AsyncConnection,
        claim: Claim,
        outcome: Outcome,
        next_at: datetime | None,
        go_on: Callable[[], bool],
    ) -> tuple[bool, Claim | None]:
        """Write an outcome, and claim what goes next in the same transaction: it costs a disk as much as one of them.

        A channel that fails is tried with one message at a time, so that those behind it grow old untried: what is too
        old goes with it.
        """
        now = self._now()
        mine = await outbox.settle(connection, claim, outcome, now, next_at)
        if outcome.result is not Result.DELIVERED:
            born = now - self._telling.give_up_after
            if gone := await outbox.give_up_old(connection, claim.channel, born, outcome.detail):
                log.error("messages.given_up", channel=claim.channel, messages=gone, detail=outcome.detail)
        if not (mine and go_on()):
            return mine, None
        return mine, await outbox.claim_next(connection, self._worker, now, LEASE, claim.channel)

    def _tell(self, claim: Claim, outcome: Outcome, next_at: datetime | None, *, mine: bool) -> None:
        """Log an outcome; of an outage only its beginning and its end."""
        fields = {"message": claim.id, "channel": claim.channel, "attempt": claim.attempt, "outcome": outcome.result}
        if not mine:
            log.warning("message.claim_lost", **fields)
        if outcome.result is Result.DELIVERED:
            log.info("message.sent", repeat=claim.repeat, **fields)
            since = self._failing.pop(claim.channel, None)
            if since is not None:
                log.info("channel.recovered", channel=claim.channel, failing_since=since.isoformat())
        elif next_at is None:
            log.error("message.given_up", detail=outcome.detail, **fields)
        elif claim.channel not in self._failing:
            self._failing[claim.channel] = self._now()
            log.warning("message.failed", detail=outcome.detail, next_at=next_at.isoformat(), **fields)
