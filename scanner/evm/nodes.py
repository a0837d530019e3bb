"""One chain through its endpoints.

What goes wrong is a value (`Trouble`), never an exception. Nothing here logs: a URL may hold a key, so that endpoints
are told by name.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from copy import copy
from typing import Any, Self

import aiohttp

from scanner.domain.chains import Chain
from scanner.domain.cost import Cost
from scanner.errors import Reason, Trouble
from scanner.evm.calls import called
from scanner.evm.endpoint import Endpoint, World
from scanner.evm.failover import Failed, Failover, Manner, Patience
from scanner.evm.faults import Fault, What
from scanner.evm.headers import header_of, numbered
from scanner.evm.heads import told
from scanner.evm.learned import Memory, ShortMemory
from scanner.evm.logs import adapted
from scanner.evm.names import named
from scanner.evm.ranges import in_order
from scanner.evm.values import Block, Call, Filter, Returned, Stretch

__all__ = ["PRUNED", "Nodes"]

PRUNED = "pruned"
"""The code of a trouble: the nodes keep that state, or that history, no more."""

WIDTH = 4
"""Pieces of a long reading that are asked for at the same time."""

PART = 50
"""Calls that are one piece of a reading of state."""

HEAVY = 500_000
"""Characters of calldata after which a piece has no more calls: what is sent at the same time is not sent in a row."""

LOOKED_FOR = 15.0
"""Seconds for which the head of an endpoint that is not the first choice is taken as known."""

HEAD_WITHIN = 5.0
"""Seconds that an endpoint has to tell its newest block: who hangs must not hold up who follows the chain."""

_REASONS = {
    What.LIMITED: Reason.RATE_LIMITED,
    What.REFUSED: Reason.REFUSED_KEY,
    What.OTHER_CHAIN: Reason.BAD_REQUEST,
    What.NONSENSE: Reason.PROTOCOL,
    What.UNAVAILABLE: Reason.UNAVAILABLE,
    What.LATE: Reason.UNAVAILABLE,
}
_USUAL = Manner()

_FOR_A_PERSON = frozenset({What.REFUSED, What.OTHER_CHAIN, What.PRUNED, What.UNSUPPORTED})


class Nodes:
    """Reads one chain. The session is the caller's; `urls` are `http(s)://`, and `ws(s)://` for new heads alone.

    `memory` keeps what the endpoints turned out to bear. `now` is in seconds since 1970, `chance` a number from 0 to 1
    for jitter. `cost` is what it has cost so far, and may be shared; `trouble` why no new head could be told when that
    was tried last.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        chain: Chain,
        urls: Sequence[str],
        *,
        memory: Memory | None = None,
        manner: Manner = _USUAL,
        cost: Cost | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.chain = chain
        self.cost = Cost() if cost is None else cost
        self.trouble: Trouble | None = None
        self._session = session
        self._manner = manner
        self._now = now
        self._sleep = sleep
        world = World(session, memory or ShortMemory(), self.cost, now, sleep, chance)
        endpoints = [Endpoint(world, chain, url, name) for url, name in zip(urls, named(urls), strict=True)]
        self._sockets = [endpoint for endpoint in endpoints if endpoint.url.startswith("ws")]
        self._endpoints = [endpoint for endpoint in endpoints if endpoint not in self._sockets]
        self._failover = Failover(self._endpoints, manner, self.cost, now, sleep)
        self._patience: Patience | None = None

    def patient(self) -> Self:
        """The same nodes for one reading, all of whose questions share a patience.

        Logs and state renew it, headers do not: a node may go on to tell those that tells nothing else any more.
        """
        mine = copy(self)
        mine._patience = Patience(self._manner.patience)  # noqa: SLF001 - a copy of itself
        return mine

    async def check(self) -> list[Trouble]:
        """What is wrong with the endpoints, each asked now for its chain and head. One of another chain is not used."""
        began = self._now()
        probes = [endpoint.prove(self._manner.timeout) for endpoint in self._endpoints]
        faults = await asyncio.gather(*probes, *map(self._greeted, self._sockets))
        found = []
        for endpoint, fault in zip([*self._endpoints, *self._sockets], faults, strict=True):
            if fault is not None:
                endpoint.failed(fault, began)
                found.append(self._trouble("an endpoint", {endpoint: fault}))
        if not self._endpoints:
            found.append(self._trouble("the chain", {}))
        return found

    async def head(self) -> Block | Trouble:
        """The newest block that an endpoint in health tells."""
        now = self._now()
        others = [one for one in self._failover.ordered()[1:] if not one.rest() and now - one.looked_at > LOOKED_FOR]
        first = self._failover.through(lambda endpoint, within: endpoint.look(min(within, HEAD_WITHIN)), self._patience)
        found, _ = await asyncio.gather(first, asyncio.gather(*map(self._look_aside, others)))
        if isinstance(found, Failed):
            self.trouble = self._trouble("the newest block", found.faults)
            return self.trouble
        self.trouble = None
        heads = [one.head for one in others if one.head is not None and not one.rest()]
        return max([found, *heads], key=lambda block: block.number)

    async def block(self, number: int) -> Block | Trouble | None:
        """The block of that number; None if the chain is not that long, as every endpoint says."""

        async def attempt(endpoint: Endpoint, within: float) -> Block | Fault:
            [answer] = await endpoint.ask([numbered(number)], within)
            block = answer if isinstance(answer, Fault) else header_of(answer, number)
            known = endpoint.head.number if endpoint.head is not None else 0
            if isinstance(block, Fault) and block.what is What.ABSENT and number <= known:
                return Fault(What.BEHIND, f"has no block {number}, but told of block {known}")
            return block

        found = await self._failover.through(attempt, self._patience)
        if not isinstance(found, Failed):
            return found
        faults = found.faults
        absent = bool(faults) and all(fault.what is What.ABSENT for fault in faults.values())
        return None if absent else self._trouble(f"block {number}", faults)

    async def below(self, head: Block, count: int) -> Block | Trouble:
        """The block that `count` others follow, `head` being the last; the chain's first where there are fewer."""
        block = head if not count else await self.block(max(0, head.number - count))
        if block is None:
            said = f"{self.chain.title} has become shorter than block {head.number - count} while it was read"
            return Trouble(Reason.NODE_FAILED, said, "It is tried again at the next scan", retry=True)
        return block

    async def logs(self, filters: Sequence[Filter], first: int, last: int) -> AsyncGenerator[Stretch | Trouble]:
        """The logs of blocks `first` to `last`, both included, that match any of the filters, in the chain's order.

        The stretches follow each other without a gap; each holds all that any filter matches in it, once. A trouble is
        the last item: what came before it is true.
        """

        async def read(begin: int, end: int) -> Stretch | Trouble:
            found = await self._failover.through(adapted(filters, begin, end), self._patience)
            if isinstance(found, Failed):
                return self._trouble(f"logs from block {begin} on", found.faults)
            self._got_on()
            return found

        def size() -> int:
            return self._failover.ordered()[0].learned.blocks.now if self._endpoints else last - first + 1

        async with aclosing(in_order(read, first, last, size=size, width=WIDTH)) as stretches:
            async for stretch in stretches:
                yield stretch

    async def call(self, calls: Sequence[Call], block: Block) -> list[Returned] | Trouble:
        """What each call gives back at exactly that block, in their order. A trouble if any was not answered.

        None where it was reverted, or gives back more than can be read.
        """
        parts = _parts(calls)
        returned: list[Returned] = []
        for at in range(0, len(parts), WIDTH):
            for found in await asyncio.gather(*(self._part(part, block) for part in parts[at : at + WIDTH])):
                if isinstance(found, Failed):
                    return self._trouble(f"the state at block {block.number}", found.faults)
                returned += found
        return returned

    async def heads(self) -> AsyncGenerator[Block]:
        """Each new head from now on, without end; of several that came at once only the newest may be told.

        They come by WebSocket where one answers, else by looking. A head is new if it is higher than the one before, or
        another one of the same height. While nobody tells any, `trouble` says why.
        """
        newest: Block | None = None
        async with aclosing(self._told()) as heads:
            async for head in heads:
                if newest is None or head.number > newest.number or _replaces(head, newest):
                    newest = head
                    yield head

    async def _told(self) -> AsyncGenerator[Block]:
        while True:
            socket = await self._socket()
            if socket is not None:
                async with aclosing(self._listened(socket)) as heads:
                    async for head in heads:
                        yield head
            looked = await self.head()
            if isinstance(looked, Block):
                yield looked
            await self._sleep(self._manner.poll)

    async def _listened(self, socket: Endpoint) -> AsyncGenerator[Block]:
        """The heads that one WebSocket tells, until it fails or turns out to have fallen silent."""
        began = self._now()
        async with aclosing(told(self._session, socket.url, self.chain, quiet=self._manner.quiet)) as heads:
            async for head in heads:
                if isinstance(head, Fault):
                    socket.failed(head, began)
                    if head.what is What.UNSUPPORTED:
                        await socket.learn(subscribes=False)
                elif head is not None:
                    socket.answered()
                    socket.head, self.trouble = head, None
                    yield head
                elif isinstance(seen := await self.head(), Block):
                    yield seen
                    if socket.head is not None and seen.number > socket.head.number:
                        socket.failed(Fault(What.LATE, "fell silent"), self._now())
                        return

    async def _socket(self) -> Endpoint | None:
        for socket in self._sockets:
            await socket.recall()
            if socket.learned.subscribes and not socket.rest():
                return socket
        return None

    async def _greeted(self, socket: Endpoint) -> Fault | None:
        async with aclosing(told(self._session, socket.url, self.chain, quiet=self._manner.timeout)) as heads:
            first = await anext(heads)
        return first if isinstance(first, Fault) else None

    async def _look_aside(self, endpoint: Endpoint) -> None:
        """Look how far an endpoint has come that is not the first choice."""
        began = self._now()
        head = await endpoint.look(HEAD_WITHIN)
        if isinstance(head, Fault):
            endpoint.failed(head, began)

    async def _part(self, calls: Sequence[Call], block: Block) -> list[Returned] | Failed:
        """Ask until each call is answered, by whomever: what one endpoint answered is not asked of the next again."""
        answered: dict[int, Returned] = {}

        async def attempt(endpoint: Endpoint, within: float) -> list[Returned] | Fault:
            left = [place for place in range(len(calls)) if place not in answered]
            found = await called(endpoint, [calls[place] for place in left], block, within)
            faults = [one for one in found if isinstance(one, Fault)]
            answered.update((place, one) for place, one in zip(left, found, strict=True) if not isinstance(one, Fault))
            if len(faults) < len(left):
                endpoint.answered()  # it gets on: without batches, one failure among many answers is no outage
            return faults[0] if faults else [answered[place] for place in range(len(calls))]

        found = await self._failover.through(attempt, self._patience)
        if not isinstance(found, Failed):
            self._got_on()
        return found

    def _got_on(self) -> None:
        if self._patience is not None:
            self._patience.renewed()

    def _trouble(self, what: str, faults: Mapping[Endpoint, Fault]) -> Trouble:
        """Why something could not be read, with what each endpoint says. The first choice gives the reason."""
        setting = f"source.evm.{self.chain.name}.rpc"
        if not faults:
            said = f"no endpoint of {self.chain.title} takes requests"
            hint = f"Give one in {setting} that begins with https:// or http://"
            return Trouble(Reason.BAD_REQUEST, said, hint, whole_source=True)
        kinds = [fault.what for fault in faults.values()]
        each = "; ".join(f"{endpoint.name}: {fault.said}" for endpoint, fault in faults.items())
        mended = all(kind in _FOR_A_PERSON for kind in kinds)
        hint = f"Look at {setting}" if mended else f"It is tried again; more endpoints in {setting} help"
        return Trouble(
            _REASONS.get(kinds[0], Reason.NODE_FAILED),
            f"{what} of {self.chain.title} could not be read: {each}",
            hint,
            retry=not mended,
            whole_source=True,
            code=PRUNED if What.PRUNED in kinds else "",
            retry_after=next((fault.retry_after for fault in faults.values() if fault.retry_after is not None), None),
        )


def _parts(calls: Sequence[Call]) -> list[list[Call]]:
    """Calls that are sent together: as many as one piece has, and no more than one request takes."""
    parts: list[list[Call]] = [[]]
    weight = 0
    for call in calls:
        if len(parts[-1]) == PART or weight > HEAVY:
            parts.append([])
            weight = 0
        parts[-1].append(call)
        weight += len(call.data)
    return parts if calls else []


def _replaces(head: Block, before: Block) -> bool:
    return head.number == before.number and head.hash != before.hash
