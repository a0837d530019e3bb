"""A long range of blocks in pieces: several are read at the same time, and handed on in order, without a gap."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from heapq import heappop, heappush
from typing import TypeAlias

from scanner.errors import Trouble
from scanner.evm.values import Stretch

__all__ = ["in_order"]

AHEAD = 4
"""Pieces that may wait for an earlier one, for each that is in flight: they lie in memory."""


Read: TypeAlias = Callable[[int, int], Awaitable[Stretch | Trouble]]
"""Reads from its first block on, to the last one that it was asked for, or less far."""


async def in_order(
    read: Read, first: int, last: int, *, size: Callable[[], int], width: int
) -> AsyncGenerator[Stretch | Trouble]:
    """The stretches of blocks `first` to `last` in their order, each where the one before ended.

    `size` says how many blocks make a piece now, `width` how many pieces are read at once. A trouble is the last item,
    and comes after all that was read before it.
    """
    pieces = _Pieces(read, first, last, size, width)
    try:
        while pieces.at <= last:
            pieces.begin()
            await pieces.progress()
            for outcome in pieces.following():
                yield outcome
                if isinstance(outcome, Trouble):
                    return
    finally:
        await pieces.end()


class _Pieces:
    """What of a range is to be read, is being read, and was read but not handed on; `at` is what is next to hand on."""

    def __init__(self, read: Read, first: int, last: int, size: Callable[[], int], width: int) -> None:
        self.at = first
        self._read = read
        self._size = size
        self._width = width
        self._todo = [(first, last)]
        self._running: dict[asyncio.Future[Stretch | Trouble], tuple[int, int]] = {}
        self._ready: dict[int, Stretch | Trouble] = {}
        self._failed_at = last + 1

    def begin(self) -> None:
        """Begin with the next pieces, as many as there is room for. What failed ends the range."""
        while self._todo and self._todo[0][0] < self._failed_at and len(self._running) < self._width:
            # What is next to hand on is always read: only what comes after it has to wait for room.
            if self._todo[0][0] != self.at and len(self._ready) >= AHEAD * self._width:
                return
            first, last = heappop(self._todo)
            cut = min(last, first + self._size() - 1)
            if cut < last:
                heappush(self._todo, (cut + 1, last))
            self._running[asyncio.ensure_future(self._read(first, cut))] = (first, cut)

    async def progress(self) -> None:
        """Wait until a piece was read; what is left of it goes back."""
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            first, last = self._running.pop(task)
            self._ready[first] = outcome = task.result()
            if isinstance(outcome, Trouble):
                self._failed_at = min(self._failed_at, first)
            elif outcome.last < last:
                heappush(self._todo, (outcome.last + 1, last))

    def following(self) -> Iterator[Stretch | Trouble]:
        """What was read and is next."""
        while (outcome := self._ready.pop(self.at, None)) is not None:
            if isinstance(outcome, Stretch):
                self.at = outcome.last + 1
            yield outcome

    async def end(self) -> None:
        """Stop what is under way."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
