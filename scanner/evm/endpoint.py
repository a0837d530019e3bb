"""One endpoint of a chain: how it is asked, how it is, and what it bears.

It is rested after a failure, for longer each time; before it is used again it has to prove that it serves the right
chain, which is the probe that brings it back.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import msgspec

from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.evm.faults import Fault, What
from scanner.evm.headers import CHAIN_ID, LATEST, chain_id_of, header_of, other_chain
from scanner.evm.learned import Learned, Memory, Size, fingerprint, grown, shrunk
from scanner.evm.names import redacted
from scanner.evm.rpc import Ask, Result, read, written
from scanner.evm.values import Block
from scanner.http import send

__all__ = ["Endpoint", "World"]

IN_FLIGHT = 4
"""Requests that one endpoint is sent at the same time."""

LARGEST_BODY = 512 * 1024
"""Bytes of one batch, unless a single request is larger."""

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer: some 25,000 logs. What is larger is asked for again in halves, and was read in vain."""

PROVEN_FOR = 30.0
"""Seconds for which an endpoint is believed to serve the chain that it served last."""

JUST_NOW = 0.02
"""Seconds for which a head that was told is still the newest: a probe tells it, too."""

PROBE_WITHIN = 5.0
"""Seconds that it has to tell its chain and head."""

LEAST_REST = 0.01
FIRST_REST = 0.25
LONGEST_REST = 15.0
"""Seconds: shorter than a patience, so that whoever asks really asks, also after a long outage."""
LONGEST_WISH = 600.0
HOPELESS = 300.0
"""Seconds of rest after what only a person can mend: a refused key, another chain."""

SLOWEST = 2.0
"""Seconds between two requests that an endpoint can be slowed down to."""
FIRST_INTERVAL = 0.01
EASED_EVERY = 1.0
EASED = 0.9

STUMBLES = 3
"""Batches in a row that failed as a whole before smaller ones are tried: single failures say nothing about size."""

_HEADERS = {"content-type": "application/json", "accept": "application/json"}
_TOO_MUCH = frozenset({What.BATCH, What.RANGE, What.REJECTED, What.UNSUPPORTED})
_STUMBLES = frozenset({What.UNAVAILABLE, What.LATE, What.NONSENSE})
_OF_ALL = _STUMBLES | {What.LIMITED, What.REFUSED}
_FOR_A_PERSON = frozenset({What.REFUSED, What.OTHER_CHAIN})


@dataclass(frozen=True, slots=True)
class World:
    """What an endpoint needs of the world: `now` is in seconds since 1970, `chance` a number from 0 to 1 for jitter."""

    session: aiohttp.ClientSession
    memory: Memory
    cost: Cost = field(default_factory=Cost)
    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class Endpoint:
    """Asks one URL. `name` is what people may see of it, `head` the newest block that it told of.

    `fault` is why it rests or rested last.
    """

    def __init__(self, world: World, chain: Chain, url: str, name: str) -> None:
        self.chain = chain
        self.url = url
        self.name = name
        self.head: Block | None = None
        self.looked_at = 0.0
        self.learned = Learned()
        self.fault: Fault | None = None
        self._world = world
        self._fingerprint = fingerprint(url)
        self._recalled = False
        self._proven_until = 0.0
        self._proving = asyncio.Lock()
        self._gate = asyncio.Semaphore(IN_FLIGHT)
        self._next_id = 1
        self._rests_until = 0.0
        self._rested_at = 0.0
        self._failures = 0
        self._interval = 0.0
        self._next_at = 0.0
        self._eased_at = 0.0
        self._stumbles = 0
        self._stumbled_at = 0

    def rest(self) -> float:
        """Seconds for which it is not to be asked."""
        return max(0.0, self._rests_until - self._world.now())

    async def prove(self, within: float) -> Fault | None:
        """Make sure that it serves the chain, if that was not asked for a while; what is wrong otherwise."""
        async with self._proving:
            if self._world.now() < self._proven_until:
                return None
            if self.rest() > 0 and self.fault is not None:
                return self.fault  # who waited for the same probe knows how it ended
            await self.recall()
            return await self._look(within, proving=True)

    async def look(self, within: float) -> Block | Fault:
        """Its newest block, asked now."""
        fault = await self.prove(within)
        if fault is None and self._world.now() - self.looked_at > JUST_NOW:
            fault = await self._look(within, proving=False)
        return fault or self.head or Fault(What.NONSENSE, "told no newest block")

    async def ask(self, asks: Sequence[Ask], within: float) -> list[Result]:
        """What it answers to each, in batches of the size that it bears; each has so many seconds.

        After a fault that speaks of the endpoint the rest is not sent, and has the same fault.
        """
        results: list[Result] = []
        while len(results) < len(asks):
            chunk = self._chunk(asks[len(results) :])
            answered = await self._once(chunk, within)
            if len(chunk) > 1 and (refused := self._refused(answered, chunk)):
                # What broke down without a word would take many failures to halve: it grows again, if that was not it.
                suggested = None if refused.what in _TOO_MUCH else 1
                await self.learn(batch=shrunk(self.learned.batch, len(chunk), suggested=suggested))
                continue
            if len(asks) > 1 and isinstance(answered, list):
                await self.learn(batch=grown(self.learned.batch, len(chunk)))
            results += [answered] * len(chunk) if isinstance(answered, Fault) else answered
            last = results[-1]
            if isinstance(last, Fault) and last.what in _OF_ALL:
                results += [last] * (len(asks) - len(results))
        return results

    async def recall(self) -> None:
        """Find what was learned of it before."""
        if not self._recalled:
            self.learned = await self._world.memory.recall(self._fingerprint) or self.learned
            self._recalled = True

    async def learn(self, **known: Size | bool) -> None:
        """Remember something of it, in its memory only if that is new."""
        before, self.learned = self.learned, replace(self.learned, **known)  # type: ignore[arg-type]  # - its fields
        if self.learned != before:
            await self._world.memory.keep(self._fingerprint, self.learned)

    def failed(self, fault: Fault, sent_at: float, *, alone: bool = False) -> None:
        """A request that was sent then failed: it rests. Several that were in flight together count once.

        One that stands `alone` hardly rests the first time: most single failures are gone at the next request.
        """
        self.fault = fault
        if sent_at <= self._rested_at:
            return
        now = self._world.now()
        self._rested_at = now
        self._failures += 1
        again = alone and fault.what in _STUMBLES
        doubled = LEAST_REST if again and self._failures == 1 else FIRST_REST * 2.0 ** (self._failures - 1 - again)
        pause = min(doubled, LONGEST_REST) * (0.5 + 0.5 * self._world.chance())
        if fault.what is What.LIMITED:
            self._interval = min(max(2 * self._interval, FIRST_INTERVAL), SLOWEST)
            self._eased_at = now
        else:
            self._proven_until = 0.0
        if fault.what in _FOR_A_PERSON:
            pause = HOPELESS
        self._rests_until = now + max(pause, min(fault.retry_after or 0.0, LONGEST_WISH))

    def answered(self) -> None:
        """A request was answered as it should be: what failed before is over, and it may be asked faster again."""
        self._failures = 0
        now = self._world.now()
        if self._interval and now - self._eased_at >= EASED_EVERY:
            self._interval = self._interval * EASED if self._interval > FIRST_INTERVAL / 10 else 0.0
            self._eased_at = now

    async def _look(self, within: float, *, proving: bool) -> Fault | None:
        """Ask for its head, and before that for its chain if it has to prove it. No batch: it may refuse those."""
        if proving:
            [told] = await self.ask([CHAIN_ID], min(within, PROBE_WITHIN))
            number = told if isinstance(told, Fault) else chain_id_of(told)
            fault = number if isinstance(number, Fault) else other_chain(number, self.chain)
            if fault is not None:
                return fault
            self._proven_until = self._world.now() + PROVEN_FOR
        [told] = await self.ask([LATEST], min(within, PROBE_WITHIN))
        block = told if isinstance(told, Fault) else header_of(told)
        if isinstance(block, Fault):
            return block
        self.head, self.looked_at = block, self._world.now()
        return None

    def _chunk(self, asks: Sequence[Ask]) -> Sequence[Ask]:
        """As many of the first as go into one request."""
        if len(asks) == 1:
            return asks  # whatever its size
        size = 0
        for count, ask in enumerate(asks[: self.learned.batch.now]):
            size += len(msgspec.json.encode(ask.params))
            if size > LARGEST_BODY and count:
                return asks[:count]
        return asks[: self.learned.batch.now]

    async def _once(self, asks: Sequence[Ask], within: float) -> list[Result] | Fault:
        async with self._gate:
            await self._turn()
            first_id = self._next_id
            self._next_id += len(asks)
            self._world.cost.requests += 1
            body = written(asks, first_id)
            answer = await send(
                self._world.session,
                "POST",
                self.url,
                _HEADERS,
                far_side="the node",
                within=within,
                body=body,
                largest=LARGEST_ANSWER,
            )
        return read(answer, asks, first_id, now=self._world.now(), redacted=lambda text: redacted(text, self.url))

    async def _turn(self) -> None:
        """Wait for the next moment that the pace allows."""
        now = self._world.now()
        at = max(now, self._next_at)
        self._next_at = at + self._interval
        if at > now:
            self._world.cost.waited += at - now
            await self._world.sleep(at - now)

    def _refused(self, answered: list[Result] | Fault, asks: Sequence[Ask]) -> Fault | None:
        """Why a batch has to be sent again in smaller ones, if it has to."""
        size = len(asks)
        if isinstance(answered, Fault) and answered.what in _TOO_MUCH:
            of_ranges = answered.what is What.RANGE and any(map(_spans, asks))
            return None if of_ranges else answered  # fewer blocks help more than fewer requests
        faults = [answered] if isinstance(answered, Fault) else [one for one in answered if isinstance(one, Fault)]
        if (refused := next((one for one in faults if one.what is What.BATCH), None)) is not None:
            return refused
        stumbled = next((one for one in faults if one.what in _STUMBLES), None)
        if stumbled is not None:
            self._stumbles += 1
            self._stumbled_at = size
        elif size >= self._stumbled_at:  # a smaller one that is answered says nothing
            self._stumbles = 0
        if self._stumbles < STUMBLES:
            return None
        self._stumbles = 0
        return stumbled


def _spans(ask: Ask) -> bool:
    """Whether it is for the logs of several blocks, which can be asked for fewer."""
    return ask.method == "eth_getLogs" and ask.params[0].get("fromBlock") != ask.params[0].get("toBlock")
